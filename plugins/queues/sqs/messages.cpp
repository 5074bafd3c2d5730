#include "messages.hpp"

#include <algorithm>
#include <moonbase/json.hpp>
#include <stdexcept>

namespace moonbase::sqs {
namespace {

constexpr std::size_t inline_bytes_max = 600;  // Of body and attributes; beyond, they are in sqs_body.
constexpr int rounds_max = 20;                 // Of a receive that only finds what is to be moved or removed.
constexpr std::int64_t never = INT64_MAX;

#define MESSAGE_COLUMNS                                                                                           \
  "sequence, visible_at_ms, received, receives, receives_before, receipt, first_received_at_ms, received_at_ms, " \
  "sent_at_ms, fifo_group, id, system, body, attributes, tenant"

// Reads `row` of MESSAGE_COLUMNS, and its content wherever it is.
Stored read_row(Transaction& tx, const Queue& queue, const Row& row) {
  Stored message;
  message.sequence = row[0].integer();
  message.visible_at_ms = row[1].integer();
  message.received = row[2].integer() != 0;
  message.receives = row[3].integer();
  message.receives_before = row[4].integer();
  message.receipt = row[5].integer();
  message.first_received_at_ms = row[6].integer();
  message.received_at_ms = row[7].integer();
  message.sent_at_ms = row[8].integer();
  message.group = (row[9].is_null() ? row[14] : row[9]).string_or("");
  if (message.group == no_tenant) message.group.clear();
  message.id = row[10].string();
  message.system = row[11].string();
  if (!row[12].is_null()) {
    message.body = row[12].string();
    message.attributes = row[13].string();
    return message;
  }
  const auto content =
      tx.query("SELECT body, attributes FROM sqs_body WHERE account = ? AND queue = ? AND sequence = ?",
               queue.name.account, queue.number, message.sequence);
  if (content.empty()) throw std::runtime_error("message " + message.id + " has lost its body");
  message.body = content[0][0].string();
  message.attributes = content[0][1].string();
  return message;
}

struct Place {
  std::int64_t sequence = 0;
  bool fair = false;  // The queue has tenants.
};
// A place for one more message. The first message of a queue brings the task that removes it when it is old.
Place take_place(Transaction& tx, const Queue& queue, std::int64_t sent_at_ms, bool has_group) {
  const auto rows = tx.query(
      "UPDATE sqs_counter SET next_sequence = next_sequence + 1, messages = messages + 1 "
      "WHERE account = ? AND queue = ? RETURNING next_sequence, expires, fair",
      queue.name.account, queue.number);
  if (rows.empty()) throw std::runtime_error("queue " + queue.name.name + " has no counter");
  Place place{rows[0][0].integer() - 1, rows[0][2].integer() != 0};
  if (!queue.fifo && has_group && !place.fair) {
    tx.query("UPDATE sqs_counter SET fair = 1 WHERE account = ? AND queue = ?", queue.name.account, queue.number);
    place.fair = true;
  }
  if (rows[0][1].integer() == 0) {
    tx.query("UPDATE sqs_counter SET expires = 1 WHERE account = ? AND queue = ?", queue.name.account, queue.number);
    tx.schedule(Time{sent_at_ms + queue.retention_seconds * seconds_ms}, "sqs-expire",
                Map{{"account", queue.name.account}, {"region", queue.name.region}, {"name", queue.name.name}},
                queue.name.account + "/" + std::to_string(queue.number));
  }
  return place;
}

void insert_message(Transaction& tx, const Queue& queue, const Stored& message, bool fair) {
  const std::string tenant(message.group.empty() ? no_tenant : message.group);
  const bool is_inline = message.body.size() + message.attributes.size() <= inline_bytes_max;
  const Parameter none(nullptr);
  tx.query("INSERT INTO sqs_message (account, queue, " MESSAGE_COLUMNS
           ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
           queue.name.account, queue.number, message.sequence, message.visible_at_ms, message.received ? 1 : 0,
           message.receives, message.receives_before, message.receipt, message.first_received_at_ms,
           message.received_at_ms, message.sent_at_ms, queue.fifo ? Parameter(message.group) : none, message.id,
           message.system, is_inline ? Parameter(message.body) : none, is_inline ? Parameter(message.attributes) : none,
           fair ? Parameter(tenant) : none);
  if (!is_inline)
    tx.query("INSERT INTO sqs_body (account, queue, sequence, body, attributes) VALUES (?, ?, ?, ?, ?)",
             queue.name.account, queue.number, message.sequence, message.body, message.attributes);
  if (queue.fifo)
    tx.query(
        "INSERT INTO sqs_group (account, queue, fifo_group, ready_at_ms, head) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (account, queue, fifo_group) DO NOTHING",
        queue.name.account, queue.number, message.group, message.visible_at_ms, message.sequence);
}

// The row only; its group, if any, is the caller's to refresh.
void remove_row(Transaction& tx, const Queue& queue, std::int64_t sequence, bool is_inline) {
  if (!is_inline)
    tx.query("DELETE FROM sqs_body WHERE account = ? AND queue = ? AND sequence = ?", queue.name.account, queue.number,
             sequence);
  tx.query("UPDATE sqs_counter SET messages = messages - 1 WHERE account = ? AND queue = ?", queue.name.account,
           queue.number);
}
void remove_message(Transaction& tx, const Queue& queue, const Stored& message) {
  tx.query("DELETE FROM sqs_message WHERE account = ? AND queue = ? AND sequence = ?", queue.name.account, queue.number,
           message.sequence);
  remove_row(tx, queue, message.sequence, message.body.size() + message.attributes.size() <= inline_bytes_max);
}

// Which messages are a group's, in order. Written as a range: for an equality SQLite takes the primary key,
// as that has the order too, and reads all of the queue.
#define IN_GROUP \
  "account = ? AND queue = ? AND fifo_group >= ? AND fifo_group <= ? ORDER BY fifo_group, sequence LIMIT ?"

// When the next message of a group may be received: while one is in flight, when all of those in
// flight are back. They are the group's first messages, and no more than one receive took.
void refresh_group(Transaction& tx, const Queue& queue, const std::string& group, Time now) {
  constexpr int in_flight_of_group_max = 10;
  const auto rows = tx.query("SELECT sequence, visible_at_ms, received FROM sqs_message WHERE " IN_GROUP,
                             queue.name.account, queue.number, group, group, in_flight_of_group_max);
  if (rows.empty()) {
    tx.query("DELETE FROM sqs_group WHERE account = ? AND queue = ? AND fifo_group = ?", queue.name.account,
             queue.number, group);
    return;
  }
  auto ready = rows[0][1].integer();
  for (const auto& row : rows)
    if (row[2].integer() != 0 && row[1].integer() > now.ms) ready = std::max(ready, row[1].integer());
  tx.query(
      "UPDATE sqs_group SET ready_at_ms = ?, head = ? WHERE account = ? AND queue = ? AND fifo_group = ? AND "
      "(ready_at_ms <> ? OR head <> ?)",
      ready, rows[0][0].integer(), queue.name.account, queue.number, group, ready, rows[0][0].integer());
}

bool is_expired(const Queue& queue, const Stored& message, Time now) {
  return message.sent_at_ms + queue.retention_seconds * seconds_ms <= now.ms;
}

// Takes messages for one receive; what is too old or was received too often leaves the queue instead.
class Receiver {
 public:
  Receiver(Transaction& tx, const Queue& queue, const Receive& receive, std::size_t room, Live& live, Effects& effects)
      : tx_(tx),
        queue_(queue),
        receive_(receive),
        count_(std::min(receive.count, room)),
        live_(live),
        effects_(effects) {}

