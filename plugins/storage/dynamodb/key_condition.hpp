// Key conditions: which part of a table or an index a Query reads. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "key.hpp"
#include "request.hpp"

namespace moonbase::dynamodb {

// One condition on one key attribute. Values are the request's own.
struct KeyCondition {
  enum class Kind : std::uint8_t { equal, less, less_equal, greater, greater_equal, between, begins_with, unsupported };
  std::string attribute;
  Kind kind = Kind::equal;
  std::vector<const Value*> values;

  bool holds(const Value& attribute_value) const;
};

// From a checked KeyConditionExpression or checked KeyConditions. `most` is how many there may be.
Result<std::vector<KeyCondition>> read_key_conditions(const BoundExpression& expression, std::size_t most);
Result<std::vector<KeyCondition>> read_key_conditions(const Value& conditions, std::size_t most);

// A range of one partition, in bytes.
struct KeyRange {
  std::string partition;
  std::string lower;  // Inclusive.
  std::string upper;
  enum class End : std::uint8_t { partition, before_upper, at_upper };
  End end = End::partition;
};

// Joins conditions with the schema; the Errors are those that DynamoDB has once it knows the table.
Result<KeyRange> key_range(const KeySchema& schema, const std::vector<KeyCondition>& conditions);

}  // namespace moonbase::dynamodb
