// Messages that other services send to queues, and queues as event sources.
#include <algorithm>

#include "errors.hpp"
#include "service.hpp"

namespace moonbase::sqs {
namespace {

Result<QueueName> queue_with_arn(std::string_view arn) {
  auto name = parse_queue_arn(arn);
  if (!name) return no_such_queue();
  return std::move(*name);
}

// See event_source.hpp for what each promises.
class QueueSource final : public EventSource {
 public:
  QueueSource(Service& service, KernelServices& kernel) : service_(service), kernel_(kernel) {}

  Result<bool> is_queue(const CallContext&, std::string_view arn) override {
    const auto queue = find(arn);
    if (!queue) return queue.error();
    return true;
  }

  std::shared_ptr<Signal> changed(const CallContext&, std::string_view arn) override {
    const auto queue = find(arn);
    if (!queue) return nullptr;
    auto live = service_.queues.live(**queue);
    auto* signal = &live->arrived;
    return {std::move(live), signal};
  }

  Result<SourceBatch> read(const CallContext&, std::string_view arn, const SourceRead& read) override {
    const auto name = queue_with_arn(arn);
    if (!name) return name.error();
    Receiving receiving;
    constexpr int fifo_records_max = 10;
    const bool fifo = name->name.ends_with(".fifo");
    receiving.count =
        static_cast<std::size_t>(std::max(1, fifo ? std::min(read.records_max, fifo_records_max) : read.records_max));
    receiving.bytes_max = read.bytes_max;
    const auto got = receive(service_, kernel_, *name, receiving);
    if (!got) return got.error();
    SourceBatch batch;
    batch.next = got->next;
    for (const auto& message : got->messages) {
      auto handle = handle_of(*got->queue, message);
      SourceRecord record;
      record.event = describe_record(message, *got->queue, handle);
      record.id = std::move(handle);
      record.item_id = message.id;
      if (fifo) record.group = message.group;
      record.arrived = Time{message.sent_at_ms};
      record.bytes = message.body.size() + message.attributes.size() + message.system.size();
      batch.records.push_back(std::move(record));
    }
    return batch;
  }

  Result<Done> finish(const CallContext&, std::string_view arn, const std::vector<std::string>& ids) override {
    const auto name = queue_with_arn(arn);
    if (!name) return name.error();
    const auto removed = remove(service_, kernel_, *name, ids);
    if (!removed) return removed.error();
    return done;  // A message whose visibility timeout has ended comes again: that is what a queue promises.
  }

  Result<Done> release(const CallContext&, std::string_view arn, const std::vector<std::string>& ids,
                       int delay_seconds) override {
    const auto name = queue_with_arn(arn);
    if (!name) return name.error();
    std::vector<VisibilityChange> changes;
    for (const auto& id : ids) changes.push_back({id, delay_seconds});
    const auto changed = change(service_, kernel_, *name, changes);
    if (!changed) return changed.error();
    return done;
  }

 private:
  Result<QueuePointer> find(std::string_view arn) {
    const auto name = queue_with_arn(arn);
    if (!name) return name.error();
    return service_.queues.find(kernel_.store, *name);
  }

  Service& service_;
  KernelServices& kernel_;
};

}  // namespace

Result<Value> deliver(Service& service, Delivery& delivery) {
  const auto name = queue_with_arn(delivery.arn);
  if (!name) return name.error();
  const auto queue = service.queues.find(delivery.kernel.store, *name);
  if (!queue) return queue.error();
  Map input = {{"MessageBody", delivery.payload}};
  for (const auto* option :
       {"MessageGroupId", "MessageDeduplicationId", "MessageAttributes", "MessageSystemAttributes", "DelaySeconds"})
    if (const auto& given = delivery.options[option]; !given.is_null()) input.set(option, given);
  auto message = read_outgoing(Value(std::move(input)), **queue, delivery.context);
  if (!message) return message.error();
  std::vector<Sending> messages;
  messages.push_back({std::move(*message), {}});
  if (auto sent = send(service, delivery.kernel, *name, messages); !sent) return sent.error();
  return Value(Map{{"MessageId", messages.front().sent.id}});
}

std::unique_ptr<EventSource> make_event_source(Service& service, KernelServices& kernel) {
  return std::make_unique<QueueSource>(service, kernel);
}

}  // namespace moonbase::sqs
