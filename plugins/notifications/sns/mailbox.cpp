#include "sns/mailbox.hpp"

#include <moonbase/json.hpp>

namespace moonbase::notifications::sns {

void post(Transaction& tx, const Letter& letter) {
  tx.query(
      "INSERT INTO sns_mailbox (account, region, at_ms, id, protocol, address, subject, body, topic_arn, message_id, "
      "links) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, region, at_ms, id) DO NOTHING",
      letter.owner.account, letter.owner.region, letter.at_ms, letter.id, letter.protocol, letter.address,
      letter.subject, letter.body, letter.topic_arn, letter.message_id, to_json(letter.links));
}

bool is_opted_out(Transaction& tx, const Owner& owner, const std::string& number) {
  return !tx.query("SELECT number FROM sns_opted_out WHERE account = ? AND region = ? AND number = ?", owner.account,
                   owner.region, number)
              .empty();
}

List letters(Transaction& tx, const Owner& owner, const std::string& protocol, const std::string& address, int most) {
  List found;
  tx.each(
      "SELECT at_ms, id, protocol, address, subject, body, topic_arn, message_id, links FROM sns_mailbox "
      "WHERE account = ? AND region = ? ORDER BY at_ms DESC, id",
      {owner.account, owner.region}, [&](const Row& row) {
        if (!protocol.empty() && row[2].string() != protocol) return true;
        if (!address.empty() && row[3].string() != address) return true;
        found.push_back(Map{{"Id", row[1]},
                            {"Timestamp", iso_8601(Time{row[0].integer()})},
                            {"Protocol", row[2]},
                            {"Address", row[3]},
                            {"Subject", row[4]},
                            {"Body", row[5]},
                            {"TopicArn", row[6]},
                            {"MessageId", row[7]},
                            {"Links", document(row[8])}});
        return static_cast<int>(found.size()) < most;
      });
  return found;
}

void post(Transaction& tx, const Push& push) {
  tx.query(
      "INSERT INTO sns_endpoint_message (account, region, at_ms, id, endpoint, document) VALUES (?, ?, ?, ?, ?, ?) "
      "ON CONFLICT (account, region, at_ms, id) DO NOTHING",
      push.owner.account, push.owner.region, push.at_ms, push.id, push.endpoint_arn, to_json(push.document));
}

}  // namespace moonbase::notifications::sns
