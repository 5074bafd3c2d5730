// The SQS service: what its operations share, and the operations.
#pragma once

#include <memory>
#include <moonbase/plugin.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog.hpp"
#include "message.hpp"
#include "messages.hpp"

namespace moonbase::sqs {

// One per plugin. Any thread may use it.
struct Service {
  Catalog queues;
};

// Registers the model, the schema and everything that SQS does.
void load(Registrar& registrar, std::string_view model, std::string_view schema);

// The queue that a Call's QueueUrl names. The Error is InvalidAddress.
Result<QueueName> queue_named(const Call& call);

// --- what operations, deliveries and event sources share (transfer.cpp) ------------------------------
struct Sending {
  Outgoing message;
  SentMessage sent;
};
// Gives each message its id and puts all of them into the queue, in one transaction.
Result<Done> send(Service& service, const KernelServices& kernel, const QueueName& name,
                  std::vector<Sending>& messages);

// What SendMessage answers of a message.
Value describe_sent(const Queue& queue, const Sending& sending);

struct Receiving {
  std::size_t count = 1;
  std::size_t bytes_max = SIZE_MAX;
  std::optional<std::int64_t> visibility_seconds;  // The queue's own, if not given.
  std::string attempt;
};
struct Got {
  QueuePointer queue;
  std::vector<Stored> messages;
  bool over_limit = false;
  Time next = {INT64_MAX};  // When there may be more by time alone, if there were none.
};
// What can be received now; does not wait. Reads first, so that an empty queue costs no transaction.
Result<Got> receive(Service& service, const KernelServices& kernel, const QueueName& name, const Receiving& receiving);
std::string handle_of(const Queue& queue, const Stored& message);

// One per handle. An Error is what a single operation answers.
struct VisibilityChange {
  std::string handle;
  std::int64_t seconds = 0;
};
Result<std::vector<Result<Done>>> remove(Service& service, const KernelServices& kernel, const QueueName& name,
                                         const std::vector<std::string>& handles);
Result<std::vector<Result<Done>>> change(Service& service, const KernelServices& kernel, const QueueName& name,
                                         const std::vector<VisibilityChange>& changes);

// --- operations -------------------------------------------------------------------------------------
// operations_permission.cpp
Result<Value> add_permission(Service& service, Call& call);
Result<Value> remove_permission(Service& service, Call& call);

// operations_move.cpp
Result<Value> cancel_message_move_task(Service& service, Call& call);
Result<Value> list_message_move_tasks(Service& service, Call& call);
Result<Value> start_message_move_task(Service& service, Call& call);

// operations_message.cpp
Result<Value> change_message_visibility(Service& service, Call& call);
Result<Value> delete_message(Service& service, Call& call);
Result<Value> receive_message(Service& service, Call& call);
Result<Value> send_message(Service& service, Call& call);

// operations_batch.cpp
Result<Value> change_message_visibility_batch(Service& service, Call& call);
Result<Value> delete_message_batch(Service& service, Call& call);
Result<Value> send_message_batch(Service& service, Call& call);

// operations_queue.cpp
Result<Value> create_queue(Service& service, Call& call);
Result<Value> delete_queue(Service& service, Call& call);
Result<Value> get_queue_attributes(Service& service, Call& call);
Result<Value> get_queue_url(Service& service, Call& call);
Result<Value> list_dead_letter_source_queues(Service& service, Call& call);
Result<Value> list_queue_tags(Service& service, Call& call);
Result<Value> list_queues(Service& service, Call& call);
Result<Value> purge_queue(Service& service, Call& call);
Result<Value> set_queue_attributes(Service& service, Call& call);
Result<Value> tag_queue(Service& service, Call& call);
Result<Value> untag_queue(Service& service, Call& call);

// tasks.cpp
Result<Done> clear_messages(TaskRun& run);
Result<Done> expire_messages(TaskRun& run);
Result<Done> move_messages(Service& service, TaskRun& run);

// delivery.cpp
Result<Value> deliver(Service& service, Delivery& delivery);
std::unique_ptr<EventSource> make_event_source(Service& service, KernelServices& kernel);

// peek.cpp
HttpResponse peek(Service& service, HttpCall& call);

}  // namespace moonbase::sqs
