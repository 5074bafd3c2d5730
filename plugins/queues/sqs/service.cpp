#include "service.hpp"

#include <utility>

namespace moonbase::sqs {

void load(Registrar& registrar, std::string_view model, std::string_view schema) {
  // The event source lives as long as the plugin, through the handlers that share this.
  struct Parts {
    Service service;
    std::unique_ptr<EventSource> source;
  };
  const auto parts = std::make_shared<Parts>();
  const std::shared_ptr<Service> service(parts, &parts->service);
  registrar.model(model);
  registrar.schema(schema);
  using Run = Result<Value> (*)(Service&, Call&);
  constexpr std::pair<std::string_view, Run> operations[] = {
      {"AddPermission", add_permission},
      {"CancelMessageMoveTask", cancel_message_move_task},
      {"ChangeMessageVisibility", change_message_visibility},
      {"ChangeMessageVisibilityBatch", change_message_visibility_batch},
      {"CreateQueue", create_queue},
      {"DeleteMessage", delete_message},
      {"DeleteMessageBatch", delete_message_batch},
      {"DeleteQueue", delete_queue},
      {"GetQueueAttributes", get_queue_attributes},
      {"GetQueueUrl", get_queue_url},
      {"ListDeadLetterSourceQueues", list_dead_letter_source_queues},
      {"ListMessageMoveTasks", list_message_move_tasks},
      {"ListQueueTags", list_queue_tags},
      {"ListQueues", list_queues},
      {"PurgeQueue", purge_queue},
      {"ReceiveMessage", receive_message},
      {"RemovePermission", remove_permission},
      {"SendMessage", send_message},
      {"SendMessageBatch", send_message_batch},
      {"SetQueueAttributes", set_queue_attributes},
      {"StartMessageMoveTask", start_message_move_task},
      {"TagQueue", tag_queue},
      {"UntagQueue", untag_queue},
  };
  for (const auto& [name, run] : operations)
    registrar.operation(name, [service, run = run](Call& call) { return run(*service, call); });

  registrar.task("sqs-clear", clear_messages);
  registrar.task("sqs-expire", expire_messages);
  registrar.task("sqs-move", [service](TaskRun& run) { return move_messages(*service, run); });
  registrar.target("sqs", [service](Delivery& delivery) { return deliver(*service, delivery); });
  parts->source = make_event_source(parts->service, registrar.kernel());
  registrar.event_source("sqs", *parts->source);
  registrar.http({{}, {"/_aws/sqs/messages"}}, [service](HttpCall& call) { return peek(*service, call); });
  registrar.on_reset([service](std::string_view account_id) { service->queues.clear(account_id); });
}

Result<QueueName> queue_named(const Call& call) {
  const auto& url = call.input["QueueUrl"].string();
  auto name = parse_queue_url(url, call.context);
  if (!name) return Error{"InvalidAddress", "The address " + url + " is not valid for this endpoint."};
  return std::move(*name);
}

}  // namespace moonbase::sqs
