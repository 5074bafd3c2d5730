#include "message.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <stdexcept>

#include "errors.hpp"

namespace moonbase::sqs {
namespace {

constexpr std::size_t attributes_max = 10, attribute_name_bytes_max = 256;

constexpr std::array<std::string_view, 9> system_names = {"SenderId",
                                                          "SentTimestamp",
                                                          "ApproximateReceiveCount",
                                                          "ApproximateFirstReceiveTimestamp",
                                                          "SequenceNumber",
                                                          "MessageDeduplicationId",
                                                          "MessageGroupId",
                                                          "AWSTraceHeader",
                                                          "DeadLetterQueueSourceArn"};

// The length of the UTF-8 sequence at `at` if it is a character that a message may hold; else 0.
std::size_t character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  const unsigned first = byte(0);
  if (first < 0x80) return first >= 0x20 || first == 0x9 || first == 0xA || first == 0xD ? 1 : 0;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!follows(1) || !follows(2)) return 0;
    const unsigned code = (first & 0xFu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
    return code >= 0x800 && (code < 0xD800 || code > 0xDFFF) && code <= 0xFFFD ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    const unsigned code = (first & 0x7u) << 18 | (byte(1) & 0x3Fu) << 12 | (byte(2) & 0x3Fu) << 6 | (byte(3) & 0x3Fu);
    return code >= 0x10000 && code <= 0x10FFFF ? 4 : 0;
  }
  return 0;
}
bool is_message_text(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto length = character_at(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// Of message groups and deduplication ids: letters, digits and punctuation.
bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= 128 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

std::string_view base_type(std::string_view data_type) { return data_type.substr(0, data_type.find('.')); }

bool is_number(const std::string& text) {
  constexpr std::size_t number_bytes_max = 128;
  if (text.empty() || text.size() > number_bytes_max) return false;
  for (const char c : text)
    if (!(c >= '0' && c <= '9') && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E') return false;
  char* end = nullptr;
  (void)std::strtod(text.c_str(), &end);
  return end == text.c_str() + text.size();
}

Result<Done> check_attribute_name(const std::string& name) {
  if (name.empty()) return invalid_parameter("Message (user) attribute name can not be empty.");
  if (name.size() > attribute_name_bytes_max)
    return invalid_parameter("Message (user) attribute name '" + name + "' must be shorter than 256 bytes.");
  const bool good = std::all_of(name.begin(), name.end(),
                                [](char c) { return is_alphanumeric(c) || c == '_' || c == '-' || c == '.'; });
  if (!good)
    return invalid_parameter("Message (user) attribute name '" + name +
                             "' contains invalid character. Valid characters are alphanumeric, '_', '-' and '.'.");
  if (name.front() == '.' || name.back() == '.' || name.find("..") != std::string::npos)
    return invalid_parameter("Message (user) attribute name '" + name +
                             "' must not start or end with a period, or have successive periods.");
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  if (lower.starts_with("aws.") || lower.starts_with("amazon."))
    return invalid_parameter("Message (user) attribute name '" + name + "' is reserved for use by AWS.");
  return done;
}

bool has_elements(const Value& list) { return list.is_list() && !list.list().empty(); }

Result<Done> check_attribute_value(const std::string& name, const Value& value) {
  const auto refused = [&](std::string_view what) {
    return invalid_parameter("The message attribute '" + name + "' " + std::string(what));
  };
  if (has_elements(value["StringListValues"]) || has_elements(value["BinaryListValues"]))
    return Error{"UnsupportedOperation", "Message attribute list values in SendMessage operation are not supported."};
  const auto type = value["DataType"].string_or("");
  if (type.empty()) return refused("must contain non-empty message attribute type.");
  constexpr std::size_t type_bytes_max = 256;
  const auto base = base_type(type);
  if ((base != "String" && base != "Number" && base != "Binary") || type.size() > type_bytes_max)
    return refused(
        "has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and "
        "String.");
  const bool binary = base == "Binary";
  const auto& content = value[binary ? "BinaryValue" : "StringValue"];
  const auto& other = value[binary ? "StringValue" : "BinaryValue"];
  if (content.string_or("").empty()) {
    if (!other.string_or("").empty())
      return refused("with type '" + type + "' must use field '" + (binary ? "Binary" : "String") + "'.");
    return refused("must contain non-empty message attribute value for message attribute type '" + type + "'.");
  }
  if (!other.is_null()) return refused("has more than one value.");
  if (!binary && !is_message_text(content.string()))
    return Error{"InvalidMessageContents",
                 "Invalid characters found in the value of message attribute '" + name + "'."};
  if (base == "Number" && !is_number(content.string()))
    return invalid_parameter("Can't cast the value of message (user) attribute '" + name + "' to a number.");
  return done;
}

Result<Done> check_system_attributes(const Value& attributes) {
  for (const auto& [name, value] : attributes.map()) {
    if (name != "AWSTraceHeader") return invalid_parameter("Message system attribute name '" + name + "' is invalid.");
    if (auto checked = check_attribute_value(name, value); !checked) return checked;
    if (value["DataType"].string_or("") != "String")
      return invalid_parameter("Message system attribute '" + name + "' must be of type String.");
  }
  return done;
}

Result<Done> read_attributes(const Value& attributes, Outgoing& message) {
  if (attributes.is_null() || attributes.map().empty()) return done;
  if (attributes.map().size() > attributes_max)
    return invalid_parameter("Number of message attributes [" + std::to_string(attributes.map().size()) +
                             "] exceeds the allowed maximum [10].");
  for (const auto& [name, value] : attributes.map()) {
    if (auto checked = check_attribute_name(name); !checked) return checked;
    if (auto checked = check_attribute_value(name, value); !checked) return checked;
    message.bytes += name.size() + value["DataType"].string().size() + value["StringValue"].string_or("").size() +
                     value["BinaryValue"].string_or("").size();
  }
  message.attributes = keep_attributes(attributes.map());
  message.md5_of_attributes = md5_of_attributes(attributes.map());
  return done;
}

// Group, deduplication and delay, which queues of the two kinds take differently.
Result<Done> read_order(const Value& input, const Queue& queue, Outgoing& message) {
  const auto& group = input["MessageGroupId"];
  const auto& deduplication = input["MessageDeduplicationId"];
  const auto& delay = input["DelaySeconds"];
  constexpr std::int64_t delay_seconds_max = 900;
  if (!delay.is_null() && (delay.integer() < 0 || delay.integer() > delay_seconds_max))
    return invalid_parameter("DelaySeconds", std::to_string(delay.integer()), "DelaySeconds must be >= 0 and <= 900.");
  if (!group.is_null() && !is_token(group.string()))
    return invalid_parameter("MessageGroupId", group.string(),
                             "MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in "
                             "length.");
  if (!deduplication.is_null() && !is_token(deduplication.string()))
    return invalid_parameter("MessageDeduplicationId", deduplication.string(),
                             "MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to "
                             "128 in length.");
  message.delay_seconds = delay.integer_or(queue.delay_seconds);
  if (!group.is_null()) {
    message.system.set("MessageGroupId", group);
    message.group = group.string();
  }
  if (!queue.fifo) {
    if (!deduplication.is_null())
      return invalid_parameter("MessageDeduplicationId", deduplication.string(),
                               "The request includes a parameter that is not valid for this queue type.");
    return done;
  }
  if (group.is_null()) return missing_parameter("MessageGroupId");
  if (delay.integer_or(0) > 0)
    return invalid_parameter("DelaySeconds", std::to_string(delay.integer()),
                             "The request include parameter that is not valid for this queue type.");
  message.delay_seconds = queue.delay_seconds;
  if (deduplication.is_null() && !queue.content_deduplication)
    return invalid_parameter(
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly");
  const auto id = deduplication.is_null() ? sha256_hex(message.body) : deduplication.string();
  message.system.set("MessageDeduplicationId", id);
  // No space is in either, so two pairs never make the same text.
  message.deduplication = queue.deduplicates_by_group ? id + " " + message.group : id;
  return done;
}

void append_length(std::string& out, std::size_t length) {
  for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(length >> shift & 0xFF));
}
void append_sized(std::string& out, std::string_view bytes) {
  append_length(out, bytes.size());
  out += bytes;
}

void append_number(std::string& out, std::int64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(static_cast<std::uint64_t>(number) >> shift & 0xFF));
}
std::int64_t number_at(std::string_view bytes, std::size_t at) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  return static_cast<std::int64_t>(number);
}
std::string checksum(std::string_view bytes) {
  std::string out;
  append_length(out, crc32(bytes));
  return out;
}
constexpr char handle_form = 1;
constexpr std::size_t handle_bytes = 1 + 3 * 8 + 4;

// "All", ".*", "name", "prefix.*"
bool wants(const std::vector<std::string>& wanted, std::string_view name) {
  return std::any_of(wanted.begin(), wanted.end(), [&](std::string_view one) {
    if (one == "All" || one == ".*" || one == name) return true;
    return one.ends_with(".*") && name.starts_with(one.substr(0, one.size() - 1));
  });
}

}  // namespace

