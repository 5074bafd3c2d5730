// Log and Metrics of one plugin, or of the kernel itself.
#pragma once

#include <moonbase/log.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace moonbase::kernel {

// To standard error. `level`: debug, info, warning, error or off.
std::unique_ptr<Log> make_log(const std::string& name, const std::string& level);

// All plugins' numbers. Any thread may use it.
class MetricsBoard {
 public:
  void count(const std::string& name, std::int64_t more);
  void gauge(const std::string& name, std::int64_t value);
  std::string text() const;  // Prometheus' text format.

 private:
  struct Number {
    std::int64_t value = 0;
    bool counter = false;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Number> numbers_;
};
std::unique_ptr<Metrics> make_metrics(MetricsBoard& board, const std::string& plugin);

}  // namespace moonbase::kernel
