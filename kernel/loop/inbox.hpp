// Inbox: how other threads reach a loop. Many messages cost one wake-up. Private to kernel/loop.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <system_error>
#include <vector>

namespace moonbase::loop {

class Fiber;

// Outlives its loop in the hands of those who may still wake a fiber.
struct Inbox {
  struct Mail {
    std::vector<std::shared_ptr<Fiber>> woken;
    std::vector<std::function<void()>> work;
    bool clock_changed = false;
    bool stop = false;
  };

  Inbox() : event(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (event < 0) throw std::system_error(errno, std::system_category(), "eventfd");
  }
  ~Inbox() { ::close(event); }
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  template <class Put>
  void put(Put put_mail) {
    {
      const std::lock_guard lock(mutex);
      if (closed) return;
      put_mail(mail);
      filled.store(true, std::memory_order_relaxed);
    }
    // The loop says that it sleeps before it looks at `mail` for the last time, under the same lock.
    if (sleeping.load(std::memory_order_relaxed) && sleeping.exchange(false)) {
      const std::uint64_t one = 1;
      [[maybe_unused]] const auto written = ::write(event, &one, sizeof one);  // Fails only when full: as good.
    }
  }

  std::mutex mutex;
  Mail mail;
  bool closed = false;
  std::atomic<bool> filled{false};
  std::atomic<bool> sleeping{false};
  const int event;
};

}  // namespace moonbase::loop
