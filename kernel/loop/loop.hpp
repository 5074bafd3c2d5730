// Loop: one thread, one epoll, many fibers that never leave it. Kernel code that runs on a fiber and
// wants the cheapest way uses this; everybody else uses Loops and Io.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <moonbase/io.hpp>
#include <vector>

#include "loop/clock_source.hpp"
#include "loop/stack.hpp"
#include "loop/timers.hpp"

namespace moonbase::internal {
class Parker;
}

namespace moonbase::loop {

class Fiber;
struct Inbox;

// Thrown out of whatever a fiber waits for when its loop is being stopped. Not an std::exception:
// nobody means to catch it.
struct Stopped {};

struct LoopOptions {
  std::size_t stack_bytes = 256 * 1024;
  // What escapes a fiber's function is a bug; it ends only that fiber. Called on the loop's thread.
  std::function<void(std::exception_ptr)> on_exception;
};

// Everything is for the loop's own thread, unless it says "any thread".
class Loop {
 public:
  Loop(ClockSource& clock, LoopOptions options);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // The loop whose thread this is, or null.
  static Loop* current() noexcept;

  // Runs until stop() was called and all fibers have ended. Called once, by the thread that becomes
  // the loop's.
  void run();
  // Any thread. Every fiber's wait ends by an exception of type Stopped.
  void stop();
  // Any thread. Starts a fiber; dropped once the loop is stopped.
  void post(std::function<void()> work);
  // Any thread. Deadlines on the platform's clock are looked at again.
  void clock_changed();

  void spawn(std::function<void()> work);
  // The time at which the present batch of events arrived: good enough for deadlines, and free.
  MachineTime now() const noexcept { return now_; }
  std::size_t fibers() const noexcept { return fibers_; }
  // Any thread. The first moment on the platform's clock that a fiber waits for.
  Time first_platform_deadline() const noexcept { return {first_platform_deadline_ms_.load(std::memory_order_acquire)}; }

  // Io's waits, correct at any moment: ask the kernel first, then wait for a change.
  bool wait_readable(int descriptor, MachineTime deadline);
  bool wait_writable(int descriptor, MachineTime deadline);
  // For those who have seen read or write come up short since the last wait: no system call. May say
  // true too often, never too seldom. One fiber may wait to read while another waits to write.
  bool wait_readable_again(int descriptor, MachineTime deadline);
  bool wait_writable_again(int descriptor, MachineTime deadline);
  // A fiber's last words: it gives its stack back, and once the descriptor may be readable or the
  // deadline has passed it goes on with `work`, on another stack. Idle connections need none, and
  // those that are served in turn use one that is still in the processor's cache. Returns at once, for
  // the fiber's function to return too. When the loop is stopped, `work` runs at once if the fiber has
  // ended by then, and its waits end as everybody's do; else it is dropped.
  void go_on_when_readable(int descriptor, MachineTime deadline, std::function<void()> work);
  void forget(int descriptor);
  // After close(), which has already told epoll: only what the loop itself remembers.
  void closed(int descriptor);

  // Suspends the fiber until it is woken or the deadline passes; may return early.
  void suspend(MachineTime deadline, bool uninterruptible = false);
  void suspend(Time deadline);
  // Lets every other fiber that is ready run first.
  void yield();

 private:
  friend class Fiber;
  struct Descriptor;
  struct Switch;
  enum class Side { read, write };

  bool wait(int descriptor, Side side, MachineTime deadline, bool ask);
  Descriptor& registered(int descriptor);
  void watch(int descriptor, const Descriptor& entry, int change, std::uint32_t events);
  void start(std::function<void()> work);
  void give_stack(Fiber& fiber);
  bool begin_again(Fiber& fiber);
  void await_readable(Fiber& fiber);
  void ready(Fiber& fiber);
  void resume(Fiber& fiber);
  void switch_to_loop(Fiber& fiber);
  [[noreturn]] void abandon(Fiber& fiber);
  void after_resume(Fiber& fiber);
  void take_off_lists(Fiber& fiber);
  void end(Fiber& fiber);
  void take_inbox();
  void fire_timers();
  void dispatch(std::uint64_t which, std::uint32_t events);
  int timeout_ms();
  MachineTime first_clock_deadline();
  void note_platform_deadline();
  void wait_for_events(bool may_sleep);
  void wake_all();

  static std::shared_ptr<internal::Parker> current_parker();

  ClockSource& clock_;
  LoopOptions options_;
  const std::shared_ptr<Inbox> inbox_;
  int epoll_ = -1;
  MachineTime now_;
  StackPool stacks_;
  Fiber* running_ = nullptr;
  Fiber* all_ = nullptr;
  std::size_t fibers_ = 0;
  std::vector<Fiber*> ready_, batch_;
  std::vector<Descriptor> descriptors_;  // By number.

  struct TimerHeaps;
  std::unique_ptr<TimerHeaps> timers_;
  MachineTime clock_due_ = MachineTime::max();
  bool clock_due_known_ = false;
  std::atomic<std::int64_t> first_platform_deadline_ms_{INT64_MAX};
  bool stopping_ = false;

  // For the sanitizers.
  const void* thread_stack_bottom_ = nullptr;
  std::size_t thread_stack_bytes_ = 0;
  void* thread_sanitizer_fiber_ = nullptr;
};

}  // namespace moonbase::loop