  Received run() {
    int round = 0;
    bool found = true;
    while (found && taken_.messages.empty() && round++ < rounds_max) found = queue_.fifo ? take_groups() : take_any();
    taken_.more = found && taken_.messages.empty();
    return std::move(taken_);
  }

 private:
  bool full() const { return taken_.messages.size() >= count_ || stopped_; }

  // Messages of quiet tenants first, then all by their time.
  bool take_any() {
    for (const auto sequence : live_.tenants.quiet_first(tx_, queue_, count_, receive_.now)) {
      if (full()) break;
      for (const auto& row :
           tx_.query("SELECT " MESSAGE_COLUMNS " FROM sqs_message WHERE account = ? AND queue = ? AND sequence = ?",
                     queue_.name.account, queue_.number, sequence))
        take(read_row(tx_, queue_, row));
    }
    if (full()) return true;
    const auto rows = tx_.query("SELECT " MESSAGE_COLUMNS
                                " FROM sqs_message WHERE account = ? AND queue = ? AND visible_at_ms <= ? "
                                "ORDER BY visible_at_ms, sequence LIMIT ?",
                                queue_.name.account, queue_.number, receive_.now, count_);
    for (const auto& row : rows) {
      if (full()) break;
      auto message = read_row(tx_, queue_, row);
      // One that was just taken is visible again at once where the visibility timeout is 0.
      const bool is_taken = std::any_of(taken_.messages.begin(), taken_.messages.end(),
                                        [&](const Stored& taken) { return taken.sequence == message.sequence; });
      if (!is_taken) take(std::move(message));
    }
    return !rows.empty();
  }

