#include "runtimes/platform_log.hpp"

#include <algorithm>
#include <charconv>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <moonbase/value.hpp>

namespace moonbase::functions {
namespace {

void append_number(std::string& out, std::uint64_t number) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof text, number).ptr);
}

void append_ms(std::string& out, std::uint64_t us) {  // "3.21 ms", rounded up.
  const auto hundredths = (us + 9) / 10;
  append_number(out, hundredths / 100);
  out.push_back('.');
  out.push_back(static_cast<char>('0' + hundredths / 10 % 10));
  out.push_back(static_cast<char>('0' + hundredths % 10));
  out.append(" ms");
}

std::uint64_t whole_ms(std::uint64_t us) { return (us + 999) / 1000; }

std::uint64_t billed_ms(const InvocationReport& report) {
  return std::max<std::uint64_t>(whole_ms(report.duration_us + (report.with_init ? report.init_us : 0)), 1);
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

std::string version_text(std::string_view runtime) {
  return "Runtime Version: " + version_of(runtime) + "\tRuntime Version ARN: " + version_arn(runtime);
}

void append_status(std::string& line, std::string_view status, std::string_view error_type) {
  line.append("\tStatus: ").append(status);
  if (!error_type.empty()) line.append("\tError Type: ").append(error_type);
}

}  // namespace

