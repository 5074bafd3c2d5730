// Asynchronous invocations: queued durably, tried again a minute and two minutes later, then handed to a
// destination or dead-letter queue.
#include <moonbase/json.hpp>
#include <optional>

#include "lambda/event_invoke.hpp"
#include "lambda/provisioned.hpp"
#include "lambda/service.hpp"

namespace moonbase::functions {
namespace {

constexpr std::size_t error_message_bytes_max = 1024;

// An event, and what became of it.
struct Event {
  const Value& stored;
  FunctionName name;
  std::string request_id;
  Function function;
  EventInvokeConfig config;
  std::int64_t attempts = 0;  // Begun.

  Time queued_at() const { return {stored["queued_at_ms"].integer()}; }
};

Value json_or_text(const std::string& text) {
  auto value = parse_json(text);
  return value ? std::move(*value) : Value(text);
}

// The most that a destination takes in one message.
std::size_t record_bytes_max(std::string_view arn) {
  if (arn.find(":sns:") != arn.npos) return 256 * 1024;
  if (arn.find(":sqs:") != arn.npos) return 1024 * 1024;
  return SIZE_MAX;
}

// What a destination gets. Where it would be too much, without what was sent and answered, as on Lambda.
std::string record_of(const Event& event, const std::string& arn, Time now, const char* condition,
                      const InvocationResult* result) {
  Map record{
      {"version", "1.0"},
      {"timestamp", iso_8601(now)},
      {"requestContext", Map{{"requestId", event.request_id},
                             {"functionArn", event.name.arn() + (event.name.qualifier.empty() ? ":$LATEST" : "")},
                             {"condition", condition},
                             {"approximateInvokeCount", event.attempts}}},
      {"requestPayload", json_or_text(event.stored["payload"].string())}};
  if (result) {
    Map response{{"statusCode", 200}, {"executedVersion", result->executed_version}};
    if (!result->function_error.empty()) response.set("functionError", result->function_error);
    record.set("responseContext", std::move(response));
    record.set("responsePayload", json_or_text(result->payload));
  }
  auto text = to_json(Value(record));
  if (text.size() <= record_bytes_max(arn)) return text;
  record.erase("requestPayload");
  record.erase("responsePayload");
  return to_json(Value(std::move(record)));
}

Map options_for(KernelServices& kernel, const Event& event, const std::string& arn, bool success) {
  if (is_bucket(arn)) return bucket_options("aws/lambda/async/" + event.name.name, kernel.clock.now(), kernel.ids);
  if (arn.find(":events:") == arn.npos) return {};
  return {{"Source", "lambda"},
          {"DetailType",
           success ? "Lambda Function Invocation Result - Success" : "Lambda Function Invocation Result - Failure"},
          {"Resources", List{event.name.arn() + (event.name.qualifier.empty() ? ":$LATEST" : ""), arn}}};
}

// Of what became of an event: what goes where, or nothing where nobody wants it.
std::optional<DestinationDelivery> delivery_of(KernelServices& kernel, const Event& event, const char* condition,
                                               const InvocationResult* result) {
  const bool success = condition == std::string_view("Success");
  const auto& arn = success ? event.config.on_success : event.config.on_failure;
  if (arn.empty()) return std::nullopt;
  const auto now = kernel.clock.now();
  return DestinationDelivery{event.name.account,
                             event.name.region,
                             event.function.role,
                             arn,
                             record_of(event, arn, now, condition, result),
                             options_for(kernel, event, arn, success),
                             now};
}

void hand_over(Transaction& tx, const Event& event, const std::optional<DestinationDelivery>& delivery) {
  if (delivery) schedule_delivery(tx, delivery->since, *delivery, event.request_id + "/destination");
}

// The event itself, for the dead-letter queue or topic, with what went wrong beside it.
void bury(Transaction& tx, const Event& event, Time now, const InvocationResult* result, const std::string& why) {
  const auto arn = event.function.settings_text("DeadLetterConfig", "TargetArn", "");
  if (arn.empty()) return;
  auto message = why;
  if (result)
    message = json_or_text(result->payload)["errorMessage"].is_string()
                  ? json_or_text(result->payload)["errorMessage"].string()
                  : result->payload;
  if (message.size() > error_message_bytes_max) message.resize(error_message_bytes_max);
  if (message.empty()) message = "Unknown";
  const auto attribute = [](const char* type, std::string text) {
    return Map{{"DataType", type}, {"StringValue", std::move(text)}};
  };
  Map attributes{{"RequestID", attribute("String", event.request_id)},
                 {"ErrorCode", attribute("Number", result ? "200" : "429")},
                 {"ErrorMessage", attribute("String", message)}};
  schedule_delivery(tx, now,
                    {event.name.account, event.name.region, event.function.role, arn, event.stored["payload"].string(),
                     Map{{"MessageAttributes", std::move(attributes)}}, now},
                    event.request_id + "/dead-letter");
}

Result<Done> commit(KernelServices& kernel, const std::function<void(Transaction&)>& body) {
  const auto written = kernel.store.write([&](Transaction& tx) -> Result<Value> {
    body(tx);
    return Value();
  });
  if (!written) return written.error();
  return done;
}

Result<Done> give_up(TaskRun& task, const Event& event, const char* condition, const InvocationResult* result,
                     const std::string& why) {
  const auto now = task.kernel.clock.now();
  if (event.config.on_failure.empty() && !event.function.settings.contains("DeadLetterConfig"))
    task.kernel.log.warning("an event for " + event.name.arn() + " was discarded (" + condition + ") after " +
                            std::to_string(event.attempts) + " attempts; the function has no destination for failures");
  const auto delivery = delivery_of(task.kernel, event, condition, result);
  return commit(task.kernel, [&](Transaction& tx) {
    hand_over(tx, event, delivery);
    bury(tx, event, now, result, why);
  });
}

bool is_zero_reserved(KernelServices& kernel, const FunctionName& name) {
  const auto reserved =
      kernel.store.read([&](Transaction& tx) -> Result<Value> { return Value(read_reserved(tx, name).value_or(-1)); });
  return reserved && reserved->integer() == 0;
}

}  // namespace

Result<Done> FunctionService::enqueue(const CallContext& context, const AsyncEvent& event, Store& store) {
  const Map payload{{"account", event.function.account},
                    {"region", event.function.region},
                    {"name", event.function.name},
                    {"qualifier", event.function.qualifier},
                    {"payload", event.payload},
                    {"client_context", event.client_context},
                    {"request_id", event.request_id},
                    {"trace", context.trace},
                    {"base_url", context.base_url},
                    {"queued_at_ms", kernel_.clock.now().ms},
                    {"attempt", 1}};
  const auto written = store.write([&](Transaction& tx) -> Result<Value> {
    tx.schedule(kernel_.clock.now(), "lambda-async", Value(payload), event.request_id);
    return Value();
  });
  if (!written) return written.error();
  return done;
}

Result<Done> FunctionService::run_async(TaskRun& task) {
  Event event{task.payload, {}, task.payload["request_id"].string(), {}, {}};
  event.name = {task.payload["account"].string(), task.payload["region"].string(), task.payload["name"].string(),
                task.payload["qualifier"].string_or("")};
  const auto attempt = event.stored["attempt"].integer();
  event.attempts = attempt - 1;
  const auto found = kernel_.store.read([&](Transaction& tx) -> Result<Value> {
    auto function = require_function(tx, event.name);
    if (!function) return function.error();
    event.function = std::move(*function);
    event.config = find_event_invoke(tx, event.name).value_or(EventInvokeConfig{});
    return Value();
  });
  if (!found) {
    if (found.error().code != "ResourceNotFoundException") return found.error();
    kernel_.log.warning("an event for " + event.name.arn() + " was discarded: the function is gone");
    return done;
  }
  const auto age_ms = kernel_.clock.now().ms - event.queued_at().ms;
  if (age_ms >= event.config.age_seconds.value_or(event_age_seconds_max) * 1000)
    return give_up(task, event, "EventAgeExceeded", nullptr, "The event is older than it may become.");

  CallContext context = task.context;
  context.identity = {};
  context.identity.account_id = event.name.account;
  context.region = event.name.region;
  context.base_url = event.stored["base_url"].string_or(context.base_url);
  context.trace = event.stored["trace"].string_or("");
  Invocation invocation;
  invocation.payload = event.stored["payload"].string();
  invocation.client_context = event.stored["client_context"].string_or("");
  const auto outcome = run(context, event.name, invocation, event.request_id);
  const auto now = kernel_.clock.now();
  if (!outcome) {
    const auto& error = outcome.error();
    if (error.code == "RecursiveInvocationException")
      return give_up(task, event, "RecursiveInvocation", nullptr, error.message);
    if (error.code == "TooManyRequestsException" && is_zero_reserved(kernel_, event.name))
      return give_up(task, event, "ZeroReservedConcurrency", nullptr, error.message);
    // Throttles and faults of the platform are tried until the event is too old; backoff is the task's.
    return error;
  }
  event.attempts = attempt;
  if (outcome->function_error.empty()) {
    if (event.config.on_success.empty()) return done;
    const auto delivery = delivery_of(task.kernel, event, "Success", &*outcome);
    return commit(task.kernel, [&](Transaction& tx) { hand_over(tx, event, delivery); });
  }
  if (attempt > event.config.retries.value_or(event_retries_max))
    return give_up(task, event, "RetriesExhausted", &*outcome, {});

  Value next = event.stored;
  next.set("attempt", attempt + 1);
  return commit(task.kernel, [&](Transaction& tx) {
    // A key of its own: the one of this run is still taken until it has ended.
    tx.schedule(Time{now.ms + attempt * 60'000}, "lambda-async", next,
                event.request_id + "/" + std::to_string(attempt + 1));
  });
}

}  // namespace moonbase::functions