  bool take_groups() {
    const auto groups = tx_.query(
        "SELECT fifo_group FROM sqs_group WHERE account = ? AND queue = ? AND ready_at_ms <= ? "
        "ORDER BY ready_at_ms, head LIMIT ?",
        queue_.name.account, queue_.number, receive_.now, count_);
    for (const auto& group : groups) {
      if (full()) break;
      const auto& name = group[0].string();
      const auto rows = tx_.query("SELECT " MESSAGE_COLUMNS " FROM sqs_message WHERE " IN_GROUP, queue_.name.account,
                                  queue_.number, name, name, count_);
      for (const auto& row : rows) {
        if (full()) break;
        auto message = read_row(tx_, queue_, row);
        if (message.visible_at_ms > receive_.now.ms) break;
        take(std::move(message));
      }
      refresh_group(tx_, queue_, name, receive_.now);
    }
    return !groups.empty();
  }

  void take(Stored message) {
    if (is_expired(queue_, message, receive_.now)) return remove_message(tx_, queue_, message);
    if (moves_to_dead_letters(message)) return;
    bytes_ += message.body.size() + message.attributes.size();
    if (!taken_.messages.empty() && bytes_ > receive_.bytes_max) {
      stopped_ = true;
      return;
    }
    message.visible_at_ms = receive_.now.ms + receive_.visibility_ms;
    message.received = true;
    message.receives += 1;
    message.receipt = receive_.receipt;
    message.received_at_ms = receive_.now.ms;
    if (message.first_received_at_ms == 0) message.first_received_at_ms = receive_.now.ms;
    tx_.query(
        "UPDATE sqs_message SET visible_at_ms = ?, received = 1, receives = ?, receipt = ?, first_received_at_ms = ?, "
        "received_at_ms = ? WHERE account = ? AND queue = ? AND sequence = ?",
        message.visible_at_ms, message.receives, message.receipt, message.first_received_at_ms, message.received_at_ms,
        queue_.name.account, queue_.number, message.sequence);
    if (!queue_.fifo && !message.group.empty()) live_.tenants.received();
    taken_.messages.push_back(std::move(message));
  }

  bool moves_to_dead_letters(const Stored& message) {
    if (!queue_.redrive || message.receives - message.receives_before < queue_.redrive->receives_max) return false;
    const auto target = read_queue(tx_, queue_.redrive->target);
    if (!target || target->fifo != queue_.fifo) return false;  // It was deleted: the message stays.
    move_message(tx_, queue_, message, *target, false, message.id, receive_.now);
    effects_.arrived.emplace(target->name.account, target->number);
    return true;
  }

