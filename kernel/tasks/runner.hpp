// The task runner: runs what transactions scheduled, when it falls due on the platform's clock.
//
// A task is a row of its plugin's database from the commit that scheduled it until a run of it has
// succeeded; so after a crash it is still there and runs (perhaps again).
#pragma once

#include "store/sqlite_store.hpp"
#include "tasks/clock.hpp"

#include <moonbase/plugin.hpp>
#include <moonbase/signal.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace moonbase::tasks {

class Runner {
 public:
  // How a run is carried out: on a fiber of its own, journalled, its exceptions caught. Given by the kernel.
  struct Run {
    std::string plugin;
    store::ScheduledTask task;
  };
  struct Hooks {
    std::function<void(std::function<void()>)> spawn;  // Starts a fiber.
    std::function<Result<Done>(Run&)> carry_out;
    std::function<void(std::string)> warn;
    // What else an advance of the clock waits for: the first deadline that a fiber waits for, how much
    // goes on in the background, and that every fiber that was woken has run until it waits again.
    std::function<Time()> first_deadline;
    std::function<int()> activity;
    std::function<void()> yield_to_all;
  };
  Runner(PlatformClock& clock, Hooks hooks);

  // Before start().
  void add(std::string plugin, store::SqliteStore& store);
  // A store wrote a task that falls due then. Any thread.
  void scheduled(std::string_view plugin, Time due);

  void start();
  // No new run starts; answers whether all that were running ended before the deadline. On a fiber.
  bool stop(Io& io, MachineTime deadline);

  // Moves the clock to `target`, stopping at each moment at which a task falls due or a wait ends until
  // everything due then has been done. Answers how many runs still went on when patience ended (0 is usual). On a fiber.
  int advance_to(Io& io, Time target, MachineTime patience);

 private:
  struct Queue {
    std::string plugin;
    store::SqliteStore* store = nullptr;
    std::atomic<std::int64_t> next_due_ms{INT64_MAX};  // Of what is not running already; may be early, never late.
    std::mutex mutex;
    std::set<std::int64_t> running;
    // What ended while start_due() was reading: its rows may be from before.
    std::set<std::int64_t> ended;
  };

  void watch();
  void start_due(Queue& queue, Time now);
  void run(Queue& queue, store::ScheduledTask task);
  void finish(Queue& queue, const store::ScheduledTask& task, const Result<Done>& outcome);
  Time earliest() const;
  bool busy() const;
  int settle(Io& io, MachineTime patience);

  PlatformClock& clock_;
  const Hooks hooks_;
  std::vector<std::unique_ptr<Queue>> queues_;
  Signal changed_;
  std::atomic<int> running_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> watching_ = false;
};

}  // namespace moonbase::tasks
