// What one invocation of a Lua or native function writes into the function's log: START, what the handler prints,
// what went wrong, END and REPORT; as text, or as JSON where the function's LoggingConfig says so.
#pragma once

#include <cstdint>
#include <moonbase/clock.hpp>
#include <string>
#include <string_view>

#include "logs/log_store.hpp"
#include "runtimes/platform_log.hpp"

namespace moonbase::functions {

// Views: for the time of the invocation. One fiber.
class InvocationLog {
 public:
  // `tail`: also gets what is written, for LogType Tail; or null.
  InvocationLog(LogStore& logs, const LogStream& stream, const Clock& clock, const PlatformLogFormat& format,
                std::string_view request_id, std::string* tail)
      : logs_(logs), stream_(stream), clock_(clock), format_(format), request_id_(request_id), tail_(tail) {}

  void start(std::string_view version) { write(start_line(format_, clock_.now(), request_id_, version)); }
  void printed(std::string_view lines);
  void failed(std::string_view json);  // errorMessage, errorType, stackTrace, as the handler's runtime has it.
  void timed_out(std::int64_t timeout_seconds) { write(timeout_line(clock_.now(), request_id_, timeout_seconds)); }
  void ended(std::string_view how);  // "Runtime exited with error: signal: killed"
  void report(const InvocationReport& report);

 private:
  void write(std::string_view lines);

  LogStore& logs_;
  const LogStream& stream_;
  const Clock& clock_;
  const PlatformLogFormat& format_;
  std::string_view request_id_;
  std::string* tail_;
};

}  // namespace moonbase::functions
