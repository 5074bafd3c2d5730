// What the tests of notifications deliver to and poll from: a service "recorder" whose targets remember
// what they were given, and whose sources hand out what they were filled with.
//   Take {}                    all deliveries since the last Take, oldest first
//   Fail {code, times, arn}    the next deliveries to this ARN fail so
//   Fill {arn, records}        records of a queue ("…:queue-…") or a stream ("…:stream-…")
//   Held {arn}                 what a queue still holds
#include <algorithm>
#include <map>
#include <memory>
#include <moonbase/json.hpp>
#include <moonbase/plugin.hpp>
#include <mutex>

namespace moonbase::notifications_testing {
namespace {

constexpr auto model = R"lua(
local shape = require "moonbase.shape"
return shape.service {
  name = "recorder", version = "1", protocols = { "json-1.0" }, target = "Recorder",
  operations = {
    Take = { input = {}, output = { Deliveries = shape.list { shape.document } } },
    Fail = { input = { Arn = shape.string, Code = shape.string, Message = shape.string, Times = shape.integer }, output = {} },
    Answer = { input = { Arn = shape.string, Answer = shape.document }, output = {} },
    Fill = { input = { Arn = shape.string, Records = shape.list { shape.document } }, output = {} },
    Held = { input = { Arn = shape.string }, output = { Count = shape.integer } },
    Note = { input = { Text = shape.string, At = shape.string }, output = {} },
  },
}
)lua";

struct Failure {
  Error error;
  std::int64_t times = 0;
};

class Recorder final : public EventSource {
 public:
  Result<Value> deliver(Delivery& delivery) {
    const std::lock_guard lock(mutex_);
    const std::string arn(delivery.arn);
    deliveries_.push_back(Map{{"Arn", arn},
                              {"Payload", delivery.payload},
                              {"Options", delivery.options},
                              {"Service", delivery.context.identity.service},
                              {"At", delivery.kernel.clock.now().ms}});
    if (auto& failure = failures_[arn]; failure.times > 0) {
      --failure.times;
      return failure.error;
    }
    if (const auto answer = answers_.find(arn); answer != answers_.end()) return answer->second;
    return Value(Map{});
  }

  Result<Value> take(Call&) {
    const std::lock_guard lock(mutex_);
    Value answer = Map{{"Deliveries", std::move(deliveries_)}};
    deliveries_.clear();
    return answer;
  }
  Result<Value> fail(Call& call) {
    const std::lock_guard lock(mutex_);
    failures_[call.input["Arn"].string()] = {
        Error{call.input["Code"].string(), call.input["Message"].string_or("it was told to fail")},
        call.input["Times"].integer()};
    return Value(Map{});
  }
  Result<Value> answer(Call& call) {
    const std::lock_guard lock(mutex_);
    answers_[call.input["Arn"].string()] = call.input["Answer"];
    return Value(Map{});
  }
  Result<Value> note(Call& call) {
    const std::lock_guard lock(mutex_);
    deliveries_.push_back(Map{{"Arn", "note"},
                              {"Payload", call.input["Text"].string_or("")},
                              {"Options", Map{{"At", call.input["At"].string_or("")}}},
                              {"Service", call.context.identity.service},
                              {"At", call.kernel.clock.now().ms}});
    return Value(Map{});
  }
  Result<Value> fill(Call& call) {
    auto& box = box_of(call.input["Arn"].string());
    {
      const std::lock_guard lock(mutex_);
      for (const auto& record : call.input["Records"].list())
        box.records.push_back({record, std::to_string(++box.last), call.kernel.clock.now(), Time{0}});
    }
    box.changed->notify();
    return Value(Map{});
  }
  Result<Value> held(Call& call) {
    auto& box = box_of(call.input["Arn"].string());
    const std::lock_guard lock(mutex_);
    return Value(Map{{"Count", box.records.size()}});
  }

  explicit Recorder(const KernelServices& kernel) : kernel_(kernel) {}

