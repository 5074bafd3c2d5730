#include "tasks/clock.hpp"

#include <algorithm>
#include <chrono>

namespace moonbase::tasks {
namespace {

std::int64_t machine_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

PlatformClock::PlatformClock() = default;

Time PlatformClock::now() const {
  if (stopped_.load(std::memory_order_acquire)) return {stopped_at_ms_.load(std::memory_order_relaxed)};
  return {machine_ms() + offset_ms_.load(std::memory_order_relaxed)};
}

void PlatformClock::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stopped_at_ms_ = now().ms;
    stopped_.store(true, std::memory_order_release);
  }
  changed();
}

void PlatformClock::resume() {
  {
    const std::lock_guard lock(mutex_);
    if (!stopped_) return;
    offset_ms_ = stopped_at_ms_ - machine_ms();
    stopped_.store(false, std::memory_order_release);
  }
  changed();
}

void PlatformClock::set(Time time) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_)
      stopped_at_ms_ = time.ms;
    else
      offset_ms_ = time.ms - machine_ms();
  }
  changed();
}

void PlatformClock::advance_to(Time time) {
  if (now() < time) set(time);
}

void PlatformClock::on_change(std::function<void()> changed) {
  const std::lock_guard lock(mutex_);
  listeners_.push_back(std::move(changed));
}

void PlatformClock::changed() {
  std::vector<std::function<void()>> listeners;
  std::vector<std::shared_ptr<internal::Parker>> waiting;
  {
    const std::lock_guard lock(mutex_);
    listeners = listeners_;
    waiting = waiting_;
  }
  for (const auto& listener : listeners) listener();
  for (const auto& parker : waiting) parker->wake();
}

MachineTime PlatformClock::machine_time(Time time) const {
  const auto remaining_ms = time.ms - now().ms;
  // Not the present moment: a loop compares with the moment at which its last events came.
  if (remaining_ms <= 0) return MachineTime::min();
  constexpr std::int64_t far_ms = 1000LL * 86400 * 365 * 10;  // Beyond it, arithmetic would overflow.
  if (stopped() || remaining_ms > far_ms) return MachineTime::max();
  return MachineTime::clock::now() + std::chrono::milliseconds(remaining_ms);
}

void PlatformClock::add(std::shared_ptr<internal::Parker> parker) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(parker));
}

void PlatformClock::remove(const internal::Parker* parker) {
  const std::lock_guard lock(mutex_);
  waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(), [&](const auto& each) { return each.get() == parker; }),
                 waiting_.end());
}

}  // namespace moonbase::tasks
