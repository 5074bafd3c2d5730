// The messages of a queue in the store. Everything here runs inside a transaction in which the queue is
// current (catalog.hpp, write_queue).
#pragma once

#include <cstdint>
#include <moonbase/store.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "catalog.hpp"
#include "message.hpp"

namespace moonbase::sqs {

// What is to be told to others once the transaction has committed.
struct Effects {
  std::set<std::pair<std::string, std::int64_t>> arrived;  // Account and number of queues.
  void notify(Catalog& catalog) const;
};

struct SentMessage {
  std::string id;
  std::int64_t sequence = 0;
};
// Puts a message into the queue; a duplicate of the last five minutes answers the first one's id.
SentMessage put_message(Transaction& tx, const Queue& queue, const Outgoing& message, Time now);

struct Receive {
  std::size_t count = 1;
  std::size_t bytes_max = SIZE_MAX;  // Stops before the message that would pass it, but hands out one.
  std::int64_t visibility_ms = 0;
  std::int64_t receipt = 0;  // Random: what makes the receipt handles new.
  std::string attempt;       // ReceiveRequestAttemptId; empty: none.
  Time now;
};
struct Received {
  std::vector<Stored> messages;
  bool more = false;        // There may be more at once: so much was moved or expired that it stopped.
  bool over_limit = false;  // Nothing was handed out because too many are in flight.
};
Received receive_messages(Transaction& tx, const Queue& queue, const Receive& receive, Live& live, Effects& effects);

// How many messages may be in flight.
std::int64_t in_flight_max(const Queue& queue);

// When the next message can be received: now or earlier, later, or never (INT64_MAX) as things are.
Time next_receivable(Transaction& tx, const Queue& queue);

// What became of a message that a receipt handle names.
enum class Touched { done, gone, expired, not_in_flight, too_long };
Touched delete_received(Transaction& tx, const Queue& queue, const Receipt& receipt, Time now);
Touched change_visibility(Transaction& tx, const Queue& queue, const Receipt& receipt, std::int64_t seconds, Time now);

struct Counts {
  std::int64_t visible = 0, in_flight = 0, delayed = 0;
};
Counts count_messages(Transaction& tx, const Queue& queue, Time now);

// The next receivable messages, in order; fewer than `count` where they are large. They stay as they are.
struct Peeked {
  std::vector<Stored> messages;
  std::size_t bytes = 0;
  bool more = false;  // There may be more of them.
};
Peeked peek_messages(Transaction& tx, const Queue& queue, std::size_t count, Time now);
// For people: also hidden ones if asked.
std::vector<Stored> list_messages(Transaction& tx, const Queue& queue, std::size_t count, bool invisible, bool delayed,
                                  Time now);
// Moves a message on. `redriven`: as a new message, as message move tasks do.
void move_message(Transaction& tx, const Queue& from, const Stored& message, const Queue& to, bool redriven,
                  const std::string& new_id, Time now);

// Removes up to `most` messages that are too old; true when none is left. `next`: when the next will be.
bool remove_expired(Transaction& tx, const Queue& queue, std::size_t most, Time now, Time& next);
// Removes up to `most` rows of what a number that is no longer used left behind; true when none is left.
bool clear_number(Transaction& tx, const std::string& account, std::int64_t number, std::size_t most);

}  // namespace moonbase::sqs
