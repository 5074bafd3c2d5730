#include <algorithm>
#include <atomic>
#include <moonbase/internal/parker.hpp>
#include <moonbase/signal.hpp>
#include <mutex>
#include <vector>

namespace moonbase {

// Outlives the Signal while somebody still waits.
struct Signal::State {
  std::atomic<std::uint64_t> version{0};
  std::mutex mutex;
  std::vector<std::shared_ptr<internal::Parker>> waiters;
};

Signal::Signal() : state_(std::make_shared<State>()) {}

Signal::~Signal() = default;

std::uint64_t Signal::version() const noexcept { return state_->version.load(std::memory_order_acquire); }

void Signal::notify() {
  // Woken outside the lock: a waiter on another thread takes it first thing.
  std::vector<std::shared_ptr<internal::Parker>> waiters;
  {
    // Both at once: else one who has seen this version already, and waits for the next, might be taken off the list
    // here, go on waiting, and never be woken.
    const std::lock_guard lock(state_->mutex);
    state_->version.fetch_add(1, std::memory_order_acq_rel);
    waiters.swap(state_->waiters);
  }
  for (const auto& waiter : waiters) waiter->wake();
}

bool Signal::wait(std::uint64_t seen, Time deadline, const std::function<bool()>& over) {
  const auto state = state_;
  if (state->version.load(std::memory_order_acquire) != seen) return true;
  const auto parker = internal::Parker::current();
  {
    const std::lock_guard lock(state->mutex);
    // Checked again under the lock: a notification before it has not seen us, one after it will.
    if (state->version.load(std::memory_order_acquire) != seen) return true;
    state->waiters.push_back(parker);
  }
  // Also when parking throws, as it does while the loops are being stopped.
  struct Leave {
    State& state;
    const internal::Parker* parker;
    ~Leave() {
      const std::lock_guard lock(state.mutex);
      const auto it = std::find_if(state.waiters.begin(), state.waiters.end(),
                                   [&](const auto& waiter) { return waiter.get() == parker; });
      if (it == state.waiters.end()) return;
      *it = std::move(state.waiters.back());
      state.waiters.pop_back();
    }
  } leave{*state, parker.get()};

  while (state->version.load(std::memory_order_acquire) == seen) {
    if ((over && over()) || !parker->park_until(deadline)) break;
  }
  return state->version.load(std::memory_order_acquire) != seen;
}

}  // namespace moonbase