PlatformLogFormat platform_log_format(std::string_view format, std::string_view system_level,
                                      std::string_view application_level) {
  if (format != "JSON") return {};
  const bool error = application_level != "FATAL",
             info = error && application_level != "ERROR" && application_level != "WARN";
  return {true, system_level != "WARN", system_level == "DEBUG", info, error};
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

std::string init_start_line(const PlatformLogFormat& format, Time now, std::string_view type,
                            std::string_view runtime) {
  if (!format.info) return {};
  if (format.json) return platform_event(now, "platform.initStart", init_start_record(type, "init", runtime));
  return "INIT_START " + version_text(runtime);
}

std::string init_report_line(const PlatformLogFormat& format, Time now, const InitReport& report) {
  if (format.json) {
    Map record{{"initializationType", report.type},
               {"phase", report.phase},
               {"status", report.status.empty() ? std::string_view("success") : report.status},
               {"metrics", Map{{"durationMs", platform_ms(report.duration_us)}}}};
    if (!report.error_type.empty()) record.set("errorType", report.error_type);
    return platform_event(now, "platform.initReport", std::move(record));
  }
  std::string line = "INIT_REPORT Init Duration: ";
  append_ms(line, report.duration_us);
  line.append("\tPhase: ").append(report.phase);
  if (!report.status.empty()) append_status(line, report.status, report.error_type);
  return line;
}

Map restore_start_record(std::string_view function, std::string_view version, std::string_view runtime) {
  return {{"functionName", function},
          {"functionVersion", version},
          {"runtimeVersion", version_of(runtime)},
          {"runtimeVersionArn", version_arn(runtime)}};
}

Map restore_done_record(const RestoreReport& report) {
  Map record{{"status", report.status}};
  if (!report.error_type.empty()) record.set("errorType", report.error_type);
  return record;
}

Map restore_report_record(const RestoreReport& report) {
  auto record = restore_done_record(report);
  record.set("metrics", Map{{"durationMs", platform_ms(report.duration_us)}});
  return record;
}

std::string restore_start_text(std::string_view runtime) { return "RESTORE_START " + version_text(runtime); }

std::string restore_report_text(const RestoreReport& report) {
  std::string line = "RESTORE_REPORT Restore Duration: ";
  append_ms(line, report.duration_us);
  if (report.status != "success") append_status(line, report.status, report.error_type);
  return line;
}

std::string fault_text(std::string_view request_id) {
  return "RequestId: " + std::string(request_id) + " Process exited before completing request";
}

std::string start_line(const PlatformLogFormat& format, Time now, std::string_view request_id,
                       std::string_view version) {
  if (!format.info) return {};
  if (format.json) return platform_event(now, "platform.start", {{"requestId", request_id}, {"version", version}});
  std::string line;
  line.reserve(80);
  line.append("START RequestId: ").append(request_id).append(" Version: ").append(version);
  return line;
}

Map report_record(const InvocationReport& report) {
  Map metrics{{"durationMs", platform_ms(report.duration_us)},
              {"billedDurationMs", static_cast<std::int64_t>(billed_ms(report))},
              {"memorySizeMB", report.memory_mb},
              {"maxMemoryUsedMB", static_cast<std::int64_t>(used_mb(report))}};
  if (report.with_init) metrics.set("initDurationMs", platform_ms(report.init_us));
  if (report.restore_us > 0) {
    metrics.set("restoreDurationMs", platform_ms(report.restore_us));
    metrics.set("billedRestoreDurationMs", static_cast<std::int64_t>(whole_ms(report.restore_us)));
  }
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
  std::string lines;
  lines.reserve(320);
  lines.append("END RequestId: ").append(report.request_id).append("\nREPORT RequestId: ").append(report.request_id);
  lines.append("\tDuration: ");
  append_ms(lines, report.duration_us);
  lines.append("\tBilled Duration: ");
  append_number(lines, billed_ms(report));
  lines.append(" ms\tMemory Size: ");
  append_number(lines, static_cast<std::uint64_t>(report.memory_mb));
  lines.append(" MB\tMax Memory Used: ");
  append_number(lines, used_mb(report));
  lines.append(" MB\t");
  if (report.with_init) {
    lines.append("Init Duration: ");
    append_ms(lines, report.init_us);
    lines.push_back('\t');
  }
  if (report.restore_us > 0) {
    lines.append("Restore Duration: ");
    append_ms(lines, report.restore_us);
    lines.append("\tBilled Restore Duration: ");
    append_number(lines, whole_ms(report.restore_us));
    lines.append(" ms\t");
  }
  if (!report.status.empty()) {
    lines.append("Status: ").append(report.status);
    if (!report.error_type.empty()) lines.append("\tError Type: ").append(report.error_type);
  }
  return lines;
}

std::string application_lines(const PlatformLogFormat& format, Time now, std::string_view request_id,
                              std::string_view lines) {
  if (!format.application_info) return {};
  std::string written;
  while (!lines.empty()) {
    const auto line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    if (const auto own = line.starts_with('{') ? parse_json(line) : Result<Value>(Value()); own && own->is_map()) {
      written.append(line);
    } else {
      append_json(
          written,
          Value(Map{{"timestamp", iso_8601(now)}, {"level", "INFO"}, {"message", line}, {"requestId", request_id}}));
    }
    written.push_back('\n');
  }
  return written;
}

std::string failure_lines(const PlatformLogFormat& format, Time now, std::string_view request_id,
                          std::string_view failure) {
  if (!format.application_error) return {};
  const auto parsed = parse_json(failure);
  const Value& told = parsed ? *parsed : Value();
  const auto type = told["errorType"].string_or("Error"), message = told["errorMessage"].string_or("");
  const auto& trace = told["stackTrace"];
  if (format.json)
    return to_json(Value(Map{{"timestamp", iso_8601(now)},
                             {"level", "ERROR"},
                             {"message", message},
                             {"errorType", type},
                             {"stackTrace", trace},
                             {"requestId", request_id}}));
  auto lines = "[ERROR] " + type + ": " + message;
  if (trace.is_list())
    for (const auto& place : trace.list())
      if (place.is_string()) lines.append("\n    ").append(place.string());
  return lines;
}

std::string timeout_line(Time now, std::string_view request_id, std::int64_t timeout_seconds) {
  return iso_8601(now) + " " + std::string(request_id) + " Task timed out after " + std::to_string(timeout_seconds) +
         ".00 seconds";
}

}  // namespace moonbase::functions
