// Pollers: the fibers behind event source mappings. Each waits on its source's Signal, so that an idle
// mapping costs nothing, and is Busy from when it wakes to when it waits again.
#pragma once

#include <atomic>
#include <memory>
#include <moonbase/plugin.hpp>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "lambda/event_invoke.hpp"
#include "lambda/event_source_mapping.hpp"
#include "lambda/service.hpp"

namespace moonbase::functions {

// What has become of a batch that a function was given.
struct BatchOutcome {
  std::optional<InvocationResult> result;  // None: the function could not be invoked.
  std::string error;                       // The code, where it could not.
  bool failed = false;
  bool partial = false;                   // Some items failed, as the function reports.
  std::vector<std::string> failed_items;  // Those.
  std::string request_id;
};

// One mapping being polled, from start() to the end of what it was doing when it was stopped.
class Poller : public std::enable_shared_from_this<Poller> {
 public:
  Poller(FunctionService& functions, EventSource& source, EventSourceMapping mapping,
         std::vector<FilterPattern> filters);
  virtual ~Poller() = default;

  // Begins on the calling fiber's loop, behind `before`, which is ending.
  void start(std::shared_ptr<Poller> before);
  void stop();  // Any thread; it ends by itself.

  const EventSourceMapping& mapping() const { return mapping_; }
  std::string last_result() const;

 protected:
  using Busy = std::optional<Activity::Busy>;
  // Polls the source until it is stopped, or is_gone().
  virtual void run(Busy& busy) = 0;

  KernelServices& kernel() { return functions_.kernel(); }
  CallContext context();
  bool stopped() const { return stopped_; }
  // The source is not there any more, or another of its name is: nobody notifies changed_.
  bool is_gone();
  // Waits, not Busy, for a change of the source or the moment. Behind is_gone(), so that nobody waits in vain.
  void wait_for_source(Busy& busy, std::uint64_t seen, Time deadline);
  // Waits, not Busy, for stop() or the moment.
  void pause(Busy& busy, std::int64_t ms);
  // Takes more records into the batch until it is full or the mapping's window has passed.
  template <class Read>
  void fill(Busy& busy, SourceBatch& batch, std::size_t records_max, Read read);
  bool passes(const Value& event) const;
  // What a function gets: the records, and beside them what a window adds.
  static std::string event_of(const std::vector<const SourceRecord*>& records, const Map& around = {});
  BatchOutcome invoke(const std::vector<const SourceRecord*>& records, const Map& around = {});
  void note(std::string result);

  FunctionService& functions_;
  EventSource& source_;
  const EventSourceMapping mapping_;
  const std::vector<FilterPattern> filters_;
  std::shared_ptr<Signal> changed_;  // Of the source, while run() runs.
  Signal woken_;                     // By stop(), and by fibers of its own that have ended.

 private:
  void poll(Busy& busy);

  std::atomic<bool> stopped_{false}, ended_{false};
  Signal end_;
  mutable std::mutex mutex_;
  std::string last_result_ = "No records processed";
};

inline constexpr std::size_t batch_bytes_max = 5 * 1024 * 1024;  // Of records; the event around them has room.
inline constexpr Time never{INT64_MAX};

template <class Read>
void Poller::fill(Busy& busy, SourceBatch& batch, std::size_t records_max, Read read) {
  const auto window_ms = mapping_.number("MaximumBatchingWindowInSeconds", 0) * 1000;
  const Time deadline{kernel().clock.now().ms + window_ms};
  std::size_t bytes = 0;
  for (const auto& record : batch.records) bytes += record.bytes;
  while (!stopped() && window_ms > 0 && batch.records.size() < records_max && bytes < batch_bytes_max && !batch.ended &&
         kernel().clock.now() < deadline) {
    const auto seen = changed_->version();
    Result<SourceBatch> more =
        read(batch, static_cast<int>(records_max - batch.records.size()), batch_bytes_max - bytes);
    if (!more) return;
    const bool nothing = more->records.empty();
    for (auto& record : more->records) {
      bytes += record.bytes;
      batch.records.push_back(std::move(record));
    }
    batch.position = std::move(more->position);
    batch.ended = more->ended;
    if (nothing && is_gone()) return;
    if (nothing && !batch.ended) wait_for_source(busy, seen, std::min(deadline, more->next));
  }
}

std::shared_ptr<Poller> make_queue_poller(FunctionService& functions, EventSource& source, EventSourceMapping mapping,
                                          std::vector<FilterPattern> filters);
std::shared_ptr<Poller> make_stream_poller(FunctionService& functions, EventSource& source, EventSourceMapping mapping,
                                           std::vector<FilterPattern> filters);

// All of a plugin. Any fiber may use it.
class Pollers {
 public:
  explicit Pollers(FunctionService& functions) : functions_(functions) {}

  // Polls whatever the store says is to be polled. Once, before the first request.
  void begin();
  // A mapping's row has changed, or is gone.
  void refresh(const std::string& account, const std::string& region, const std::string& uuid);
  void reset(std::string_view account);
  // "No records processed" where nothing polls it.
  std::string last_result(const std::string& account, const std::string& region, const std::string& uuid) const;

  // Whether the source exists and can be polled, as errors of Create. Streams: notes where reading begins.
  Result<Done> check_source(const CallContext& context, const EventSourceMapping& mapping);
  Result<std::vector<std::pair<std::string, std::string>>> first_positions(const CallContext& context,
                                                                           const EventSourceMapping& mapping);

 private:
  // Null: there is nothing that could be polled.
  std::shared_ptr<Poller> make(EventSourceMapping mapping);

  // The poller of a mapping: the present one, or the last one, which the next waits for.
  struct Known {
    std::uint64_t change = 0;  // The last refresh() of it; an earlier one leaves it alone.
    std::shared_ptr<Poller> poller;
  };
  FunctionService& functions_;
  mutable std::mutex mutex_;
  std::uint64_t changes_ = 0;
  std::unordered_map<std::string, Known> pollers_;  // By "account/region/uuid".
};

}  // namespace moonbase::functions
