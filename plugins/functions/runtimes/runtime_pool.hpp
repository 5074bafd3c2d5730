// The execution environments of one function version whose runtime is a program of its own. Like Pool:
// they belong to the loop on which they began, and the one used last is used next.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <moonbase/internal/parker.hpp>
#include <mutex>
#include <vector>

#include "logs/log_store.hpp"
#include "pool/pool.hpp"
#include "runtimes/code_folder.hpp"
#include "runtimes/runtime_environment.hpp"
#include "runtimes/runtime_launch.hpp"

namespace moonbase::functions {

// An environment and where its words go.
struct RuntimeLease {
  std::shared_ptr<RuntimeEnvironment> environment;
  std::shared_ptr<LogStream> stream;
  std::shared_ptr<std::string*> tail;  // Of the invocation that runs, or null.
  std::shared_ptr<void> provisioned;   // Not null: it is kept while it is idle. Its owner sees it go.
  std::shared_ptr<void> running;       // While somebody uses it; the pool's.
};

// Any fiber may use it.
class RuntimePool : public std::enable_shared_from_this<RuntimePool> {
 public:
  RuntimePool(KernelServices& kernel, Processes& processes, CodeFolders& folders, Function function,
              std::chrono::milliseconds idle_max)
      : kernel_(kernel),
        processes_(processes),
        folders_(folders),
        function_(std::move(function)),
        idle_max_(idle_max) {}

  // Unpacks the code if nobody has. Suspends the fiber.
  Result<std::shared_ptr<const RuntimeLaunch>> launch();
  // An idle environment of this loop; an empty lease where there is none. Where handlers take a moment and some
  // are running, one of those, as soon as it is free: fewer processes do the same work with warmer caches.
  // Suspends the fiber.
  RuntimeLease take();
  // Not started yet.
  RuntimeLease make(std::shared_ptr<const RuntimeLaunch> launch, LogStore& logs, std::shared_ptr<LogStream> stream);
  // One that has been started and has not run yet.
  void keep(RuntimeLease lease);
  // How many wait on the loop that began them though nobody has asked yet (RuntimeLease::provisioned). Any thread.
  int provisioned_idle() const { return provisioned_idle_; }
  // Those beyond that number end like others when nobody needs them. On their loop.
  void keep_provisioned_at_most(std::size_t most);
  // Behind an invocation whose handler took that long, if that is known. `deadline`: until when it may go on by itself.
  void give_back(RuntimeLease lease, std::optional<std::uint64_t> handler_us, MachineTime deadline);

  // No environment is kept from now on. Any thread.
  void retire() { retired_ = true; }

 private:
  struct Waiter {
    std::shared_ptr<internal::Parker> parker;
    RuntimeLease lease;
  };
  struct Local {
    std::vector<RuntimeLease> idle;
    std::deque<Waiter*> waiting;  // In the order in which they came.
    int running = 0;
    double handler_us = unknown_handler_us;  // As a moving average.
    MachineTime progress_at, wait_again_at;  // When somebody's waiting has ended well; when it may again.
    bool janitor = false;
  };
  static constexpr double unknown_handler_us = 1e6;
  bool is_usable(const RuntimeLease& lease) const;
  RuntimeLease lend(Local& local, RuntimeLease lease);
  RuntimeLease wait_for_one(Local& local);
  void sweep(Local& local);

  KernelServices& kernel_;
  Processes& processes_;
  CodeFolders& folders_;
  const Function function_;
  const std::chrono::milliseconds idle_max_;
  std::array<Local, threads_max> local_;  // By thread.
  std::atomic<bool> retired_{false};
  std::atomic<int> provisioned_idle_{0}, provisioned_max_{0};

  std::mutex mutex_;
  RuntimeCode code_;
  std::shared_ptr<const RuntimeLaunch> launch_;
};

}  // namespace moonbase::functions
