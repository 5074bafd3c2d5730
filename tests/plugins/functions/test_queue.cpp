// A queue and a stream for tests of event source mappings: they hold what they hold in memory, the one answers for
// every ARN of SQS, the other for every ARN of Kinesis.
#include <algorithm>
#include <atomic>
#include <memory>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <moonbase/plugin.hpp>
#include <mutex>
#include <utility>
#include <vector>

namespace {

using namespace moonbase;

constexpr auto model = R"lua(
local shape = require "moonbase.shape"
return shape.service {
  name = "testqueue", version = "2026-01-01", protocols = { "json-1.0" }, target = "TestQueue",
  operations = {
    -- Reads: how often anybody has asked the queue or stream for records.
    Count = { input = {}, output = { Reads = shape.integer, Messages = shape.integer, Last = shape.string, Options = shape.string } },
    -- Answers when somebody calls Release.
    Wait = { input = {}, output = {} },
    Release = { input = {}, output = {} },
    Send = { input = { Body = shape.string { required = true } }, output = {} },
    -- The queue is gone until it is made again, then empty and another.
    Remove = { input = {}, output = {} },
    Restore = { input = {}, output = {} },
    PutRecord = { input = { Shard = shape.string { required = true }, Key = shape.string { required = true },
                            Data = shape.string { required = true } }, output = {} },
    -- Closes a shard, or begins one.
    CloseShard = { input = { Shard = shape.string { required = true } }, output = {} },
    BeginShard = { input = { Shard = shape.string { required = true }, Parent = shape.string }, output = {} },
  },
}
)lua";

constexpr std::int64_t visibility_ms = 30'000;

class Queue final : public EventSource {
 public:
  explicit Queue(const Clock& clock) : clock_(clock) {}

  void send(std::string body, std::string trace = {}, std::string options = {}) {
    {
      const std::lock_guard lock(mutex_);
      messages_.push_back({std::to_string(++last_), std::move(body), std::move(trace), std::move(options), {}});
    }
    if (const auto signal = changed({}, {})) signal->notify();
  }
  std::int64_t count() {
    const std::lock_guard lock(mutex_);
    return static_cast<std::int64_t>(messages_.size());
  }

  Map last() {
    const std::lock_guard lock(mutex_);
    if (messages_.empty()) return {};
    return {{"Last", messages_.back().body}, {"Options", messages_.back().options}};
  }

  void remove() {
    std::shared_ptr<Signal> before;
    {
      const std::lock_guard lock(mutex_);
      messages_.clear();
      before = std::exchange(signal_, nullptr);
    }
    if (before) before->notify();
  }
  void restore() {
    const std::lock_guard lock(mutex_);
    if (!signal_) signal_ = std::make_shared<Signal>();
  }

  std::atomic<std::int64_t> reads = 0;

  Result<bool> is_queue(const CallContext&, std::string_view) override { return true; }
  std::shared_ptr<Signal> changed(const CallContext&, std::string_view) override {
    const std::lock_guard lock(mutex_);
    return signal_;
  }

  Result<SourceBatch> read(const CallContext&, std::string_view, const SourceRead& wanted) override {
    ++reads;
    SourceBatch batch;
    const auto now = clock_.now();
    const std::lock_guard lock(mutex_);
    if (!signal_) return Error{"QueueDoesNotExist", "There is no such queue."};
    for (auto& message : messages_) {
      if (message.visible_at > now) {
        batch.next = std::min(batch.next, message.visible_at);
      } else if (static_cast<int>(batch.records.size()) < wanted.records_max) {
        message.visible_at = {now.ms + visibility_ms};
        SourceRecord record;
        record.event = Map{{"messageId", message.id}, {"body", message.body}};
        if (!message.trace.empty()) record.event.set("attributes", Map{{"AWSTraceHeader", message.trace}});
        record.id = record.item_id = message.id;
        record.bytes = message.body.size();
        batch.records.push_back(std::move(record));
      }
    }
    return batch;
  }
  Result<Done> finish(const CallContext&, std::string_view, const std::vector<std::string>& ids) override {
    const std::lock_guard lock(mutex_);
    for (const auto& id : ids) std::erase_if(messages_, [&](const Message& message) { return message.id == id; });
    return done;
  }
  Result<Done> release(const CallContext&, std::string_view, const std::vector<std::string>& ids, int) override {
    const std::lock_guard lock(mutex_);
    for (auto& message : messages_)
      for (const auto& id : ids)
        if (message.id == id) message.visible_at = {};
    return done;
  }

 private:
  struct Message {
    std::string id, body, trace, options;
    Time visible_at;
  };
  const Clock& clock_;
  std::shared_ptr<Signal> signal_ = std::make_shared<Signal>();
  std::mutex mutex_;
  std::vector<Message> messages_;
  int last_ = 0;
};

class Stream final : public EventSource {
 public:
  explicit Stream(const Clock& clock) : clock_(clock) {}

  void put(const std::string& shard, std::string key, std::string data) {
    {
      const std::lock_guard lock(mutex_);
      auto& records = shard_of(shard).records;
      records.push_back({std::move(key), std::move(data), clock_.now()});
    }
    signal_->notify();
  }
  void close(const std::string& shard) {
    {
      const std::lock_guard lock(mutex_);
      shard_of(shard).closed = true;
    }
    signal_->notify();
  }
  void begin(const std::string& shard, std::string parent) {
    {
      const std::lock_guard lock(mutex_);
      shard_of(shard).parent = std::move(parent);
    }
    signal_->notify();
  }

