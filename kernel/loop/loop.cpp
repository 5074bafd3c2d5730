#include "loop/loop.hpp"

#include <cxxabi.h>
#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "loop/fiber.hpp"
#include "loop/inbox.hpp"
#include "loop/sanitizers.hpp"

namespace moonbase::loop {
namespace {

thread_local Loop* loop_of_this_thread = nullptr;

constexpr int events_max = 64;  // Few, so that what one request touched is still near when the next is served.
constexpr int waits_after_stop_max = 1000;

// Hands boost a stack from the pool.
struct PooledStack {
  StackPool* pool;
  Stack stack;

  boost::context::stack_context allocate() {
    boost::context::stack_context context;
    context.sp = stack.top();
    context.size = stack.bytes;
    return context;
  }
  void deallocate(boost::context::stack_context& context) noexcept {
    pool->give_back({static_cast<char*>(context.sp) - context.size, context.size});
  }
};

// The C++ runtime keeps what a thread has caught, and how much it throws, per thread; a fiber that
// waits inside a catch block must find its own again.
void exchange_exceptions(void* (&saved)[2]) {
  auto* globals = reinterpret_cast<void**>(abi::__cxa_get_globals());
  std::swap(globals[0], saved[0]);
  std::swap(globals[1], saved[1]);
}

}  // namespace

struct Loop::Descriptor {
  Fiber* reader = nullptr;
  Fiber* writer = nullptr;
  std::uint32_t generation = 0;  // Tells late events of a closed descriptor from its successor's.
  bool registered = false;
  bool writing_watched = false;
  bool readable = false;
  bool writable = false;
  bool read_ended = false;  // These two stay.
  bool write_ended = false;
};

struct Loop::TimerHeaps {
  Timers<Fiber, MachineTime, &Fiber::timer_place_> machine;
  Timers<Fiber, Time, &Fiber::clock_place_> clock;
};

Loop::Loop(ClockSource& clock, LoopOptions options)
    : clock_(clock),
      options_(std::move(options)),
      inbox_(std::make_shared<Inbox>()),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      now_(std::chrono::steady_clock::now()),
      stacks_(options_.stack_bytes),
      timers_(std::make_unique<TimerHeaps>()) {
  if (epoll_ < 0) throw std::system_error(errno, std::system_category(), "epoll_create1");
  epoll_event event{};
  // Edge-triggered, so that the counter need never be read.
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = ~std::uint64_t{0};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, inbox_->event, &event) != 0) {
    throw std::system_error(errno, std::system_category(), "epoll_ctl");
  }
}

Loop::~Loop() {
  {
    const std::lock_guard lock(inbox_->mutex);
    inbox_->closed = true;
    inbox_->mail = {};
  }
  ::close(epoll_);
}

Loop* Loop::current() noexcept { return loop_of_this_thread; }

std::shared_ptr<internal::Parker> Loop::current_parker() {
  auto* loop = loop_of_this_thread;
  if (!loop || !loop->running_) return nullptr;
  return loop->running_->shared_from_this();
}

void Loop::run() {
  loop_of_this_thread = this;
  internal::set_current_parker(current_parker);
#ifdef MOONBASE_TSAN
  thread_sanitizer_fiber_ = __tsan_get_current_fiber();
#endif
  while (true) {
    batch_.swap(ready_);
    for (auto* fiber : batch_) {
      fiber->queued_ = false;
      resume(*fiber);
    }
    batch_.clear();
    if (inbox_->filled.load(std::memory_order_acquire)) take_inbox();
    if (stopping_ && !all_) break;
    wait_for_events(ready_.empty());
    fire_timers();
  }
  {
    const std::lock_guard lock(inbox_->mutex);
    inbox_->closed = true;
    inbox_->mail = {};
  }
  internal::set_current_parker(nullptr);
  loop_of_this_thread = nullptr;
}

void Loop::stop() {
  inbox_->put([](Inbox::Mail& mail) { mail.stop = true; });
}

