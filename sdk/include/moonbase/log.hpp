// Log and Metrics: for the person who runs the platform. What a function prints goes to CloudWatch
// Logs instead, and what a service does goes to the journal by itself.
#pragma once

#include <cstdint>
#include <string_view>

namespace moonbase {

// Any thread may use it. Never write a secret.
class Log {
 public:
  virtual ~Log() = default;
  virtual void debug(std::string_view message) = 0;
  virtual void info(std::string_view message) = 0;
  virtual void warning(std::string_view message) = 0;
  virtual void error(std::string_view message) = 0;
};

// Counters and gauges, shown at /metrics as moonbase_<plugin>_<name>. Any thread may use it.
class Metrics {
 public:
  virtual ~Metrics() = default;
  virtual void count(std::string_view name, std::int64_t more = 1) = 0;
  virtual void gauge(std::string_view name, std::int64_t value) = 0;
};

}  // namespace moonbase
