// Topics: create, delete, list, attributes.
#include <algorithm>
#include <moonbase/json.hpp>

#include "sns/service.hpp"

namespace moonbase::notifications::sns {
namespace {

Error already_exists(std::string_view what) {
  return invalid_parameter(std::string(what) + " Reason: Topic already exists with different " +
                           (what == "Tags" ? "tags" : "attributes"));
}

// What is asked for holds of the topic that is there.
bool agrees(const Topic& topic, const Map& wanted) {
  auto shown = shown_attributes(topic);
  for (const auto& [key, value] : wanted) {
    const auto* found = shown.find(key);
    if (found ? *found != value : !value.string().empty() && value.string() != "false") return false;
  }
  return true;
}

bool same_tags(Transaction& tx, const TopicName& name, const Value& tags) {
  if (tags.is_null()) return true;
  const auto there = tags_of(tx, name.owner, name.arn());
  if (there.size() != tags.list().size()) return false;
  for (const auto& tag : there)
    if (std::find(tags.list().begin(), tags.list().end(), tag) == tags.list().end()) return false;
  return true;
}

// A topic that is to take large messages may not have subscriptions that cannot.
Result<Done> check_large_messages(Transaction& tx, const TopicName& name, const std::string& bytes_max) {
  Topic topic{name, Map{{"MaximumMessageSize", bytes_max}}};
  std::size_t others = 0;
  for (const auto& subscription : all_subscriptions(tx, name))
    if (auto good = check_for_large_messages(topic, subscription.protocol, others++); !good) return good;
  return done;
}

std::int64_t count(Transaction& tx, const TopicName& name, bool confirmed) {
  return tx
      .query("SELECT COUNT(*) FROM sns_subscription WHERE account = ? AND region = ? AND topic = ? AND confirmed = ?",
             name.owner.account, name.owner.region, name.name, confirmed ? 1 : 0)
      .front()[0]
      .integer();
}

}  // namespace

Result<Value> create_topic(Call& call, Service&) {
  if (!call.input["DataProtectionPolicy"].is_null()) return not_implemented("sns CreateTopic DataProtectionPolicy");
  const TopicName name{Owner::of(call), call.input["Name"].string()};
  Map attributes;
  if (call.input["Attributes"].is_map()) attributes = call.input["Attributes"].map();
  const auto* fifo = attributes.find("FifoTopic");
  const bool is_fifo = fifo && fifo->string() == "true";
  if (!is_topic_name(name.name, is_fifo)) {
    if (is_fifo)
      return invalid_parameter(
          "Topic Name Reason: Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase "
          "ASCII letters, numbers, underscores, and hyphens, and must be between 1 and 256 characters long.");
    return invalid_topic_name();
  }
  for (const auto& [key, value] : attributes)
    if (auto refused = refuse_topic_attribute(name, key, value.string(), true))
      return invalid_parameter("Attributes Reason: " + *refused);
  if (fifo && !is_fifo) attributes.erase("FifoTopic");
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (auto there = find_topic(tx, name)) {
      if (!agrees(*there, attributes)) return already_exists("Attributes");
      if (!same_tags(tx, name, call.input["Tags"])) return already_exists("Tags");
      return Value(Map{{"TopicArn", name.arn()}});
    }
    tx.query(
        "INSERT INTO sns_topic (account, region, name, attributes, subscriptions_deleted, last_sequence) "
        "VALUES (?, ?, ?, ?, 0, 0)",
        name.owner.account, name.owner.region, name.name, to_json(attributes));
    put_tags(tx, name.owner, name.arn(), call.input["Tags"]);
    return Value(Map{{"TopicArn", name.arn()}});
  });
}

Result<Value> delete_topic(Call& call, Service&) {
  const auto name = parse_topic_arn(call.input["TopicArn"].string());
  if (!name) return name.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto& owner = name->owner;
    tx.query("DELETE FROM sns_topic WHERE account = ? AND region = ? AND name = ?", owner.account, owner.region,
             name->name);
    // A topic that is not there is deleted, too.
    if (tx.changes() == 0) return Value(Map());
    for (const auto* table : {"sns_subscription", "sns_outgoing", "sns_deduplication", "sns_backlog", "sns_archive"})
      tx.query("DELETE FROM " + std::string(table) + " WHERE account = ? AND region = ? AND topic = ?", owner.account,
               owner.region, name->name);
    remove_all_tags(tx, owner, name->arn());
    return Value(Map());
  });
}

Result<Value> get_topic_attributes(Call& call, Service&) {
  const auto name = parse_topic_arn(call.input["TopicArn"].string());
  if (!name) return name.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto topic = find_topic(tx, *name);
    if (!topic) return topic.error();
    auto shown = shown_attributes(*topic);
    shown.set("SubscriptionsConfirmed", std::to_string(count(tx, *name, true)));
    shown.set("SubscriptionsPending", std::to_string(count(tx, *name, false)));
    shown.set("SubscriptionsDeleted", std::to_string(topic->subscriptions_deleted));
    if (const auto days = topic->archive_days(); days > 0) {
      const auto rows = tx.query(
          "SELECT at_ms FROM sns_archive WHERE account = ? AND region = ? AND topic = ? AND at_ms >= ? "
          "ORDER BY at_ms LIMIT 1",
          name->owner.account, name->owner.region, name->name, call.kernel.clock.now().ms - days * day_ms);
      if (!rows.empty()) shown.set("BeginningArchiveTime", iso_8601(Time{rows.front()[0].integer()}));
    }
    return Value(Map{{"Attributes", std::move(shown)}});
  });
}

Result<Value> list_topics(Call& call, Service&) {
  const auto owner = Owner::of(call);
  const auto begin = page_begin(call.input["NextToken"]);
  if (!begin) return invalid_parameter("NextToken");
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto rows =
        tx.query("SELECT name FROM sns_topic WHERE account = ? AND region = ? AND name > ? ORDER BY name LIMIT ?",
                 owner.account, owner.region, *begin, page_size + 1);
    List topics;
    for (const auto& row : rows) {
      if (static_cast<std::int64_t>(topics.size()) == page_size) break;
      topics.push_back(Map{{"TopicArn", TopicName{owner, row[0].string()}.arn()}});
    }
    Map answer = {{"Topics", std::move(topics)}};
    if (static_cast<std::int64_t>(rows.size()) > page_size)
      answer.set("NextToken", page_token(rows[static_cast<std::size_t>(page_size) - 1][0].string()));
    return Value(std::move(answer));
  });
}

Result<Value> set_topic_attributes(Call& call, Service&) {
  const auto name = parse_topic_arn(call.input["TopicArn"].string());
  if (!name) return name.error();
  const auto& key = call.input["AttributeName"].string();
  const auto value = call.input["AttributeValue"].string_or("");
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto topic = find_topic(tx, *name);
    if (!topic) return topic.error();
    if (auto refused = refuse_topic_attribute(*name, key, value, false)) return invalid_parameter(*refused);
    if (key == "MaximumMessageSize")
      if (auto good = check_large_messages(tx, *name, value); !good) return good.error();
    if (value.empty() || (key == "ArchivePolicy" && value == "{}"))
      topic->attributes.erase(key);
    else
      topic->attributes.set(key, value);
    save_attributes(tx, *topic);
    return Value(Map());
  });
}

}  // namespace moonbase::notifications::sns
