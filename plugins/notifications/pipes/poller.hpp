// Pollers: what reads for each pipe that runs. Its fibers sleep on their source's signal, so an idle pipe costs
// nothing. A queue is read by one fiber; of a stream each shard has its own.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <moonbase/call.hpp>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pipes/pipe.hpp"
#include "pipes/sender.hpp"

namespace moonbase::notifications::pipes {

// Any fiber may use it.
class Poller : public std::enable_shared_from_this<Poller> {
 public:
  Poller(const KernelServices& kernel, CompiledPipe pipe);
  // Held while a fiber works, so that whoever moves the clock waits for it.
  using Busy = std::optional<Activity::Busy>;

  // The fiber's own: until stop(). Begins when `before`, the poller in whose place it is, has ended; it may be null.
  void run(Busy& busy, const std::shared_ptr<Poller>& before);
  // What is under way is finished first.
  void stop();
  bool has_ended() const { return ended_; }

 private:
  using Records = std::vector<SourceRecord>;
  struct Shard {
    std::string id, parent, position;
    bool ended = false;
  };
  struct Piece {
    Records records;
    std::int64_t attempts = 0;
  };

  // poller.cpp
  bool wait(Busy& busy, const std::shared_ptr<Signal>& signal, std::uint64_t seen, Time deadline);
  bool pause(Busy& busy, std::int64_t ms);  // False when it was stopped.
  CallContext context() const;
  void run_queue(Busy& busy, EventSource& source);
  Result<Time> poll_queue(Busy& busy, EventSource& source, const std::shared_ptr<Signal>& signal);

  // stream.cpp
  void run_stream(Busy& busy, EventSource& source);
  Result<std::vector<Shard>> find_shards(EventSource& source);
  Result<Shard> find_shard(EventSource& source, const SourceShard& found);
  void run_shard(Busy& busy, EventSource& source, Shard shard);
  bool process(Busy& busy, Shard& shard, const Records& records);
  bool process_lanes(Busy& busy, Shard& shard, const Records& records);
  bool process_in_order(Busy& busy, Shard& shard, const Records& records, bool keeps_position);
  Records without_old(const Shard& shard, Records records);
  void save_position(const Shard& shard);
  void bury(const Shard& shard, const Records& batch, std::string_view condition);

  const KernelServices& kernel_;
  const CompiledPipe pipe_;
  std::atomic<bool> stopped_ = false;
  // Stopped, or a shard's fiber has ended.
  const std::shared_ptr<Signal> woken_ = std::make_shared<Signal>();
  std::atomic<int> shards_running_ = 0;
  std::atomic<bool> ended_ = false;
  Signal has_ended_;
  std::mutex mutex_;
  std::multiset<std::shared_ptr<Signal>> waiting_on_;
};

// The pollers of the pipes that run. Any thread may use it.
class Pollers {
 public:
  // Instead of one that runs already.
  void start(const KernelServices& kernel, CompiledPipe pipe);
  void stop(const PipeName& name);
  void stop_all(std::string_view account);  // Empty: every account's.

 private:
  void forget_ended();

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Poller>> pollers_;  // By ARN. Stopped ones stay until they have ended.
};

}  // namespace moonbase::notifications::pipes
