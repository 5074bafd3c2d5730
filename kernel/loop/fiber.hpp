// A fiber: what a loop suspends and resumes. Private to kernel/loop.
#pragma once

#include <atomic>
#include <boost/context/fiber.hpp>
#include <functional>
#include <memory>
#include <moonbase/internal/parker.hpp>

#include "loop/timers.hpp"

namespace moonbase::loop {

class Loop;
struct Inbox;

class Fiber final : public internal::Parker, public std::enable_shared_from_this<Fiber> {
 public:
  Fiber(Loop& loop, std::shared_ptr<Inbox> inbox, std::function<void()> work);

  void wake() override;
  void park() override;
  bool park_until(MachineTime deadline) override;
  bool park_until(Time deadline) override;
  void park_uninterruptible() override;

 private:
  friend class Loop;
  friend struct Inbox;

  Loop* const loop_;
  const std::shared_ptr<Inbox> inbox_;
  std::function<void()> work_;
  std::atomic<bool> permit_{false};

  // From here on, only the loop's thread.
  std::shared_ptr<Fiber> self_;  // While it has not ended.
  Fiber *next_ = nullptr, *previous_ = nullptr;
  boost::context::fiber context_, loop_context_;
  std::function<void()> next_work_;  // What it goes on with, on another stack, once `awaited_` is readable.
  int awaited_ = -1;
  MachineTime awaited_until_;
  bool queued_ = false;
  bool ended_ = false;
  bool uninterruptible_ = false;
  int waits_after_stop_ = 0;
  MachineTime deadline_ = MachineTime::max();  // Of the wait it is in.
  std::size_t timer_place_ = no_place;
  std::size_t clock_place_ = no_place;
  void* exceptions_[2] = {nullptr, nullptr};  // What it has caught and thrown, as the C++ runtime keeps it.

  // For the sanitizers: whose stack is whose.
  void* stack_bottom_ = nullptr;
  std::size_t stack_bytes_ = 0;
  void* fake_stack_ = nullptr;
  void* thread_sanitizer_fiber_ = nullptr;
};

}  // namespace moonbase::loop
