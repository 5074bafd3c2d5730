// Invocations of runtimes that are programs of their own: init phase, invoke phase, and what Lambda
// writes into the log around them.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <moonbase/json.hpp>

#include "lambda/lineage.hpp"
#include "lambda/provisioned.hpp"
#include "lambda/service.hpp"
#include "runtimes/platform_log.hpp"
#include "runtimes/runtime_pool.hpp"

namespace moonbase::functions {
namespace {

using std::chrono::steady_clock;
using Init = RuntimeEnvironment::Init;
using Answer = RuntimeEnvironment::Answer;

constexpr auto init_max = std::chrono::seconds(10);               // As on Lambda.
constexpr auto provisioned_init_max = std::chrono::seconds(130);  // Nobody waits for it.
constexpr auto restore_max = std::chrono::seconds(10);
constexpr auto settle_time = std::chrono::milliseconds(20);  // Behind an answer: longer goes on by itself.
constexpr std::int64_t credentials_ms = 36LL * 3600 * 1000;
constexpr std::int64_t credentials_left_ms = 3600LL * 1000;  // No invocation outlives them.
constexpr std::size_t tail_bytes_max = 4096;

std::uint64_t us_since(MachineTime from) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - from).count());
}

std::string failure_json(std::string_view type, const std::string& message) {
  return to_json(Value(Map{{"errorType", type}, {"errorMessage", message}}));
}

// What programs see as the time of day: a runtime compares its deadline with that, and the platform's
// clock may be somewhere else.
std::int64_t machine_now_ms() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1000 + time.tv_nsec / 1'000'000;
}

// "Runtime exited with error: exit status 1", as Lambda words it.
std::string exit_text(const Ending& ending) {
  if (!ending.by_signal && ending.status == 0) return "Runtime exited without providing a reason";
  return "Runtime exited with error: " + ending.text();
}

}  // namespace

// One invocation on its way.
class ProcessInvocation {
 public:
  ProcessInvocation(FunctionService& service, const FunctionService::Work& work)
      : service_(service),
        kernel_(service.kernel_),
        context_(work.context),
        live_(*work.live),
        function_(live_.function),
        invocation_(work.invocation),
        request_id_(work.request_id),
        arn_(work.arn()),
        sink_(work.sink),
        format_(platform_log_format(function_.log_format(), function_.log_level("SystemLogLevel"))),
        initialization_(function_.snap_starts() ? "snap-start" : "on-demand") {}

  Result<InvocationResult> run() {
    result_.executed_version = live_.version;
    report_.request_id = request_id_;
    report_.memory_mb = function_.memory_mb;
    lease_ = live_.runtimes->take();
    if (!lease_.environment) {
      auto started = begin_environment();
      if (!started) return started.error();
      if (!*started) return finish();
    }
    start();
    invoke();
    return finish();
  }

  // Starts an environment that waits for invocations. False: its init phase has failed, as the log says.
  Result<bool> provision(std::shared_ptr<ProvisionedHome::Token> token) {
    const auto begun = steady_clock::now();
    auto launch = live_.runtimes->launch();
    if (!launch) return launch.error();
    if (!(*launch)->missing.empty()) return false;
    lease_ = live_.runtimes->make(*launch, service_.logs_, open_stream());
    lease_.provisioned = token;
    initialization_ = "provisioned-concurrency";
    log(init_start_line(format_, now(), initialization_, function_.runtime));
    const auto init = start_environment(begun + provisioned_init_max);
    if (!init) return init.error();
    if (init->kind == Init::Kind::ready) {
      note_version();
      live_.home->count_started(*token);
      live_.runtimes->keep(std::move(lease_));
      return true;
    }
    const bool timed_out = init->kind == Init::Kind::timed_out;
    const auto type = timed_out                          ? std::string()
                      : init->kind == Init::Kind::exited ? std::string("Runtime.ExitError")
                                                         : init->error_type;
    log(init_report_line(format_, now(),
                         {initialization_, "init", timed_out ? "timeout" : "error", type, us_since(begun)}));
    lease_.environment->close(timed_out ? "timeout" : "failure");
    return false;
  }

