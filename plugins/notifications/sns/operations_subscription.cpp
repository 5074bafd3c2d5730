// Subscriptions: subscribe, confirm, unsubscribe, lists, attributes.
#include <algorithm>
#include <functional>
#include <moonbase/http.hpp>
#include <moonbase/json.hpp>

#include "sns/mailbox.hpp"
#include "sns/service.hpp"

namespace moonbase::notifications::sns {
namespace {

constexpr std::size_t token_digits = 128;

std::optional<Subscription> find_by_endpoint(Transaction& tx, const Subscription& wanted) {
  const auto& owner = wanted.topic.owner;
  const auto rows = tx.query("SELECT " + std::string(subscription_columns) +
                                 " FROM sns_subscription WHERE account = ? AND region = ? AND topic = ? AND "
                                 "protocol = ? AND endpoint = ?",
                             owner.account, owner.region, wanted.topic.name, wanted.protocol, wanted.endpoint);
  if (rows.empty()) return std::nullopt;
  return subscription_of(wanted.topic, rows.front());
}

// The attributes of a Subscribe, the scope before the policy that depends on it.
Result<Map> read_attributes(const Value& given, Subscription& subscription) {
  Map attributes;
  if (!given.is_map()) return attributes;
  const auto take = [&](const std::string& key, const std::string& value) -> std::optional<Error> {
    if (auto refused = refuse_subscription_attribute(subscription, key, value))
      return invalid_parameter("Attributes Reason: " + *refused);
    attributes.set(key, value);
    subscription.attributes = attributes;
    return std::nullopt;
  };
  if (const auto* scope = given.map().find("FilterPolicyScope"))
    if (auto refused = take("FilterPolicyScope", scope->string())) return *refused;
  for (const auto& [key, value] : given.map())
    if (key != "FilterPolicyScope")
      if (auto refused = take(key, value.string())) return *refused;
  return attributes;
}

// How the endpoint learns that it has been subscribed.
void ask_for_confirmation(Transaction& tx, const Subscription& subscription, const std::string& base_url,
                          const std::string& letter_id, Time now) {
  if (subscription.protocol == "http" || subscription.protocol == "https") {
    tx.schedule(now, confirmation_task,
                Map{{"SubscriptionArn", subscription.arn()}, {"tries", 0}, {"began_ms", now.ms}});
    return;
  }
  const auto link =
      base_url + "/_aws/sns/confirm?Action=ConfirmSubscription&TopicArn=" + percent_encode(subscription.topic.arn()) +
      "&Token=" + subscription.token;
  post(tx, Letter{subscription.topic.owner, now.ms, letter_id, subscription.protocol, subscription.endpoint,
                  "AWS Notification - Subscription Confirmation",
                  "You have chosen to subscribe to the topic:\n" + subscription.topic.arn() +
                      "\n\nTo confirm this subscription, visit the link below:\n" + link + "\n",
                  subscription.topic.arn(), "", Map{{"Confirm", link}}});
}

void begin_replay(Transaction& tx, const Subscription& subscription, Time now) {
  tx.schedule(now, replay_task, Map{{"SubscriptionArn", subscription.arn()}, {"after", 0}},
              "replay/" + subscription.arn());
}

Map page_of(const Rows& rows, std::int64_t most, const std::function<Map(const Row&)>& shown,
            const std::function<std::string(const Row&)>& token) {
  List list;
  for (const auto& row : rows) {
    if (static_cast<std::int64_t>(list.size()) == most) break;
    list.push_back(shown(row));
  }
  Map answer = {{"Subscriptions", std::move(list)}};
  if (static_cast<std::int64_t>(rows.size()) > most)
    answer.set("NextToken", page_token(token(rows[static_cast<std::size_t>(most) - 1])));
  return answer;
}

}  // namespace

std::optional<Subscription> confirm(Transaction& tx, const TopicName& topic, const std::string& token,
                                    bool authenticated) {
  const auto rows = tx.query("SELECT " + std::string(subscription_columns) +
                                 " FROM sns_subscription WHERE account = ? AND region = ? AND topic = ? AND token = ?",
                             topic.owner.account, topic.owner.region, topic.name, token);
  if (rows.empty()) return std::nullopt;
  auto subscription = subscription_of(topic, rows.front());
  if (subscription.confirmed) return subscription;
  subscription.confirmed = true;
  subscription.attributes.set("ConfirmationWasAuthenticated", authenticated ? "true" : "false");
  tx.query(
      "UPDATE sns_subscription SET confirmed = 1, attributes = ? "
      "WHERE account = ? AND region = ? AND topic = ? AND id = ?",
      to_json(subscription.attributes), topic.owner.account, topic.owner.region, topic.name, subscription.id);
  return subscription;
}

void remove_subscription(Transaction& tx, const Subscription& subscription) {
  const auto& topic = subscription.topic;
  tx.query("DELETE FROM sns_subscription WHERE account = ? AND region = ? AND topic = ? AND id = ?",
           topic.owner.account, topic.owner.region, topic.name, subscription.id);
  tx.query("DELETE FROM sns_backlog WHERE account = ? AND region = ? AND topic = ? AND subscription = ?",
           topic.owner.account, topic.owner.region, topic.name, subscription.id);
  tx.query(
      "UPDATE sns_topic SET subscriptions_deleted = subscriptions_deleted + 1 "
      "WHERE account = ? AND region = ? AND name = ?",
      topic.owner.account, topic.owner.region, topic.name);
}

Result<Value> confirm_subscription(Call& call, Service&) {
  const auto topic = parse_topic_arn(call.input["TopicArn"].string());
  if (!topic) return topic.error();
  const bool authenticated = call.input["AuthenticateOnUnsubscribe"].string_or("") == "true";
  const auto& token = call.input["Token"].string();
  const bool is_token =
      std::all_of(token.begin(), token.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (!is_token) return Error{"InvalidParameter", "Invalid token"};
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto subscription = confirm(tx, *topic, token, authenticated);
    if (!subscription) return invalid_parameter("Token");
    return Value(Map{{"SubscriptionArn", subscription->arn()}});
  });
}

