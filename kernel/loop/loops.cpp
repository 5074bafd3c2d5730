#include "loop/loops.hpp"

#include <poll.h>
#include <sched.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <moonbase/internal/parker.hpp>
#include <moonbase/signal.hpp>
#include <mutex>
#include <stdexcept>

#include "loop/blocking_pool.hpp"

namespace moonbase::loop {
namespace {

constexpr std::size_t blocking_threads_max = 8;

unsigned usable_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) return std::max(1U, std::thread::hardware_concurrency());
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&cores)));
}

void say_on_stderr(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "a fiber ended by an exception: %s\n", exception.what());
  } catch (...) {
    std::fprintf(stderr, "a fiber ended by an unknown exception\n");
  }
}

// On a thread that is not a loop's, the thread itself waits.
bool poll_until(int descriptor, short events, MachineTime deadline) {
  while (true) {
    const auto now = std::chrono::steady_clock::now();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
    const auto timeout = deadline <= now ? 0 : static_cast<int>(std::min<std::int64_t>(left, 60'000));
    pollfd question{descriptor, events, 0};
    if (::poll(&question, 1, timeout) > 0) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
  }
}

}  // namespace

class Loops::LoopsIo final : public Io {
 public:
  explicit LoopsIo(Loops& loops) : loops_(loops) {}

  bool wait_readable(int descriptor, MachineTime deadline) override {
    auto* loop = Loop::current();
    return loop ? loop->wait_readable(descriptor, deadline) : poll_until(descriptor, POLLIN, deadline);
  }
  bool wait_writable(int descriptor, MachineTime deadline) override {
    auto* loop = Loop::current();
    return loop ? loop->wait_writable(descriptor, deadline) : poll_until(descriptor, POLLOUT, deadline);
  }
  void forget(int descriptor) override {
    if (auto* loop = Loop::current()) loop->forget(descriptor);
  }
  void sleep_until(MachineTime deadline) override {
    auto* loop = Loop::current();
    if (!loop) return std::this_thread::sleep_until(deadline);
    while (loop->now() < deadline) loop->suspend(deadline);
  }
  void blocking(const std::function<void()>& work) override { Loop::current() ? loops_.pool_->run(work) : work(); }
  void spawn(std::function<void()> work) override {
    auto* loop = Loop::current();
    loop ? loop->spawn(std::move(work)) : loops_.spawn(std::move(work));
  }

 private:
  Loops& loops_;
};

Loops::Loops(unsigned count, ClockSource& clock, LoopOptions options)
    : pool_(std::make_unique<BlockingPool>(blocking_threads_max)), io_(std::make_unique<LoopsIo>(*this)) {
  if (!options.on_exception) options.on_exception = say_on_stderr;
  if (count == 0) count = usable_cores();
  for (unsigned i = 0; i < count; ++i) loops_.push_back(std::make_unique<Loop>(clock, options));
}

Loops::~Loops() { stop(); }

void Loops::start() {
  for (auto& loop : loops_) {
    threads_.emplace_back([&loop = *loop] { loop.run(); });
  }
}

void Loops::stop() {
  if (stopped_) return;
  stopped_ = true;
  for (auto& loop : loops_) loop->stop();
  for (auto& thread : threads_) thread.join();
  pool_.reset();
}

void Loops::spawn(std::function<void()> work) {
  loops_[next_.fetch_add(1, std::memory_order_relaxed) % loops_.size()]->post(std::move(work));
}

void Loops::run_on_loop(const std::function<void()>& work) {
  if (Loop::current()) throw std::logic_error("run_on_loop is for threads that are not loops");
  // Also released when the loop drops the fiber because it is being stopped.
  struct Outcome {
    std::mutex mutex;
    std::condition_variable changed;
    bool finished = false;
    std::exception_ptr thrown;
  };
  const auto outcome = std::make_shared<Outcome>();
  struct Finish {
    std::shared_ptr<Outcome> outcome;
    explicit Finish(std::shared_ptr<Outcome> of) : outcome(std::move(of)) {}
    ~Finish() {
      const std::lock_guard lock(outcome->mutex);
      outcome->finished = true;
      outcome->changed.notify_all();
    }
  };
  spawn([&work, finish = std::make_shared<Finish>(outcome)] {
    try {
      work();
    } catch (const std::exception&) {
      finish->outcome->thrown = std::current_exception();
    }
  });
  std::unique_lock lock(outcome->mutex);
  outcome->changed.wait(lock, [&] { return outcome->finished; });
  if (outcome->thrown) std::rethrow_exception(outcome->thrown);
}

Time Loops::first_clock_deadline() const noexcept {
  Time first{INT64_MAX};
  for (const auto& loop : loops_) first = std::min(first, loop->first_platform_deadline());
  return first;
}

void Loops::settle() {
  // A woken fiber may wake one on another loop: two rounds see both.
  constexpr int rounds = 2;
  for (int round = 0; round < rounds; ++round) {
    struct Barrier {
      std::atomic<std::size_t> left;
      Signal passed;
    };
    const auto barrier = std::make_shared<Barrier>();
    barrier->left = loops_.size();
    const auto seen = barrier->passed.version();
    for (auto& loop : loops_)
      loop->post([barrier, &loop = *loop] {
        loop.yield();  // Behind those whose time has come in the meantime.
        if (--barrier->left == 0) barrier->passed.notify();
      });
    barrier->passed.wait(seen, Time{INT64_MAX});
  }
}

void Loops::clock_changed() {
  for (auto& loop : loops_) loop->clock_changed();
}

}  // namespace moonbase::loop
