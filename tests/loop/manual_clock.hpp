// A platform clock that stands still until the test moves it.
#pragma once

#include <atomic>

#include "loop/clock_source.hpp"

class ManualClock final : public moonbase::Clock, public moonbase::loop::ClockSource {
 public:
  moonbase::Time now() const override { return {ms_.load()}; }
  moonbase::MachineTime machine_time(moonbase::Time time) const override {
    return time.ms <= ms_.load() ? moonbase::MachineTime::min() : moonbase::MachineTime::max();
  }
  void advance_ms(std::int64_t ms) { ms_ += ms; }

 private:
  std::atomic<std::int64_t> ms_{1'700'000'000'000};
};
