// Publish, PublishBatch, and what event sources publish.
#include <algorithm>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <set>

#include "sns/mailbox.hpp"
#include "sns/service.hpp"

namespace moonbase::notifications::sns {
namespace {

constexpr std::int64_t deduplication_ms = 300'000;
constexpr std::size_t batch_max = 10;

bool has_subscribers(Transaction& tx, const TopicName& topic) {
  return !tx.query(
                "SELECT id FROM sns_subscription WHERE account = ? AND region = ? AND topic = ? AND confirmed = 1 "
                "LIMIT 1",
                topic.owner.account, topic.owner.region, topic.name)
              .empty();
}

Result<Done> check_for_topic(const Topic& topic, const Message& message) {
  if (message_bytes(message) > topic.message_bytes_max()) return message_too_long();
  if (topic.name.is_fifo()) {
    if (message.group.empty()) return invalid_parameter("The MessageGroupId parameter is required for FIFO topics");
    if (message.deduplication.empty() && !topic.has("ContentBasedDeduplication", "true"))
      return invalid_parameter(
          "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
          "explicitly");
    return done;
  }
  if (!message.deduplication.empty())
    return invalid_parameter(
        "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for "
        "this topic type");
  return done;
}

bool is_phone_number(const std::string& text) {
  return text.size() >= 5 && text.size() <= 16 && text.front() == '+' &&
         std::all_of(text.begin() + 1, text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Result<Value> publish_to_phone(Call& call, const std::string& number) {
  if (!is_phone_number(number))
    return invalid_parameter("PhoneNumber Reason: " + number + " is not valid to publish to");
  auto message = read_message(call.input);
  if (!message) return message.error();
  if (message_bytes(*message) > message_bytes_default) return message_too_long();
  const auto owner = Owner::of(call);
  const auto id = call.kernel.ids.uuid();
  const auto now = call.kernel.clock.now();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    // AWS takes the message and does not deliver it.
    if (!is_opted_out(tx, owner, number))
      post(tx, Letter{owner, now.ms, id, "sms", number, "", message->body_for("sms"), "", id});
    return Value(Map{{"MessageId", id}});
  });
}

Result<Value> publish_to_endpoint(Call& call, const std::string& arn_text) {
  const auto arn = parse_arn(arn_text);
  auto message = read_message(call.input, false);
  if (!message) return message.error();
  if (message_bytes(*message) > message_bytes_default) return message_too_long();
  constexpr std::string_view kind = "endpoint/";
  const auto path = arn->resource.substr(kind.size());
  const auto cut = path.rfind('/');
  if (cut == std::string_view::npos) return invalid_parameter("TargetArn");
  const auto owner = arn->owner();
  const auto id = call.kernel.ids.uuid();
  const auto now = call.kernel.clock.now();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto rows =
        tx.query("SELECT attributes FROM sns_endpoint WHERE account = ? AND region = ? AND application = ? AND id = ?",
                 owner.account, owner.region, path.substr(0, cut), path.substr(cut + 1));
    if (rows.empty()) return invalid_parameter("TargetArn Reason: No endpoint found for the target arn specified");
    if (document(rows.front()[0])["Enabled"].string_or("true") == "false")
      return Error{"EndpointDisabled", "Endpoint is disabled"};
    const auto platform = path.substr(0, path.find('/'));
    post(tx, Push{owner, now.ms, id, arn_text,
                  Map{{"TargetArn", arn_text},
                      {"TopicArn", ""},
                      {"Message", message->body_for(platform)},
                      {"MessageAttributes", message->attributes},
                      {"MessageStructure", call.input["MessageStructure"]},
                      {"Subject", call.input["Subject"]},
                      {"MessageId", id}}});
    return Value(Map{{"MessageId", id}});
  });
}

// "arn:aws:sns:::news" is the caller's own: a handler knows its topic's name, not where it runs.
TopicName completed(TopicName name, const CallContext& context) {
  if (name.owner.account.empty()) name.owner.account = context.identity.account_id;
  if (name.owner.region.empty()) name.owner.region = context.region;
  return name;
}