  Result<bool> is_queue(const CallContext&, std::string_view arn) override {
    return arn.find(":queue-") != std::string_view::npos;
  }
  std::shared_ptr<Signal> changed(const CallContext&, std::string_view arn) override {
    if (arn.find("missing") != std::string_view::npos) return nullptr;
    return box_of(std::string(arn)).changed;
  }
  Result<SourceBatch> read(const CallContext&, std::string_view arn, const SourceRead& read) override {
    auto& box = box_of(std::string(arn));
    const bool queue = arn.find(":queue-") != std::string_view::npos;
    const std::lock_guard lock(mutex_);
    SourceBatch batch;
    batch.position = read.position;
    const auto now = kernel_.clock.now();
    for (auto& record : box.records) {
      if (static_cast<int>(batch.records.size()) == read.records_max) break;
      if (queue && record.hidden_until > now) {
        batch.next = std::min(batch.next, record.hidden_until);
        continue;
      }
      if (!queue && !read.position.empty() && std::stoll(record.id) <= std::stoll(read.position)) continue;
      if (queue) record.hidden_until = Time{now.ms + 30'000};
      SourceRecord found;
      found.event = record.event;
      found.id = found.item_id = found.position = record.id;
      found.group = record.event["group"].string_or("");
      found.arrived = record.arrived;
      found.bytes = 100;
      batch.position = record.id;
      batch.records.push_back(std::move(found));
    }
    return batch;
  }
  Result<std::vector<SourceShard>> shards(const CallContext&, std::string_view) override {
    return std::vector<SourceShard>{{"shard-0", ""}};
  }
  Result<std::string> start(const CallContext&, std::string_view arn, std::string_view, SourceStart from,
                            Time) override {
    auto& box = box_of(std::string(arn));
    const std::lock_guard lock(mutex_);
    return from == SourceStart::latest ? std::to_string(box.last) : std::string("0");
  }
  Result<Done> finish(const CallContext&, std::string_view arn, const std::vector<std::string>& ids) override {
    auto& box = box_of(std::string(arn));
    const std::lock_guard lock(mutex_);
    box.records.erase(
        std::remove_if(box.records.begin(), box.records.end(),
                       [&](const auto& record) { return std::find(ids.begin(), ids.end(), record.id) != ids.end(); }),
        box.records.end());
    return done;
  }
  Result<Done> release(const CallContext&, std::string_view arn, const std::vector<std::string>& ids,
                       int delay_seconds) override {
    auto& box = box_of(std::string(arn));
    {
      const std::lock_guard lock(mutex_);
      for (auto& record : box.records)
        if (std::find(ids.begin(), ids.end(), record.id) != ids.end())
          record.hidden_until = Time{kernel_.clock.now().ms + delay_seconds * 1000};
    }
    box.changed->notify();
    return done;
  }

 private:
  struct Record {
    Value event;
    std::string id;
    Time arrived, hidden_until;
  };
  struct Box {
    std::vector<Record> records;
    std::int64_t last = 0;
    std::shared_ptr<Signal> changed = std::make_shared<Signal>();
  };
  Box& box_of(const std::string& arn) {
    const std::lock_guard lock(mutex_);
    return boxes_[arn];
  }

  const KernelServices& kernel_;
  std::mutex mutex_;
  List deliveries_;
  std::map<std::string, Failure> failures_;
  std::map<std::string, Value> answers_;
  std::map<std::string, Box> boxes_;
};

class Plugin final : public moonbase::Plugin {
  void load(Registrar& registrar) override {
    recorder_ = std::make_unique<Recorder>(registrar.kernel());
    registrar.model(model);
    using Run = Result<Value> (Recorder::*)(Call&);
    for (const auto& [name, run] : std::initializer_list<std::pair<const char*, Run>>{{"Take", &Recorder::take},
                                                                                      {"Fail", &Recorder::fail},
                                                                                      {"Answer", &Recorder::answer},
                                                                                      {"Fill", &Recorder::fill},
                                                                                      {"Held", &Recorder::held},
                                                                                      {"Note", &Recorder::note}})
      registrar.operation(name, [this, run = run](Call& call) { return (*recorder_.*run)(call); });
    for (const char* service : {"sqs", "kinesis", "lambda", "logs", "recorder", "states"})
      registrar.target(service, [this](Delivery& delivery) { return recorder_->deliver(delivery); });
    registrar.event_source("recorder", *recorder_);
  }
  std::unique_ptr<Recorder> recorder_;
};

}  // namespace
}  // namespace moonbase::notifications_testing

MOONBASE_PLUGIN(moonbase::notifications_testing::Plugin, "recorder", "1.0")
