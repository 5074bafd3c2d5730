// Message: what is published, and what each protocol makes of it. Pure.
#pragma once

#include <cstdint>
#include <moonbase/clock.hpp>
#include <moonbase/result.hpp>
#include <moonbase/value.hpp>
#include <string>
#include <string_view>

#include "sns/subscription.hpp"

namespace moonbase::notifications::sns {

struct Message {
  std::string id;
  std::string topic_arn;  // Empty: published to a phone number or a platform endpoint.
  std::string subject;    // Empty: none.
  std::string body;
  Map by_protocol;  // Of MessageStructure json: {"default": …, "sqs": …}. Empty otherwise.
  Map attributes;   // {"name": {"DataType", "StringValue" or "BinaryValue" (base64)}}
  std::string group, deduplication;
  std::int64_t sequence = 0;  // FIFO: from 1.
  std::int64_t at_ms = 0;
  std::string base_url;   // Under which the publisher reaches us: for addresses in the message.
  bool replayed = false;  // From the archive.

  std::string body_for(std::string_view protocol) const;
};

// Checks the input of a Publish, or an entry of a PublishBatch, but for its size. The message has no id or time yet.
// `needs_default`: with MessageStructure json there must be a text for protocols that have none of their own.
Result<Message> read_message(const Value& input, bool needs_default = true);
// What the limits count: body and attributes.
std::size_t message_bytes(const Message& message);
Error message_too_long();

// The message's form in a task or a row.
Value keep(const Message& message);
Message kept(const Value& value);

// "10000000000000000000": twenty digits that grow.
std::string sequence_number(std::int64_t sequence);

// Who signs, and where its certificate is.
struct Signed {
  std::string version;    // "1" or "2". Empty: not signed, as of FIFO topics.
  std::string signature;  // Base64.
  std::string certificate_url;
};
// What is signed.
std::string string_to_sign(const Message& message, std::string_view protocol);

std::string unsubscribe_url(const Message& message, const Subscription& subscription);

// The notification as queues, HTTP endpoints and email-json get it.
std::string notification(const Message& message, const Subscription& subscription, const Signed& signed_by);
// The event of a function.
std::string function_event(const Message& message, const Subscription& subscription, const Signed& signed_by);
// Of Targets::deliver to a queue, where the delivery is raw.
Map raw_attributes(const Message& message);

// A JSON object as SNS writes it: a line a member, `"Key" : value`. Values are JSON text already.
class Pretty {
 public:
  void text(std::string_view key, std::string_view value);
  void json(std::string_view key, std::string_view value);
  std::string end();

 private:
  std::string out_ = "{";
};

}  // namespace moonbase::notifications::sns