void Loop::post(std::function<void()> work) {
  inbox_->put([&](Inbox::Mail& mail) { mail.work.push_back(std::move(work)); });
}

void Loop::clock_changed() {
  inbox_->put([](Inbox::Mail& mail) { mail.clock_changed = true; });
}

void Loop::take_inbox() {
  Inbox::Mail mail;
  {
    const std::lock_guard lock(inbox_->mutex);
    std::swap(mail, inbox_->mail);
    inbox_->filled.store(false, std::memory_order_relaxed);
  }
  for (const auto& fiber : mail.woken) {
    if (!fiber->ended_) ready(*fiber);
  }
  if (mail.clock_changed) clock_due_known_ = false;
  for (auto& work : mail.work) {
    try {
      start(std::move(work));
    } catch (const std::bad_alloc&) {  // No stack for it; the loop itself goes on.
      if (options_.on_exception) options_.on_exception(std::current_exception());
    }
  }
  if (mail.stop && !stopping_) {
    stopping_ = true;
    wake_all();
  }
}

void Loop::wake_all() {
  for (auto* fiber = all_; fiber; fiber = fiber->next_) ready(*fiber);
}

void Loop::spawn(std::function<void()> work) { start(std::move(work)); }

void Loop::start(std::function<void()> work) {
  if (stopping_) return;
  auto fiber = std::make_shared<Fiber>(*this, inbox_, std::move(work));
  auto* raw = fiber.get();
  give_stack(*raw);
#ifdef MOONBASE_TSAN
  fiber->thread_sanitizer_fiber_ = __tsan_create_fiber(0);
#endif
  fiber->next_ = all_;
  if (all_) all_->previous_ = raw;
  all_ = raw;
  ++fibers_;
  fiber->self_ = std::move(fiber);
  ready(*raw);
}

void Loop::give_stack(Fiber& fiber) {
  PooledStack pooled{&stacks_, stacks_.take()};
  fiber.stack_bottom_ = pooled.stack.bottom;
  fiber.stack_bytes_ = pooled.stack.bytes;
  auto* raw = &fiber;
  fiber.context_ = boost::context::fiber(std::allocator_arg, pooled, [this, raw](boost::context::fiber&& from) {
    raw->loop_context_ = std::move(from);
    after_resume(*raw);
    try {
      raw->work_();
    } catch (const Stopped&) {
    } catch (...) {
      if (options_.on_exception) options_.on_exception(std::current_exception());
    }
    // What the work holds may wait, or wake others, when it is destroyed: still on this stack.
    try {
      raw->work_ = nullptr;
      if (stopping_) raw->next_work_ = nullptr;
    } catch (const Stopped&) {
    }
    raw->ended_ = !raw->next_work_;
    exchange_exceptions(raw->exceptions_);
#ifdef MOONBASE_ASAN
    __sanitizer_start_switch_fiber(nullptr, thread_stack_bottom_, thread_stack_bytes_);
#endif
#ifdef MOONBASE_TSAN
    __tsan_switch_to_fiber(thread_sanitizer_fiber_, 0);
#endif
    return std::move(raw->loop_context_);
  });
}

void Loop::ready(Fiber& fiber) {
  // Whoever runs looks at what it waits for again before it sleeps.
  if (fiber.queued_ || &fiber == running_) return;
  fiber.queued_ = true;
  ready_.push_back(&fiber);
}

void Loop::resume(Fiber& fiber) {
  if (!fiber.context_ && !begin_again(fiber)) return;
  running_ = &fiber;
  exchange_exceptions(fiber.exceptions_);
#ifdef MOONBASE_ASAN
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, fiber.stack_bottom_, fiber.stack_bytes_);
#endif
#ifdef MOONBASE_TSAN
  __tsan_switch_to_fiber(fiber.thread_sanitizer_fiber_, 0);
#endif
  fiber.context_ = std::move(fiber.context_).resume();
