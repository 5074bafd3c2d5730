#include "lambda/service.hpp"

#include <algorithm>
#include <cstdlib>
#include <moonbase/hash.hpp>
#include <moonbase/internal/parker.hpp>
#include <moonbase/json.hpp>
#include <optional>

#include "environment/package.hpp"
#include "lambda/code.hpp"
#include "lambda/fetch.hpp"
#include "lambda/inline.hpp"
#include "lambda/invocation_log.hpp"
#include "lambda/lineage.hpp"
#include "lambda/provisioned.hpp"
#include "runtimes/runtime_pool.hpp"

namespace moonbase::functions {
namespace {

using std::chrono::steady_clock;

std::uint32_t us_between(MachineTime from, MachineTime to) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(to - from).count(), 0, UINT32_MAX));
}

// Calls that run functions, which may call again: on one fiber, a function that invokes itself would end
// the platform with its stack.
bool may_nest(std::string_view operation) {
  return operation == "Invoke" || operation == "InvokeWithResponseStream" || operation == "StartSyncExecution" ||
         operation == "TestState" || operation.starts_with("TestInvoke");
}

Result<std::string> call_on_own_fiber(KernelServices& kernel, CallContext context, std::string_view service,
                                      std::string_view operation, std::string_view input) {
  // Shared: when the platform stops, either fiber may be the first to end.
  struct Nested {
    CallContext context;
    std::string service, operation, input;
    std::shared_ptr<internal::Parker> caller;
    std::optional<Result<std::string>> result;
  };
  auto nested = std::make_shared<Nested>();
  *nested = {std::move(context), std::string(service),        std::string(operation),
             std::string(input), internal::Parker::current(), std::nullopt};
  kernel.io.spawn([&kernel, nested] {
    struct Wake {  // Whatever happens.
      Nested& nested;
      ~Wake() {
        if (!nested.result) nested.result = Error{"ServiceException", "the call ended without an answer", {}, 500};
        nested.caller->wake();
      }
    } wake{*nested};
    nested->result = kernel.services.call_json(nested->context, nested->service, nested->operation, nested->input);
  });
  while (!nested->result) nested->caller->park();
  return std::move(*nested->result);
}

// What an environment may ask for, on behalf of one invocation.
class Host final : public InvocationHost {
 public:
  Host(KernelServices& kernel, InvocationLog& log, const CallContext& calls, const CallContext& cause,
       std::string_view lineage, std::string_view request_id, MachineTime deadline)
      : kernel_(kernel),
        log_(log),
        calls_(calls),
        cause_(cause),
        lineage_(lineage),
        request_id_(request_id),
        deadline_(deadline) {}

  Result<std::string> call(std::string_view service, std::string_view operation, std::string_view input) override {
    CallContext context = calls_;
    context.request_id = request_id_;
    context.cause = cause_.request_id;
    context.base_url = cause_.base_url;
    context.deadline = deadline_;
    if (trace_.empty()) trace_ = lineage_with(cause_.trace, lineage_);
    context.trace = trace_;
    if (may_nest(operation)) return call_on_own_fiber(kernel_, std::move(context), service, operation, input);
    return kernel_.services.call_json(context, service, operation, input);
  }
  Result<std::string> fetch(std::string_view request, std::string_view body) override {
    return functions::fetch(kernel_.http, request, body, deadline_);
  }
  void log(std::string_view lines) override { log_.printed(lines); }
  Time now() override { return kernel_.clock.now(); }
  std::string random_bytes(std::size_t count) override { return kernel_.ids.random_bytes(count); }

 private:
  KernelServices& kernel_;
  InvocationLog& log_;
  const CallContext& calls_;
  const CallContext& cause_;
  std::string_view lineage_;
  std::string trace_;
  std::string_view request_id_;
  MachineTime deadline_;
};

std::string error_json(std::string_view type, const std::string& message) {
  return to_json(Value(Map{{"errorType", type}, {"errorMessage", message}}));
}