  Transaction& tx_;
  const Queue& queue_;
  const Receive& receive_;
  const std::size_t count_;
  Live& live_;
  Effects& effects_;
  Received taken_;
  std::size_t bytes_ = 0;
  bool stopped_ = false;
};

// The same messages again for the same attempt, if they are as that receive left them.
bool repeat_attempt(Transaction& tx, const Queue& queue, const Receive& receive, Received& received) {
  const auto known = tx.query(
      "SELECT visible_at_ms, messages FROM sqs_attempt WHERE account = ? AND queue = ? AND attempt = ? AND "
      "expires_at_ms > ?",
      queue.name.account, queue.number, receive.attempt, receive.now);
  if (known.empty() || known[0][0].integer() <= receive.now.ms) return false;
  const auto messages = parse_json(known[0][1].string());
  if (!messages) throw std::runtime_error("a receive request attempt is damaged");
  for (const auto& entry : messages->list()) {
    const auto rows =
        tx.query("SELECT " MESSAGE_COLUMNS
                 " FROM sqs_message WHERE account = ? AND queue = ? AND sequence = ? AND receipt = ? AND "
                 "visible_at_ms = ?",
                 queue.name.account, queue.number, entry[0].integer(), entry[1].integer(), known[0][0].integer());
    if (rows.empty()) {
      received.messages.clear();
      return false;
    }
    received.messages.push_back(read_row(tx, queue, rows[0]));
  }
  const auto visible_at_ms = receive.now.ms + receive.visibility_ms;
  for (auto& message : received.messages) {
    message.visible_at_ms = visible_at_ms;
    tx.query("UPDATE sqs_message SET visible_at_ms = ? WHERE account = ? AND queue = ? AND sequence = ?", visible_at_ms,
             queue.name.account, queue.number, message.sequence);
    refresh_group(tx, queue, message.group, receive.now);
  }
  tx.query("UPDATE sqs_attempt SET visible_at_ms = ? WHERE account = ? AND queue = ? AND attempt = ?", visible_at_ms,
           queue.name.account, queue.number, receive.attempt);
  return true;
}

void keep_attempt(Transaction& tx, const Queue& queue, const Receive& receive, const Received& received) {
  tx.query("DELETE FROM sqs_attempt WHERE account = ? AND queue = ? AND (expires_at_ms <= ? OR attempt = ?)",
           queue.name.account, queue.number, receive.now, receive.attempt);
  if (received.messages.empty()) return;
  List messages;
  for (const auto& message : received.messages) messages.push_back(List{message.sequence, message.receipt});
  tx.query(
      "INSERT INTO sqs_attempt (account, queue, attempt, expires_at_ms, visible_at_ms, messages) "
      "VALUES (?, ?, ?, ?, ?, ?)",
      queue.name.account, queue.number, receive.attempt, receive.now.ms + deduplication_ms,
      receive.now.ms + receive.visibility_ms, to_json(Value(std::move(messages))));
}

std::int64_t count_in_flight(Transaction& tx, const Queue& queue, Time now) {
  return tx
      .query("SELECT COUNT(*) FROM sqs_message WHERE account = ? AND queue = ? AND visible_at_ms > ? AND received = 1",
             queue.name.account, queue.number, now)[0][0]
      .integer();
}

}  // namespace

void Effects::notify(Catalog& catalog) const {
  for (const auto& [account, number] : arrived) catalog.notify(account, number);
}

SentMessage put_message(Transaction& tx, const Queue& queue, const Outgoing& message, Time now) {
  if (!message.deduplication.empty()) {
    tx.query("DELETE FROM sqs_sent WHERE account = ? AND queue = ? AND expires_at_ms <= ?", queue.name.account,
             queue.number, now);
    const auto known =
        tx.query("SELECT message_id, sequence FROM sqs_sent WHERE account = ? AND queue = ? AND deduplication = ?",
                 queue.name.account, queue.number, message.deduplication);
    if (!known.empty()) return {known[0][0].string(), known[0][1].integer()};
  }
  Stored stored;
  const auto place = take_place(tx, queue, now.ms, !message.group.empty());
  stored.sequence = place.sequence;
  stored.visible_at_ms = now.ms + message.delay_seconds * seconds_ms;
  stored.sent_at_ms = now.ms;
  stored.group = message.group;
  stored.id = message.id;
  auto system = message.system;
  if (queue.fifo) system.set("SequenceNumber", sequence_number(stored.sequence));
  stored.system = to_json(Value(std::move(system)));
  stored.body = message.body;
  stored.attributes = message.attributes;
  insert_message(tx, queue, stored, place.fair);
  if (!message.deduplication.empty())
    tx.query(
        "INSERT INTO sqs_sent (account, queue, deduplication, expires_at_ms, message_id, sequence) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        queue.name.account, queue.number, message.deduplication, now.ms + deduplication_ms, stored.id, stored.sequence);
  return {stored.id, stored.sequence};
}

std::int64_t in_flight_max(const Queue& queue) { return queue.fifo ? 20'000 : 120'000; }

// All writes run on one thread, so `live` is read and written in turn; a transaction that is rolled
// back only makes it too large, until it is counted anew.
Received receive_messages(Transaction& tx, const Queue& queue, const Receive& receive, Live& live, Effects& effects) {
  Received received;
  if (!receive.attempt.empty() && repeat_attempt(tx, queue, receive, received)) return received;
  auto most = live.in_flight_most.load();
  if (most < 0 || most + static_cast<std::int64_t>(receive.count) > in_flight_max(queue))
    most = count_in_flight(tx, queue, receive.now);
  const auto room = in_flight_max(queue) - most;
  if (room <= 0) {
    live.in_flight_most = most;
    received.over_limit = true;
    return received;
  }
  received = Receiver(tx, queue, receive, static_cast<std::size_t>(room), live, effects).run();
  live.in_flight_most = most + static_cast<std::int64_t>(received.messages.size());
  if (!receive.attempt.empty()) keep_attempt(tx, queue, receive, received);
  return received;
}

Time next_receivable(Transaction& tx, const Queue& queue) {
  const auto rows = queue.fifo ? tx.query(
                                     "SELECT ready_at_ms FROM sqs_group WHERE account = ? AND queue = ? "
                                     "ORDER BY ready_at_ms, head LIMIT 1",
                                     queue.name.account, queue.number)
                               : tx.query(
                                     "SELECT visible_at_ms FROM sqs_message WHERE account = ? AND queue = ? "
                                     "ORDER BY visible_at_ms, sequence LIMIT 1",
                                     queue.name.account, queue.number);
  return Time{rows.empty() ? never : rows[0][0].integer()};
}

Touched delete_received(Transaction& tx, const Queue& queue, const Receipt& receipt, Time now) {
  if (queue.fifo) {
    // A handle of a FIFO queue ends with its visibility timeout, so that order holds.
    const auto rows = tx.query(
        "SELECT visible_at_ms FROM sqs_message WHERE account = ? AND queue = ? AND sequence = ? AND receipt = ?",
        queue.name.account, queue.number, receipt.sequence, receipt.receipt);
    if (!rows.empty() && rows[0][0].integer() <= now.ms) return Touched::expired;
  }
  const auto rows = tx.query(
      "DELETE FROM sqs_message WHERE account = ? AND queue = ? AND sequence = ? AND receipt = ? AND received = 1 "
      "RETURNING fifo_group, CASE WHEN body IS NULL THEN 0 ELSE 1 END",
      queue.name.account, queue.number, receipt.sequence, receipt.receipt);
  if (rows.empty()) return Touched::gone;
  remove_row(tx, queue, receipt.sequence, rows[0][1].integer() != 0);
  if (queue.fifo) refresh_group(tx, queue, rows[0][0].string(), now);
  return Touched::done;
}

Touched change_visibility(Transaction& tx, const Queue& queue, const Receipt& receipt, std::int64_t seconds, Time now) {
  constexpr std::int64_t visibility_ms_max = 12LL * 3600 * seconds_ms;
  const auto rows = tx.query(
      "SELECT visible_at_ms, received_at_ms, fifo_group FROM sqs_message WHERE account = ? AND queue = ? AND "
      "sequence = ? AND receipt = ? AND received = 1",
      queue.name.account, queue.number, receipt.sequence, receipt.receipt);
  if (rows.empty()) return Touched::gone;
  if (rows[0][0].integer() <= now.ms) return Touched::not_in_flight;
  const auto visible_at_ms = now.ms + seconds * seconds_ms;
  if (visible_at_ms - rows[0][1].integer() > visibility_ms_max) return Touched::too_long;
  tx.query("UPDATE sqs_message SET visible_at_ms = ? WHERE account = ? AND queue = ? AND sequence = ?", visible_at_ms,
           queue.name.account, queue.number, receipt.sequence);
  if (queue.fifo) refresh_group(tx, queue, rows[0][2].string(), now);
  return Touched::done;
}

Counts count_messages(Transaction& tx, const Queue& queue, Time now) {
  Counts counts;
  const auto total =
      tx.query("SELECT messages FROM sqs_counter WHERE account = ? AND queue = ?", queue.name.account, queue.number);
  for (const auto& row : tx.query("SELECT received, COUNT(*) FROM sqs_message WHERE account = ? AND queue = ? AND "
                                  "visible_at_ms > ? GROUP BY received",
                                  queue.name.account, queue.number, now))
    (row[0].integer() != 0 ? counts.in_flight : counts.delayed) = row[1].integer();
  counts.visible = (total.empty() ? 0 : total[0][0].integer()) - counts.in_flight - counts.delayed;
  return counts;
}

namespace {

constexpr std::size_t peek_bytes_max = 16 * 1024 * 1024;

// Reads on from rows of MESSAGE_COLUMNS while they fit; true if all did.
template <class Wanted>
bool read_rows(Transaction& tx, const Queue& queue, const Rows& rows, Peeked& peeked, const Wanted& wanted) {
  for (const auto& row : rows) {
    if (peeked.bytes >= peek_bytes_max) return false;
    auto message = read_row(tx, queue, row);
    if (!wanted(message)) continue;
    peeked.bytes += message.body.size() + message.attributes.size();
    peeked.messages.push_back(std::move(message));
  }
  return true;
}

}  // namespace

Peeked peek_messages(Transaction& tx, const Queue& queue, std::size_t count, Time now) {
  Peeked peeked;
  // In a FIFO queue the order of sequences is that of every group.
  const auto rows = tx.query("SELECT " MESSAGE_COLUMNS
                             " FROM sqs_message WHERE account = ? AND queue = ? AND visible_at_ms <= ? "
                             "ORDER BY visible_at_ms, sequence LIMIT ?",
                             queue.name.account, queue.number, now, count);
  const bool all = read_rows(tx, queue, rows, peeked, [](const Stored&) { return true; });
  peeked.more = !all || rows.size() == count;
  return peeked;
}

std::vector<Stored> list_messages(Transaction& tx, const Queue& queue, std::size_t count, bool invisible, bool delayed,
                                  Time now) {
  auto peeked = peek_messages(tx, queue, count, now);
  if (!invisible && !delayed) return std::move(peeked.messages);
  const auto rows = tx.query("SELECT " MESSAGE_COLUMNS
                             " FROM sqs_message WHERE account = ? AND queue = ? AND visible_at_ms > ? "
                             "ORDER BY visible_at_ms, sequence LIMIT ?",
                             queue.name.account, queue.number, now, count - peeked.messages.size());
  read_rows(tx, queue, rows, peeked, [&](const Stored& message) { return message.received ? invisible : delayed; });
  return std::move(peeked.messages);
}

void move_message(Transaction& tx, const Queue& from, const Stored& message, const Queue& to, bool redriven,
                  const std::string& new_id, Time now) {
  remove_message(tx, from, message);
  if (from.fifo) refresh_group(tx, from, message.group, now);
  auto moved = message;
  const bool is_new = redriven || to.fifo;  // Its retention begins anew.
  moved.id = new_id;
  moved.sent_at_ms = is_new ? now.ms : message.sent_at_ms;
  const auto place = take_place(tx, to, moved.sent_at_ms, !moved.group.empty());
  moved.sequence = place.sequence;
  moved.visible_at_ms = now.ms;
  moved.received = false;
  moved.receipt = 0;
  moved.received_at_ms = 0;
  moved.receives_before = moved.receives;
  if (redriven) moved.receives = moved.receives_before = moved.first_received_at_ms = 0;
  auto system = parse_json(message.system);
  if (!system) throw std::runtime_error("the attributes of message " + message.id + " are damaged");
  if (redriven)
    system->map().erase("DeadLetterQueueSourceArn");
  else
    system->set("DeadLetterQueueSourceArn", from.name.arn());
  if (to.fifo) system->set("SequenceNumber", sequence_number(moved.sequence));
  moved.system = to_json(*system);
  insert_message(tx, to, moved, place.fair);
}

// Messages are old in the order of their sequence; but in a dead letter queue, where they keep the
// time at which they were sent, rather in that of the time index.
bool remove_expired(Transaction& tx, const Queue& queue, std::size_t most, Time now, Time& next) {
  next = Time{never};
  std::size_t removed = 0;
  std::set<std::string> groups;
  const auto lifetime_ms = queue.retention_seconds * seconds_ms;
  for (const auto* order : {"sequence", "visible_at_ms, sequence"}) {
    const auto rows = tx.query(
        "SELECT sequence, sent_at_ms, fifo_group, CASE WHEN body IS NULL THEN 0 ELSE 1 END FROM sqs_message "
        "WHERE account = ? AND queue = ? ORDER BY " +
            std::string(order) + " LIMIT ?",
        queue.name.account, queue.number, most);
    for (const auto& row : rows) {
      const Time expires{row[1].integer() + lifetime_ms};
      if (expires > now) {
        next = std::min(next, expires);
        break;
      }
      tx.query("DELETE FROM sqs_message WHERE account = ? AND queue = ? AND sequence = ?", queue.name.account,
               queue.number, row[0].integer());
      remove_row(tx, queue, row[0].integer(), row[3].integer() != 0);
      if (queue.fifo) groups.insert(row[2].string());
      ++removed;
    }
    if (removed >= most) break;
  }
  for (const auto& group : groups) refresh_group(tx, queue, group, now);
  return removed < most;
}

bool clear_number(Transaction& tx, const std::string& account, std::int64_t number, std::size_t most) {
  struct Kept {
    const char* table;
    const char* key;
  };
  for (const auto& [table, key] :
       {Kept{"sqs_message", "sequence"}, Kept{"sqs_body", "sequence"}, Kept{"sqs_group", "fifo_group"},
        Kept{"sqs_sent", "deduplication"}, Kept{"sqs_attempt", "attempt"}}) {
    tx.query("DELETE FROM " + std::string(table) + " WHERE account = ? AND queue = ? AND " + key + " IN (SELECT " +
                 key + " FROM " + table + " WHERE account = ? AND queue = ? LIMIT ?)",
             account, number, account, number, most);
    if (tx.changes() == static_cast<std::int64_t>(most)) return false;
  }
  return true;
}

}  // namespace moonbase::sqs
