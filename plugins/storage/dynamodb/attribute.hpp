// Attribute values in the form they have on the wire: {"S": "x"} is Map{{"S", "x"}}; an item is a
// Map from attribute names to them. B holds raw bytes. Everything here is a function of its
// arguments; any thread may call it.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <moonbase/result.hpp>
#include <moonbase/value.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace moonbase::dynamodb {

enum class Type : std::uint8_t { string, number, binary, boolean, null, map, list, string_set, number_set, binary_set };

constexpr std::size_t item_bytes_max = 400 * 1024;
constexpr std::size_t nesting_max = 32;

std::string_view type_name(Type type);  // "S", "N", …
std::optional<Type> type_from_name(std::string_view name);

// Checks what a client sent, in DynamoDB's order and with its texts, and normalises numbers.
// Everything below expects attributes that have passed.
Result<Done> check_attribute(Value& attribute);
Result<Done> check_attributes(Map& attributes);  // Each value of the map.

Type type_of(const Value& attribute);
const Value& content_of(const Value& attribute);
Value make_attribute(Type type, Value content);

// Sizes as DynamoDB counts them: names and strings in UTF-8, three bytes a container, one an entry.
std::size_t attribute_bytes(const Value& attribute);
std::size_t item_bytes(const Map& item);

// Sets are equal in any order, lists are not; attributes of different types never are.
bool equal(const Value& a, const Value& b);
// The order of two strings, numbers or binaries; nothing for other or different types.
std::optional<std::strong_ordering> compare(const Value& a, const Value& b);

// A value, an item or what holds such, as JSON shows it: binary values in base64.
Value json_shape(const Value& value);

// "{S:text}", as DynamoDB shows an operand in its messages. Binary is shown in base64.
std::string describe(const Value& attribute);
// "[a, b]": the elements of a set.
std::string describe_set(const Value& attribute);

}  // namespace moonbase::dynamodb
