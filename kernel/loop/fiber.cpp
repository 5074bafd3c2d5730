#include "loop/fiber.hpp"

#include "loop/inbox.hpp"
#include "loop/loop.hpp"

namespace moonbase::loop {

Fiber::Fiber(Loop& loop, std::shared_ptr<Inbox> inbox, std::function<void()> work)
    : loop_(&loop), inbox_(std::move(inbox)), work_(std::move(work)) {}

void Fiber::wake() {
  // A permit that has not been taken yet has brought its own wake-up along.
  if (permit_.exchange(true, std::memory_order_acq_rel)) return;
  // Compared, never followed, on other threads: the loop may be gone.
  if (Loop::current() == loop_) {
    if (!ended_) loop_->ready(*this);
  } else {
    inbox_->put([this](Inbox::Mail& mail) { mail.woken.push_back(shared_from_this()); });
  }
}

void Fiber::park() {
  while (!permit_.exchange(false, std::memory_order_acq_rel)) loop_->suspend(MachineTime::max());
}

void Fiber::park_uninterruptible() {
  while (!permit_.exchange(false, std::memory_order_acq_rel)) loop_->suspend(MachineTime::max(), true);
}

bool Fiber::park_until(MachineTime deadline) {
  if (permit_.exchange(false, std::memory_order_acq_rel)) return true;
  if (deadline <= loop_->now()) return false;
  loop_->suspend(deadline);
  return permit_.exchange(false, std::memory_order_acq_rel) || deadline > loop_->now();
}

bool Fiber::park_until(Time deadline) {
  if (permit_.exchange(false, std::memory_order_acq_rel)) return true;
  if (loop_->clock_.machine_time(deadline) <= loop_->now()) return false;
  loop_->suspend(deadline);
  return permit_.exchange(false, std::memory_order_acq_rel) || loop_->clock_.machine_time(deadline) > loop_->now();
}

}  // namespace moonbase::loop