std::string seconds_text(std::int64_t seconds) { return std::to_string(seconds) + ".00 seconds"; }

}  // namespace

std::chrono::milliseconds FunctionService::idle_max() {
  // For people who measure, and for tests: how long an unused environment is kept.
  if (const char* text = std::getenv("MOONBASE_ENVIRONMENT_IDLE_MS"))
    return std::chrono::milliseconds(std::max(1L, std::strtol(text, nullptr, 10)));
  return std::chrono::minutes(5);
}

FunctionService::Live::~Live() = default;

void FunctionService::Live::retire() {
  pool->retire();
  if (runtimes) runtimes->retire();
  if (home) home->end();
}

std::size_t FunctionService::Live::provisioned() const { return home ? home->started() : pool->provisioned(); }

FunctionService::FunctionService(KernelServices& kernel, Processes& processes)
    : kernel_(kernel), logs_(kernel), pools_(processes, idle_max()), folders_(std::make_unique<CodeFolders>()) {}

FunctionService::~FunctionService() {
  for (auto& [arn, family] : families_) family->lives.clear();  // They hold their family.
}

std::string FunctionService::log_stream_name(const std::string& version) {
  // "2026/11/21/[$LATEST]" and 32 digits.
  auto date = iso_8601(kernel_.clock.now()).substr(0, 10);
  std::replace(date.begin(), date.end(), '-', '/');
  return date + "/[" + version + "]" + kernel_.ids.hex(32);
}

Result<PoolCode> FunctionService::code_of(const Function& function) {
  auto files = unzip(kernel_.blobs.get(function.code_blob));
  if (!files) return files.error();
  PoolCode code;
  code.memory_bytes = static_cast<std::uint64_t>(function.memory_mb) << 20;
  auto& package = code.package;
  append_package_entry(package, "runtime", function.runtime);
  append_package_entry(package, "handler", function.handler);
  append_package_entry(package, "now_ms", std::to_string(kernel_.clock.now().ms));
  append_package_entry(package, "random", kernel_.ids.random_bytes(random_bytes_each));

  Map environment = function.environment;
  environment.set("AWS_REGION", function.region);
  environment.set("AWS_DEFAULT_REGION", function.region);
  environment.set("AWS_LAMBDA_FUNCTION_NAME", function.name);
  environment.set("AWS_LAMBDA_FUNCTION_VERSION", function.version_text());
  environment.set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", std::to_string(function.memory_mb));
  environment.set("AWS_LAMBDA_LOG_GROUP_NAME", function.log_group());
  environment.set("_HANDLER", function.handler);
  append_package_entry(package, "config",
                       to_json(Value(Map{{"function_name", function.name},
                                         {"function_version", function.version_text()},
                                         {"function_arn", function.arn()},
                                         {"memory_limit_in_mb", function.memory_mb},
                                         {"log_group_name", function.log_group()},
                                         {"environment", std::move(environment)}})));
  if (function.runtime == "native") {
    append_package_entry(package, "library", kernel_.blobs.path(function.library_blob));
    append_package_entry(package, "library_name", function.handler);
    return code;
  }
  for (std::size_t i = 0; i < vocabularies_.size(); ++i)
    append_package_entry(package, "vocabulary:" + std::to_string(i), vocabularies_[i]);
  for (const auto& [name, content] : *files) append_package_entry(package, "file:" + name, content);
  return code;
}

void FunctionService::stop() {
  pools_.stop();
  logs_.stop();
  logs_.flush();
}

std::vector<LogLine> FunctionService::recent_lines(const CallContext& context, std::string_view function,
                                                   std::uint64_t after) {
  return logs_.recent(context.identity.account_id, function, after);
}

std::string FunctionService::Work::arn() const {
  return target->qualifier.empty() ? live->function.arn() : live->function.arn() + ":" + target->qualifier;
}

