// Activity: what goes on in the background, and how waiting ends when the platform stops.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_set>

namespace moonbase {

namespace internal {
class Parker;
}

// Work that is no task, such as a poller's batch: whoever advances the platform's clock waits until it is done, so
// that a test that says "two hours later" sees all of it. Any thread may use it.
class Activity {
 public:
  // Hold one from the moment a wait has ended until the next wait, and never while waiting for something to happen.
  class Busy {
   public:
    explicit Busy(Activity& activity) : activity_(activity) { ++activity_.count_; }
    ~Busy() { --activity_.count_; }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    Activity& activity_;
  };
  int count() const noexcept { return count_.load(); }

  // The platform is about to stop: who waits for a client's sake (Call::wait) answers now. For good.
  void end_waits();
  bool waits_have_ended() const noexcept { return waits_ended_; }

  // While it lives, end_waits() wakes the calling fiber.
  class Waiting {
   public:
    explicit Waiting(Activity& activity);
    ~Waiting();
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    Activity& activity_;
    const std::shared_ptr<internal::Parker> parker_;
  };

 private:
  std::atomic<int> count_ = 0;
  std::atomic<bool> waits_ended_ = false;
  std::mutex mutex_;
  std::unordered_set<std::shared_ptr<internal::Parker>> waiting_;
};

}  // namespace moonbase