 private:
  // False: it failed, and the result says so.
  Result<bool> begin_environment() {
    const auto begun = steady_clock::now();
    auto launch = live_.runtimes->launch();
    if (!launch) return launch.error();
    if (!(*launch)->missing.empty()) {
      lease_.stream = open_stream();
      start();
      fail((*launch)->missing, "Runtime.InvalidEntrypoint");
      return false;
    }
    // The init phase has ten seconds; what failed is tried once more, in the time of the invocation.
    const auto invoke_deadline = std::chrono::seconds(function_.timeout_seconds);
    for (const bool again : {false, true}) {
      const auto tried = steady_clock::now();
      lease_ = live_.runtimes->make(*launch, service_.logs_, again ? lease_.stream : open_stream());
      *lease_.tail = tail();
      lease_.environment->phase = again ? "invoke" : "init";
      lease_.environment->snap_starts = function_.snap_starts();
      if (!again) log(init_start_line(format_, now(), initialization_, function_.runtime));
      const auto deadline = tried + (again ? std::chrono::seconds(invoke_deadline) : init_time());
      auto init = start_environment(deadline);
      if (!init) return init.error();
      if (init->kind == Init::Kind::ready) {
        note_version();
        if (function_.snap_starts()) return restore(us_since(begun));
        report_.init_us = us_since(begun);
        report_.with_init = !again;
        return true;
      }
      const bool timed_out = init->kind == Init::Kind::timed_out;
      if (init->kind == Init::Kind::exited) {
        init->error_type = "Runtime.ExitError";
        init->json = failure_json(init->error_type, "RequestId: " + std::string(request_id_) + " Error: " + init->json);
      }
      const std::string_view type = timed_out ? std::string_view() : init->error_type;
      log(init_report_line(
          format_, now(),
          {initialization_, again ? "invoke" : "init", timed_out ? "timeout" : "error", type, us_since(tried)}));
      lease_.environment->close(timed_out ? "timeout" : "failure");
      if (!again) continue;
      start();
      report_.duration_us = us_since(tried);
      if (timed_out) {
        time_out();
      } else {
        fail(init->json, init->error_type);
      }
      // It is closed already.
      lease_.environment.reset();
    }
    return false;
  }

  std::chrono::seconds init_time() const {
    // Taking a snapshot has more time.
    return function_.snap_starts() ? std::max(provisioned_init_max, std::chrono::seconds(function_.timeout_seconds))
                                   : init_max;
  }

  // SnapStart, behind the init phase: hooks of the function run as they do on a restore. Errors are the client's.
  Result<bool> restore(std::uint64_t init_us) {
    if (!format_.json) log(init_report_line(format_, now(), {initialization_, "init", {}, {}, init_us}));
    const auto begun = steady_clock::now();
    const auto outcome = lease_.environment->restore(begun + restore_max);
    report_.restore_us = std::max<std::uint64_t>(us_since(begun), 1);
    if (outcome.kind == Init::Kind::ready) return true;
    lease_.environment->close("failure");
    if (outcome.kind == Init::Kind::timed_out)
      return Error{"SnapStartTimeoutException",
                   "Lambda couldn't restore the snapshot within the timeout limit.",
                   {{"Type", "User"}},
                   408};
    return Error{"SnapStartException",
                 "The afterRestore() runtime hook encountered an error. For more information, check the Amazon "
                 "CloudWatch logs.",
                 {{"Type", "User"}},
                 400};
  }

