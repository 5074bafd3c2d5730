#include "key.hpp"

#include <algorithm>

#include "errors.hpp"
#include "number.hpp"

namespace moonbase::dynamodb {
namespace {

Error does_not_match() { return validation("The provided key element does not match the schema"); }

Error empty_key(const KeyAttribute& attribute) {
  return validation(
      "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain "
      "an empty " +
      std::string(attribute.type == Type::string ? "string" : "binary") + " value. Key: " + attribute.name);
}

bool is_empty(const Value& value) { return type_of(value) != Type::number && content_of(value).string().empty(); }

Result<Done> check_size(const Value& value, bool partition) {
  if (type_of(value) == Type::number) return done;
  const auto bytes = content_of(value).string().size();
  if (partition && bytes > partition_key_bytes_max)
    return invalid_parameter("Size of hashkey has exceeded the maximum size limit of2048 bytes");
  if (!partition && bytes > sort_key_bytes_max)
    return invalid_parameter("Aggregated size of all range keys has exceeded the size limit of 1024 bytes");
  return done;
}

// FNV-1a, folded to a byte.
unsigned char hash_byte(std::string_view bytes) {
  std::uint32_t hash = 2166136261u;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return static_cast<unsigned char>(hash ^ (hash >> 8) ^ (hash >> 16) ^ (hash >> 24));
}

// So that a component of several ends where it ends: 00 becomes 00 FF, and 00 01 closes.
void append_escaped(std::string& out, std::string_view bytes) {
  for (const char c : bytes) {
    out += c;
    if (c == '\0') out += '\xff';
  }
  out += std::string_view("\0\1", 2);
}

std::vector<const Value*> values_of(const std::vector<KeyAttribute>& attributes, const Map& item) {
  std::vector<const Value*> values;
  for (const auto& attribute : attributes) values.push_back(item.find(attribute.name));
  return values;
}

KeyBytes bytes_of(const KeySchema& schema, const Map& item) {
  return {partition_bytes(values_of(schema.partition, item)), sort_bytes(schema, values_of(schema.sort, item))};
}

}  // namespace

bool KeySchema::contains(std::string_view attribute) const {
  const auto named = [&](const KeyAttribute& key) { return key.name == attribute; };
  return std::any_of(partition.begin(), partition.end(), named) || std::any_of(sort.begin(), sort.end(), named);
}

std::vector<const KeyAttribute*> KeySchema::all() const {
  std::vector<const KeyAttribute*> attributes;
  for (const auto& attribute : partition) attributes.push_back(&attribute);
  for (const auto& attribute : sort) attributes.push_back(&attribute);
  return attributes;
}

std::string key_bytes(const Value& attribute) {
  const auto& text = content_of(attribute).string();
  return type_of(attribute) == Type::number ? Number::parse(text)->key_bytes() : text;
}

std::string partition_bytes(const std::vector<const Value*>& values) {
  std::string bytes(1, '\0');
  if (values.size() == 1) {
    bytes += key_bytes(*values[0]);
  } else {
    for (const auto* value : values) append_escaped(bytes, key_bytes(*value));
  }
  bytes[0] = static_cast<char>(hash_byte(std::string_view(bytes).substr(1)));
  return bytes;
}

std::string sort_bytes(const KeySchema& schema, const std::vector<const Value*>& values) {
  if (values.empty()) return {};
  if (schema.sort.size() == 1) return key_bytes(*values[0]);
  std::string bytes;
  for (const auto* value : values) append_escaped(bytes, key_bytes(*value));
  return bytes;
}

std::string successor_of_prefix(std::string bytes) {
  while (!bytes.empty() && static_cast<unsigned char>(bytes.back()) == 0xff) bytes.pop_back();
  if (!bytes.empty()) ++bytes.back();
  return bytes;
}

Result<KeyBytes> key_of_parameter(const KeySchema& schema, const Map& key) {
  const auto attributes = schema.all();
  if (key.size() != attributes.size()) return does_not_match();
  for (const auto* attribute : attributes) {
    const auto* value = key.find(attribute->name);
    if (!value || type_of(*value) != attribute->type) return does_not_match();
    if (is_empty(*value)) return empty_key(*attribute);
    const bool partition = attribute == &schema.partition[0];
    if (auto checked = check_size(*value, partition); !checked) return checked.error();
  }
  return bytes_of(schema, key);
}

Result<KeyBytes> key_of_item(const KeySchema& schema, const Map& item) {
  for (const auto* attribute : schema.all()) {
    const auto* value = item.find(attribute->name);
    if (!value) return invalid_parameter("Missing the key " + attribute->name + " in the item");
    if (type_of(*value) != attribute->type)
      return invalid_parameter("Type mismatch for key " + attribute->name +
                               " expected: " + std::string(type_name(attribute->type)) +
                               " actual: " + std::string(type_name(type_of(*value))));
    if (is_empty(*value)) return empty_key(*attribute);
    const bool partition = attribute == &schema.partition[0];
    if (auto checked = check_size(*value, partition); !checked) return checked.error();
  }
  return bytes_of(schema, item);
}

std::optional<KeyBytes> key_in_index(const KeySchema& schema, const Map& item) {
  for (const auto* attribute : schema.all()) {
    const auto* value = item.find(attribute->name);
    // Items from before the index existed may have anything there; they are not in it.
    if (!value || type_of(*value) != attribute->type || is_empty(*value)) return std::nullopt;
  }
  return bytes_of(schema, item);
}

Result<Done> check_index_key(const KeySchema& schema, std::string_view index, const Map& item) {
  for (const auto* attribute : schema.all()) {
    const auto* value = item.find(attribute->name);
    if (!value) continue;
    if (type_of(*value) != attribute->type)
      return invalid_parameter(
          "Type mismatch for Index Key " + attribute->name + " Expected: " + std::string(type_name(attribute->type)) +
          " Actual: " + std::string(type_name(type_of(*value))) + " IndexName: " + std::string(index));
    if (is_empty(*value))
      return validation(
          "One or more parameter values are not valid. A value specified for a secondary index key is "
          "not supported. The AttributeValue for a key attribute cannot contain an empty " +
          std::string(attribute->type == Type::string ? "string" : "binary") +
          " value. IndexName: " + std::string(index) + ", IndexKey: " + attribute->name);
    const bool partition = std::any_of(schema.partition.begin(), schema.partition.end(),
                                       [&](const KeyAttribute& key) { return &key == attribute; });
    if (auto checked = check_size(*value, partition); !checked) return checked;
  }
  return done;
}

}  // namespace moonbase::dynamodb