#ifdef MOONBASE_ASAN
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
  running_ = nullptr;
  if (fiber.context_) return;  // It waits. An abandoned one also still has a context.
  fiber.ended_ ? end(fiber) : await_readable(fiber);
}

void Loop::go_on_when_readable(int descriptor, MachineTime deadline, std::function<void()> work) {
  auto& fiber = *running_;
  fiber.awaited_ = descriptor;
  fiber.awaited_until_ = deadline;
  fiber.next_work_ = std::move(work);
}

// It has no stack until the event comes.
void Loop::await_readable(Fiber& fiber) {
  auto& entry = registered(fiber.awaited_);
  if (entry.readable || stopping_) return ready(fiber);
  entry.reader = &fiber;
  fiber.deadline_ = fiber.awaited_until_;
  if (fiber.deadline_ != MachineTime::max() &&
      (fiber.timer_place_ == no_place || fiber.deadline_ < timers_->machine.moment_of(fiber)))
    timers_->machine.set(fiber, fiber.deadline_);
}

// False when there is no memory for a stack: then the fiber ends.
bool Loop::begin_again(Fiber& fiber) {
  auto& entry = descriptors_[static_cast<std::size_t>(fiber.awaited_)];
  if (entry.reader == &fiber) entry.reader = nullptr;
  fiber.deadline_ = MachineTime::max();
  fiber.work_ = std::move(fiber.next_work_);
  fiber.next_work_ = nullptr;
  try {
    give_stack(fiber);
    return true;
  } catch (const std::bad_alloc&) {
    if (options_.on_exception) options_.on_exception(std::current_exception());
    fiber.ended_ = true;
    fiber.work_ = nullptr;
    end(fiber);
    return false;
  }
}

// On the fiber's stack, right after it was switched to.
void Loop::after_resume([[maybe_unused]] Fiber& fiber) {
#ifdef MOONBASE_ASAN
  __sanitizer_finish_switch_fiber(fiber.fake_stack_, &thread_stack_bottom_, &thread_stack_bytes_);
#endif
}

void Loop::switch_to_loop(Fiber& fiber) {
  exchange_exceptions(fiber.exceptions_);
#ifdef MOONBASE_ASAN
  __sanitizer_start_switch_fiber(&fiber.fake_stack_, thread_stack_bottom_, thread_stack_bytes_);
#endif
#ifdef MOONBASE_TSAN
  __tsan_switch_to_fiber(thread_sanitizer_fiber_, 0);
#endif
  fiber.loop_context_ = std::move(fiber.loop_context_).resume();
  after_resume(fiber);
}

void Loop::take_off_lists(Fiber& fiber) {
  timers_->machine.remove(fiber);
  timers_->clock.remove(fiber);
  if (fiber.next_) fiber.next_->previous_ = fiber.previous_;
  (fiber.previous_ ? fiber.previous_->next_ : all_) = fiber.next_;
  --fibers_;
}

void Loop::end(Fiber& fiber) {
  take_off_lists(fiber);
#ifdef MOONBASE_TSAN
  __tsan_destroy_fiber(fiber.thread_sanitizer_fiber_);
#endif
  fiber.self_.reset();
}

void Loop::suspend(MachineTime deadline, bool uninterruptible) {
  auto& fiber = *running_;
  if (!stopping_ || uninterruptible) {
    fiber.uninterruptible_ = uninterruptible;
    fiber.deadline_ = deadline;
    // An entry that is already there and sooner stays: when it fires, it is moved to the deadline of
    // that moment. A connection that waits again and again with a later deadline costs nothing.
    if (deadline != MachineTime::max() &&
        (fiber.timer_place_ == no_place || deadline < timers_->machine.moment_of(fiber))) {
      timers_->machine.set(fiber, deadline);
    }
    switch_to_loop(fiber);
    fiber.deadline_ = MachineTime::max();
  }
  if (!stopping_ || uninterruptible) return;
  ++fiber.waits_after_stop_;
  if (fiber.waits_after_stop_ == 1 && std::uncaught_exceptions() == 0) throw Stopped{};
  // It waits while it cleans up: what it waits for seems never to come. Somebody who insists stays
  // where he is for ever; the process is about to end.
  if (fiber.waits_after_stop_ > waits_after_stop_max) abandon(fiber);
  ready_.push_back(&fiber);
  fiber.queued_ = true;
  switch_to_loop(fiber);
}