  Result<Init> start_environment(MachineTime deadline) {
    const auto expires = now().ms + credentials_ms;
    const auto credentials = kernel_.credentials.issue(live_.calls.identity, Time{expires});
    lease_.environment->expires = Time{expires - credentials_left_ms};
    auto init = lease_.environment->start({{"AWS_LAMBDA_INITIALIZATION_TYPE", initialization_},
                                           {"AWS_ACCESS_KEY_ID", credentials.access_key_id},
                                           {"AWS_SECRET_ACCESS_KEY", credentials.secret_access_key},
                                           {"AWS_SESSION_TOKEN", credentials.session_token},
                                           {"AWS_ACCESS_KEY", credentials.access_key_id},
                                           {"AWS_SECRET_KEY", credentials.secret_access_key}},
                                          deadline);
    if (init && init->kind == Init::Kind::exited) init->json = exit_text(lease_.environment->ending());
    return init;
  }

  void note_version() {
    // "moonbase-node/20.19.2", from our own bootstraps.
    const auto& agent = lease_.environment->user_agent;
    const auto slash = agent.find('/');
    if (!agent.starts_with("moonbase-") || slash == agent.npos) return;
    const auto has = std::string_view(agent).substr(slash + 1);
    const auto digit = function_.runtime.find_first_of("0123456789");
    auto asked = function_.runtime.substr(digit);
    if (asked.ends_with(".x")) asked.resize(asked.size() - 1);
    if (!asked.ends_with('.')) asked += '.';
    if (!has.starts_with(asked)) service_.note_other_version(function_.runtime, agent);
  }

  void start() {
    if (started_) return;
    started_ = true;
    if (lease_.tail) *lease_.tail = tail();
    log(start_line(format_, now(), request_id_, live_.version));
  }

  void invoke() {
    const auto begun = steady_clock::now();
    const auto timeout = std::chrono::seconds(function_.timeout_seconds);
    deadline_ = begun + timeout;
    RuntimeEnvironment::Request request;
    request.event = invocation_.payload;
    request.client_context = invocation_.client_context;
    request.request_id = request_id_;
    request.trace_id = trace_id_ = lineage_with(make_trace_id(), live_.lineage);
    request.function_arn = arn_;
    request.deadline = deadline_;
    request.deadline_ms = machine_now_ms() + function_.timeout_seconds * 1000;
    request.sink = sink_;
    auto answer = lease_.environment->invoke(request);
    if (answer.kind == Answer::Kind::answer || answer.kind == Answer::Kind::failure)
      lease_.environment->settle(std::min(deadline_, steady_clock::now() + settle_time));
    report_.duration_us = us_since(begun);
    report_.memory_used_bytes = lease_.environment->memory_bytes_max();
    const auto request_text = "RequestId: " + std::string(request_id_) + " Error: ";
    switch (answer.kind) {
      case Answer::Kind::answer:
        result_.payload = std::move(answer.body);
        handler_us_ = answer.handler_us;
        // The stream broke off.
        if (!answer.error_type.empty()) fail(failure_json(answer.error_type, answer.error_type), answer.error_type);
        return;
      case Answer::Kind::failure:
        result_.function_error = "Unhandled";
        result_.payload = std::move(answer.body);
        report_.error_type = error_type_ = std::move(answer.error_type);
        report_.status = "error";
        return;
      case Answer::Kind::timed_out:
        report_.duration_us = static_cast<std::uint64_t>(function_.timeout_seconds) * 1'000'000;
        time_out();
        return close("timeout");
      case Answer::Kind::out_of_memory:
        fail(failure_json("Runtime.OutOfMemory", request_text + "Runtime exited with error: signal: killed"),
             "Runtime.OutOfMemory");
        return close("failure");
      case Answer::Kind::exited:
        log(request_id_text() + exit_text(answer.ending));
        fail(failure_json("Runtime.ExitError", request_text + exit_text(answer.ending)), "Runtime.ExitError");
        return close("failure");
    }
  }

  std::string request_id_text() const { return "RequestId: " + std::string(request_id_) + " Error: "; }