Result<Value> get_subscription_attributes(Call& call, Service&) {
  const auto name = parse_subscription_arn(call.input["SubscriptionArn"].string());
  if (!name) return name.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto subscription = find_subscription(tx, *name);
    const auto topic = find_topic(tx, name->topic);
    if (!subscription || !topic) return no_such_subscription();
    return Value(Map{{"Attributes", shown_attributes(*subscription, *topic)}});
  });
}

Result<Value> list_subscriptions(Call& call, Service&) {
  const auto owner = Owner::of(call);
  const auto begin = page_begin(call.input["NextToken"]);
  if (!begin) return invalid_parameter("NextToken");
  const auto slash = begin->find('/');
  const auto topic = begin->substr(0, slash);
  const auto id = slash == std::string::npos ? std::string() : begin->substr(slash + 1);
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto rows =
        tx.query("SELECT " + std::string(subscription_columns) +
                     ", topic FROM sns_subscription WHERE account = ? AND region = ? AND (topic, id) > (?, ?) "
                     "ORDER BY topic, id LIMIT ?",
                 owner.account, owner.region, topic, id, page_size + 1);
    return Value(page_of(
        rows, page_size,
        [&](const Row& row) {
          return listed(subscription_of({owner, row[6].string()}, row));
        },
        [](const Row& row) { return row[6].string() + "/" + row[0].string(); }));
  });
}

Result<Value> list_subscriptions_by_topic(Call& call, Service&) {
  const auto topic = parse_topic_arn(call.input["TopicArn"].string());
  if (!topic) return topic.error();
  const auto begin = page_begin(call.input["NextToken"]);
  if (!begin) return invalid_parameter("NextToken");
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (auto there = find_topic(tx, *topic); !there) return there.error();
    const auto rows = tx.query("SELECT " + std::string(subscription_columns) +
                                   " FROM sns_subscription WHERE account = ? AND region = ? AND topic = ? AND id > ? "
                                   "ORDER BY id LIMIT ?",
                               topic->owner.account, topic->owner.region, topic->name, *begin, page_size + 1);
    return Value(page_of(
        rows, page_size, [&](const Row& row) { return listed(subscription_of(*topic, row)); },
        [](const Row& row) { return row[0].string(); }));
  });
}

