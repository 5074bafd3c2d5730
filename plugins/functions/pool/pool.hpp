// Pool: the execution environments of one function version.
//
// Environments belong to the loop on which they began: the warm path takes no lock and moves no
// descriptor between loops. The one used last is used next, so that the others can go.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <moonbase/io.hpp>
#include <moonbase/result.hpp>
#include <moonbase/signal.hpp>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "pool/environment_process.hpp"
#include "pool/shared_environment.hpp"

namespace moonbase::functions {

inline constexpr std::size_t threads_max = 256;
// Which of the loops that invoke functions this is, from 0 on. Throws std::runtime_error where there are more.
std::size_t this_thread();

class Pool;

// One environment and what is noted about it: one invocation's own, or shared by several.
struct Environment {
  std::unique_ptr<EnvironmentProcess> process;  // Either this
  std::shared_ptr<SharedEnvironment> shared;    // or that.

  EnvironmentAnswer invoke(Io& io, const EnvironmentInvocation& invocation, InvocationHost& host) {
    return shared ? shared->invoke(io, invocation, host) : process->invoke(io, invocation, host);
  }
  const std::string& log_stream_name() const { return shared ? shared->log_stream_name() : process->log_stream_name(); }
  std::shared_ptr<void> log;  // The owner's note: its log stream.
  std::uint32_t memory_kb_max = 0;
  std::uint32_t init_us = 0;  // Of its template, where it was started for this environment.
  bool provisioned = false;   // Waits for whichever loop needs it next.
};

// All pools of a plugin: closes environments that have been idle for long, each on its own loop.
class Pools {
 public:
  Pools(Processes& processes, std::chrono::milliseconds idle_max) : processes_(processes), idle_max_(idle_max) {}

  Processes& processes() { return processes_; }
  std::chrono::milliseconds idle_max() const { return idle_max_; }
  // On the loop whose environment became idle: its janitor wakes up.
  void idle(Io& io, const std::shared_ptr<Pool>& pool);
  // No janitor sleeps on.
  void stop() { stopped_ = true; }

 private:
  struct Janitor {
    bool running = false;
    std::vector<std::shared_ptr<Pool>> pools;
  };
  void sweep(Io& io, Janitor& janitor);

  Processes& processes_;
  const std::chrono::milliseconds idle_max_;
  std::atomic<bool> stopped_{false};
  std::array<Janitor, threads_max> janitors_;
};

// What a template is made from, asked for when one is needed.
struct PoolCode {
  std::string package;  // environment/package.hpp
  std::uint64_t memory_bytes = 0;
};

// Any fiber may use it.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  using MakeCode = std::function<Result<PoolCode>()>;
  using MakeLogStreamName = std::function<std::string()>;
  // `holds`: see SharedEnvironment.
  Pool(Pools& pools, MakeCode code, MakeLogStreamName log_stream_name, bool holds)
      : pools_(pools), make_code_(std::move(code)), make_log_stream_name_(std::move(log_stream_name)), holds_(holds) {}
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // What went wrong while the code was loaded; `json` as Lambda shows it.
  struct InitFailure {
    std::string json;
    bool timed_out = false;
    std::uint32_t init_us = 0;
  };
  struct Acquired {
    std::shared_ptr<Environment> environment;  // Or:
    std::shared_ptr<const InitFailure> failure;
    std::string init_log;  // What the code printed while it was loaded, once.
    bool cold = false;
  };
  // An idle environment, or a new one. An Error is the platform's. Suspends the fiber.
  Result<Acquired> acquire(Io& io);
  // On the loop that acquired it. What is not reusable is closed. `duration_us`: how long the handler
  // ran, by the environment's word.
  void release(Io& io, std::shared_ptr<Environment> environment, bool reusable, std::uint32_t duration_us);

  // Keeps `wanted` environments started, beside those that begin when they are needed. Suspends the fiber until they
  // are there; from then on what ends is replaced.
  struct Provisioned {
    std::size_t started = 0;
    std::shared_ptr<const InitFailure> failure;  // Why there are fewer; an Error is the platform's.
  };
  Result<Provisioned> provision(Io& io, std::size_t wanted);
  std::size_t provisioned() const { return provisioned_; }

  // No environment is kept from now on: the function has changed or is gone. Any thread.
  void retire();
  bool retired() const { return retired_; }

 private:
  friend class Pools;
  struct Ready {
    std::shared_ptr<Template> parent;
    std::shared_ptr<const InitFailure> failure;
    std::string log;
    std::uint32_t init_us = 0;
  };
  Result<Ready> ready_template(Io& io);
  Result<Ready> make_template(Io& io);
  bool sweep(Io& io, std::size_t thread);  // True while some are idle on this loop.
  Result<Acquired> start(Io& io);
  // Null: all of them are in use.
  std::shared_ptr<Environment> take_provisioned(std::string& init_log);
  void keep_provisioned(Io& io, std::shared_ptr<Environment> environment);
  std::shared_ptr<Environment> share(Io& io);

  Pools& pools_;
  const MakeCode make_code_;
  const MakeLogStreamName make_log_stream_name_;
  const bool holds_;
  struct Local {
    std::vector<std::shared_ptr<Environment>> idle;
    std::vector<std::shared_ptr<Environment>> shared;
    int running = 0;
    double typical_us = 1e6;  // How long handlers ran of late.
  };
  std::array<Local, threads_max> local_;  // By thread.
  std::atomic<bool> retired_{false};

  std::mutex mutex_;
  std::shared_ptr<Template> template_;
  std::vector<std::shared_ptr<Environment>> stock_;  // Provisioned, and of no loop.
  std::string stock_log_;                            // What the code printed when it was loaded for them.
  std::size_t wanted_ = 0;
  std::atomic<std::size_t> provisioned_{0}, stocked_{0};  // Of them that live, and that are in the stock.
  bool making_ = false;
  Signal made_;
};

}  // namespace moonbase::functions