void Loop::suspend(Time deadline) {
  auto& fiber = *running_;
  if (timers_->clock.empty() || deadline < timers_->clock.first_moment()) clock_due_known_ = false;
  timers_->clock.set(fiber, deadline);
  note_platform_deadline();
  struct Leave {
    Loop& loop;
    Fiber& fiber;
    ~Leave() {
      loop.timers_->clock.remove(fiber);
      loop.note_platform_deadline();
    }
  } leave{*this, fiber};
  suspend(MachineTime::max());
}

void Loop::yield() {
  auto& fiber = *running_;
  ready_.push_back(&fiber);
  fiber.queued_ = true;
  switch_to_loop(fiber);
}

void Loop::abandon(Fiber& fiber) {
  take_off_lists(fiber);
  fiber.ended_ = true;
  // Never resumed and never destroyed: its own reference keeps it, and its stack, for good.
  switch_to_loop(fiber);
  std::terminate();
}

MachineTime Loop::first_clock_deadline() {
  auto& heap = timers_->clock;
  if (heap.empty()) return MachineTime::max();
  if (!clock_due_known_) {
    clock_due_ = clock_.machine_time(heap.first_moment());
    clock_due_known_ = true;
  }
  return clock_due_;
}

void Loop::note_platform_deadline() {
  const auto& heap = timers_->clock;
  first_platform_deadline_ms_.store(heap.empty() ? INT64_MAX : heap.first_moment().ms, std::memory_order_release);
}

void Loop::fire_timers() {
  auto& machine = timers_->machine;
  while (!machine.empty() && machine.first_moment() <= now_) {
    auto& fiber = machine.first();
    if (fiber.deadline_ <= now_) {
      machine.remove(fiber);
      ready(fiber);
    } else if (fiber.deadline_ == MachineTime::max()) {
      machine.remove(fiber);
    } else {
      machine.set(fiber, fiber.deadline_);
    }
  }
  auto& clock = timers_->clock;
  while (!clock.empty() && first_clock_deadline() <= now_) {
    auto& fiber = clock.first();
    clock.remove(fiber);
    clock_due_known_ = false;
    ready(fiber);
    note_platform_deadline();
  }
}

int Loop::timeout_ms() {
  auto due = first_clock_deadline();
  if (!timers_->machine.empty()) due = std::min(due, timers_->machine.first_moment());
  if (due == MachineTime::max()) return -1;
  const auto now = std::chrono::steady_clock::now();
  if (due <= now) return 0;
  // Rounded up: waking too early would only mean looking twice.
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - now).count();
  return static_cast<int>(std::min<std::int64_t>(left, 60'000));
}

void Loop::wait_for_events(bool may_sleep) {
  epoll_event events[events_max];
  int timeout = 0;
  if (may_sleep) {
    timeout = timeout_ms();
    if (timeout != 0) {
      inbox_->sleeping.store(true);
      const std::lock_guard lock(inbox_->mutex);
      if (inbox_->filled.load(std::memory_order_relaxed)) timeout = 0;
    }
  }
  const int count = epoll_wait(epoll_, events, events_max, timeout);
  if (may_sleep) inbox_->sleeping.store(false, std::memory_order_relaxed);
  if (count < 0 && errno != EINTR) throw std::system_error(errno, std::system_category(), "epoll_wait");
  now_ = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) dispatch(events[i].data.u64, events[i].events);
}

