#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <moonbase/signal.hpp>
#include <thread>
#include <vector>

using namespace moonbase;

TEST_CASE("no notification is lost, however many notify at once") {
  constexpr int notifiers = 4, each = 50'000;
  Signal signal;
  std::atomic<int> given = 0;
  // Ends by itself also where it is forgotten, so that the test fails rather than hangs.
  const auto far = Time{std::chrono::duration_cast<std::chrono::milliseconds>(
                            (std::chrono::system_clock::now() + std::chrono::seconds(60)).time_since_epoch())
                            .count()};
  auto taker = std::async(std::launch::async, [&] {
    for (int taken = 0; taken < notifiers * each;) {
      const auto seen = signal.version();
      if (const int now = given.load(); now > taken)
        taken = now;
      else
        signal.wait(seen, far);
    }
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < notifiers; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < each; ++k) {
        ++given;
        signal.notify();
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(taker.wait_for(std::chrono::seconds(30)) == std::future_status::ready);
}