Map answer_of(const Topic& topic, const Accepted& accepted) {
  Map answer = {{"MessageId", accepted.id}};
  if (topic.name.is_fifo()) answer.set("SequenceNumber", sequence_number(accepted.sequence));
  return answer;
}

void stamp(Message& message, const KernelServices& kernel, const CallContext& context, const TopicName& topic) {
  message.id = kernel.ids.uuid();
  message.topic_arn = topic.arn();
  message.at_ms = kernel.clock.now().ms;
  message.base_url = context.base_url;
}

Result<Value> publish_to_topic(const KernelServices& kernel, const CallContext& context, const TopicName& name,
                               const Value& input) {
  auto message = read_message(input);
  if (!message) return message.error();
  stamp(*message, kernel, context, name);
  const auto now = kernel.clock.now();
  return kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto topic = find_topic(tx, name);
    if (!topic) return topic.error();
    auto sent = *message;
    Accepted accepted;
    if (auto taken = accept_message(tx, *topic, sent, now, accepted); !taken) return taken.error();
    schedule_fanout(tx, *topic, {sent}, now);
    return Value(answer_of(*topic, accepted));
  });
}

bool is_entry_id(const std::string& id) {
  return !id.empty() && id.size() <= 80 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

std::optional<Error> refuse_batch(const List& entries) {
  if (entries.empty()) return Error{"EmptyBatchRequest", "The batch request doesn't contain any entries."};
  if (entries.size() > batch_max)
    return Error{"TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible."};
  std::set<std::string_view> ids;
  for (const auto& entry : entries) {
    const auto& id = entry["Id"].string();
    if (!is_entry_id(id))
      return Error{"InvalidBatchEntryId",
                   "The Id of a batch entry in a batch request doesn't abide by the specification."};
    if (!ids.insert(id).second)
      return Error{"BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id."};
  }
  return std::nullopt;
}

Value failed_entry(const Value& entry, const Error& error) {
  return Map{{"Id", entry["Id"]}, {"Code", error.code}, {"Message", error.message}, {"SenderFault", true}};
}

}  // namespace

Result<Done> accept_message(Transaction& tx, const Topic& topic, Message& message, Time now, Accepted& accepted) {
  if (auto good = check_for_topic(topic, message); !good) return good.error();
  accepted.id = message.id;
  if (!topic.name.is_fifo()) return done;
  const auto& [owner, name] = topic.name;
  if (message.deduplication.empty()) message.deduplication = sha256_hex(message.body);
  const auto scope = topic.has("FifoThroughputScope", "MessageGroup") ? message.group : std::string();
  tx.query("DELETE FROM sns_deduplication WHERE account = ? AND region = ? AND topic = ? AND expires_at_ms <= ?",
           owner.account, owner.region, name, now);
  const auto before = tx.query(
      "SELECT message_id, sequence FROM sns_deduplication "
      "WHERE account = ? AND region = ? AND topic = ? AND scope = ? AND id = ?",
      owner.account, owner.region, name, scope, message.deduplication);
  if (!before.empty()) {
    accepted = {before.front()[0].string(), before.front()[1].integer()};
    return done;
  }
  const auto counted = tx.query(
      "UPDATE sns_topic SET last_sequence = last_sequence + 1 WHERE account = ? AND region = ? AND name = ? "
      "RETURNING last_sequence",
      owner.account, owner.region, name);
  message.sequence = accepted.sequence = counted.front()[0].integer();
  tx.query(
      "INSERT INTO sns_deduplication (account, region, topic, scope, id, message_id, sequence, expires_at_ms) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      owner.account, owner.region, name, scope, message.deduplication, message.id, message.sequence,
      now.ms + deduplication_ms);
  const auto document = to_json(keep(message));
  tx.query("INSERT INTO sns_outgoing (account, region, topic, sequence, message) VALUES (?, ?, ?, ?, ?)", owner.account,
           owner.region, name, message.sequence, document);
  const auto archive_days = topic.archive_days();
  if (archive_days == 0) return done;
  tx.query("DELETE FROM sns_archive WHERE account = ? AND region = ? AND topic = ? AND at_ms < ?", owner.account,
           owner.region, name, now.ms - archive_days * day_ms);
  tx.query("INSERT INTO sns_archive (account, region, topic, sequence, at_ms, message) VALUES (?, ?, ?, ?, ?, ?)",
           owner.account, owner.region, name, message.sequence, message.at_ms, document);
  return done;
}

