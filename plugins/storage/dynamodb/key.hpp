// Primary keys: their schema, their checks, and the bytes under which items are kept.
//
// A row's partition bytes are one byte of hash and then the key itself: so partitions are spread as
// DynamoDB spreads them, a parallel scan's segments are ranges, and items that are written in order
// of their keys still land near each other. Its sort bytes compare as the sort keys do.
#pragma once

#include <moonbase/result.hpp>
#include <moonbase/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "attribute.hpp"

namespace moonbase::dynamodb {

constexpr std::size_t partition_key_bytes_max = 2048;
constexpr std::size_t sort_key_bytes_max = 1024;

struct KeyAttribute {
  std::string name;
  Type type = Type::string;  // String, number or binary.
};

struct KeySchema {
  std::vector<KeyAttribute> partition;  // One; a global index may have up to four.
  std::vector<KeyAttribute> sort;       // None or one; a global index may have up to four.

  bool contains(std::string_view attribute) const;
  std::vector<const KeyAttribute*> all() const;
};

struct KeyBytes {
  std::string partition;
  std::string sort;  // Empty where the schema has no sort key.

  friend bool operator==(const KeyBytes&, const KeyBytes&) = default;
};

// The bytes of one key attribute; those of one type compare as their values do.
std::string key_bytes(const Value& attribute);

// Partition bytes of one value per partition attribute, in the schema's order.
std::string partition_bytes(const std::vector<const Value*>& values);
// Sort bytes of the first values of a sort key: all of them or, for a range's bounds, fewer.
std::string sort_bytes(const KeySchema& schema, const std::vector<const Value*>& values);

// The bytes behind every string that begins with these; empty where there is no such.
std::string successor_of_prefix(std::string bytes);

// A Key parameter: exactly the schema's attributes, of its types, neither empty nor too long.
Result<KeyBytes> key_of_parameter(const KeySchema& schema, const Map& key);

// The key of an item about to be stored.
Result<KeyBytes> key_of_item(const KeySchema& schema, const Map& item);

// The key of an item in an index; nothing where it lacks a key attribute and thus is not in it.
std::optional<KeyBytes> key_in_index(const KeySchema& schema, const Map& item);

// An item about to be stored may not have an index's key attribute with the wrong type or empty.
Result<Done> check_index_key(const KeySchema& schema, std::string_view index, const Map& item);

}  // namespace moonbase::dynamodb