  std::atomic<std::int64_t> reads = 0;

  Result<bool> is_queue(const CallContext&, std::string_view) override { return false; }
  std::shared_ptr<Signal> changed(const CallContext&, std::string_view) override { return signal_; }
  Result<std::vector<SourceShard>> shards(const CallContext&, std::string_view) override {
    std::vector<SourceShard> all;
    const std::lock_guard lock(mutex_);
    for (const auto& shard : shards_) all.push_back({shard.id, shard.parent});
    return all;
  }
  Result<std::string> start(const CallContext&, std::string_view, std::string_view shard, SourceStart from,
                            Time at) override {
    const std::lock_guard lock(mutex_);
    const auto& records = shard_of(std::string(shard)).records;
    std::size_t position = from == SourceStart::latest ? records.size() : 0;
    while (from == SourceStart::at_timestamp && position < records.size() && records[position].at < at) ++position;
    return std::to_string(position);
  }
  Result<SourceBatch> read(const CallContext&, std::string_view arn, const SourceRead& wanted) override {
    ++reads;
    SourceBatch batch;
    const std::lock_guard lock(mutex_);
    const auto& shard = shard_of(wanted.shard);
    auto at = static_cast<std::size_t>(std::stoul(wanted.position));
    for (; at < shard.records.size() && static_cast<int>(batch.records.size()) < wanted.records_max; ++at) {
      const auto& each = shard.records[at];
      SourceRecord record;
      record.id = record.item_id = std::to_string(at);
      record.group = each.key;
      record.arrived = each.at;
      record.bytes = each.data.size();
      record.event =
          Map{{"eventSource", "aws:kinesis"},
              {"eventSourceARN", arn},
              {"kinesis", Map{{"sequenceNumber", record.id}, {"partitionKey", each.key}, {"data", base64(each.data)}}}};
      batch.records.push_back(std::move(record));
    }
    batch.position = std::to_string(at);
    batch.ended = shard.closed && at == shard.records.size();
    return batch;
  }

 private:
  struct Record {
    std::string key, data;
    Time at;
  };
  struct Shard {
    std::string id, parent;
    std::vector<Record> records;
    bool closed = false;
  };
  Shard& shard_of(const std::string& id) {
    for (auto& shard : shards_)
      if (shard.id == id) return shard;
    return shards_.emplace_back(Shard{id, {}, {}, false});
  }
  const Clock& clock_;
  const std::shared_ptr<Signal> signal_ = std::make_shared<Signal>();
  std::mutex mutex_;
  std::vector<Shard> shards_;
};

class TestQueue final : public moonbase::Plugin {
  void load(Registrar& registrar) override {
    queue_ = std::make_unique<Queue>(registrar.kernel().clock);
    stream_ = std::make_unique<Stream>(registrar.kernel().clock);
    registrar.model(model);
    registrar.operation("Count", [this](Call&) -> Result<Value> {
      auto output = queue_->last();
      output.set("Messages", queue_->count());
      output.set("Reads", queue_->reads + stream_->reads);
      return Value(std::move(output));
    });
    registrar.operation("Send", [this](Call& call) -> Result<Value> {
      queue_->send(call.input["Body"].string(), call.context.trace);
      return Value(Map{});
    });
    registrar.operation("Remove", [this](Call&) -> Result<Value> {
      queue_->remove();
      return Value(Map{});
    });
    registrar.operation("Restore", [this](Call&) -> Result<Value> {
      queue_->restore();
      return Value(Map{});
    });
    registrar.operation("Wait", [this](Call&) -> Result<Value> {
      for (auto seen = released_.version(); !is_released_; seen = released_.version())
        released_.wait(seen, Time{INT64_MAX});
      return Value(Map{});
    });
    registrar.operation("Release", [this](Call&) -> Result<Value> {
      is_released_ = true;
      released_.notify();
      return Value(Map{});
    });
    registrar.operation("PutRecord", [this](Call& call) -> Result<Value> {
      stream_->put(call.input["Shard"].string(), call.input["Key"].string(), call.input["Data"].string());
      return Value(Map{});
    });
    registrar.operation("CloseShard", [this](Call& call) -> Result<Value> {
      stream_->close(call.input["Shard"].string());
      return Value(Map{});
    });
    registrar.operation("BeginShard", [this](Call& call) -> Result<Value> {
      stream_->begin(call.input["Shard"].string(), call.input["Parent"].string_or(""));
      return Value(Map{});
    });
    registrar.event_source("sqs", *queue_);
    registrar.event_source("kinesis", *stream_);
    registrar.target("sqs", [this](Delivery& delivery) -> Result<Value> {
      queue_->send(delivery.payload, {}, to_json(delivery.options));
      return Value(Map{});
    });
  }
  std::unique_ptr<Queue> queue_;
  std::unique_ptr<Stream> stream_;
  Signal released_;
  std::atomic<bool> is_released_{false};
};

}  // namespace

MOONBASE_PLUGIN(TestQueue, "test_queue", "1.0")
