#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <moonbase/internal/parker.hpp>
#include <moonbase/signal.hpp>
#include <thread>

#include "loop/fiber.hpp"
#include "loop/loops.hpp"
#include "manual_clock.hpp"

using moonbase::MachineTime;
using moonbase::Signal;
using moonbase::internal::Parker;
using moonbase::loop::Loops;
using namespace std::chrono_literals;

namespace {

const auto never = MachineTime::max();

struct Running {
  ManualClock clock;
  Loops loops;
  explicit Running(unsigned count = 1) : loops(count, clock) { loops.start(); }
};

struct Pair {
  int a, b;
  Pair() {
    int both[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both) == 0);
    a = both[0];
    b = both[1];
  }
  ~Pair() {
    close(a);
    close(b);
  }
};

}  // namespace

TEST_CASE("a fiber runs, and what it throws reaches the thread that waits for it") {
  Running running;
  int ran = 0;
  running.loops.run_on_loop([&] { ++ran; });
  CHECK(ran == 1);
  CHECK_THROWS_WITH(running.loops.run_on_loop([] { throw std::runtime_error("broken"); }), "broken");
}

TEST_CASE("a wake that comes before the park is not lost") {
  Running running;
  running.loops.run_on_loop([] {
    const auto parker = Parker::current();
    parker->wake();
    parker->wake();
    parker->park();
    // At most one permit: the second wake added nothing.
    CHECK_FALSE(parker->park_until(std::chrono::steady_clock::now() - 1s));
  });
}

TEST_CASE("any thread wakes a fiber, also after the fiber has ended") {
  Running running(2);
  std::promise<std::shared_ptr<Parker>> parked;
  auto parker = parked.get_future();
  std::thread other([&] {
    const auto fiber = parker.get();
    fiber->wake();
  });
  std::shared_ptr<Parker> kept;
  running.loops.run_on_loop([&] {
    kept = Parker::current();
    parked.set_value(kept);
    kept->park();
  });
  other.join();
  kept->wake();
  running.loops.stop();
  kept->wake();
  SUCCEED("no use after the end");
}

TEST_CASE("a deadline on the machine's clock ends a wait") {
  Running running;
  running.loops.run_on_loop([&] {
    const auto deadline = std::chrono::steady_clock::now() + 5ms;
    while (Parker::current()->park_until(deadline)) {
    }
    CHECK(std::chrono::steady_clock::now() >= deadline);
  });
}

TEST_CASE("a deadline on the platform's clock passes when that clock is advanced, and not sooner") {
  Running running;
  Signal signal, about_to_wait;
  std::atomic<bool> returned{false};
  auto outcome = std::async(std::launch::async, [&] {
    bool notified = true;
    running.loops.run_on_loop([&] {
      const auto deadline = moonbase::Time{running.clock.now().ms + 1000};
      about_to_wait.notify();
      notified = signal.wait(signal.version(), deadline);
      returned = true;
    });
    return notified;
  });
  running.loops.run_on_loop([&] { about_to_wait.wait(0, moonbase::Time{INT64_MAX}); });
  running.clock.advance_ms(999);
  running.loops.clock_changed();
  // The loop has looked at its deadlines once it has run another fiber after the change.
  running.loops.run_on_loop([] {});
  running.loops.run_on_loop([] {});
  CHECK_FALSE(returned);
  running.clock.advance_ms(1);
  running.loops.clock_changed();
  CHECK_FALSE(outcome.get());
}

TEST_CASE("a signal wakes fibers and threads alike, and a version read before cannot miss it") {
  Running running(2);
  Signal signal;
  const auto seen = signal.version();
  std::atomic<int> woken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back(
        [&] { running.loops.run_on_loop([&] { woken += signal.wait(seen, moonbase::Time{INT64_MAX}); }); });
    threads.emplace_back([&] { woken += signal.wait(seen, moonbase::Time{INT64_MAX}); });
  }
  signal.notify();
  for (auto& thread : threads) thread.join();
  CHECK(woken == 8);
}

TEST_CASE("a fiber waits for a descriptor until it is readable, and a hang-up counts") {
  Running running;
  Pair pair;
  std::string got;
  running.loops.run_on_loop([&] {
    auto& io = running.loops.io();
    CHECK_FALSE(io.wait_readable(pair.a, std::chrono::steady_clock::now()));
    io.spawn([&] { CHECK(write(pair.b, "hello", 5) == 5); });
    CHECK(io.wait_readable(pair.a, never));
    char bytes[3];
    CHECK(read(pair.a, bytes, 3) == 3);
    got.assign(bytes, 3);
    // What is left unread is still readable: the wait asks before it sleeps.
    CHECK(io.wait_readable(pair.a, never));
    CHECK(read(pair.a, bytes, 3) == 2);
    got.append(bytes, 2);
    io.spawn([&] { shutdown(pair.b, SHUT_WR); });
    CHECK(io.wait_readable(pair.a, never));
    CHECK(read(pair.a, bytes, 3) == 0);
    io.forget(pair.a);
  });
  CHECK(got == "hello");
}

