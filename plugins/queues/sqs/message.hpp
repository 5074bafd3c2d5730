// Message: what is sent and what is received. Pure rules, no I/O.
#pragma once

#include <cstdint>
#include <moonbase/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "queue.hpp"

namespace moonbase::sqs {

// A message on its way in, checked.
struct Outgoing {
  std::string id;
  std::string body;
  std::string attributes;  // JSON as it is kept; empty: none.
  Map system;              // System attributes that stay as they are, but for the sequence number.
  std::int64_t delay_seconds = 0;
  std::string group;          // The message group; in standard queues the tenant.
  std::string deduplication;  // FIFO: what duplicates share within the queue. Empty: none.
  std::size_t bytes = 0;      // Body and attributes, as the limits count them.
  std::string md5_of_body, md5_of_attributes, md5_of_system_attributes;  // Empty: there are none.
};

// Who sends; the SenderId of the message.
std::string sender_id(const Identity& identity);

// Checks a SendMessage's input, or an entry of a batch's, for this queue. The message has no id yet. What a
// function sends carries its trace, so that a loop of functions and queues is seen.
Result<Outgoing> read_outgoing(const Value& input, const Queue& queue, const CallContext& sender);

// A message as the store has it.
struct Stored {
  std::int64_t sequence = 0, visible_at_ms = 0, sent_at_ms = 0;
  std::int64_t receives = 0, receives_before = 0, receipt = 0;
  std::int64_t first_received_at_ms = 0, received_at_ms = 0;
  bool received = false;
  std::string group, id, system, body, attributes;
};

// What a client asked to see of a message.
struct Wanted {
  std::vector<std::string> system, attributes;
  bool all_system = false;
};
// AttributeNames, MessageSystemAttributeNames and MessageAttributeNames of a ReceiveMessage.
Result<Wanted> read_wanted(const Value& input);

// A Message of ReceiveMessage's answer.
Value describe_message(const Stored& message, const Wanted& wanted, const std::string& receipt_handle);
// A record of a function's event.
Value describe_record(const Stored& message, const Queue& queue, const std::string& receipt_handle);
// All its system attributes; `receipts` of those that come with a receive.
Map system_attributes(const Stored& message);

// What a receipt handle says. A new one comes with every receive.
struct Receipt {
  std::int64_t queue = 0, sequence = 0, receipt = 0;
};
std::string receipt_handle(const Receipt& receipt);
std::optional<Receipt> parse_receipt_handle(std::string_view handle);
Error invalid_receipt_handle(std::string_view handle);

// Of attributes as SendMessage has them: what SDKs compare.
std::string md5_of_attributes(const Map& attributes);
// To and from the form in which attributes are kept.
std::string keep_attributes(const Map& attributes);
Map kept_attributes(const std::string& kept);

// "18849496460467696128": twenty digits that grow with the sequence.
std::string sequence_number(std::int64_t sequence);

}  // namespace moonbase::sqs
