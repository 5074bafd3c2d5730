// Loops: the threads on which everything runs that waits. One loop a core, each with its own fibers.
#pragma once

#include <functional>
#include <memory>
#include <moonbase/io.hpp>
#include <thread>
#include <vector>

#include "loop/loop.hpp"

namespace moonbase::loop {

class BlockingPool;

// Made before threads exist (it may start none until start()); any thread may use it after start().
class Loops {
 public:
  // 0: one for each core this process may use.
  Loops(unsigned count, ClockSource& clock, LoopOptions options = {});
  ~Loops();  // Stops.
  Loops(const Loops&) = delete;
  Loops& operator=(const Loops&) = delete;

  void start();
  // Ends every fiber's wait by an exception, lets the fibers unwind, joins the threads. Not from a
  // fiber. Whatever should end in good order has ended before.
  void stop();

  std::size_t count() const noexcept { return loops_.size(); }
  Loop& at(std::size_t index) noexcept { return *loops_[index]; }

  // Starts a fiber on some loop, in turn.
  void spawn(std::function<void()> work);
  // Starts a fiber and blocks the calling thread, which is not a loop's, until it has ended. Throws
  // what `work` throws.
  void run_on_loop(const std::function<void()>& work);

  // Dispatches to the calling thread's loop. On other threads it blocks the thread instead.
  Io& io() noexcept { return *io_; }

  // The platform's clock was stopped, set, advanced or resumed.
  void clock_changed();
  // The first moment on the platform's clock that any fiber waits for.
  Time first_clock_deadline() const noexcept;
  // Suspends the calling fiber until every fiber that was ready, on any loop, has run and waits again.
  void settle();

 private:
  class LoopsIo;

  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<std::thread> threads_;
  std::unique_ptr<BlockingPool> pool_;
  std::unique_ptr<Io> io_;
  std::atomic<std::size_t> next_{0};
  bool stopped_ = false;
};

}  // namespace moonbase::loop
