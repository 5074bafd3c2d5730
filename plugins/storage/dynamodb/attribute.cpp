#include "attribute.hpp"

#include <algorithm>
#include <array>
#include <moonbase/hash.hpp>
#include <vector>

#include "errors.hpp"
#include "number.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr std::array<std::string_view, 10> type_names = {"S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"};

Error empty_attribute() {
  return validation("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
}
Error several_types() {
  return validation(
      "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes");
}

Result<std::string> normalised(const std::string& text) {
  auto number = Number::parse(text);
  if (!number) return number.error();
  return number->text();
}

// The members of a set, sorted. Throws where an element is no string: the set was not checked.
std::vector<std::string_view> sorted_members(const List& set) {
  std::vector<std::string_view> members;
  members.reserve(set.size());
  for (const auto& member : set) members.emplace_back(member.string());
  std::sort(members.begin(), members.end());
  return members;
}

bool has_duplicates(const List& set) {
  const auto members = sorted_members(set);
  return std::adjacent_find(members.begin(), members.end()) != members.end();
}

Result<Done> check_set(Type type, Value& attribute, Value& content) {
  auto& set = content.list();
  if (set.empty()) {
    if (type == Type::string_set) return invalid_parameter("An string set  may not be empty");
    if (type == Type::number_set) return invalid_parameter("An number set  may not be empty");
    return invalid_parameter("Binary sets should not be empty");
  }
  for (auto& member : set) {
    if (member.is_null()) {
      if (type == Type::string_set) return invalid_parameter("An string set may not have a null string as a member");
      if (type == Type::number_set) return invalid_parameter("An number set may not have a null value as a member");
      return invalid_parameter("Binary sets may not contain null values");
    }
    if (type != Type::number_set) continue;
    auto number = normalised(member.string());
    if (!number) return number.error();
    member = std::move(*number);
  }
  if (!has_duplicates(set)) return done;
  if (type == Type::number_set) return validation("Input collection contains duplicates");
  const auto* spelling = type == Type::string_set ? " contains duplicates." : "of type BS contains duplicates.";
  return invalid_parameter("Input collection " + describe_set(attribute) + spelling);
}

Result<Done> check(Value& attribute, std::size_t depth) {
  if (!attribute.is_map()) return empty_attribute();
  if (depth > nesting_max) return validation("Nesting Levels have exceeded supported limits");
  std::size_t types = 0;
  for (auto& [name, content] : attribute.map()) {
    const auto type = type_from_name(name);
    if (!type || content.is_null()) continue;
    ++types;
    switch (*type) {
      case Type::string:
      case Type::binary:
      case Type::boolean:
        break;
      case Type::number: {
        auto number = normalised(content.string());
        if (!number) return number.error();
        content = std::move(*number);
        break;
      }
      case Type::null:
        if (!content.boolean()) return invalid_parameter("Null attribute value types must have the value of true");
        break;
      case Type::map:
        for (auto& entry : content.map())
          if (auto checked = check(entry.value, depth + 1); !checked) return checked;
        break;
      case Type::list:
        for (auto& element : content.list())
          if (auto checked = check(element, depth + 1); !checked) return checked;
        break;
      default:
        if (auto checked = check_set(*type, attribute, content); !checked) return checked;
    }
  }
  if (types == 0) return empty_attribute();
  if (types > 1) return several_types();
  // What else was sent (a null beside the one type) would hide the type later.
  if (attribute.map().size() > 1) {
    const auto present = [](const MapEntry& entry) { return type_from_name(entry.key) && !entry.value.is_null(); };
    auto& only = *std::find_if(attribute.map().begin(), attribute.map().end(), present);
    attribute = Value(Map{{std::move(only.key), std::move(only.value)}});
  }
  return done;
}

}  // namespace

std::string_view type_name(Type type) { return type_names[static_cast<std::size_t>(type)]; }

std::optional<Type> type_from_name(std::string_view name) {
  for (std::size_t i = 0; i < type_names.size(); ++i)
    if (type_names[i] == name) return static_cast<Type>(i);
  return std::nullopt;
}

Result<Done> check_attribute(Value& attribute) { return check(attribute, 1); }

Result<Done> check_attributes(Map& attributes) {
  for (auto& entry : attributes)
    if (auto checked = check_attribute(entry.value); !checked) return checked;
  return done;
}

