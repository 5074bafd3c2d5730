// The lines that Lambda itself writes into a function's log, as text or as JSON (LoggingConfig).
#pragma once

#include <cstdint>
#include <moonbase/clock.hpp>
#include <moonbase/value.hpp>
#include <string>
#include <string_view>

namespace moonbase::functions {

// How the lines of one function look.
struct PlatformLogFormat {
  bool json = false;
  bool info = true;  // JSON: SystemLogLevel lets them through.
  bool debug = false;
  bool application_info = true;   // JSON: ApplicationLogLevel lets what a handler prints through,
  bool application_error = true;  // or at least its failures.
};
PlatformLogFormat platform_log_format(std::string_view format, std::string_view system_level,
                                      std::string_view application_level = "INFO");

// One platform event as JSON: time, type, record.
std::string platform_event(Time now, std::string_view type, Map record);
double platform_ms(std::uint64_t us);  // In hundredths, rounded up.

Map init_start_record(std::string_view initialization_type, std::string_view phase, std::string_view runtime);
// `type`: "on-demand", "provisioned-concurrency" or "snap-start".
std::string init_start_line(const PlatformLogFormat& format, Time now, std::string_view type, std::string_view runtime);
struct InitReport {
  std::string_view type, phase;  // "init" or "invoke".
  std::string_view status;       // "timeout", "error" or empty: it went well.
  std::string_view error_type;   // May be empty.
  std::uint64_t duration_us = 0;
};
std::string init_report_line(const PlatformLogFormat& format, Time now, const InitReport& report);

// SnapStart: what Lambda says of a restore.
struct RestoreReport {
  std::string_view status, error_type;  // "success", "timeout" or "error"; may be empty.
  std::uint64_t duration_us = 0;
};
Map restore_start_record(std::string_view function, std::string_view version, std::string_view runtime);
Map restore_done_record(const RestoreReport& report);
Map restore_report_record(const RestoreReport& report);
std::string restore_start_text(std::string_view runtime);
std::string restore_report_text(const RestoreReport& report);
// Of the Logs API: an invocation whose runtime ended.
std::string fault_text(std::string_view request_id);
std::string start_line(const PlatformLogFormat& format, Time now, std::string_view request_id,
                       std::string_view version);

struct InvocationReport {
  std::string_view request_id;
  std::uint64_t duration_us = 0, init_us = 0;
  bool with_init = false;        // A cold start whose init phase went well.
  std::uint64_t restore_us = 0;  // SnapStart: of a cold start instead of that; else 0.
  std::int64_t memory_mb = 0;
  std::uint64_t memory_used_bytes = 0;
  std::string_view status;  // "timeout", "error" or empty.
  std::string_view error_type;
};
Map report_record(const InvocationReport& report);
// END and REPORT; one platform.report in JSON.
std::string report_lines(const PlatformLogFormat& format, Time now, const InvocationReport& report);
// What a handler printed, in JSON: a line that is an object already stays as it is.
std::string application_lines(const PlatformLogFormat& format, Time now, std::string_view request_id,
                              std::string_view lines);
// `failure`: JSON with errorMessage, errorType and stackTrace, by the function's own word.
std::string failure_lines(const PlatformLogFormat& format, Time now, std::string_view request_id,
                          std::string_view failure);
// "2026-11-21T10:00:00.123Z ID Task timed out after 3.00 seconds"
std::string timeout_line(Time now, std::string_view request_id, std::int64_t timeout_seconds);

}  // namespace moonbase::functions
