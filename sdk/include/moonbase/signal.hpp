// Signal: "something changed", for those who wait. The one waiting primitive (long polls, pollers).
#pragma once

#include <moonbase/clock.hpp>

#include <cstdint>
#include <functional>
#include <memory>

namespace moonbase {

// Any thread may use it. A waiter that reads `version()` before it looks at the state it waits for
// cannot miss a notification in between.
class Signal {
 public:
  Signal();
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  std::uint64_t version() const noexcept;
  void notify();  // Wakes every waiter.

  // Suspends the calling fiber until version() is no longer `seen` or the platform's clock reaches
  // `deadline`. True when it was notified. Call::wait is the usual way in.
  // `over`, if given, ends it as the deadline does; whoever sets it wakes the fiber (Activity::Waiting).
  bool wait(std::uint64_t seen, Time deadline, const std::function<bool()>& over = {});

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace moonbase
