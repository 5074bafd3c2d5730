// The mailbox: mail and text messages stay here, to be read at /_aws/sns/mailbox. Nothing leaves the machine.
#pragma once

#include <moonbase/store.hpp>
#include <string>

#include "common.hpp"

namespace moonbase::notifications::sns {

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

// The newest first, at most `most`. An empty address: all of them.
List letters(Transaction& tx, const Owner& owner, const std::string& protocol, const std::string& address, int most);

// A message to a platform endpoint, for the outbox.
struct Push {
  Owner owner;
  std::int64_t at_ms = 0;
  std::string id, endpoint_arn;
  Map document;
};
void post(Transaction& tx, const Push& push);

}  // namespace moonbase::notifications::sns
