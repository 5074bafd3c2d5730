// The Parker of threads that are not loops, and the hooks through which loops provide theirs.
#include <algorithm>
#include <condition_variable>
#include <moonbase/internal/parker.hpp>
#include <mutex>

namespace moonbase::internal {
namespace {

thread_local CurrentParker current_parker_of_loop = nullptr;
thread_local ClockWaiting* clock_waiting = nullptr;

// A time that cannot be represented (Time's maximum, in nanoseconds) means: never.
MachineTime as_if_the_clock_were_the_machines(Time time) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto left_ms = time.ms - std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  constexpr std::int64_t year_ms = 365LL * 24 * 3600 * 1000;
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(std::clamp(left_ms, -year_ms, year_ms));
}

class ThreadParker final : public Parker {
 public:
  void wake() override {
    const std::lock_guard lock(mutex_);
    permit_ = true;
    woken_.notify_one();
  }

  void park() override {
    std::unique_lock lock(mutex_);
    woken_.wait(lock, [&] { return permit_; });
    permit_ = false;
  }

  bool park_until(MachineTime deadline) override {
    std::unique_lock lock(mutex_);
    // Not wait_until(max): some implementations convert to another clock and overflow.
    const auto limit = std::chrono::steady_clock::now() + std::chrono::hours(24);
    const bool permit = woken_.wait_until(lock, std::min(deadline, limit), [&] { return permit_; });
    permit_ = false;
    return permit || deadline > limit;
  }

  bool park_until(Time deadline) override {
    if (!clock_waiting) return park_until(as_if_the_clock_were_the_machines(deadline));
    const auto until = clock_waiting->machine_time(deadline);
    if (park_until(until)) return true;
    // The clock may have been stopped or set back meanwhile; then the deadline is still ahead.
    return clock_waiting->machine_time(deadline) > std::chrono::steady_clock::now();
  }

 private:
  std::mutex mutex_;
  std::condition_variable woken_;
  bool permit_ = false;
};

// Registered with the clock as long as the thread lives, so that any of its waits notices a change.
struct ThreadOwner {
  std::shared_ptr<ThreadParker> parker = std::make_shared<ThreadParker>();
  ClockWaiting* registered_with = nullptr;

  void register_with(ClockWaiting* waiting) {
    if (registered_with == waiting) return;
    if (registered_with) registered_with->remove(parker.get());
    registered_with = waiting;
    if (waiting) waiting->add(parker);
  }
  ~ThreadOwner() { register_with(nullptr); }
};
thread_local std::unique_ptr<ThreadOwner> thread_owner;

}  // namespace

std::shared_ptr<Parker> Parker::current() {
  if (current_parker_of_loop) {
    if (auto parker = current_parker_of_loop()) return parker;
  }
  if (!thread_owner) thread_owner = std::make_unique<ThreadOwner>();
  thread_owner->register_with(clock_waiting);
  return thread_owner->parker;
}

void set_current_parker(CurrentParker current) { current_parker_of_loop = current; }

void set_clock_waiting(ClockWaiting* waiting) {
  clock_waiting = waiting;
  if (thread_owner) thread_owner->register_with(waiting);
}

}  // namespace moonbase::internal
