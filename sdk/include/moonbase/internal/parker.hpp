// Parker: how whoever runs now is suspended and woken. Between the SDK's waiting primitives (Signal,
// Store) and the kernel's loops; plugins use those primitives instead.
#pragma once

#include <moonbase/clock.hpp>
#include <moonbase/io.hpp>

#include <memory>

namespace moonbase::internal {

// One per fiber, or per thread that is not a loop. Works like a semaphore of at most one permit.
class Parker {
 public:
  virtual ~Parker() = default;

  // Gives the permit and lets the owner run. Any thread; also after the owner has ended (no effect).
  virtual void wake() = 0;

  // Takes the permit, suspending its owner until there is one. Only the owner may call these. May
  // return early without a permit: look at what you wait for again.
  virtual void park() = 0;
  // Not even when the platform stops: somebody else still uses the owner's stack.
  virtual void park_uninterruptible() { park(); }
  // False when the deadline has passed and there was no permit.
  virtual bool park_until(MachineTime deadline) = 0;
  virtual bool park_until(Time deadline) = 0;  // On the platform's clock.

  // Of the calling fiber; on a thread that is not a loop, of the thread.
  static std::shared_ptr<Parker> current();
};

// The kernel's loops say who runs on this thread. Null on other threads.
using CurrentParker = std::shared_ptr<Parker> (*)();
void set_current_parker(CurrentParker current);  // Per thread.

// For threads that are not loops: how a deadline on the platform's clock is waited for. Set once by
// the kernel; without it the platform's clock is taken to be the machine's.
class ClockWaiting {
 public:
  virtual ~ClockWaiting() = default;
  virtual MachineTime machine_time(Time time) const = 0;  // MachineTime::max() while stopped.
  virtual void add(std::shared_ptr<Parker> parker) = 0;     // Wake it whenever the clock is changed.
  virtual void remove(const Parker* parker) = 0;
};
void set_clock_waiting(ClockWaiting* waiting);  // Per thread.

}  // namespace moonbase::internal
