// ChangeMessageVisibility, DeleteMessage, ReceiveMessage, SendMessage.
#include <algorithm>

#include "errors.hpp"
#include "service.hpp"

namespace moonbase::sqs {

Result<Value> change_message_visibility(Service& service, Call& call) {
  const auto name = queue_named(call);
  if (!name) return name.error();
  const auto changed = change(service, call.kernel, *name,
                              {{call.input["ReceiptHandle"].string(), call.input["VisibilityTimeout"].integer()}});
  if (!changed) return changed.error();
  if (const auto& result = changed->front(); !result) return result.error();
  return Value(Map());
}

Result<Value> delete_message(Service& service, Call& call) {
  const auto name = queue_named(call);
  if (!name) return name.error();
  const auto removed = remove(service, call.kernel, *name, {call.input["ReceiptHandle"].string()});
  if (!removed) return removed.error();
  if (const auto& result = removed->front(); !result) return result.error();
  return Value(Map());
}

Result<Value> receive_message(Service& service, Call& call) {
  const auto name = queue_named(call);
  if (!name) return name.error();
  const auto wanted = read_wanted(call.input);
  if (!wanted) return wanted.error();
  auto queue = service.queues.find(call.kernel.store, *name);
  if (!queue) return queue.error();
  Receiving receiving;
  receiving.count = static_cast<std::size_t>(call.input["MaxNumberOfMessages"].integer_or(1));
  if (const auto& visibility = call.input["VisibilityTimeout"]; !visibility.is_null())
    receiving.visibility_seconds = visibility.integer();
  if (const auto& attempt = call.input["ReceiveRequestAttemptId"]; !attempt.is_null()) {
    if (!(*queue)->fifo)
      return invalid_parameter("ReceiveRequestAttemptId", attempt.string(),
                               "The request includes a parameter that is not valid for this queue type.");
    receiving.attempt = attempt.string();
  }
  const auto wait_seconds = call.input["WaitTimeSeconds"].integer_or((*queue)->wait_seconds);
  const Time deadline{call.kernel.clock.now().ms + wait_seconds * seconds_ms};
  while (true) {
    const auto live = service.queues.live(**queue);
    const auto seen = live->arrived.version();
    auto got = receive(service, call.kernel, *name, receiving);
    if (!got) return got.error();
    if (!got->messages.empty()) {
      List messages;
      for (const auto& message : got->messages)
        messages.push_back(describe_message(message, *wanted, handle_of(*got->queue, message)));
      return Value(Map{{"Messages", std::move(messages)}});
    }
    const auto now = call.kernel.clock.now();
    if (now >= deadline || call.given_up()) {
      if (got->over_limit && wait_seconds == 0 && !got->queue->fifo)
        return Error{"OverLimit", "The maximum number of messages that are in flight has been reached."};
      return Value(Map());
    }
    // Another queue of the same name, or the same one purged, has another signal.
    const bool same = got->queue->number == (*queue)->number;
    queue = got->queue;
    if (same) call.wait(live->arrived, seen, got->over_limit ? deadline : std::min(deadline, got->next));
  }
}

Result<Value> send_message(Service& service, Call& call) {
  const auto name = queue_named(call);
  if (!name) return name.error();
  const auto queue = service.queues.find(call.kernel.store, *name);
  if (!queue) return queue.error();
  auto message = read_outgoing(call.input, **queue, call.context);
  if (!message) return message.error();
  std::vector<Sending> messages;
  messages.push_back({std::move(*message), {}});
  if (auto sent = send(service, call.kernel, *name, messages); !sent) return sent.error();
  return describe_sent(**queue, messages.front());
}

}  // namespace moonbase::sqs
