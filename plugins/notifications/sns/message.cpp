#include "sns/message.hpp"

#include <algorithm>
#include <moonbase/hash.hpp>
#include <moonbase/http.hpp>
#include <moonbase/json.hpp>

namespace moonbase::notifications::sns {
namespace {

constexpr std::size_t subject_max = 100, attribute_name_max = 256, fifo_id_max = 128;

Error invalid_value(std::string text) { return {"ParameterValueInvalid", std::move(text)}; }

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

// What is wrong with an attribute's name. Nothing where it is good.
std::optional<std::string> refuse_attribute_name(const std::string& name) {
  if (name.empty()) return "Message attribute name can not be empty.";
  if (name.size() > attribute_name_max) return "Length of message attribute name must be less than 256 bytes.";
  if (name.front() == '.') return "Invalid message attribute name starting with character '.' was found.";
  if (name.back() == '.') return "Invalid message attribute name ending with character '.' was found.";
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (!is_name_char(name[i])) {
      constexpr std::string_view digits = "0123456789ABCDEF";
      const auto byte = static_cast<unsigned char>(name[i]);
      return "Invalid non-alphanumeric character '#x" + std::string{digits[byte >> 4], digits[byte & 15]} +
             "' was found in the message attribute name. Can only include alphanumeric characters, hyphens, "
             "underscores, or dots.";
    }
    if (name[i] == '.' && name[i - 1] == '.') return "Message attribute name can not have successive '.' character.";
  }
  return std::nullopt;
}

bool is_number(const std::string& text) {
  const auto parsed = parse_json(text);
  return parsed && (parsed->is_integer() || parsed->is_number());
}

// The attribute as it is kept.
Result<Value> read_attribute(const std::string& name, const Value& given) {
  const auto quoted = "The message attribute '" + name + "'";
  if (auto refused = refuse_attribute_name(name)) return invalid_value(std::move(*refused));
  const auto& type = given["DataType"].string();
  if (type.empty()) return invalid_value(quoted + " must contain non-empty message attribute type.");
  const auto prefix = type.substr(0, type.find('.'));
  if (prefix != "String" && prefix != "Number" && prefix != "Binary")
    return invalid_value(
        quoted +
        " has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.");
  const auto field = std::string(prefix == "Binary" ? "Binary" : "String");
  const auto& value = given[field + "Value"];
  if (value.is_null() && !given[field == "Binary" ? "StringValue" : "BinaryValue"].is_null())
    return invalid_value(quoted + " with type '" + type + "' must use field '" + field + "'.");
  if (!value.is_string() || value.string().empty())
    return invalid_value(quoted + " must contain non-empty message attribute value for message attribute type '" +
                         type + "'.");
  if (prefix == "Binary") return Value(Map{{"DataType", type}, {"BinaryValue", base64(value.string())}});
  if (prefix == "Number" && !is_number(value.string()))
    return invalid_value("Could not cast message attribute '" + name + "' value to number.");
  return Value(Map{{"DataType", type}, {"StringValue", value}});
}

bool is_subject(const std::string& text) {
  return !text.empty() && text.size() <= subject_max && text.front() != ' ' &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c != 0x7f; });
}

bool is_fifo_id(const std::string& text) {
  return !text.empty() && text.size() <= fifo_id_max &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

Result<Done> read_structure(const Value& input, bool needs_default, Message& message) {
  const auto& structure = input["MessageStructure"];
  if (structure.is_null() || structure.string().empty()) return done;
  if (structure.string() != "json") return invalid_parameter("MessageStructure");
  auto parsed = parse_json(message.body);
  if (!parsed || !parsed->is_map()) return invalid_parameter("Message Structure - JSON message body failed to parse");
  for (const auto& [protocol, body] : parsed->map())
    if (body.is_string()) message.by_protocol.set(protocol, body);
  if (needs_default && !message.by_protocol.contains("default"))
    return invalid_parameter("Message Structure - No default entry in JSON message body");
  return done;
}

std::string attributes_json(const Message& message) {
  std::string json = "{";
  for (const auto& [name, attribute] : message.attributes) {
    if (json.size() > 1) json += ",";
    json += "\n    ";
    append_json_string(json, name);
    json += " : {\"Type\":";
    append_json(json, attribute["DataType"]);
    json += ",\"Value\":";
    append_json(json, attribute["StringValue"].is_null() ? attribute["BinaryValue"] : attribute["StringValue"]);
    json += "}";
  }
  return json + "\n  }";
}

}  // namespace

std::string Message::body_for(std::string_view protocol) const {
  if (by_protocol.empty()) return body;
  const auto* own = by_protocol.find(protocol);
  if (!own) own = by_protocol.find("default");
  return own ? own->string() : std::string();
}

Error message_too_long() { return invalid_parameter("Message too long"); }

Result<Message> read_message(const Value& input, bool needs_default) {
  Message message;
  message.body = input["Message"].string();
  if (message.body.empty()) return invalid_parameter("Empty message");
  if (const auto& subject = input["Subject"]; subject.is_string()) {
    if (!is_subject(subject.string())) return invalid_parameter("Subject");
    message.subject = subject.string();
  }
  if (auto good = read_structure(input, needs_default, message); !good) return good.error();
  if (input["MessageAttributes"].is_map())
    for (const auto& [name, given] : input["MessageAttributes"].map()) {
      auto attribute = read_attribute(name, given);
      if (!attribute) return attribute.error();
      message.attributes.set(name, std::move(*attribute));
    }
  for (const auto& [name, to] : {std::pair<const char*, std::string*>{"MessageGroupId", &message.group},
                                 {"MessageDeduplicationId", &message.deduplication}}) {
    const auto& given = input[name];
    if (given.is_null()) continue;
    if (!is_fifo_id(given.string()))
      return invalid_parameter(std::string(name) + " Reason: " + name +
                               " can only include alphanumeric and punctuation characters. 1 to 128 in length");
    *to = given.string();
  }
  return message;
}

