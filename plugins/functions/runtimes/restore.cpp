// The restore phase of SnapStart: what an environment and its runtime say to each other between the init phase and
// the first invocation.
#include <moonbase/json.hpp>

#include "runtimes/runtime_api.hpp"
#include "runtimes/runtime_environment.hpp"

namespace moonbase::functions {
namespace {

constexpr std::size_t error_bytes_max = 256 * 1024;

}  // namespace

RuntimeEnvironment::Init RuntimeEnvironment::restore(MachineTime deadline) {
  const auto begun = std::chrono::steady_clock::now();
  platform("platform.restoreStart",
           restore_start_record(launch_->function_name, launch_->function_version, launch_->runtime), Level::info,
           restore_start_text(launch_->runtime));
  restored_ = true;
  changes_.notify();
  const bool in_time = changes_.wait([this] { return runtime_waiting_ || restore_error_ || ended(); }, deadline);
  drain();
  Init outcome;
  if (restore_error_) {
    outcome = *restore_error_;
  } else if (!in_time) {
    outcome.kind = Init::Kind::timed_out;
  } else if (!runtime_waiting_) {
    outcome.kind = Init::Kind::exited;
    outcome.error_type = "Runtime.ExitError";
  }
  const bool good = outcome.kind == Init::Kind::ready;
  RestoreReport report;
  report.status = good ? "success" : outcome.kind == Init::Kind::timed_out ? "timeout" : "error";
  report.error_type = outcome.error_type;
  report.duration_us = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun).count());
  platform("platform.restoreRuntimeDone", restore_done_record(report), good ? Level::debug : Level::warn, {});
  platform("platform.restoreReport", restore_report_record(report), good ? Level::info : Level::warn,
           restore_report_text(report));
  return outcome;
}

void RuntimeApi::restore_next(HttpResponse& response) {
  auto& environment = *environment_;
  if (environment.init_done_) return refuse(response, 403, "InvalidStateTransition", "there is nothing to restore");
  environment.restore_waiting_ = true;
  environment.changes_.notify();
  environment.changes_.wait([&] { return environment.restored_ || environment.closed_; }, MachineTime::max());
  environment.restore_waiting_ = false;
  if (!environment.restored_) return refuse(response, 410, "Runtime.Shutdown", "the environment ends");
  response.headers.set("Content-Type", "application/json");
}

void RuntimeApi::restore_error(HttpRequest& request, HttpResponse& response) {
  auto& environment = *environment_;
  if (!environment.restored_ || environment.runtime_waiting_ || environment.used || environment.restore_error_)
    return refuse(response, 403, "InvalidStateTransition", "State transition is not allowed");
  const auto type = error_type_of(request.headers, "lambda-runtime-function-error-type", "Runtime.Unknown");
  const auto read = request.read_body(error_bytes_max);
  environment.restore_error_ = RuntimeEnvironment::Init{RuntimeEnvironment::Init::Kind::failed,
                                                        read ? std::move(request.body) : std::string(), type};
  environment.changes_.notify();
  accepted(response);
}

}  // namespace moonbase::functions
