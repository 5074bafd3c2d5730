#include "queue.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <moonbase/json.hpp>
#include <vector>

#include "errors.hpp"
#include "policy.hpp"

namespace moonbase::sqs {
namespace {

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}
bool is_account(std::string_view text) { return text.size() == 12 && is_digits(text); }

// "us-east-1": what looks like a region. Regions are not counted here; new ones come.
bool is_region(std::string_view text) {
  const auto last = text.rfind('-');
  return text.size() <= 32 && last != std::string_view::npos && text.find('-') != last &&
         is_digits(text.substr(last + 1)) && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || c == '-' || is_digits({&c, 1});
         });
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::optional<std::int64_t> to_integer(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

struct Numeric {
  std::string_view name;
  std::int64_t least, most;
  std::string_view otherwise;
};
constexpr std::array<Numeric, 6> numerics = {{
    {"DelaySeconds", 0, 900, "0"},
    {"MaximumMessageSize", 1024, 1'048'576, "1048576"},
    {"MessageRetentionPeriod", 60, 1'209'600, "345600"},
    {"ReceiveMessageWaitTimeSeconds", 0, 20, "0"},
    {"VisibilityTimeout", 0, 43'200, "30"},
    {"KmsDataKeyReusePeriodSeconds", 60, 86'400, ""},
}};
constexpr std::array<std::string_view, 9> texts = {
    "Policy",         "RedrivePolicy",        "RedriveAllowPolicy", "FifoQueue",          "ContentBasedDeduplication",
    "KmsMasterKeyId", "SqsManagedSseEnabled", "DeduplicationScope", "FifoThroughputLimit"};
constexpr std::array<std::string_view, 6> read_only = {"ApproximateNumberOfMessages",
                                                       "ApproximateNumberOfMessagesDelayed",
                                                       "ApproximateNumberOfMessagesNotVisible",
                                                       "CreatedTimestamp",
                                                       "LastModifiedTimestamp",
                                                       "QueueArn"};

Error invalid_value(std::string_view name, std::string_view reason = {}) {
  std::string message = "Invalid value for the parameter " + std::string(name) + ".";
  if (!reason.empty()) message.append(" Reason: ").append(reason);
  return {"InvalidAttributeValue", message};
}
Error unknown_attribute(std::string_view name) {
  return {"InvalidAttributeName", "Unknown Attribute " + std::string(name) + "."};
}

constexpr int receives_least = 1, receives_most = 1000;

// maxReceiveCount may be a number or its text.
std::optional<std::int64_t> receives_of(const Value& policy) {
  const auto& count = policy["maxReceiveCount"];
  if (count.is_integer()) return count.integer();
  if (count.is_string()) return to_integer(count.string());
  return std::nullopt;
}

Result<Done> check_redrive_policy(const std::string& text, bool fifo, const QueueName& source) {
  const auto refused = [&](std::string_view reason) { return invalid_parameter("RedrivePolicy", text, reason); };
  const auto policy = parse_json(text);
  if (!policy || !policy->is_map()) return refused("Redrive policy is not a valid JSON map.");
  for (const auto& [key, value] : policy->map())
    if (key != "deadLetterTargetArn" && key != "maxReceiveCount")
      return refused("Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount].");
  for (const auto* key : {"maxReceiveCount", "deadLetterTargetArn"})
    if ((*policy)[key].is_null())
      return refused("Redrive policy does not contain mandatory attribute: " + std::string(key) + ".");
  const auto receives = receives_of(*policy);
  if (!receives || *receives < receives_least || *receives > receives_most)
    return refused("Invalid value for maxReceiveCount: " +
                   ((*policy)["maxReceiveCount"].is_string() ? (*policy)["maxReceiveCount"].string()
                                                             : to_json((*policy)["maxReceiveCount"])) +
                   ", valid values are from 1 to 1000 both inclusive.");
  const auto& arn = (*policy)["deadLetterTargetArn"];
  const auto target = arn.is_string() ? parse_queue_arn(arn.string()) : std::nullopt;
  if (!target) return refused("Invalid value for deadLetterTargetArn.");
  if (target->account != source.account) return refused("Dead-letter target owner should be same as the source.");
  if (target->region != source.region) return refused("Dead-letter target must be in same region as the source.");
  if (target->name.ends_with(".fifo") != fifo)
    return refused("Dead-letter queue must be same type of queue as the source.");
  return done;
}

constexpr std::size_t allowed_sources_max = 10;

Result<Done> check_redrive_allow_policy(const std::string& text) {
  const auto refused = [&](std::string_view reason) { return invalid_parameter("RedriveAllowPolicy", text, reason); };
  const auto policy = parse_json(text);
  if (!policy || !policy->is_map())
    return refused("Amazon SQS can't create the redrive allow policy. Policy must be a valid JSON map.");
  const auto& permission = (*policy)["redrivePermission"];
  const auto& sources = (*policy)["sourceQueueArns"];
  const auto is = [&](std::string_view name) { return permission.is_string() && permission.string() == name; };
  if (!is("allowAll") && !is("denyAll") && !is("byQueue"))
    return refused("Amazon SQS can't create the redrive allow policy. Invalid redrivePermission value.");
  if (!is("byQueue") && !sources.is_null())
    return refused(
        "Amazon SQS can't create the redrive allow policy. sourceQueueArns can be specified only with byQueue.");
  if (!is("byQueue")) return done;
  if (!sources.is_list() || sources.list().empty() || sources.list().size() > allowed_sources_max)
    return refused("Amazon SQS can't create the redrive allow policy. Number of sourceQueueArns must be 1 to 10.");
  for (const auto& arn : sources.list())
    if (!arn.is_string() || !parse_queue_arn(arn.string()))
      return refused("Amazon SQS can't create the redrive allow policy. Invalid sourceQueueArns value.");
  return done;
}

bool is_boolean(std::string_view text) { return text == "true" || text == "false"; }

Result<Done> check_fifo_attribute(std::string_view name, const std::string& value, bool fifo, bool creating) {
  if (name == "FifoQueue") {
    if (!creating) return unknown_attribute(name);
    if (!is_boolean(value)) return invalid_value(name);
    if (!fifo) return unknown_attribute(name);  // FifoQueue=false is refused, too: a standard queue leaves it out.
    return done;
  }
  if (name == "ContentBasedDeduplication") {
    if (!fifo) return unknown_attribute(name);
    if (!is_boolean(value)) return invalid_value(name);
    return done;
  }
  if (!fifo)
    return Error{"InvalidAttributeName",
                 "You can specify the " + std::string(name) + " only when FifoQueue is set to true."};
  const bool good = name == "DeduplicationScope" ? value == "messageGroup" || value == "queue"
                                                 : value == "perMessageGroupId" || value == "perQueue";
  if (!good) return invalid_value(name);
  return done;
}

Result<Done> check_attribute(const std::string& name, const std::string& value, bool fifo, bool creating,
                             const QueueName& queue) {
  for (const auto& numeric : numerics) {
    if (numeric.name != name) continue;
    const auto number = to_integer(value);
    if (!number || *number < numeric.least || *number > numeric.most) return invalid_value(name);
    return done;
  }
  if (std::find(texts.begin(), texts.end(), name) == texts.end()) return unknown_attribute(name);
  if (name == "FifoQueue" || name == "ContentBasedDeduplication" || name == "DeduplicationScope" ||
      name == "FifoThroughputLimit")
    return check_fifo_attribute(name, value, fifo, creating);
  if (value.empty()) return done;  // Takes the setting away.
  if (name == "RedrivePolicy") return check_redrive_policy(value, fifo, queue);
  if (name == "RedriveAllowPolicy") return check_redrive_allow_policy(value);
  if (name == "SqsManagedSseEnabled" && !is_boolean(value)) return invalid_value(name);
  if (name == "Policy") return check_policy(value);
  return done;
}

}  // namespace

std::string QueueName::arn() const { return "arn:aws:sqs:" + region + ":" + account + ":" + name; }
std::string QueueName::url(std::string_view base_url) const {
  return std::string(base_url) + "/" + account + "/" + name;
}

std::optional<QueueName> parse_queue_url(std::string_view url, const CallContext& context) {
  QueueName queue{context.identity.account_id, context.region, {}};
  std::string_view path = url, host;
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos) {
    const auto rest = url.substr(scheme + 3);
    host = rest.substr(0, rest.find('/'));
    path = rest.substr(host.size());
    for (const auto label : split(host.substr(0, host.find(':')), '.'))
      if (is_region(label)) queue.region = label;
  }
  const auto parts = split(path.substr(0, path.find('?')), '/');
  if (parts.empty() || (parts.size() < 2 && !host.empty())) return std::nullopt;
  if (parts.size() > 1) {
    const auto account = parts[parts.size() - 2];
    if (!is_account(account)) return std::nullopt;
    queue.account = account;
  }
  if (parts.size() == 4 && parts[0] == "queue" && is_region(parts[1])) {
    queue.region = parts[1];
  } else if (parts.size() > 2) {
    return std::nullopt;
  }
  queue.name = parts.back();
  return queue;
}

std::optional<QueueName> parse_queue_arn(std::string_view arn) {
  const auto parts = split(arn, ':');
  if (parts.size() != 6 || parts[0] != "arn" || parts[2] != "sqs" || !is_account(parts[4])) return std::nullopt;
  return QueueName{std::string(parts[4]), std::string(parts[3]), std::string(parts[5])};
}

QueuePointer make_queue(Queue queue) {
  const Queue fresh;
  queue.visibility_seconds = fresh.visibility_seconds;
  queue.delay_seconds = fresh.delay_seconds;
  queue.wait_seconds = fresh.wait_seconds;
  queue.retention_seconds = fresh.retention_seconds;
  queue.message_bytes_max = fresh.message_bytes_max;
  queue.redrive.reset();
  const auto number = [&](const char* name, std::int64_t& field) {
    if (const auto& text = queue.attributes[name]; text.is_string()) field = to_integer(text.string()).value_or(field);
  };
  const auto is = [&](const char* name, std::string_view value) {
    return queue.attributes[name].string_or("") == value;
  };
  queue.fifo = is("FifoQueue", "true");
  queue.content_deduplication = is("ContentBasedDeduplication", "true");
  queue.deduplicates_by_group = is("DeduplicationScope", "messageGroup");
  number("VisibilityTimeout", queue.visibility_seconds);
  number("DelaySeconds", queue.delay_seconds);
  number("ReceiveMessageWaitTimeSeconds", queue.wait_seconds);
  number("MessageRetentionPeriod", queue.retention_seconds);
  number("MaximumMessageSize", queue.message_bytes_max);
  if (const auto& text = queue.attributes["RedrivePolicy"]; text.is_string()) {
    const auto policy = parse_json(text.string());
    if (policy)
      if (auto target = parse_queue_arn((*policy)["deadLetterTargetArn"].string_or("")))
        queue.redrive = RedrivePolicy{std::move(*target), receives_of(*policy).value_or(receives_most)};
  }
  return std::make_shared<const Queue>(std::move(queue));
}

Result<Done> check_queue_name(std::string_view name, bool fifo) {
  const auto stem = fifo && name.ends_with(".fifo") ? name.substr(0, name.size() - 5) : name;
  const bool good = !stem.empty() && name.size() <= 80 && std::all_of(stem.begin(), stem.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (fifo && (!good || stem == name))
    return invalid_parameter(
        "The name of a FIFO queue can only include alphanumeric characters, hyphens, or "
        "underscores, must end with .fifo suffix and be 1 to 80 in length.");
  if (!good)
    return invalid_parameter("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
  return done;
}

Result<Done> check_attributes(const Value& attributes, bool fifo, bool creating, const QueueName& name) {
  if (attributes.is_null()) return done;
  for (const auto& [key, value] : attributes.map())
    if (auto checked = check_attribute(key, value.string_or(""), fifo, creating, name); !checked) return checked;
  return done;
}

void merge_attributes(Value& attributes, const Value& changes) {
  if (attributes.is_null()) attributes = Map();
  if (changes.is_null()) return;
  for (const auto& [name, value] : changes.map()) {
    if (value.string_or("").empty())
      attributes.map().erase(name);
    else
      attributes.set(name, value);
  }
  // One kind of encryption at a time.
  const bool has_key = !attributes["KmsMasterKeyId"].is_null();
  if (has_key && !changes["KmsMasterKeyId"].is_null()) attributes.set("SqsManagedSseEnabled", "false");
  if (has_key && changes["SqsManagedSseEnabled"].string_or("") == "true") attributes.map().erase("KmsMasterKeyId");
}

std::string_view attribute_default(std::string_view attribute, bool fifo) {
  for (const auto& numeric : numerics)
    if (numeric.name == attribute) return numeric.otherwise;
  if (attribute == "SqsManagedSseEnabled") return "true";
  if (!fifo) return {};
  if (attribute == "ContentBasedDeduplication") return "false";
  if (attribute == "DeduplicationScope") return "queue";
  if (attribute == "FifoThroughputLimit") return "perQueue";
  return {};
}

bool is_attribute(std::string_view attribute) {
  return std::find(texts.begin(), texts.end(), attribute) != texts.end() ||
         std::find(read_only.begin(), read_only.end(), attribute) != read_only.end() ||
         std::any_of(numerics.begin(), numerics.end(), [&](const Numeric& one) { return one.name == attribute; });
}

bool allows_source(const Queue& dead_letter_queue, const std::string& source_arn) {
  const auto& text = dead_letter_queue.attributes["RedriveAllowPolicy"];
  if (!text.is_string()) return true;
  const auto policy = parse_json(text.string());
  if (!policy) return true;
  const auto permission = (*policy)["redrivePermission"].string_or("allowAll");
  if (permission != "byQueue") return permission == "allowAll";
  const auto& sources = (*policy)["sourceQueueArns"];
  return sources.is_list() && std::any_of(sources.list().begin(), sources.list().end(), [&](const Value& arn) {
           return arn.is_string() && arn.string() == source_arn;
         });
}

}  // namespace moonbase::sqs