  std::string make_trace_id() const {
    // Root, parent and the sampling decision, as X-Ray writes them; with who led here.
    if (!context_.trace.empty()) return context_.trace;
    const auto digits = kernel_.ids.hex(40);
    char seconds[9];
    std::snprintf(seconds, sizeof seconds, "%08x", static_cast<unsigned>(now().seconds()));
    return "Root=1-" + std::string(seconds) + "-" + digits.substr(0, 24) + ";Parent=" + digits.substr(24) +
           ";Sampled=0";
  }

  void time_out() {
    const auto text = std::to_string(function_.timeout_seconds) + ".00 seconds";
    log(timeout_line(now(), request_id_, function_.timeout_seconds));
    result_.function_error = "Unhandled";
    result_.payload = failure_json("Sandbox.Timedout",
                                   "RequestId: " + std::string(request_id_) + " Error: Task timed out after " + text);
    report_.status = "timeout";
  }

  void fail(std::string json, std::string type) {
    result_.function_error = "Unhandled";
    if (!json.empty()) result_.payload = std::move(json);
    error_type_ = std::move(type);
    report_.status = "error";
    report_.error_type = error_type_;
  }

  void close(std::string_view reason) {
    lease_.environment->close(reason);
    closed_ = std::move(lease_.environment);
  }

  Result<InvocationResult> finish() {
    log(report_lines(format_, now(), report_));
    for (const auto& environment : {lease_.environment, closed_})
      if (environment && environment->is_heard()) environment->tell_platform("platform.report", report_record(report_));
    if (lease_.environment) live_.runtimes->give_back(std::move(lease_), handler_us_, deadline_);
    auto& text = result_.log_tail;
    if (text.size() > tail_bytes_max) text.erase(0, text.size() - tail_bytes_max);
    return std::move(result_);
  }

  std::string* tail() { return invocation_.log_tail ? &result_.log_tail : nullptr; }
  Time now() const { return kernel_.clock.now(); }
  std::shared_ptr<LogStream> open_stream() {
    return service_.logs_.open({function_.account, function_.region, function_.name, function_.log_group(),
                                service_.log_stream_name(live_.version)});
  }
  void log(std::string_view lines) {
    if (lines.empty()) return;
    service_.logs_.append(*lease_.stream, now(), lines);
    if (auto* const out = tail()) out->append(lines).push_back('\n');
  }

  FunctionService& service_;
  KernelServices& kernel_;
  const CallContext& context_;
  FunctionService::Live& live_;
  const Function& function_;
  const Invocation& invocation_;
  const std::string_view request_id_;
  const std::string arn_;
  const ResponseSink* const sink_;
  const PlatformLogFormat format_;
  const char* initialization_;
  RuntimeLease lease_;
  std::shared_ptr<RuntimeEnvironment> closed_;  // Its extensions hear of the report all the same.
  InvocationResult result_;
  InvocationReport report_;
  std::string error_type_, trace_id_;
  MachineTime deadline_;
  std::optional<std::uint64_t> handler_us_;
  bool started_ = false;
};

Result<InvocationResult> FunctionService::run_in_process(const Work& work) {
  const auto& runtimes = *work.live->runtimes;
  // Programs belong to the loop that began them. A stream does not: its client is here.
  if (runtimes.provisioned_idle() > 0 && !work.sink && !work.live->home->is_here())
    if (auto result = run_at_home(work)) return std::move(*result);
  return ProcessInvocation(*this, work).run();
}

Result<bool> FunctionService::start_provisioned(const std::shared_ptr<Live>& live,
                                                std::shared_ptr<ProvisionedHome::Token> token) {
  const CallContext context;
  const Invocation invocation;
  const auto target = std::make_shared<Target>();
  return ProcessInvocation(*this, {context, target, live, invocation, {}}).provision(std::move(token));
}

void FunctionService::note_other_version(const std::string& runtime, const std::string& has) {
  const std::unique_lock lock(mutex_);
  if (!versions_noted_.insert(runtime).second) return;
  kernel_.log.info("functions of the runtime " + runtime + " run on what this machine has: " + has.substr(9));
}

}  // namespace moonbase::functions
