#include "logs.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace moonbase::kernel {
namespace {

class SpdLog final : public Log {
 public:
  SpdLog(const std::string& name, const std::string& level)
      : logger_(name, std::make_shared<spdlog::sinks::stderr_color_sink_mt>()) {
    logger_.set_pattern("%H:%M:%S.%e %^%l%$ %n: %v");
    logger_.set_level(spdlog::level::from_str(level));
    logger_.flush_on(spdlog::level::info);
  }
  void debug(std::string_view message) override { logger_.debug(message); }
  void info(std::string_view message) override { logger_.info(message); }
  void warning(std::string_view message) override { logger_.warn(message); }
  void error(std::string_view message) override { logger_.error(message); }

 private:
  spdlog::logger logger_;
};

class PluginMetrics final : public Metrics {
 public:
  PluginMetrics(MetricsBoard& board, const std::string& plugin) : board_(board), prefix_("moonbase_" + plugin + "_") {}
  void count(std::string_view name, std::int64_t more) override { board_.count(prefix_ + std::string(name), more); }
  void gauge(std::string_view name, std::int64_t value) override { board_.gauge(prefix_ + std::string(name), value); }

 private:
  MetricsBoard& board_;
  const std::string prefix_;
};

}  // namespace

std::unique_ptr<Log> make_log(const std::string& name, const std::string& level) {
  return std::make_unique<SpdLog>(name, level);
}

void MetricsBoard::count(const std::string& name, std::int64_t more) {
  const std::lock_guard lock(mutex_);
  auto& number = numbers_[name];
  number.counter = true;
  number.value += more;
}

void MetricsBoard::gauge(const std::string& name, std::int64_t value) {
  const std::lock_guard lock(mutex_);
  numbers_[name] = {value, false};
}

std::string MetricsBoard::text() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const auto& [name, number] : numbers_)
    text += "# TYPE " + name + (number.counter ? " counter\n" : " gauge\n") + name + " " +
            std::to_string(number.value) + "\n";
  return text;
}

std::unique_ptr<Metrics> make_metrics(MetricsBoard& board, const std::string& plugin) {
  return std::make_unique<PluginMetrics>(board, plugin);
}

}  // namespace moonbase::kernel
