#include "loop/blocking_pool.hpp"

#include <atomic>
#include <exception>
#include <moonbase/internal/parker.hpp>

#include "loop/fiber.hpp"

namespace moonbase::loop {

BlockingPool::~BlockingPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void BlockingPool::run(const std::function<void()>& work) {
  std::atomic<bool> finished{false};
  std::exception_ptr thrown;
  const auto parker = internal::Parker::current();
  // `work` and this frame are used by the other thread: whoever is stopped meanwhile waits for it.
  put([&, parker] {
    try {
      work();
    } catch (...) {
      thrown = std::current_exception();
    }
    const auto owner = parker;  // This frame may be gone as soon as `finished` is seen.
    finished.store(true, std::memory_order_release);
    owner->wake();
  });
  auto* fiber = dynamic_cast<Fiber*>(parker.get());
  while (!finished.load(std::memory_order_acquire)) fiber ? fiber->park_uninterruptible() : parker->park();
  if (thrown) std::rethrow_exception(thrown);
}

void BlockingPool::put(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    if (jobs_.size() > idle_ && threads_.size() < threads_max_) threads_.emplace_back([this] { serve(); });
  }
  changed_.notify_one();
}

void BlockingPool::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    changed_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
    --idle_;
    if (jobs_.empty()) return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
}

}  // namespace moonbase::loop
