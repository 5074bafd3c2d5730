// A queue for tests of event source mappings: it holds messages in memory and answers for every ARN of SQS.
#include <algorithm>
#include <memory>
#include <moonbase/json.hpp>
#include <moonbase/plugin.hpp>
#include <mutex>
#include <vector>

namespace {

using namespace moonbase;

constexpr auto model = R"lua(
local shape = require "moonbase.shape"
return shape.service {
  name = "testqueue", version = "2026-01-01", protocols = { "json-1.0" }, target = "TestQueue",
  operations = {
    Count = { input = {}, output = { Messages = shape.integer, Last = shape.string, Options = shape.string } },
    Send = { input = { Body = shape.string { required = true } }, output = {} },
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
    signal_->notify();
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

  Result<bool> is_queue(const CallContext&, std::string_view) override { return true; }
  std::shared_ptr<Signal> changed(const CallContext&, std::string_view) override { return signal_; }

  Result<SourceBatch> read(const CallContext&, std::string_view, const SourceRead& wanted) override {
    SourceBatch batch;
    const auto now = clock_.now();
    const std::lock_guard lock(mutex_);
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

class TestQueue final : public moonbase::Plugin {
  void load(Registrar& registrar) override {
    queue_ = std::make_unique<Queue>(registrar.kernel().clock);
    registrar.model(model);
    registrar.operation("Count", [this](Call&) -> Result<Value> {
      auto output = queue_->last();
      output.set("Messages", queue_->count());
      return Value(std::move(output));
    });
    registrar.operation("Send", [this](Call& call) -> Result<Value> {
      queue_->send(call.input["Body"].string(), call.context.trace);
      return Value(Map{});
    });
    registrar.event_source("sqs", *queue_);
    registrar.target("sqs", [this](Delivery& delivery) -> Result<Value> {
      queue_->send(delivery.payload, {}, to_json(delivery.options));
      return Value(Map{});
    });
  }
  std::unique_ptr<Queue> queue_;
};

}  // namespace

MOONBASE_PLUGIN(TestQueue, "test_queue", "1.0")