Result<Value> set_subscription_attributes(Call& call, Service&) {
  const auto name = parse_subscription_arn(call.input["SubscriptionArn"].string());
  if (!name) return name.error();
  const auto& key = call.input["AttributeName"].string();
  const auto value = call.input["AttributeValue"].string_or("");
  const auto now = call.kernel.clock.now();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto subscription = find_subscription(tx, *name);
    if (!subscription) return no_such_subscription();
    if (auto refused = refuse_subscription_attribute(*subscription, key, value)) return invalid_parameter(*refused);
    // A policy that is nested stays one of the body.
    if (key == "FilterPolicyScope" && value == "MessageAttributes")
      if (auto refused = refuse_filter_policy(subscription->attribute("FilterPolicy"), false))
        return invalid_parameter(*refused);
    subscription->attributes.set(key, value);
    if (key == "ReplayPolicy") {
      subscription->attributes.erase("ReplayStatus");
      if (!value.empty()) begin_replay(tx, *subscription, now);
    }
    save_attributes(tx, *subscription);
    return Value(Map());
  });
}

Result<Value> subscribe(Call& call, Service&) {
  const auto topic_name = parse_topic_arn(call.input["TopicArn"].string());
  if (!topic_name) return topic_name.error();
  Subscription wanted;
  wanted.topic = *topic_name;
  wanted.protocol = call.input["Protocol"].string();
  wanted.endpoint = call.input["Endpoint"].string_or("");
  if (auto good = check_endpoint(*topic_name, wanted.protocol, wanted.endpoint); !good) return good.error();
  auto attributes = read_attributes(call.input["Attributes"], wanted);
  if (!attributes) return attributes.error();
  wanted.attributes = *attributes;
  wanted.id = call.kernel.ids.uuid();
  wanted.token = call.kernel.ids.hex(token_digits);
  wanted.confirmed = confirms_itself(wanted.protocol);
  const bool shows_arn = call.input["ReturnSubscriptionArn"].boolean_or(false);
  const auto answer = [&](const Subscription& subscription) {
    return Value(
        Map{{"SubscriptionArn", subscription.confirmed || shows_arn ? subscription.arn() : "pending confirmation"}});
  };
  const auto letter_id = call.kernel.ids.uuid();
  const auto now = call.kernel.clock.now();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto topic = find_topic(tx, *topic_name);
    if (!topic) return topic.error();
    if (const auto there = find_by_endpoint(tx, wanted)) {
      for (const auto& [key, value] : wanted.attributes)
        if (there->attribute(key) != value.string())
          return invalid_parameter("Attributes Reason: Subscription already exists with different attributes");
      if (!there->confirmed) ask_for_confirmation(tx, *there, call.context.base_url, letter_id, now);
      return answer(*there);
    }
    if (topic->message_bytes_max() > message_bytes_default)
      if (auto good = check_for_large_messages(*topic, wanted.protocol, all_subscriptions(tx, *topic_name).size());
          !good)
        return good.error();
    tx.query(
        "INSERT INTO sns_subscription (account, region, topic, id, protocol, endpoint, token, confirmed, attributes) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        wanted.topic.owner.account, wanted.topic.owner.region, wanted.topic.name, wanted.id, wanted.protocol,
        wanted.endpoint, wanted.token, wanted.confirmed ? 1 : 0, to_json(wanted.attributes));
    if (!wanted.confirmed) ask_for_confirmation(tx, wanted, call.context.base_url, letter_id, now);
    if (!wanted.attribute("ReplayPolicy").empty()) begin_replay(tx, wanted, now);
    return answer(wanted);
  });
}

Result<Value> unsubscribe(Call& call, Service&) {
  const auto name = parse_subscription_arn(call.input["SubscriptionArn"].string());
  if (!name) return name.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    // What is not there is unsubscribed, too.
    if (const auto subscription = find_subscription(tx, *name)) remove_subscription(tx, *subscription);
    return Value(Map());
  });
}

}  // namespace moonbase::notifications::sns
