#include "sns/topic.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <moonbase/json.hpp>

#include "sns/policy.hpp"
#include "sns/retries.hpp"

namespace moonbase::notifications::sns {
namespace {

constexpr std::size_t name_max = 256, display_name_max = 100;
constexpr std::array<std::string_view, 5> feedback_kinds = {"Application", "Firehose", "HTTP", "Lambda", "SQS"};

bool is_feedback(std::string_view key) {
  return std::any_of(feedback_kinds.begin(), feedback_kinds.end(), [&](const auto kind) {
    if (!key.starts_with(kind)) return false;
    const auto rest = key.substr(kind.size());
    return rest == "SuccessFeedbackRoleArn" || rest == "FailureFeedbackRoleArn" || rest == "SuccessFeedbackSampleRate";
  });
}

bool is_true_or_false(const std::string& value) { return value == "true" || value == "false"; }

// A number, or nothing.
std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool is_within(std::string_view text, std::int64_t least, std::int64_t most) {
  const auto number = number_of(text);
  return number && *number >= least && *number <= most;
}

// MessageRetentionPeriod may be a number or its text; 0 where it is neither.
std::int64_t days_of(const Value& archive_policy) {
  const auto& days = archive_policy["MessageRetentionPeriod"];
  if (days.is_integer()) return days.integer();
  return days.is_string() ? number_of(days.string()).value_or(0) : 0;
}

std::optional<std::string> refuse_archive_policy(const std::string& value) {
  if (value.empty() || value == "{}") return std::nullopt;
  const auto parsed = parse_json(value);
  if (!parsed || !parsed->is_map()) return "ArchivePolicy: failed to parse JSON";
  const auto days = days_of(*parsed);
  if (days < 1 || days > 365) return "ArchivePolicy: MessageRetentionPeriod must be between 1 and 365";
  return std::nullopt;
}

}  // namespace

std::string Topic::attribute(std::string_view key) const {
  const auto* found = attributes.find(key);
  return found ? found->string() : std::string();
}

std::size_t Topic::message_bytes_max() const {
  const auto size = number_of(attribute("MaximumMessageSize"));
  return size ? static_cast<std::size_t>(*size) : message_bytes_default;
}

std::int64_t Topic::archive_days() const {
  const auto text = attribute("ArchivePolicy");
  if (text.empty()) return 0;
  const auto policy = parse_json(text);
  return policy ? days_of(*policy) : 0;
}

Error invalid_parameter(std::string_view what) {
  return {"InvalidParameter", "Invalid parameter: " + std::string(what)};
}
Error no_such_topic() { return {"NotFound", "Topic does not exist"}; }
Error invalid_topic_name() { return invalid_parameter("Topic Name"); }

Result<TopicName> parse_topic_arn(const std::string& arn, std::string_view member) {
  const auto parsed = parse_arn(arn);
  if (!parsed) {
    const auto elements = std::count(arn.begin(), arn.end(), ':') + 1;
    if (elements < 6)
      return invalid_parameter(std::string(member) + " Reason: An ARN must have at least 6 elements, not " +
                               std::to_string(elements));
    return invalid_parameter(member);
  }
  if (parsed->service != "sns") return invalid_parameter(member);
  if (parsed->resource.find(':') != std::string_view::npos) return invalid_topic_name();
  return TopicName{parsed->owner(), std::string(parsed->resource)};
}

bool is_topic_name(std::string_view name, bool is_fifo) {
  if (name.empty() || name.size() > name_max || is_fifo != name.ends_with(".fifo")) return false;
  if (is_fifo) name.remove_suffix(5);
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

std::optional<std::string> refuse_topic_attribute(const TopicName& topic, const std::string& key,
                                                  const std::string& value, bool creating) {
  if (key == "Policy") {
    return refuse_policy(value);
  } else if (key == "DisplayName") {
    if (value.size() > display_name_max) return "DisplayName";
  } else if (key == "DeliveryPolicy") {
    if (auto refused = refuse_delivery_policy(value, true)) return "DeliveryPolicy: " + *refused;
  } else if (key == "SignatureVersion") {
    if (value != "1" && value != "2") return "SignatureVersion";
  } else if (key == "TracingConfig") {
    if (value != "PassThrough" && value != "Active") return "TracingConfig";
  } else if (key == "FifoTopic") {
    if (!creating) return "AttributeName";
    if (!is_true_or_false(value)) return "FifoTopic";
  } else if (key == "ContentBasedDeduplication") {
    if (!topic.is_fifo()) return "Content based deduplication can only be set for FIFO topics";
    if (!is_true_or_false(value)) return "ContentBasedDeduplication";
  } else if (key == "FifoThroughputScope") {
    if (!topic.is_fifo() || (value != "Topic" && value != "MessageGroup")) return "FifoThroughputScope";
  } else if (key == "ArchivePolicy") {
    if (!topic.is_fifo()) return "ArchivePolicy is only supported for FIFO topics";
    return refuse_archive_policy(value);
  } else if (is_feedback(key)) {
    if (key.ends_with("SampleRate") && !is_within(value, 0, 100)) return key;
  } else if (key == "MaximumMessageSize") {
    if (!is_within(value, 1024, 1'048'576))
      return "MaximumMessageSize: " + value + " is not an integer between 1024 and 1048576 bytes";
  } else if (key != "KmsMasterKeyId") {
    return "AttributeName";
  }
  return std::nullopt;
}

std::string default_policy(const TopicName& topic) {
  List actions;
  for (const auto* action : {"GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission",
                             "DeleteTopic", "Subscribe", "ListSubscriptionsByTopic", "Publish"})
    actions.push_back("SNS:" + std::string(action));
  Map statement = {{"Sid", "__default_statement_ID"},
                   {"Effect", "Allow"},
                   {"Principal", Map{{"AWS", "*"}}},
                   {"Action", std::move(actions)},
                   {"Resource", topic.arn()},
                   {"Condition", Map{{"StringEquals", Map{{"AWS:SourceOwner", topic.owner.account}}}}}};
  return to_json(
      Map{{"Version", "2008-10-17"}, {"Id", "__default_policy_ID"}, {"Statement", List{std::move(statement)}}});
}

Map shown_attributes(const Topic& topic) {
  Map shown = topic.attributes;
  shown.set("TopicArn", topic.name.arn());
  shown.set("Owner", topic.name.owner.account);
  if (!shown.contains("Policy")) shown.set("Policy", default_policy(topic.name));
  if (!shown.contains("DisplayName")) shown.set("DisplayName", "");
  shown.set("EffectiveDeliveryPolicy", effective_delivery_policy(topic.attribute("DeliveryPolicy"), ""));
  if (!topic.name.is_fifo()) return shown;
  if (!shown.contains("ContentBasedDeduplication")) shown.set("ContentBasedDeduplication", "false");
  if (!shown.contains("FifoThroughputScope")) shown.set("FifoThroughputScope", "Topic");
  return shown;
}

Result<Topic> find_topic(Transaction& tx, const TopicName& name) {
  const auto rows = tx.query(
      "SELECT attributes, subscriptions_deleted, last_sequence FROM sns_topic "
      "WHERE account = ? AND region = ? AND name = ?",
      name.owner.account, name.owner.region, name.name);
  if (rows.empty()) return no_such_topic();
  const auto& row = rows.front();
  return Topic{name, document(row[0]).map(), row[1].integer(), row[2].integer()};
}

void save_attributes(Transaction& tx, const Topic& topic) {
  tx.query("UPDATE sns_topic SET attributes = ? WHERE account = ? AND region = ? AND name = ?",
           to_json(topic.attributes), topic.name.owner.account, topic.name.owner.region, topic.name.name);
}

}  // namespace moonbase::notifications::sns