TEST_CASE("a writer waits while the other side is slow") {
  Running running;
  Pair pair;
  std::size_t sent = 0, received = 0;
  const std::string block(64 * 1024, 'x');
  running.loops.run_on_loop([&] {
    auto& io = running.loops.io();
    io.spawn([&] {
      std::string bytes(256 * 1024, '\0');
      while (received < 4 * block.size() * 16) {
        if (!running.loops.io().wait_readable(pair.b, never)) break;
        const auto count = read(pair.b, bytes.data(), bytes.size());
        if (count > 0) received += static_cast<std::size_t>(count);
      }
    });
    while (sent < 4 * block.size() * 16) {
      const auto count = write(pair.a, block.data(), block.size());
      if (count > 0) {
        sent += static_cast<std::size_t>(count);
      } else {
        REQUIRE(io.wait_writable(pair.a, never));
      }
    }
    while (received < sent) running.loops.io().sleep_until(std::chrono::steady_clock::now() + 1ms);
  });
  CHECK(received == sent);
}

TEST_CASE("blocking work runs on another thread, and its exception comes back") {
  Running running;
  running.loops.run_on_loop([&] {
    const auto here = std::this_thread::get_id();
    std::thread::id there;
    bool other_ran = false;
    std::promise<void> release;
    auto released = release.get_future();
    running.loops.io().spawn([&] {
      other_ran = true;
      release.set_value();
    });
    running.loops.io().blocking([&] {
      there = std::this_thread::get_id();
      released.wait();
    });
    CHECK(other_ran);
    CHECK(here != there);
    CHECK_THROWS_WITH(running.loops.io().blocking([] { throw std::runtime_error("no disk"); }), "no disk");
  });
}

TEST_CASE("stopping ends every wait and unwinds the fibers") {
  Running running(2);
  std::atomic<int> unwound{0}, waiting{0};
  struct Count {
    std::atomic<int>& unwound;
    ~Count() { ++unwound; }
  };
  Pair pair;
  Signal signal, all_wait;
  for (int i = 0; i < 3; ++i) {
    running.loops.spawn([&, i] {
      const Count count{unwound};
      ++waiting;
      all_wait.notify();
      if (i == 0) Parker::current()->park();
      if (i == 1) running.loops.io().wait_readable(pair.a, never);
      if (i == 2) signal.wait(0, moonbase::Time{INT64_MAX});
      FAIL("nobody woke it");
    });
  }
  while (waiting < 3) all_wait.wait(all_wait.version(), moonbase::Time{INT64_MAX});
  running.loops.stop();
  CHECK(unwound == 3);
}

TEST_CASE("a fiber that waits inside a catch block finds its own exception again") {
  Running running;
  std::string first, second;
  running.loops.run_on_loop([&] {
    Signal both;
    const auto work = [&](const char* name, std::string& found) {
      try {
        throw std::runtime_error(name);
      } catch (...) {
        for (int i = 0; i < 3; ++i) moonbase::loop::Loop::current()->yield();
        try {
          throw;
        } catch (const std::exception& exception) {
          found = exception.what();
        }
      }
      both.notify();
    };
    running.loops.io().spawn([&] { work("first", first); });
    running.loops.io().spawn([&] { work("second", second); });
    while (both.version() < 2) both.wait(both.version(), moonbase::Time{INT64_MAX});
  });
  CHECK(first == "first");
  CHECK(second == "second");
}

TEST_CASE("ten thousand parked fibers cost little memory each") {
  const auto resident_kib = [] {
    long pages = 0, resident = 0;
    auto* file = fopen("/proc/self/statm", "r");
    REQUIRE(file);
    REQUIRE(fscanf(file, "%ld %ld", &pages, &resident) == 2);
    fclose(file);
    return resident * 4;
  };
  Running running;
#if defined(__SANITIZE_THREAD__)
  constexpr int count = 100;  // Each costs ThreadSanitizer a megabyte.
#else
  constexpr int count = 10'000;
#endif
  Signal release;
  std::atomic<int> parked{0}, ended{0};
  const auto before_kib = resident_kib();
  running.loops.run_on_loop([&] {
    for (int i = 0; i < count; ++i) {
      running.loops.io().spawn([&] {
        ++parked;
        release.wait(0, moonbase::Time{INT64_MAX});
        ++ended;
      });
    }
  });
  running.loops.run_on_loop([] {});
  CHECK(parked == count);
  const auto each_kib = static_cast<double>(resident_kib() - before_kib) / count;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(each_kib < 16.0);
#endif
  WARN("a parked fiber: " << each_kib << " KiB");
  release.notify();
  while (ended < count) running.loops.run_on_loop([] {});
  CHECK(ended == count);
}
