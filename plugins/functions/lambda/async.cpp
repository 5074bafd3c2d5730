// Asynchronous invocations: queued durably, tried three times, a minute and two minutes apart.
#include "lambda/service.hpp"

#include <moonbase/json.hpp>

namespace moonbase::functions {
namespace {

constexpr std::int64_t age_ms_max = 6 * 3600 * 1000;
constexpr int attempts_max = 3;

}  // namespace

Result<Done> FunctionService::enqueue(const CallContext& context, const AsyncEvent& event, Store& store) {
  const Map payload{
      {"account", event.function.account}, {"region", event.function.region},        {"name", event.function.name},
      {"payload", event.payload},          {"client_context", event.client_context}, {"request_id", event.request_id},
      {"base_url", context.base_url},      {"queued_at_ms", kernel_.clock.now().ms}, {"attempt", 1}};
  const auto written = store.write([&](Transaction& tx) -> Result<Value> {
    tx.schedule(kernel_.clock.now(), "lambda-async", Value(payload), event.request_id);
    return Value();
  });
  if (!written) return written.error();
  return done;
}

Result<Done> FunctionService::run_async(TaskRun& task) {
  const auto& event = task.payload;
  const FunctionName name{event["account"].string(), event["region"].string(), event["name"].string(), {}};
  const auto request_id = event["request_id"].string();
  CallContext context = task.context;
  context.identity.account_id = name.account;
  context.region = name.region;
  context.base_url = event["base_url"].string_or(context.base_url);

  Invocation invocation;
  invocation.payload = event["payload"].string();
  invocation.client_context = event["client_context"].string_or("");
  const auto outcome = run(context, name, invocation, request_id);
  if (outcome && outcome->function_error.empty()) return done;
  if (!outcome && outcome.error().code == "ResourceNotFoundException") {
    kernel_.log.warning("an event for " + name.arn() + " was discarded: the function is gone");
    return done;
  }
  if (kernel_.clock.now().ms - event["queued_at_ms"].integer() >= age_ms_max) {
    kernel_.log.warning("an event for " + name.arn() + " was discarded: it is more than 6 hours old");
    return done;
  }
  // Throttles and faults of the platform are tried until the event is too old; backoff is the task's.
  if (!outcome) return outcome.error();

  const auto attempt = event["attempt"].integer();
  if (attempt >= attempts_max) {
    kernel_.log.warning("an event for " + name.arn() + " was discarded after " + std::to_string(attempt) +
                        " attempts; the function has no destination for failures");
    return done;
  }
  Value next = event;
  next.set("attempt", attempt + 1);
  const auto due = Time{kernel_.clock.now().ms + attempt * 60'000};
  const auto written = task.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    // A key of its own: the one of this run is still taken until it has ended.
    tx.schedule(due, "lambda-async", next, request_id + "/" + std::to_string(attempt + 1));
    return Value();
  });
  if (!written) return written.error();
  return done;
}

}  // namespace moonbase::functions