void schedule_fanout(Transaction& tx, const Topic& topic, const std::vector<Message>& messages, Time now) {
  if (topic.name.is_fifo()) {
    tx.schedule(now, fifo_task, Map{{"TopicArn", topic.name.arn()}});
    return;
  }
  if (messages.empty() || !has_subscribers(tx, topic.name)) return;
  List list;
  for (const auto& message : messages) list.push_back(keep(message));
  tx.schedule(now, fanout_task, Map{{"TopicArn", topic.name.arn()}, {"Messages", std::move(list)}});
}

Result<Value> publish(Call& call, Service&) {
  const auto topic = call.input["TopicArn"].string_or("");
  const auto target = call.input["TargetArn"].string_or("");
  const auto phone = call.input["PhoneNumber"].string_or("");
  const bool has_topic = !call.input["TopicArn"].is_null();
  const int given = has_topic + !target.empty() + !phone.empty();
  if (given == 0) return invalid_parameter("TopicArn or TargetArn Reason: no value for required parameter");
  if (given > 1) return invalid_parameter("Only one of TopicArn, TargetArn or PhoneNumber may be specified");
  if (!phone.empty()) return publish_to_phone(call, phone);
  if (const auto arn = parse_arn(target); arn && arn->service == "sns" && arn->resource.starts_with("endpoint/"))
    return publish_to_endpoint(call, target);
  const auto name = has_topic ? parse_topic_arn(topic) : parse_topic_arn(target, "TargetArn");
  if (!name) return name.error();
  return publish_to_topic(call.kernel, call.context, completed(*name, call.context), call.input);
}

Result<Value> publish_batch(Call& call, Service&) {
  auto name = parse_topic_arn(call.input["TopicArn"].string());
  if (!name) return name.error();
  *name = completed(*name, call.context);
  const auto& entries = call.input["PublishBatchRequestEntries"].list();
  if (auto refused = refuse_batch(entries)) return *refused;
  std::vector<Result<Message>> messages;
  std::size_t bytes = 0;
  for (const auto& entry : entries) {
    auto& message = messages.emplace_back(read_message(entry));
    bytes += message ? message_bytes(*message) : entry["Message"].string().size();
    if (message) stamp(*message, call.kernel, call.context, *name);
  }
  const auto now = call.kernel.clock.now();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto topic = find_topic(tx, *name);
    if (!topic) return topic.error();
    if (bytes > std::max(topic->message_bytes_max(), message_bytes_default))
      return Error{"BatchRequestTooLong", "The length of all the messages put together is more than the limit."};
    List successful, failed;
    std::vector<Message> sent;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (!messages[i]) {
        failed.push_back(failed_entry(entries[i], messages[i].error()));
        continue;
      }
      auto message = *messages[i];
      Accepted accepted;
      if (auto taken = accept_message(tx, *topic, message, now, accepted); !taken) {
        failed.push_back(failed_entry(entries[i], taken.error()));
        continue;
      }
      auto answer = answer_of(*topic, accepted);
      answer.set("Id", entries[i]["Id"]);
      successful.push_back(std::move(answer));
      sent.push_back(std::move(message));
    }
    if (!sent.empty()) schedule_fanout(tx, *topic, sent, now);
    return Value(Map{{"Successful", std::move(successful)}, {"Failed", std::move(failed)}});
  });
}

Result<Value> deliver_to_topic(Delivery& delivery) {
  const auto name = parse_topic_arn(std::string(delivery.arn));
  if (!name) return name.error();
  Map input = {{"Message", delivery.payload}};
  for (const auto* option : {"Subject", "MessageAttributes", "MessageGroupId", "MessageDeduplicationId"})
    if (const auto& given = delivery.options[option]; !given.is_null()) input.set(option, given);
  return publish_to_topic(delivery.kernel, delivery.context, *name, Value(std::move(input)));
}

}  // namespace moonbase::notifications::sns
