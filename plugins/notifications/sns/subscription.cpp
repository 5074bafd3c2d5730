#include "sns/subscription.hpp"

#include <algorithm>
#include <array>
#include <moonbase/json.hpp>

#include "sns/retries.hpp"

namespace moonbase::notifications::sns {
namespace {

constexpr std::array<std::string_view, 9> protocols = {"http", "https",  "email",       "email-json", "sms",
                                                       "sqs",  "lambda", "application", "firehose"};

bool is_queue_arn(const std::string& text) {
  const auto arn = parse_arn(text);
  return arn && arn->service == "sqs";
}

bool is_phone_number_char(char c) { return (c >= '0' && c <= '9') || c == '+' || c == '-' || c == ' ' || c == '.'; }

bool is_email(const std::string& text) {
  const auto at = text.find('@');
  return at != std::string::npos && at > 0 && at + 1 < text.size() && text.find('@', at + 1) == std::string::npos &&
         text.find_first_of(" \r\n\t<>,;") == std::string::npos;
}

std::optional<std::string> refuse_redrive_policy(const Subscription& subscription, const std::string& value) {
  if (value.empty()) return std::nullopt;
  const auto parsed = parse_json(value);
  if (!parsed || !parsed->is_map()) return "RedrivePolicy: failed to parse JSON.";
  const auto& target = (*parsed)["deadLetterTargetArn"];
  const auto arn = target.is_string() ? parse_arn(target.string()) : std::nullopt;
  if (!arn || arn->service != "sqs") return "RedrivePolicy: deadLetterTargetArn is an invalid arn";
  if (arn->owner() != subscription.topic.owner)
    return "RedrivePolicy: deadLetterTargetArn must be in the same account and region as the subscription";
  if (subscription.topic.is_fifo() && subscription.endpoint.ends_with(".fifo") != arn->resource.ends_with(".fifo"))
    return "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.";
  return std::nullopt;
}

std::optional<std::string> refuse_replay_policy(const Subscription& subscription, const std::string& value) {
  if (value.empty()) return std::nullopt;
  if (!subscription.topic.is_fifo()) return "ReplayPolicy is only supported for subscriptions of FIFO topics";
  const auto parsed = parse_json(value);
  if (!parsed || !parsed->is_map()) return "ReplayPolicy: failed to parse JSON.";
  if ((*parsed)["PointType"] != Value("Timestamp")) return "ReplayPolicy: PointType must be Timestamp";
  if (!(*parsed)["StartingPoint"].is_string()) return "ReplayPolicy: StartingPoint is required";
  return std::nullopt;
}

}  // namespace

std::string Subscription::attribute(std::string_view key) const {
  const auto* found = attributes.find(key);
  return found ? found->string() : std::string();
}

std::string Subscription::dead_letter_arn() const {
  const auto text = attribute("RedrivePolicy");
  if (text.empty()) return {};
  const auto parsed = parse_json(text);
  return parsed ? (*parsed)["deadLetterTargetArn"].string_or("") : std::string();
}

Result<SubscriptionName> parse_subscription_arn(const std::string& arn) {
  const auto parsed = parse_arn(arn);
  if (!parsed)
    return invalid_parameter("SubscriptionArn Reason: An ARN must have at least 6 elements, not " +
                             std::to_string(std::count(arn.begin(), arn.end(), ':') + 1));
  const auto colon = parsed->resource.find(':');
  if (parsed->service != "sns" || colon == std::string_view::npos) return invalid_parameter("SubscriptionId");
  return SubscriptionName{{parsed->owner(), std::string(parsed->resource.substr(0, colon))},
                          std::string(parsed->resource.substr(colon + 1))};
}

Error no_such_subscription() { return {"NotFound", "Subscription does not exist"}; }

Result<Done> check_endpoint(const TopicName& topic, const std::string& protocol, const std::string& endpoint) {
  if (std::find(protocols.begin(), protocols.end(), protocol) == protocols.end())
    return invalid_parameter("Amazon SNS does not support this protocol string: " + protocol);
  if (topic.is_fifo() && protocol != "sqs")
    return invalid_parameter("Invalid parameter: Protocol Reason: FIFO topics do not support this protocol string: " +
                             protocol);
  if (endpoint.empty()) return invalid_parameter("Endpoint");
  if ((protocol == "http" || protocol == "https") && !endpoint.starts_with(protocol + "://"))
    return invalid_parameter("Endpoint must match the specified protocol");
  if ((protocol == "email" || protocol == "email-json") && !is_email(endpoint))
    return invalid_parameter("Email address");
  if (protocol == "sms" &&
      (endpoint.size() < 5 || !std::all_of(endpoint.begin(), endpoint.end(), is_phone_number_char)))
    return Error{"InvalidParameter", "Invalid SMS endpoint: " + endpoint};
  if (protocol == "sqs") {
    if (!is_queue_arn(endpoint)) return invalid_parameter("SQS endpoint ARN");
    if (endpoint.ends_with(".fifo") && !topic.is_fifo())
      return invalid_parameter(
          "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics");
  }
  const auto arn = parse_arn(endpoint);
  if (protocol == "lambda" && (!arn || arn->service != "lambda")) return invalid_parameter("Lambda endpoint ARN");
  if (protocol == "firehose" && (!arn || arn->service != "firehose")) return invalid_parameter("Firehose endpoint ARN");
  if (protocol == "application" && (!arn || arn->service != "sns" || !arn->resource.starts_with("endpoint/")))
    return invalid_parameter("Application endpoint arn invalid:" + endpoint);
  return done;
}

Result<Done> check_for_large_messages(const Topic& topic, const std::string& protocol, std::size_t others) {
  if (topic.message_bytes_max() <= message_bytes_default) return done;
  constexpr std::size_t subscriptions_max = 100;
  if (protocol != "sqs" && protocol != "lambda" && protocol != "firehose")
    return invalid_parameter("Protocol Reason: Topics with a MaximumMessageSize above 262144 bytes do not support " +
                             protocol);
  if (others >= subscriptions_max)
    return invalid_parameter(
        "TopicArn Reason: Topics with a MaximumMessageSize above 262144 bytes have at most 100 subscriptions");
  return done;
}

bool confirms_itself(std::string_view protocol) {
  return protocol == "sqs" || protocol == "lambda" || protocol == "firehose" || protocol == "application" ||
         protocol == "sms";
}

std::optional<std::string> refuse_subscription_attribute(const Subscription& subscription, const std::string& key,
                                                         const std::string& value) {
  if (key == "FilterPolicy") return refuse_filter_policy(value, subscription.is_by_body());
  if (key == "FilterPolicyScope") {
    if (value != "MessageAttributes" && value != "MessageBody")
      return "FilterPolicyScope: Invalid value [" + value + "]. Please use either MessageBody or MessageAttributes";
  } else if (key == "RawMessageDelivery") {
    if (lower_case(value) != "true" && lower_case(value) != "false")
      return "RawMessageDelivery: Invalid value [" + value + "]. Must be true or false.";
    if (lower_case(value) == "true" &&
        (subscription.protocol == "lambda" || subscription.protocol.starts_with("email") ||
         subscription.protocol == "sms" || subscription.protocol == "application"))
      return "RawMessageDelivery: Delivery protocol [" + subscription.protocol +
             "] does not support raw message delivery.";
  } else if (key == "RedrivePolicy") {
    return refuse_redrive_policy(subscription, value);
  } else if (key == "DeliveryPolicy") {
    if (auto refused = refuse_delivery_policy(value, false)) return "DeliveryPolicy: " + *refused;
  } else if (key == "ReplayPolicy") {
    return refuse_replay_policy(subscription, value);
  } else if (key == "SubscriptionRoleArn") {
    if (!parse_arn(value)) return "SubscriptionRoleArn";
  } else {
    return "AttributeName";
  }
  return std::nullopt;
}

Map shown_attributes(const Subscription& subscription, const Topic& topic) {
  Map shown = subscription.attributes;
  for (const auto* policy : {"FilterPolicy", "RedrivePolicy", "DeliveryPolicy", "ReplayPolicy"})
    if (const auto* set = shown.find(policy); set && set->string().empty()) shown.erase(policy);
  const auto& owner = subscription.topic.owner;
  shown.set("SubscriptionArn", subscription.arn());
  shown.set("TopicArn", subscription.topic.arn());
  shown.set("Protocol", subscription.protocol);
  shown.set("Endpoint", subscription.endpoint);
  shown.set("Owner", owner.account);
  shown.set("SubscriptionPrincipal", "arn:aws:iam::" + owner.account + ":root");
  shown.set("PendingConfirmation", subscription.confirmed ? "false" : "true");
  if (!shown.contains("ConfirmationWasAuthenticated"))
    shown.set("ConfirmationWasAuthenticated", confirms_itself(subscription.protocol) ? "true" : "false");
  if (!shown.contains("RawMessageDelivery")) shown.set("RawMessageDelivery", "false");
  if (shown.contains("FilterPolicy") && !shown.contains("FilterPolicyScope"))
    shown.set("FilterPolicyScope", "MessageAttributes");
  if (subscription.protocol == "http" || subscription.protocol == "https" || shown.contains("DeliveryPolicy"))
    shown.set("EffectiveDeliveryPolicy",
              effective_delivery_policy(topic.attribute("DeliveryPolicy"), subscription.attribute("DeliveryPolicy")));
  return shown;
}

Map listed(const Subscription& subscription) {
  return {{"SubscriptionArn", subscription.confirmed ? subscription.arn() : "PendingConfirmation"},
          {"Owner", subscription.topic.owner.account},
          {"Protocol", subscription.protocol},
          {"Endpoint", subscription.endpoint},
          {"TopicArn", subscription.topic.arn()}};
}

Subscription subscription_of(const TopicName& topic, const Row& row) {
  return {topic,           row[0].string(),       row[1].string(),       row[2].string(),
          row[3].string(), row[4].integer() != 0, document(row[5]).map()};
}

std::optional<Subscription> find_subscription(Transaction& tx, const SubscriptionName& name) {
  const auto& owner = name.topic.owner;
  const auto rows = tx.query("SELECT " + std::string(subscription_columns) +
                                 " FROM sns_subscription WHERE account = ? AND region = ? AND topic = ? AND id = ?",
                             owner.account, owner.region, name.topic.name, name.id);
  if (rows.empty()) return std::nullopt;
  return subscription_of(name.topic, rows.front());
}

namespace {

std::vector<Subscription> subscriptions(Transaction& tx, const TopicName& topic, bool confirmed_only) {
  std::vector<Subscription> found;
  for (const auto& row : tx.query("SELECT " + std::string(subscription_columns) +
                                      " FROM sns_subscription WHERE account = ? AND region = ? AND topic = ? "
                                      "AND confirmed >= ? ORDER BY id",
                                  topic.owner.account, topic.owner.region, topic.name, confirmed_only ? 1 : 0))
    found.push_back(subscription_of(topic, row));
  return found;
}

}  // namespace

std::vector<Subscription> confirmed_subscriptions(Transaction& tx, const TopicName& topic) {
  return subscriptions(tx, topic, true);
}
std::vector<Subscription> all_subscriptions(Transaction& tx, const TopicName& topic) {
  return subscriptions(tx, topic, false);
}

void save_attributes(Transaction& tx, const Subscription& subscription) {
  const auto& owner = subscription.topic.owner;
  tx.query("UPDATE sns_subscription SET attributes = ? WHERE account = ? AND region = ? AND topic = ? AND id = ?",
           to_json(subscription.attributes), owner.account, owner.region, subscription.topic.name, subscription.id);
}

}  // namespace moonbase::notifications::sns
