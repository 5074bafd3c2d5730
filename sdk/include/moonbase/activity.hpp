// Activity: work in the background that is no task, such as a poller's batch. Whoever advances the
// platform's clock waits until it is done, so that a test that says "two hours later" sees all of it.
#pragma once

#include <atomic>

namespace moonbase {

// Any thread may use it. Hold an Activity::Busy from the moment a wait has ended until the next wait,
// and never while waiting for something to happen.
class Activity {
 public:
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

 private:
  std::atomic<int> count_ = 0;
};

}  // namespace moonbase