std::string sender_id(const Identity& identity) {
  return identity.user_id.empty() ? identity.account_id : identity.user_id;
}

Result<Outgoing> read_outgoing(const Value& input, const Queue& queue, const CallContext& sender) {
  Outgoing message;
  const auto& body = input["MessageBody"].string();
  if (body.empty()) return missing_parameter("MessageBody");
  if (!is_message_text(body))
    return Error{"InvalidMessageContents",
                 "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to "
                 "#xFFFD | #x10000 to #x10FFFF"};
  message.body = body;
  message.bytes = body.size();
  message.system.set("SenderId", sender_id(sender.identity));
  if (!sender.trace.empty()) message.system.set("AWSTraceHeader", sender.trace);
  if (auto read = read_attributes(input["MessageAttributes"], message); !read) return read.error();
  if (const auto& system = input["MessageSystemAttributes"]; !system.is_null() && !system.map().empty()) {
    if (auto checked = check_system_attributes(system); !checked) return checked.error();
    message.system.set("AWSTraceHeader", system["AWSTraceHeader"]["StringValue"]);
    message.md5_of_system_attributes = md5_of_attributes(system.map());
  }
  if (message.bytes > static_cast<std::size_t>(queue.message_bytes_max))
    return invalid_parameter("One or more parameters are invalid. Reason: Message must be shorter than " +
                             std::to_string(queue.message_bytes_max) + " bytes.");
  if (auto read = read_order(input, queue, message); !read) return read.error();
  message.md5_of_body = md5_hex(message.body);
  return message;
}

