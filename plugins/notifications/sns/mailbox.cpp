#include "sns/mailbox.hpp"

#include <moonbase/json.hpp>

namespace moonbase::notifications::sns {
namespace {

// Forgets what is behind the newest rows, by (account, region, at_ms, id).
void trim(Transaction& tx, const std::string& table, const Owner& owner) {
  const auto last = tx.query(
      "SELECT at_ms, id FROM " + table + " WHERE account = ? AND region = ? ORDER BY at_ms DESC, id LIMIT 1 OFFSET ?",
      owner.account, owner.region, letters_max - 1);
  if (last.empty()) return;
  tx.query("DELETE FROM " + table + " WHERE account = ? AND region = ? AND (at_ms < ? OR (at_ms = ? AND id > ?))",
           owner.account, owner.region, last[0][0], last[0][0], last[0][1]);
}

}  // namespace

void post(Transaction& tx, const Letter& letter) {
  tx.query(
      "INSERT INTO sns_mailbox (account, region, at_ms, id, protocol, address, subject, body, topic_arn, message_id, "
      "links) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, region, at_ms, id) DO NOTHING",
      letter.owner.account, letter.owner.region, letter.at_ms, letter.id, letter.protocol, letter.address,
      letter.subject, letter.body, letter.topic_arn, letter.message_id, to_json(letter.links));
  trim(tx, "sns_mailbox", letter.owner);
}

bool is_opted_out(Transaction& tx, const Owner& owner, const std::string& number) {
  return !tx.query("SELECT number FROM sns_opted_out WHERE account = ? AND region = ? AND number = ?", owner.account,
                   owner.region, number)
              .empty();
}

List letters(Transaction& tx, const Owner& owner, const std::string& protocol, const std::string& address) {
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
        return true;
      });
  return found;
}

void post(Transaction& tx, const Push& push) {
  tx.query(
      "INSERT INTO sns_endpoint_message (account, region, at_ms, id, endpoint, document) VALUES (?, ?, ?, ?, ?, ?) "
      "ON CONFLICT (account, region, at_ms, id) DO NOTHING",
      push.owner.account, push.owner.region, push.at_ms, push.id, push.endpoint_arn, to_json(push.document));
  trim(tx, "sns_endpoint_message", push.owner);
}

Map pushes(Transaction& tx, const Owner& owner, const std::string& endpoint_arn) {
  Map by_endpoint;
  tx.each(
      "SELECT endpoint, document FROM sns_endpoint_message WHERE account = ? AND region = ? ORDER BY at_ms DESC, id",
      {owner.account, owner.region}, [&](const Row& row) {
        if (!endpoint_arn.empty() && row[0].string() != endpoint_arn) return true;
        auto& list = by_endpoint[row[0].string()];
        if (list.is_null()) list = List{};
        list.list().push_back(document(row[1]));
        return true;
      });
  return by_endpoint;
}

}  // namespace moonbase::notifications::sns
