// The platform's clock: the machine's, until somebody stops, sets or advances it.
#pragma once

#include "loop/clock_source.hpp"

#include <moonbase/clock.hpp>
#include <moonbase/internal/parker.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace moonbase::tasks {

// Any thread may use it.
class PlatformClock final : public Clock, public loop::ClockSource, public internal::ClockWaiting {
 public:
  PlatformClock();

  Time now() const override;
  bool stopped() const { return stopped_.load(std::memory_order_relaxed); }

  void stop();
  void resume();
  // Sets the time, forwards or backwards; a running clock runs on from there.
  void set(Time time);
  // Sets the time unless it is later already.
  void advance_to(Time time);

  // `changed` is called after each of the above, on the thread that did it.
  void on_change(std::function<void()> changed);

  // When, on the machine's clock, this moment comes.
  MachineTime machine_time(Time time) const override;
  void add(std::shared_ptr<internal::Parker> parker) override;
  void remove(const internal::Parker* parker) override;

 private:
  void changed();

  std::atomic<bool> stopped_ = false;
  std::atomic<std::int64_t> offset_ms_ = 0;   // Added to the machine's time while running.
  std::atomic<std::int64_t> stopped_at_ms_ = 0;
  std::mutex mutex_;
  std::vector<std::function<void()>> listeners_;
  std::vector<std::shared_ptr<internal::Parker>> waiting_;
};

}  // namespace moonbase::tasks
