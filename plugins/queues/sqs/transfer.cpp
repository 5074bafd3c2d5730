// Sending, receiving and removing, for operations, deliveries and event sources alike.
#include "errors.hpp"
#include "service.hpp"

namespace moonbase::sqs {

Result<Done> send(Service& service, const KernelServices& kernel, const QueueName& name,
                  std::vector<Sending>& messages) {
  for (auto& sending : messages) sending.message.id = kernel.ids.uuid();
  const auto now = kernel.clock.now();
  std::int64_t number = 0;
  auto written =
      write_queue(service.queues, kernel.store, name, [&](Transaction& tx, const Queue& queue) -> Result<Value> {
        number = queue.number;
        for (auto& sending : messages) sending.sent = put_message(tx, queue, sending.message, now);
        return Value();
      });
  if (!written) return written.error();
  service.queues.notify(name.account, number);
  return done;
}

Value describe_sent(const Queue& queue, const Sending& sending) {
  const auto& message = sending.message;
  Map described = {{"MessageId", sending.sent.id}, {"MD5OfMessageBody", message.md5_of_body}};
  if (!message.md5_of_attributes.empty()) described.set("MD5OfMessageAttributes", message.md5_of_attributes);
  if (!message.md5_of_system_attributes.empty())
    described.set("MD5OfMessageSystemAttributes", message.md5_of_system_attributes);
  if (queue.fifo) described.set("SequenceNumber", sequence_number(sending.sent.sequence));
  return described;
}

Result<Got> receive(Service& service, const KernelServices& kernel, const QueueName& name, const Receiving& receiving) {
  while (true) {
    auto queue = service.queues.find(kernel.store, name);
    if (!queue) return queue.error();
    Got got;
    got.queue = *queue;
    Receive order;
    order.now = kernel.clock.now();
    bool current = true;
    auto looked = kernel.store.read([&](Transaction& tx) -> Result<Value> {
      current = is_current(tx, **queue);
      got.next = next_receivable(tx, **queue);
      return Value();
    });
    if (!looked) return looked.error();
    if (!current) {
      service.queues.forget(name);
      continue;
    }
    // An attempt may be answered with messages that are hidden.
    if (got.next > order.now && receiving.attempt.empty()) return got;

    const auto live = service.queues.live(**queue);
    order.count = receiving.count;
    order.bytes_max = receiving.bytes_max;
    order.visibility_ms = receiving.visibility_seconds.value_or((*queue)->visibility_seconds) * seconds_ms;
    order.receipt = static_cast<std::int64_t>(kernel.ids.number());
    order.attempt = receiving.attempt;
    Received received;
    Effects effects;
    auto written = kernel.store.write([&](Transaction& tx) -> Result<Value> {
      received = {};
      effects = {};
      current = is_current(tx, **queue);
      if (!current) return Value();
      received = receive_messages(tx, **queue, order, *live, effects);
      got.next = next_receivable(tx, **queue);
      return Value();
    });
    if (!written) return written.error();
    if (!current) {
      service.queues.forget(name);
      continue;
    }
    effects.notify(service.queues);
    if (received.more) continue;
    got.messages = std::move(received.messages);
    got.over_limit = received.over_limit;
    return got;
  }
}

std::string handle_of(const Queue& queue, const Stored& message) {
  return receipt_handle({queue.number, message.sequence, message.receipt});
}

namespace {

// Whether a handle's number is another queue's. Those of this queue before it was purged are nobody's.
bool is_foreign(Transaction& tx, const Queue& queue, const Receipt& receipt) {
  return receipt.queue != queue.number &&
         !tx.query("SELECT 1 FROM sqs_counter WHERE account = ? AND queue = ?", queue.name.account, receipt.queue)
              .empty();
}

}  // namespace

Result<std::vector<Result<Done>>> remove(Service& service, const KernelServices& kernel, const QueueName& name,
                                         const std::vector<std::string>& handles) {
  std::vector<Result<Done>> results;
  const auto now = kernel.clock.now();
  std::int64_t number = 0;
  std::int64_t in_flight = -1;
  auto written =
      write_queue(service.queues, kernel.store, name, [&](Transaction& tx, const Queue& queue) -> Result<Value> {
        results.clear();
        number = queue.number;
        in_flight = queue.fifo ? -1 : in_flight_max(queue);  // Any delete may free a group.
        for (const auto& handle : handles) {
          const auto receipt = parse_receipt_handle(handle);
          if (!receipt || is_foreign(tx, queue, *receipt)) {
            results.emplace_back(invalid_receipt_handle(handle));
          } else if (receipt->queue == queue.number && delete_received(tx, queue, *receipt, now) == Touched::expired) {
            results.emplace_back(invalid_parameter("ReceiptHandle", handle, "The receipt handle has expired."));
          } else {
            results.emplace_back(done);
          }
        }
        return Value();
      });
  if (!written) return written.error();
  service.queues.notify_if_full(name.account, number, in_flight);
  return results;
}

Result<std::vector<Result<Done>>> change(Service& service, const KernelServices& kernel, const QueueName& name,
                                         const std::vector<VisibilityChange>& changes) {
  std::vector<Result<Done>> results;
  const auto now = kernel.clock.now();
  std::int64_t number = 0;
  auto written =
      write_queue(service.queues, kernel.store, name, [&](Transaction& tx, const Queue& queue) -> Result<Value> {
        results.clear();
        number = queue.number;
        for (const auto& [handle, seconds] : changes) {
          const auto receipt = parse_receipt_handle(handle);
          if (!receipt || is_foreign(tx, queue, *receipt)) {
            results.emplace_back(invalid_receipt_handle(handle));
            continue;
          }
          const auto touched =
              receipt->queue == queue.number ? change_visibility(tx, queue, *receipt, seconds, now) : Touched::gone;
          if (touched == Touched::gone) {
            results.emplace_back(invalid_parameter(
                "ReceiptHandle", handle, "Message does not exist or is not available for visibility timeout change."));
          } else if (touched == Touched::not_in_flight) {
            results.emplace_back(Error{"MessageNotInflight", "The specified message isn't in flight."});
          } else if (touched == Touched::too_long) {
            results.emplace_back(
                invalid_parameter("VisibilityTimeout", std::to_string(seconds),
                                  "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]."));
          } else {
            results.emplace_back(done);
          }
        }
        return Value();
      });
  if (!written) return written.error();
  service.queues.notify(name.account, number);  // Those who wait have a new time to wait for.
  return results;
}

}  // namespace moonbase::sqs
