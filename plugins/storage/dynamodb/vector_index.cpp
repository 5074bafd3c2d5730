#include "vector_index.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <set>

#include "errors.hpp"

namespace moonbase::dynamodb {
namespace {

bool is_hash(const Value& element) { return element["SearchSchemaElementType"].string() == "HASH"; }

}  // namespace

Result<Done> check_vector_index(const Value& index, const Value& attribute_definitions, bool provisioned) {
  const auto& name = index["IndexName"].string();
  if (provisioned)
    return invalid_parameter("Vector indexes are only supported for tables with BillingMode PAY_PER_REQUEST: " + name);
  const auto& vector = index["VectorAttribute"]["AttributeName"].string();
  std::set<std::string_view> seen = {vector};
  std::size_t hashes = 0;
  if (const auto& schema = index["SearchSchema"]; !schema.is_null())
    for (const auto& element : schema.list()) {
      const auto& attribute = element["AttributeName"].string();
      if (!seen.insert(attribute).second)
        return invalid_parameter("Duplicate attribute in the search schema of index " + name + ": " + attribute);
      const bool defined =
          !attribute_definitions.is_null() &&
          std::any_of(attribute_definitions.list().begin(), attribute_definitions.list().end(),
                      [&](const Value& definition) { return definition["AttributeName"].string() == attribute; });
      if (!defined)
        return invalid_parameter("Some index key attributes are not defined in AttributeDefinitions: " + attribute);
      hashes += is_hash(element) ? 1 : 0;
    }
  if (hashes > 1) return invalid_parameter("A search schema has at most one HASH attribute: index " + name);
  return check_projection(index["Projection"]);
}

Value define_vector_index(const Value& index, const std::string& table_arn) {
  Value defined = Map{{"IndexStatus", "ACTIVE"}, {"IndexArn", table_arn + "/index/" + index["IndexName"].string()}};
  for (const auto* member :
       {"IndexName", "VectorAttribute", "Dimensions", "DistanceFunction", "SearchSchema", "Projection"})
    if (!index[member].is_null()) defined.set(member, index[member]);
  return defined;
}

VectorKeys read_vector_keys(const Value& described) {
  VectorKeys keys;
  keys.attribute = described["VectorAttribute"]["AttributeName"].string();
  keys.dimensions = static_cast<std::size_t>(described["Dimensions"].integer());
  const auto& function = described["DistanceFunction"].string();
  keys.distance = function == "COSINE"      ? VectorKeys::Distance::cosine
                  : function == "EUCLIDEAN" ? VectorKeys::Distance::euclidean
                                            : VectorKeys::Distance::dot_product;
  if (const auto& schema = described["SearchSchema"]; !schema.is_null())
    for (const auto& element : schema.list())
      (is_hash(element) ? keys.partition : keys.filters).push_back(element["AttributeName"].string());
  return keys;
}

std::optional<std::string> pack_vector(const Value& list_of_numbers, std::size_t dimensions) {
  if (type_of(list_of_numbers) != Type::list) return std::nullopt;
  const auto& elements = content_of(list_of_numbers).list();
  if (elements.size() != dimensions) return std::nullopt;
  std::string bytes;
  bytes.reserve(elements.size() * sizeof(float));
  for (const auto& element : elements) {
    if (type_of(element) != Type::number) return std::nullopt;
    const float number = std::strtof(content_of(element).string().c_str(), nullptr);
    if (!std::isfinite(number)) return std::nullopt;
    bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  return bytes;
}

std::vector<float> unpack_vector(std::string_view bytes) {
  std::vector<float> numbers(bytes.size() / sizeof(float));
  if (!numbers.empty()) std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(float));
  return numbers;
}

Result<Done> check_vector(const Index& index, const Map& item) {
  const auto* attribute = item.find(index.vector->attribute);
  if (!attribute || pack_vector(*attribute, index.vector->dimensions)) return done;
  return invalid_parameter("Vector attribute " + index.vector->attribute + " must be a list of " +
                           std::to_string(index.vector->dimensions) + " numbers. IndexName: " + index.name);
}

double score(VectorKeys::Distance distance, const std::vector<float>& a, const std::vector<float>& b) {
  double dot = 0, squares_a = 0, squares_b = 0, apart = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double x = a[i], y = b[i];
    dot += x * y;
    squares_a += x * x;
    squares_b += y * y;
    apart += (x - y) * (x - y);
  }
  switch (distance) {
    case VectorKeys::Distance::euclidean:
      return std::sqrt(apart);
    case VectorKeys::Distance::dot_product:
      return dot;
    case VectorKeys::Distance::cosine:
      break;
  }
  const double length = std::sqrt(squares_a) * std::sqrt(squares_b);
  return length == 0 ? 1 : std::clamp(1 - dot / length, 0.0, 2.0);  // A vector without direction is at right angles.
}

bool is_nearer(VectorKeys::Distance distance, double a, double b) {
  return distance == VectorKeys::Distance::dot_product ? a > b : a < b;
}

}  // namespace moonbase::dynamodb
