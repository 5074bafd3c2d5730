// CancelMessageMoveTask, ListMessageMoveTasks, StartMessageMoveTask, and the task that moves.
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>

#include "errors.hpp"
#include "service.hpp"

namespace moonbase::sqs {
namespace {

constexpr std::int64_t per_second_max = 500;
constexpr std::size_t chunk_messages = 200;  // Of one transaction, where no rate is set.
constexpr std::int64_t results_max = 10;

struct Move {
  QueueName source;
  std::int64_t started_at_ms = 0;
  std::string id, destination;
  std::int64_t per_second = 0, to_move = 0, moved = 0;
  std::string status, failure;
};

std::string handle_of_move(const Move& move) {
  return base64(to_json(Map{{"taskId", move.id}, {"sourceArn", move.source.arn()}}));
}

Error no_such_resource() {
  return {"ResourceNotFoundException", "The resource that you specified for the SourceArn parameter doesn't exist."};
}

#define MOVE_COLUMNS "started_at_ms, id, destination, per_second, to_move, moved, status, failure"
Move read_move(const QueueName& source, const Row& row) {
  return {source,           row[0].integer(), row[1].string(), row[2].string(), row[3].integer(),
          row[4].integer(), row[5].integer(), row[6].string(), row[7].string()};
}
Rows find_moves(Transaction& tx, const QueueName& source, std::int64_t most) {
  return tx.query(
      "SELECT " MOVE_COLUMNS
      " FROM sqs_move WHERE account = ? AND region = ? AND source = ? ORDER BY started_at_ms DESC, id LIMIT ?",
      source.account, source.region, source.name, most);
}
void save_move(Transaction& tx, const Move& move) {
  tx.query(
      "UPDATE sqs_move SET moved = ?, status = ?, failure = ? WHERE account = ? AND region = ? AND source = ? AND "
      "started_at_ms = ? AND id = ?",
      move.moved, move.status, move.failure, move.source.account, move.source.region, move.source.name,
      move.started_at_ms, move.id);
}

Value payload_of(const Move& move) {
  return Map{{"account", move.source.account},
             {"region", move.source.region},
             {"source", move.source.name},
             {"started", move.started_at_ms},
             {"id", move.id}};
}

Value describe_move(const Move& move) {
  Map described = {{"Status", move.status},
                   {"SourceArn", move.source.arn()},
                   {"ApproximateNumberOfMessagesMoved", move.moved},
                   {"ApproximateNumberOfMessagesToMove", move.to_move},
                   {"StartedTimestamp", move.started_at_ms}};
  if (move.status == "RUNNING") described.set("TaskHandle", handle_of_move(move));
  if (!move.destination.empty()) described.set("DestinationArn", move.destination);
  if (move.per_second > 0) described.set("MaxNumberOfMessagesPerSecond", move.per_second);
  if (!move.failure.empty()) described.set("FailureReason", move.failure);
  return described;
}

bool is_dead_letter_queue(Transaction& tx, const QueueName& name) {
  return !tx.query("SELECT 1 FROM sqs_queue WHERE account = ? AND region = ? AND dead_letter_name = ? LIMIT 1",
                   name.account, name.region, name.name)
              .empty();
}

// Where a message goes: the task's destination, or the queue that it came from.
QueuePointer destination_of(Transaction& tx, const Move& move, const Stored& message) {
  auto arn = move.destination;
  if (arn.empty()) {
    const auto system = parse_json(message.system);
    if (system) arn = (*system)["DeadLetterQueueSourceArn"].string_or("");
  }
  const auto name = parse_queue_arn(arn);
  return name ? read_queue(tx, *name) : nullptr;
}

// Moves up to `most` messages; true while there are more. `ids`: as many new message ids.
bool move_some(Transaction& tx, Move& move, const Queue& source, const std::vector<std::string>& ids, Time now,
               Effects& effects) {
  const auto peeked = peek_messages(tx, source, ids.size(), now);
  const auto& messages = peeked.messages;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto destination = destination_of(tx, move, messages[i]);
    if (!destination) {
      move.status = "FAILED";
      move.failure =
          move.destination.empty() && messages[i].system.find("DeadLetterQueueSourceArn") == std::string::npos
              ? "CouldNotDetermineMessageSource"
              : "AWS.SimpleQueueService.NonExistentQueue";
      return false;
    }
    move_message(tx, source, messages[i], *destination, true, ids[i], now);
    effects.arrived.emplace(destination->name.account, destination->number);
    ++move.moved;
  }
  return peeked.more;
}

}  // namespace

Result<Value> cancel_message_move_task(Service&, Call& call) {
  const auto& handle = call.input["TaskHandle"].string();
  const auto text = from_base64(handle);
  const auto parsed = text ? parse_json(*text) : Result<Value>(Value());
  const auto source =
      parsed && (*parsed)["sourceArn"].is_string() ? parse_queue_arn((*parsed)["sourceArn"].string()) : std::nullopt;
  if (!source || !(*parsed)["taskId"].is_string())
    return invalid_parameter("TaskHandle", handle, "Invalid task handle.");
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    for (const auto& row : find_moves(tx, *source, results_max)) {
      auto move = read_move(*source, row);
      if (move.id != (*parsed)["taskId"].string()) continue;
      if (move.status != "RUNNING")
        return invalid_parameter("TaskHandle", handle, "Only running tasks can be cancelled.");
      move.status = "CANCELLED";
      save_move(tx, move);
      tx.unschedule("sqs-move", move.id);
      return Value(Map{{"ApproximateNumberOfMessagesMoved", move.moved}});
    }
    return Error{"ResourceNotFoundException", "Task does not exist."};
  });
}