Result<InvocationResult> FunctionService::run_in_environment(const Work& work) {
  auto& io = kernel_.io;
  const auto& [context, target, live, invocation, request_id, sink] = work;
  const auto& function = live->function;
  InvocationResult result;
  result.executed_version = live->version;
  std::string* const tail = invocation.log_tail ? &result.log_tail : nullptr;

  for (bool again = true, write_start = true;;) {
    const auto begun = steady_clock::now();
    auto acquired = live->pool->acquire(io);
    if (!acquired) return acquired.error();

    auto& environment = acquired->environment;
    const bool shared = environment && environment->shared;
    std::shared_ptr<LogStream> stream;
    if (environment && environment->log) {
      stream = std::static_pointer_cast<LogStream>(environment->log);
    } else {
      stream = logs_.open({function.account, function.region, function.name, function.log_group(),
                           environment ? environment->log_stream_name() : log_stream_name(live->version)});
      if (environment) environment->log = stream;
    }
    if (!acquired->init_log.empty()) logs_.append(*stream, kernel_.clock.now(), acquired->init_log);

    InvocationLog log(logs_, *stream, kernel_.clock, live->log_format, request_id, tail);
    if (write_start) log.start(live->version);
    write_start = false;
    InvocationReport report;
    report.request_id = request_id;
    report.memory_mb = function.memory_mb;
    report.with_init = acquired->cold;

    if (acquired->failure) {
      const auto& failure = *acquired->failure;
      result.payload = failure.json;
      result.function_error = "Unhandled";
      const auto parsed = parse_json(failure.json);
      const auto type = parsed ? (*parsed)["errorType"] : Value();
      report.init_us = failure.init_us;
      report.status = failure.timed_out ? "timeout" : "error";
      if (type.is_string()) report.error_type = type.string();
      log.failed(failure.json);
      log.report(report);
      return result;
    }

    const auto deadline = steady_clock::now() + std::chrono::seconds(function.timeout_seconds);
    Host host(kernel_, log, live->calls, context, live->lineage, request_id, deadline);
    auto answer = environment->invoke(
        io, {invocation.payload, invocation.client_context, request_id, deadline, target->qualifier}, host);
    const auto total_us = us_between(begun, steady_clock::now());
    environment->memory_kb_max = std::max(environment->memory_kb_max, answer.memory_kb_max);

    using Kind = EnvironmentAnswer::Kind;
    // A turn in a shared environment is waited for: what counts is the handler's own time. What gave no answer has
    // not told how long it ran.
    const bool told = answer.kind == Kind::answer || answer.kind == Kind::failure;
    if (acquired->cold) report.init_us = told ? total_us - std::min(answer.duration_us, total_us) : environment->init_us;
    report.duration_us = told && (acquired->cold || shared) ? std::min<std::uint64_t>(answer.duration_us, total_us)
                                                            : total_us - std::min<std::uint64_t>(report.init_us, total_us);
    report.memory_used_bytes = std::uint64_t{environment->memory_kb_max} * 1024;
    const auto request = "RequestId: " + std::string(request_id);
    switch (answer.kind) {
      case Kind::answer:
        result.payload = std::move(answer.json);
        break;
      case Kind::failure:
        result.function_error = "Unhandled";
        if (answer.reusable) {
          result.payload = std::move(answer.json);
          log.failed(result.payload);
        } else {
          report.status = "error";
          report.error_type = "Runtime.OutOfMemory";
          result.payload = error_json(report.error_type, request + " Error: Runtime exited with error: signal: killed");
          report.memory_used_bytes = static_cast<std::uint64_t>(function.memory_mb) << 20;
          log.ended("Runtime exited with error: signal: killed");
        }
        break;
      case Kind::timed_out:
        result.function_error = "Unhandled";
        report.duration_us = static_cast<std::uint64_t>(function.timeout_seconds) * 1'000'000;
        report.status = "timeout";
        log.timed_out(function.timeout_seconds);
        result.payload = error_json("Sandbox.Timedout",
                                    request + " Error: Task timed out after " + seconds_text(function.timeout_seconds));
        break;
      case Kind::exited:
        // Its template went away before it could begin: nothing has run yet.
        if (answer.nothing_received && again && acquired->cold) {
          again = false;
          live->pool->release(io, std::move(environment), false, 0);
          continue;
        }
        result.function_error = "Unhandled";
        report.status = "error";
        report.error_type = "Runtime.ExitError";
        log.ended("Runtime exited with error: " + answer.ending.text());
        result.payload =
            error_json(report.error_type, request + " Error: Runtime exited with error: " + answer.ending.text());
        break;
      case Kind::violated:
        result.function_error = "Unhandled";
        report.status = "error";
        report.error_type = "Runtime.ExitError";
        log.ended("Runtime exited with error: signal: killed");
        result.payload = error_json(report.error_type, request + " Error: Runtime exited with error: signal: killed");
        kernel_.log.warning("an environment of " + function.arn() + " broke the protocol and was killed");
        break;
      case Kind::not_begun:
        // Somebody before it ended the environment that they shared.
        live->pool->release(io, std::move(environment), false, 0);
        continue;
    }
    live->pool->release(io, std::move(environment), answer.reusable, answer.duration_us);
    log.report(report);
    return result;
  }
}