void Loop::dispatch(std::uint64_t which, std::uint32_t events) {
  const auto number = static_cast<std::uint32_t>(which);
  if (number >= descriptors_.size()) return;  // The inbox.
  auto& descriptor = descriptors_[number];
  if (!descriptor.registered || descriptor.generation != static_cast<std::uint32_t>(which >> 32)) return;
  // Half-closed by the peer is the end of reading only.
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) descriptor.read_ended = true;
  if (events & (EPOLLHUP | EPOLLERR)) descriptor.write_ended = true;
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
    descriptor.readable = true;
    if (descriptor.reader) ready(*descriptor.reader);
  }
  if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
    descriptor.writable = true;
    if (descriptor.writer) ready(*descriptor.writer);
  }
}

Loop::Descriptor& Loop::registered(int descriptor) {
  const auto number = static_cast<std::size_t>(descriptor);
  if (number >= descriptors_.size()) descriptors_.resize(std::max(number + 1, descriptors_.size() * 2));
  auto& entry = descriptors_[number];
  if (!entry.registered) {
    watch(descriptor, entry, EPOLL_CTL_ADD, EPOLLIN | EPOLLRDHUP);
    entry.registered = true;
  }
  return entry;
}

void Loop::watch(int descriptor, const Descriptor& entry, int change, std::uint32_t events) {
  epoll_event event{};
  event.events = events | EPOLLET;
  event.data.u64 = std::uint64_t{entry.generation} << 32 | static_cast<std::uint32_t>(descriptor);
  if (epoll_ctl(epoll_, change, descriptor, &event) != 0 && errno != EEXIST)
    throw std::system_error(errno, std::system_category(), "epoll_ctl");
}

bool Loop::wait(int number, Side side, MachineTime deadline, bool ask) {
  auto& entry = registered(number);
  if (side == Side::write && !entry.writing_watched) {
    // Only from the first wait on: Linux would wake this loop whenever an environment reads from its socket.
    // What is so already is reported once more.
    watch(number, entry, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    entry.writing_watched = true;
  }
  if (ask) {
    // Asked after the note is cleared: what happens from here on is noted again.
    (side == Side::read ? entry.readable : entry.writable) = false;
    pollfd question{number, static_cast<short>(side == Side::read ? POLLIN : POLLOUT), 0};
    if (::poll(&question, 1, 0) != 0) return true;
  }
  const auto index = static_cast<std::size_t>(number);  // The table may move while we wait.
  struct Leave {
    Loop& loop;
    std::size_t index;
    Side side;
    ~Leave() { (side == Side::read ? loop.descriptors_[index].reader : loop.descriptors_[index].writer) = nullptr; }
  } leave{*this, index, side};
  (side == Side::read ? entry.reader : entry.writer) = running_;
  while (true) {
    auto& now = descriptors_[index];
    auto& is_ready = side == Side::read ? now.readable : now.writable;
    if (is_ready) {
      is_ready = side == Side::read ? now.read_ended : now.write_ended;
      return true;
    }
    if (deadline <= now_) return false;
    suspend(deadline);
    if (stopping_) return false;
  }
}

bool Loop::wait_readable(int descriptor, MachineTime deadline) { return wait(descriptor, Side::read, deadline, true); }
bool Loop::wait_writable(int descriptor, MachineTime deadline) { return wait(descriptor, Side::write, deadline, true); }
bool Loop::wait_readable_again(int descriptor, MachineTime deadline) {
  return wait(descriptor, Side::read, deadline, false);
}
bool Loop::wait_writable_again(int descriptor, MachineTime deadline) {
  return wait(descriptor, Side::write, deadline, false);
}

void Loop::closed(int descriptor) {
  const auto number = static_cast<std::size_t>(descriptor);
  if (number >= descriptors_.size()) return;
  auto& entry = descriptors_[number];
  const auto generation = entry.generation + 1;
  entry = Descriptor{};
  entry.generation = generation;
}

void Loop::forget(int descriptor) {
  const auto number = static_cast<std::size_t>(descriptor);
  if (number >= descriptors_.size() || !descriptors_[number].registered) return;
  epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
  closed(descriptor);
}

}  // namespace moonbase::loop
