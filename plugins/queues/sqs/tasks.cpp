// What SQS does on its own: removing what is too old or was purged. Message move tasks are in operations_move.cpp.
#include "service.hpp"

namespace moonbase::sqs {

namespace {
constexpr std::size_t chunk_rows = 500;  // What a step touches in one transaction.
}

Result<Done> clear_messages(TaskRun& run) {
  const auto account = run.payload["account"].string();
  const auto number = run.payload["number"].integer();
  for (bool finished = false; !finished;) {
    auto step = run.kernel.store.write([&](Transaction& tx) -> Result<Value> {
      finished = clear_number(tx, account, number, chunk_rows);
      return Value();
    });
    if (!step) return step.error();
  }
  return done;
}

Result<Done> expire_messages(TaskRun& run) {
  const QueueName name{run.payload["account"].string(), run.payload["region"].string(), run.payload["name"].string()};
  for (bool finished = false; !finished;) {
    auto step = run.kernel.store.write([&](Transaction& tx) -> Result<Value> {
      finished = true;
      const auto queue = read_queue(tx, name);
      if (!queue) return Value();
      Time next;
      finished = remove_expired(tx, *queue, chunk_rows, run.kernel.clock.now(), next);
      if (!finished) return Value();
      if (next.ms == INT64_MAX)
        tx.query("UPDATE sqs_counter SET expires = 0 WHERE account = ? AND queue = ?", name.account, queue->number);
      else
        tx.schedule(next, "sqs-expire", run.payload, name.account + "/" + std::to_string(queue->number));
      return Value();
    });
    if (!step) return step.error();
  }
  return done;
}

}  // namespace moonbase::sqs