Type type_of(const Value& attribute) {
  const auto type = type_from_name(attribute.map().begin()->key);
  return *type;  // Checked attributes have one.
}

const Value& content_of(const Value& attribute) { return attribute.map().begin()->value; }

Value make_attribute(Type type, Value content) {
  Map attribute;
  attribute.set(std::string(type_name(type)), std::move(content));
  return attribute;
}

std::size_t attribute_bytes(const Value& attribute) {
  const auto& content = content_of(attribute);
  std::size_t bytes = 0;
  switch (type_of(attribute)) {
    case Type::string:
    case Type::binary:
      return content.string().size();
    case Type::number:
      return Number::parse(content.string())->size_bytes();
    case Type::boolean:
    case Type::null:
      return 1;
    case Type::string_set:
    case Type::binary_set:
      for (const auto& member : content.list()) bytes += member.string().size();
      return bytes;
    case Type::number_set:
      for (const auto& member : content.list()) bytes += Number::parse(member.string())->size_bytes();
      return bytes;
    case Type::list:
      bytes = 3;
      for (const auto& element : content.list()) bytes += 1 + attribute_bytes(element);
      return bytes;
    case Type::map:
      bytes = 3;
      for (const auto& [name, value] : content.map()) bytes += 1 + name.size() + attribute_bytes(value);
      return bytes;
  }
  return bytes;
}

std::size_t item_bytes(const Map& item) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : item) bytes += name.size() + attribute_bytes(value);
  return bytes;
}

bool equal(const Value& a, const Value& b) {
  const auto type = type_of(a);
  if (type != type_of(b)) return false;
  const auto &left = content_of(a), &right = content_of(b);
  switch (type) {
    case Type::string_set:
    case Type::number_set:
    case Type::binary_set:
      return left.list().size() == right.list().size() && sorted_members(left.list()) == sorted_members(right.list());
    case Type::list:
      return std::equal(left.list().begin(), left.list().end(), right.list().begin(), right.list().end(), equal);
    case Type::map:
      if (left.map().size() != right.map().size()) return false;
      for (const auto& [name, value] : left.map()) {
        const auto* other = right.map().find(name);
        if (!other || !equal(value, *other)) return false;
      }
      return true;
    default:
      return left == right;  // Numbers are normalised, so their text decides.
  }
}

std::optional<std::strong_ordering> compare(const Value& a, const Value& b) {
  const auto type = type_of(a);
  if (type != type_of(b)) return std::nullopt;
  const auto &left = content_of(a), &right = content_of(b);
  if (type == Type::number) return *Number::parse(left.string()) <=> *Number::parse(right.string());
  if (type != Type::string && type != Type::binary) return std::nullopt;
  return left.string().compare(right.string()) <=> 0;
}

std::string describe_set(const Value& attribute) {
  const bool binary = type_of(attribute) == Type::binary_set;
  std::string text = "[";
  for (const auto& member : content_of(attribute).list()) {
    if (text.size() > 1) text += ", ";
    text += binary ? base64(member.string()) : member.string();
  }
  return text + "]";
}

std::string describe(const Value& attribute) {
  const auto type = type_of(attribute);
  const auto& content = content_of(attribute);
  std::string text = "{" + std::string(type_name(type)) + ":";
  if (content.is_string()) {
    text += type == Type::binary ? base64(content.string()) : content.string();
  } else if (content.is_boolean()) {
    text += content.boolean() ? "true" : "false";
  } else if (type != Type::list && type != Type::map) {
    text += describe_set(attribute);
  }
  return text + "}";
}

Value json_shape(const Value& value) {
  if (value.is_list()) {
    List list;
    for (const auto& each : value.list()) list.push_back(json_shape(each));
    return list;
  }
  if (!value.is_map()) return value;
  Map map;
  const auto& members = value.map();
  const bool attribute = members.size() == 1;
  for (const auto& [name, member] : members) {
    if (attribute && name == "B" && member.is_string()) {
      map.set(name, base64(member.string()));
    } else if (attribute && name == "BS" && member.is_list()) {
      List binaries;
      for (const auto& each : member.list()) binaries.push_back(base64(each.string()));
      map.set(name, std::move(binaries));
    } else {
      map.set(name, json_shape(member));
    }
  }
  return map;
}

}  // namespace moonbase::dynamodb
