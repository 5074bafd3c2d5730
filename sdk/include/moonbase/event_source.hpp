// EventSource: a queue or a stream that others read in batches: event source mappings and pipes. The
// service that holds the records registers one (Registrar::event_source); whoever polls finds it
// through EventSources. Neither knows the other's service.
//
// A queue has one shard, named "", and no positions: what read() hands out is hidden from others until
// finish() removes it or its visibility timeout ends. A stream has shards and keeps its records; whoever
// reads it remembers the position behind the last batch that it has done with.
#pragma once

#include <moonbase/clock.hpp>
#include <moonbase/result.hpp>
#include <moonbase/signal.hpp>
#include <moonbase/value.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase {

struct CallContext;

struct SourceRecord {
  Value event;             // As a function gets it: one element of the event's "Records".
  std::string id;          // What finish() and release() take: a receipt handle or a sequence number.
  std::string item_id;     // What a partial batch response names: a message id or a sequence number.
  std::string group;       // Order holds within it (message group, partition key). Empty: no order.
  std::string position;    // Streams: where reading goes on behind this record.
  Time arrived;            // When the source took it; record age limits count from here.
  std::size_t bytes = 0;   // What it adds to the payload.
};

struct SourceBatch {
  std::vector<SourceRecord> records;  // Oldest first.
  std::string position;               // Streams: behind all that was looked at, also when nothing was found.
  bool ended = false;                 // Streams: the shard is closed and has been read to its end.
  Time next = {INT64_MAX};            // When more becomes readable by time alone (delays, visibility).
};

struct SourceShard {
  std::string id;
  std::string parent;  // Read to its end before this one. Empty: none.
};

enum class SourceStart { latest, trim_horizon, at_timestamp };

struct SourceRead {
  std::string shard;
  std::string position;          // Streams: from start() or the last batch.
  int records_max = 10;          // At least 1.
  std::size_t bytes_max = 6 * 1024 * 1024;  // Stops before the record that would pass it, but hands out one.
};

// All of it may suspend the fiber. `context` says on whose behalf; an Error is the service's own
// (a queue that is gone, permission that is missing).
class EventSource {
 public:
  virtual ~EventSource() = default;

  // Whether records are removed once they are done with. An Error: this ARN cannot be polled.
  virtual Result<bool> is_queue(const CallContext& context, std::string_view arn) = 0;
  // Notified after each change that may have made something readable, or ended or split a shard. Read
  // its version before read(), so that nothing is missed. Null: there is no such resource.
  virtual std::shared_ptr<Signal> changed(const CallContext& context, std::string_view arn) = 0;
  virtual Result<SourceBatch> read(const CallContext& context, std::string_view arn, const SourceRead& read) = 0;

  // Streams: all shards, parents first, closed ones too while their records are kept.
  virtual Result<std::vector<SourceShard>> shards(const CallContext& context, std::string_view arn);
  // Streams: the position at which to begin. `at` matters for at_timestamp only.
  virtual Result<std::string> start(const CallContext& context, std::string_view arn, std::string_view shard,
                                    SourceStart from, Time at);
  // Queues: removes records that have been dealt with.
  virtual Result<Done> finish(const CallContext& context, std::string_view arn, const std::vector<std::string>& ids);
  // Queues: makes records readable again after `delay_seconds`, without waiting for their visibility timeout.
  virtual Result<Done> release(const CallContext& context, std::string_view arn, const std::vector<std::string>& ids,
                               int delay_seconds);
};

// Any fiber may use it.
class EventSources {
 public:
  virtual ~EventSources() = default;
  // Who holds the resource with this ARN, or null: no plugin does. Lives as long as the platform.
  virtual EventSource* source_of(std::string_view arn) const = 0;
};

}  // namespace moonbase
