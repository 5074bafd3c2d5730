// The mailbox: mail and text messages stay here, to be read at /_aws/sns/mailbox. Nothing leaves the machine.
// The newest 1,000 of an account in a region are kept, and so are those of the outbox.
#pragma once

#include <moonbase/store.hpp>
#include <string>

#include "common.hpp"

namespace moonbase::notifications::sns {

inline constexpr int letters_max = 1000;

struct Letter {
  Owner owner;
  std::int64_t at_ms = 0;
  std::string id;        // The same letter twice is one.
  std::string protocol;  // "email", "email-json", "sms".
  std::string address, subject, body;
  std::string topic_arn, message_id;
  Map links = {};  // {"Confirm": url, "Unsubscribe": url}: paths below the platform's address, too.
};
void post(Transaction& tx, const Letter& letter);

bool is_opted_out(Transaction& tx, const Owner& owner, const std::string& number);

// The newest first. An empty protocol or address: of all.
List letters(Transaction& tx, const Owner& owner, const std::string& protocol, const std::string& address);

// A message to a platform endpoint, for the outbox.
struct Push {
  Owner owner;
  std::int64_t at_ms = 0;
  std::string id, endpoint_arn;
  Map document;
};
void post(Transaction& tx, const Push& push);
// The newest first: {endpoint ARN: [document, …]}. An empty ARN: of all.
Map pushes(Transaction& tx, const Owner& owner, const std::string& endpoint_arn);

}  // namespace moonbase::notifications::sns
