// Pollers: one fiber for each pipe that runs. It sleeps on its source's signal, so an idle pipe costs nothing.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <moonbase/call.hpp>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipes/pipe.hpp"

namespace moonbase::notifications::pipes {

// Any fiber may use it.
class Poller : public std::enable_shared_from_this<Poller> {
 public:
  Poller(const KernelServices& kernel, CompiledPipe pipe);
  // The fiber's own: until stop().
  void run();
  // What is under way is finished first.
  void stop();

 private:
  struct Shard {
    std::string id, parent, position;
    bool has_position = false, ended = false;
    std::int64_t attempts = 0;
    int records_max = 0;  // While a batch that failed is tried again; 0: the batch size.
    Time retry_at;
  };
  struct Sent {
    std::vector<bool> failed;  // One a record.
    Error error;               // The last one, where any has.
  };

  std::shared_ptr<Signal> wait_for_source();
  bool wait(Signal& signal, std::uint64_t seen, Time deadline);
  Time poll_queue(EventSource& source, Signal& signal);
  Time poll_stream(EventSource& source);
  Time poll_shard(EventSource& source, Shard& shard);
  bool find_shards(EventSource& source);
  void retry_shard(Shard& shard, const std::vector<SourceRecord>& batch, const Sent& sent);
  void save_position(const Shard& shard);
  void bury(const Shard& shard, const std::vector<SourceRecord>& batch, std::string_view condition);

  Sent send(const std::vector<SourceRecord>& records);
  Result<std::vector<PipeEvent>> enrich(const std::vector<PipeEvent>& events);
  void send_batch(const std::vector<SourceRecord>& records, const std::vector<std::size_t>& kept,
                  const std::vector<PipeEvent>& events, Sent& sent);
  void send_each(const std::vector<SourceRecord>& records, const std::vector<std::size_t>& kept,
                 const std::vector<PipeEvent>& events, Sent& sent);

  const KernelServices& kernel_;
  const CompiledPipe pipe_;
  CallContext context_;
  bool is_queue_ = false;
  std::vector<Shard> shards_;
  std::optional<Activity::Busy> busy_;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;
  std::shared_ptr<Signal> waiting_on_;
};

// The pollers of the pipes that run. Any thread may use it.
class Pollers {
 public:
  // Instead of one that runs already.
  void start(const KernelServices& kernel, CompiledPipe pipe);
  void stop(const PipeName& name);
  void stop_all(std::string_view account);  // Empty: every account's.

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Poller>> pollers_;  // By ARN.
};

}  // namespace moonbase::notifications::pipes