Result<InvocationResult> FunctionService::run_inline(const Work& work) {
  const auto& [context, target, live, invocation, request_id, sink] = work;
  const auto& function = live->function;
  InvocationResult result;
  result.executed_version = live->version;
  std::string* const tail = invocation.log_tail ? &result.log_tail : nullptr;
  const auto begun = steady_clock::now();
  const auto thread = this_thread();

  // Nothing in here suspends the fiber once the state is there, so it is never entered twice.
  std::shared_ptr<LogStream> stream;
  auto& state = live->inline_states[thread];
  bool cold = false;
  if (!state) {
    auto code = code_of(function);
    if (!code) return code.error();
    stream = logs_.open(
        {function.account, function.region, function.name, function.log_group(), log_stream_name(live->version)});
    if (!state) {
      auto made = std::make_unique<InlineFunction>(InlineFunction::Surroundings{
          [this, stream](std::string_view lines) { logs_.append(*stream, kernel_.clock.now(), lines); },
          [this] { return kernel_.clock.now().ms; },
          [this](std::size_t count) { return kernel_.ids.random_bytes(count); }});
      made->stream = stream;
      if (auto failed = made->initialise(code->package, stream->name); !failed.empty()) {
        result.payload = std::move(failed);
        result.function_error = "Unhandled";
        return result;
      }
      state = std::move(made);
      cold = true;
    }
  }
  stream = std::static_pointer_cast<LogStream>(state->stream);
  InvocationLog log(logs_, *stream, kernel_.clock, live->log_format, request_id, tail);
  log.start(live->version);

  const auto ready = steady_clock::now();
  const auto deadline = ready + std::chrono::seconds(function.timeout_seconds);
  RuntimeInvocation given;
  given.event = invocation.payload;
  given.client_context = invocation.client_context;
  given.request_id = request_id;
  given.qualifier = target->qualifier;
  given.deadline_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.time_since_epoch()).count();
  given.now_ms = kernel_.clock.now().ms;
  state->log_to = &log;
  const auto outcome = state->invoke(given, result.payload);
  state->log_to = nullptr;
  if (outcome != Outcome::answer) {
    result.function_error = "Unhandled";
    log.failed(result.payload);
  }

  InvocationReport report;
  report.request_id = request_id;
  report.memory_mb = function.memory_mb;
  report.memory_used_bytes = state->memory_bytes();
  report.duration_us = us_between(ready, steady_clock::now());
  report.with_init = cold;
  report.init_us = cold ? us_between(begun, ready) : 0;
  log.report(report);
  if (outcome == Outcome::exiting) state.reset();
  return result;
}

}  // namespace moonbase::functions