Result<Value> list_message_move_tasks(Service& service, Call& call) {
  const auto& arn = call.input["SourceArn"].string();
  const auto source = parse_queue_arn(arn);
  const auto most = call.input["MaxResults"].integer_or(1);
  if (most < 1 || most > results_max)
    return invalid_parameter("MaxResults", std::to_string(most), "Must be between 1 and 10, if provided.");
  if (!source || !service.queues.find(call.kernel.store, *source)) return no_such_resource();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    List results;
    for (const auto& row : find_moves(tx, *source, most)) results.push_back(describe_move(read_move(*source, row)));
    return Value(Map{{"Results", std::move(results)}});
  });
}

Result<Value> start_message_move_task(Service&, Call& call) {
  Move move;
  const auto source = parse_queue_arn(call.input["SourceArn"].string());
  if (!source) return no_such_resource();
  move.source = *source;
  move.destination = call.input["DestinationArn"].string_or("");
  move.per_second = call.input["MaxNumberOfMessagesPerSecond"].integer_or(0);
  if (!call.input["MaxNumberOfMessagesPerSecond"].is_null() &&
      (move.per_second < 1 || move.per_second > per_second_max))
    return invalid_parameter("MaxNumberOfMessagesPerSecond", std::to_string(move.per_second),
                             "Must be between 1 and 500, if provided.");
  const auto now = call.kernel.clock.now();
  move.started_at_ms = now.ms;
  move.id = call.kernel.ids.uuid();
  move.status = "RUNNING";
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto queue = read_queue(tx, move.source);
    if (!queue) return no_such_resource();
    if (!is_dead_letter_queue(tx, move.source))
      return invalid_parameter("Source queue must be configured as a Dead Letter Queue.");
    if (!move.destination.empty()) {
      const auto target = parse_queue_arn(move.destination);
      const auto destination = target ? read_queue(tx, *target) : nullptr;
      if (!destination)
        return Error{"ResourceNotFoundException",
                     "The resource that you specified for the DestinationArn parameter doesn't exist."};
      if (destination->fifo != queue->fifo || *target == move.source)
        return invalid_parameter("Source queue type and destination queue type must match, and they must differ.");
    }
    for (const auto& row : find_moves(tx, move.source, 1))
      if (read_move(move.source, row).status == "RUNNING")
        return invalid_parameter(
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.");
    move.to_move = count_messages(tx, *queue, now).visible;
    tx.query("INSERT INTO sqs_move (account, region, source, " MOVE_COLUMNS
             ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
             move.source.account, move.source.region, move.source.name, move.started_at_ms, move.id, move.destination,
             move.per_second, move.to_move, move.moved, move.status, move.failure);
    // What a queue's tasks were is kept for the last ten.
    tx.query(
        "DELETE FROM sqs_move WHERE account = ? AND region = ? AND source = ? AND started_at_ms < (SELECT "
        "MIN(started_at_ms) FROM (SELECT started_at_ms FROM sqs_move WHERE account = ? AND region = ? AND source = ? "
        "ORDER BY started_at_ms DESC LIMIT ?) AS kept)",
        move.source.account, move.source.region, move.source.name, move.source.account, move.source.region,
        move.source.name, results_max);
    tx.schedule(now, "sqs-move", payload_of(move), move.id);
    return Value(Map{{"TaskHandle", handle_of_move(move)}});
  });
}

// Each step is one transaction, so a message is always in exactly one queue.
Result<Done> move_messages(Service& service, TaskRun& run) {
  const QueueName source{run.payload["account"].string(), run.payload["region"].string(),
                         run.payload["source"].string()};
  const auto& id = run.payload["id"].string();
  bool goes_on = true;
  while (goes_on) {
    const auto now = run.kernel.clock.now();
    Effects effects;
    std::vector<std::string> ids(per_second_max);
    for (auto& one : ids) one = run.kernel.ids.uuid();
    auto step = run.kernel.store.write([&](Transaction& tx) -> Result<Value> {
      goes_on = false;
      effects = {};
      const auto rows = tx.query("SELECT " MOVE_COLUMNS
                                 " FROM sqs_move WHERE account = ? AND region = ? AND source = ? AND started_at_ms = ? "
                                 "AND id = ? AND status = 'RUNNING'",
                                 source.account, source.region, source.name, run.payload["started"].integer(), id);
      if (rows.empty()) return Value();  // Cancelled.
      auto move = read_move(source, rows[0]);
      const auto queue = read_queue(tx, source);
      const auto most = move.per_second > 0 ? static_cast<std::size_t>(move.per_second) : chunk_messages;
      const std::vector<std::string> new_ids(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(most));
      const bool more = queue && move_some(tx, move, *queue, new_ids, now, effects);
      if (!queue) {
        move.status = "FAILED";
        move.failure = "AWS.SimpleQueueService.NonExistentQueue";
      }
      if (!more && move.status == "RUNNING") move.status = "COMPLETED";
      save_move(tx, move);
      if (more && move.per_second > 0)
        tx.schedule(Time{now.ms + seconds_ms}, "sqs-move", run.payload, id);
      else
        goes_on = more;
      return Value();
    });
    if (!step) return step.error();
    effects.notify(service.queues);
  }
  return done;
}

}  // namespace moonbase::sqs
