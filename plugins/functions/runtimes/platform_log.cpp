#include "runtimes/platform_log.hpp"

#include <algorithm>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <moonbase/value.hpp>

namespace moonbase::functions {
namespace {

// "3.21 ms", rounded up.
std::string ms_text(std::uint64_t us) {
  const auto hundredths = (us + 9) / 10;
  const auto digits = std::to_string(hundredths % 100);
  return std::to_string(hundredths / 100) + "." + (digits.size() < 2 ? "0" : "") + digits + " ms";
}

std::uint64_t billed_ms(const InvocationReport& report) {
  return std::max<std::uint64_t>((report.duration_us + (report.with_init ? report.init_us : 0) + 999) / 1000, 1);
}

std::uint64_t used_mb(const InvocationReport& report) { return (report.memory_used_bytes + (1 << 20) - 1) >> 20; }

std::string version_of(std::string_view runtime) {
  // nodejs20.x is written nodejs:20.
  std::string version(runtime);
  if (version.ends_with(".x")) version.resize(version.size() - 2);
  const auto digit = version.find_first_of("0123456789");
  if (digit != version.npos) version.insert(digit, ":");
  return version + ".v1";
}

std::string version_arn(std::string_view runtime) {
  return "arn:aws:lambda:us-east-1::runtime:" + sha256_hex(version_of(runtime));
}

}  // namespace

PlatformLogFormat platform_log_format(std::string_view format, std::string_view system_level) {
  return {format == "JSON", format != "JSON" || system_level != "WARN", format == "JSON" && system_level == "DEBUG"};
}

std::string platform_event(Time now, std::string_view type, Map record) {
  return to_json(Value(Map{{"time", iso_8601(now)}, {"type", type}, {"record", std::move(record)}}));
}

double platform_ms(std::uint64_t us) { return static_cast<double>((us + 9) / 10) / 100; }

Map init_start_record(std::string_view initialization_type, std::string_view phase, std::string_view runtime) {
  return {{"initializationType", initialization_type},
          {"phase", phase},
          {"runtimeVersion", version_of(runtime)},
          {"runtimeVersionArn", version_arn(runtime)}};
}

std::string init_start_line(const PlatformLogFormat& format, Time now, std::string_view runtime) {
  if (!format.info) return {};
  if (format.json) return platform_event(now, "platform.initStart", init_start_record("on-demand", "init", runtime));
  return "INIT_START Runtime Version: " + version_of(runtime) + "\tRuntime Version ARN: " + version_arn(runtime);
}

std::string init_report_line(const PlatformLogFormat& format, Time now, std::string_view phase, std::string_view status,
                             std::string_view error_type, std::uint64_t duration_us) {
  if (format.json) {
    Map record{{"initializationType", "on-demand"},
               {"phase", phase},
               {"status", status},
               {"metrics", Map{{"durationMs", platform_ms(duration_us)}}}};
    if (!error_type.empty()) record.set("errorType", error_type);
    return platform_event(now, "platform.initReport", std::move(record));
  }
  auto line = "INIT_REPORT Init Duration: " + ms_text(duration_us) + "\tPhase: " + std::string(phase) +
              "\tStatus: " + std::string(status);
  if (!error_type.empty()) line += "\tError Type: " + std::string(error_type);
  return line;
}

std::string start_line(const PlatformLogFormat& format, Time now, std::string_view request_id,
                       std::string_view version) {
  if (!format.info) return {};
  if (format.json) return platform_event(now, "platform.start", {{"requestId", request_id}, {"version", version}});
  return "START RequestId: " + std::string(request_id) + " Version: " + std::string(version);
}

Map report_record(const InvocationReport& report) {
  Map metrics{{"durationMs", platform_ms(report.duration_us)},
              {"billedDurationMs", static_cast<std::int64_t>(billed_ms(report))},
              {"memorySizeMB", report.memory_mb},
              {"maxMemoryUsedMB", static_cast<std::int64_t>(used_mb(report))}};
  if (report.with_init) metrics.set("initDurationMs", platform_ms(report.init_us));
  Map record{{"requestId", report.request_id},
             {"metrics", std::move(metrics)},
             {"status", report.status.empty() ? std::string_view("success") : report.status}};
  if (!report.error_type.empty()) record.set("errorType", report.error_type);
  return record;
}

std::string report_lines(const PlatformLogFormat& format, Time now, const InvocationReport& report) {
  if (format.json) {
    if (!format.info && report.status.empty()) return {};
    return platform_event(now, "platform.report", report_record(report));
  }
  const std::string id(report.request_id);
  auto lines = "END RequestId: " + id + "\nREPORT RequestId: " + id + "\tDuration: " + ms_text(report.duration_us) +
               "\tBilled Duration: " + std::to_string(billed_ms(report)) +
               " ms\tMemory Size: " + std::to_string(report.memory_mb) +
               " MB\tMax Memory Used: " + std::to_string(used_mb(report)) + " MB\t";
  if (report.with_init) lines += "Init Duration: " + ms_text(report.init_us) + "\t";
  if (!report.status.empty()) {
    lines += "Status: " + std::string(report.status);
    if (!report.error_type.empty()) lines += "\tError Type: " + std::string(report.error_type);
  }
  return lines;
}

std::string timeout_line(Time now, std::string_view request_id, std::int64_t timeout_seconds) {
  return iso_8601(now) + " " + std::string(request_id) + " Task timed out after " + std::to_string(timeout_seconds) +
         ".00 seconds";
}

}  // namespace moonbase::functions