std::size_t message_bytes(const Message& message) {
  auto bytes = message.body.size();
  for (const auto& [name, attribute] : message.attributes) {
    bytes += name.size() + attribute["DataType"].string().size() + attribute["StringValue"].string_or("").size();
    bytes += attribute["BinaryValue"].string_or("").size() * 3 / 4;
  }
  return bytes;
}

Value keep(const Message& message) {
  return Map{{"id", message.id},       {"topic_arn", message.topic_arn},         {"subject", message.subject},
             {"body", message.body},   {"by_protocol", message.by_protocol},     {"attributes", message.attributes},
             {"group", message.group}, {"deduplication", message.deduplication}, {"sequence", message.sequence},
             {"at_ms", message.at_ms}, {"base_url", message.base_url},           {"replayed", message.replayed}};
}

Message kept(const Value& value) {
  Message message;
  message.id = value["id"].string();
  message.topic_arn = value["topic_arn"].string();
  message.subject = value["subject"].string();
  message.body = value["body"].string();
  message.by_protocol = value["by_protocol"].map();
  message.attributes = value["attributes"].map();
  message.group = value["group"].string();
  message.deduplication = value["deduplication"].string();
  message.sequence = value["sequence"].integer();
  message.at_ms = value["at_ms"].integer();
  message.base_url = value["base_url"].string();
  message.replayed = value["replayed"].boolean_or(false);
  return message;
}

std::string sequence_number(std::int64_t sequence) {
  const auto digits = std::to_string(sequence - 1);
  return "1" + std::string(19 - std::min<std::size_t>(digits.size(), 19), '0') + digits;
}

std::string string_to_sign(const Message& message, std::string_view protocol) {
  std::string text;
  const auto add = [&](std::string_view key, std::string_view value) {
    text.append(key).append("\n").append(value).append("\n");
  };
  add("Message", message.body_for(protocol));
  add("MessageId", message.id);
  if (!message.subject.empty()) add("Subject", message.subject);
  add("Timestamp", iso_8601(Time{message.at_ms}));
  add("TopicArn", message.topic_arn);
  add("Type", "Notification");
  return text;
}

std::string unsubscribe_url(const Message& message, const Subscription& subscription) {
  return message.base_url +
         "/_aws/sns/unsubscribe?Action=Unsubscribe&SubscriptionArn=" + percent_encode(subscription.arn());
}

void Pretty::text(std::string_view key, std::string_view value) {
  std::string quoted;
  append_json_string(quoted, value);
  json(key, quoted);
}

void Pretty::json(std::string_view key, std::string_view value) {
  out_ += out_.size() > 1 ? ",\n  " : "\n  ";
  append_json_string(out_, key);
  out_.append(" : ").append(value);
}

std::string Pretty::end() { return std::move(out_) + "\n}"; }

std::string notification(const Message& message, const Subscription& subscription, const Signed& signed_by) {
  Pretty json;
  json.text("Type", "Notification");
  json.text("MessageId", message.id);
  if (message.sequence > 0) json.text("SequenceNumber", sequence_number(message.sequence));
  json.text("TopicArn", message.topic_arn);
  if (!message.subject.empty()) json.text("Subject", message.subject);
  json.text("Message", message.body_for(subscription.protocol));
  json.text("Timestamp", iso_8601(Time{message.at_ms}));
  if (!signed_by.version.empty()) {
    json.text("SignatureVersion", signed_by.version);
    json.text("Signature", signed_by.signature);
    json.text("SigningCertURL", signed_by.certificate_url);
  }
  json.text("UnsubscribeURL", unsubscribe_url(message, subscription));
  if (!message.attributes.empty()) json.json("MessageAttributes", attributes_json(message));
  if (message.replayed) json.text("Replayed", "true");
  return json.end();
}

std::string function_event(const Message& message, const Subscription& subscription, const Signed& signed_by) {
  Map attributes;
  for (const auto& [name, attribute] : message.attributes)
    attributes.set(
        name, Map{{"Type", attribute["DataType"]},
                  {"Value", attribute["StringValue"].is_null() ? attribute["BinaryValue"] : attribute["StringValue"]}});
  Map record = {{"Type", "Notification"},
                {"MessageId", message.id},
                {"TopicArn", message.topic_arn},
                {"Subject", message.subject.empty() ? Value() : Value(message.subject)},
                {"Message", message.body_for(subscription.protocol)},
                {"Timestamp", iso_8601(Time{message.at_ms})},
                {"SignatureVersion", signed_by.version},
                {"Signature", signed_by.signature},
                {"SigningCertUrl", signed_by.certificate_url},
                {"UnsubscribeUrl", unsubscribe_url(message, subscription)},
                {"MessageAttributes", std::move(attributes)}};
  return to_json(Map{{"Records", List{Map{{"EventSource", "aws:sns"},
                                          {"EventVersion", "1.0"},
                                          {"EventSubscriptionArn", subscription.arn()},
                                          {"Sns", std::move(record)}}}}});
}

Map raw_attributes(const Message& message) {
  Map attributes = message.attributes;
  for (auto& [name, attribute] : attributes)
    if (const auto& text = attribute["BinaryValue"]; text.is_string())
      attribute.set("BinaryValue", from_base64(text.string()).value_or(""));
  return attributes;
}

}  // namespace moonbase::notifications::sns
