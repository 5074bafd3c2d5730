// Vector indexes: their definition, and vectors as an index keeps and compares them. Pure.
//
// An entry's partition is the search schema's HASH attribute, its sort bytes are the vector's numbers as 32-bit floats;
// what is projected is its content, without the vector.
#pragma once

#include <moonbase/result.hpp>
#include <moonbase/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "table.hpp"

namespace moonbase::dynamodb {

// CreateTable's or UpdateTable's part, checked; and the description that is kept.
Result<Done> check_vector_index(const Value& index, const Value& attribute_definitions, bool provisioned);
Value define_vector_index(const Value& index, const std::string& table_arn);

// What a table's Index is for a description.
VectorKeys read_vector_keys(const Value& described);

// {"L": [{"N": "0.5"}, …]} as bytes; nothing where it is no vector of so many dimensions.
std::optional<std::string> pack_vector(const Value& list_of_numbers, std::size_t dimensions);
std::vector<float> unpack_vector(std::string_view bytes);

// Before an item is stored: a vector attribute that is there must be a vector.
Result<Done> check_vector(const Index& index, const Map& item);

// How far the index's distance function says two vectors are from each other, as SearchVectors scores it.
double score(VectorKeys::Distance distance, const std::vector<float>& a, const std::vector<float>& b);
// Whether the first score is of the more similar vector.
bool is_nearer(VectorKeys::Distance distance, double a, double b);

}  // namespace moonbase::dynamodb