Result<Wanted> read_wanted(const Value& input) {
  Wanted wanted;
  for (const auto* member : {"AttributeNames", "MessageSystemAttributeNames"}) {
    if (input[member].is_null()) continue;
    for (const auto& name : input[member].list()) {
      const auto& text = name.string();
      if (text == "All") {
        wanted.all_system = true;
      } else if (std::find(system_names.begin(), system_names.end(), text) != system_names.end()) {
        wanted.system.push_back(text);
      } else if (!is_attribute(text)) {  // Those of queues do no harm here, as older clients send them.
        return Error{"InvalidAttributeName", "Unknown Attribute " + text + "."};
      }
    }
  }
  if (!input["MessageAttributeNames"].is_null())
    for (const auto& name : input["MessageAttributeNames"].list()) wanted.attributes.push_back(name.string());
  return wanted;
}

Map system_attributes(const Stored& message) {
  auto parsed = parse_json(message.system);
  if (!parsed || !parsed->is_map())
    throw std::runtime_error("the attributes of message " + message.id + " are damaged");
  Map all = std::move(parsed->map());
  all.set("SentTimestamp", std::to_string(message.sent_at_ms));
  all.set("ApproximateReceiveCount", std::to_string(message.receives));
  if (message.first_received_at_ms > 0)
    all.set("ApproximateFirstReceiveTimestamp", std::to_string(message.first_received_at_ms));
  return all;
}

Value describe_message(const Stored& message, const Wanted& wanted, const std::string& receipt_handle) {
  Map described = {{"MessageId", message.id},
                   {"ReceiptHandle", receipt_handle},
                   {"MD5OfBody", md5_hex(message.body)},
                   {"Body", message.body}};
  if (wanted.all_system || !wanted.system.empty()) {
    Map shown;
    for (auto& [name, value] : system_attributes(message))
      if (wanted.all_system || std::find(wanted.system.begin(), wanted.system.end(), name) != wanted.system.end())
        shown.set(name, std::move(value));
    if (!shown.empty()) described.set("Attributes", std::move(shown));
  }
  if (!message.attributes.empty() && !wanted.attributes.empty()) {
    Map shown;
    for (auto& [name, value] : kept_attributes(message.attributes))
      if (wants(wanted.attributes, name)) shown.set(name, std::move(value));
    if (!shown.empty()) {
      described.set("MD5OfMessageAttributes", md5_of_attributes(shown));
      described.set("MessageAttributes", std::move(shown));
    }
  }
  return described;
}

Value describe_record(const Stored& message, const Queue& queue, const std::string& receipt_handle) {
  Map attributes;
  if (!message.attributes.empty()) {
    for (const auto& [name, value] : kept_attributes(message.attributes)) {
      Map shown;
      if (!value["StringValue"].is_null()) shown.set("stringValue", value["StringValue"]);
      if (!value["BinaryValue"].is_null()) shown.set("binaryValue", base64(value["BinaryValue"].string()));
      shown.set("stringListValues", List{});
      shown.set("binaryListValues", List{});
      shown.set("dataType", value["DataType"]);
      attributes.set(name, std::move(shown));
    }
  }
  Map record = {{"messageId", message.id},
                {"receiptHandle", receipt_handle},
                {"body", message.body},
                {"attributes", system_attributes(message)},
                {"messageAttributes", attributes},
                {"md5OfBody", md5_hex(message.body)}};
  if (!attributes.empty()) record.set("md5OfMessageAttributes", md5_of_attributes(kept_attributes(message.attributes)));
  record.set("eventSource", "aws:sqs");
  record.set("eventSourceARN", queue.name.arn());
  record.set("awsRegion", queue.name.region);
  return record;
}

std::string receipt_handle(const Receipt& receipt) {
  std::string bytes(1, handle_form);
  append_number(bytes, receipt.queue);
  append_number(bytes, receipt.sequence);
  append_number(bytes, receipt.receipt);
  return base64_url(bytes + checksum(bytes));
}

std::optional<Receipt> parse_receipt_handle(std::string_view handle) {
  constexpr std::size_t handle_text_max = 1024;
  if (handle.size() > handle_text_max) return std::nullopt;
  const auto bytes = from_base64_url(handle);
  if (!bytes || bytes->size() != handle_bytes || bytes->front() != handle_form) return std::nullopt;
  const std::string_view content(bytes->data(), handle_bytes - 4);
  if (std::string_view(*bytes).substr(content.size()) != checksum(content)) return std::nullopt;
  return Receipt{number_at(*bytes, 1), number_at(*bytes, 9), number_at(*bytes, 17)};
}

Error invalid_receipt_handle(std::string_view handle) {
  return {"ReceiptHandleIsInvalid",
          "The input receipt handle \"" + std::string(handle) + "\" is not a valid receipt handle."};
}

std::string md5_of_attributes(const Map& attributes) {
  std::vector<const MapEntry*> sorted;
  for (const auto& entry : attributes) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->key < b->key; });
  std::string bytes;
  for (const auto* entry : sorted) {
    const auto type = entry->value["DataType"].string_or("");
    const bool binary = base_type(type) == "Binary";
    append_sized(bytes, entry->key);
    append_sized(bytes, type);
    bytes.push_back(binary ? '\2' : '\1');
    append_sized(bytes, entry->value[binary ? "BinaryValue" : "StringValue"].string_or(""));
  }
  return md5_hex(bytes);
}

std::string keep_attributes(const Map& attributes) {
  Map kept;
  for (const auto& [name, value] : attributes) {
    Map one = {{"DataType", value["DataType"]}};
    if (!value["StringValue"].is_null()) one.set("StringValue", value["StringValue"]);
    if (!value["BinaryValue"].is_null()) one.set("BinaryValue", base64(value["BinaryValue"].string()));
    kept.set(name, std::move(one));
  }
  return to_json(Value(std::move(kept)));
}

Map kept_attributes(const std::string& kept) {
  auto parsed = parse_json(kept);
  if (!parsed || !parsed->is_map()) throw std::runtime_error("a message's attributes are damaged");
  for (auto& [name, value] : parsed->map()) {
    if (value["BinaryValue"].is_null()) continue;
    auto bytes = from_base64(value["BinaryValue"].string());
    if (!bytes) throw std::runtime_error("a message's attributes are damaged");
    value.set("BinaryValue", std::move(*bytes));
  }
  return std::move(parsed->map());
}

std::string sequence_number(std::int64_t sequence) {
  constexpr std::int64_t first = 849'496'460'467'696'128, step = 256;
  return "18" + std::to_string(first + sequence * step);
}

}  // namespace moonbase::sqs
