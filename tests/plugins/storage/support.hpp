// What the tests of DynamoDB's operations share.
#pragma once

#include <moonbase/testing.hpp>
#include <string>

namespace moonbase::dynamodb::testing {

inline Value s(const std::string& text) { return Map{{"S", text}}; }
inline Value n(const std::string& text) { return Map{{"N", text}}; }
inline Value l(List elements) { return Map{{"L", std::move(elements)}}; }
inline Value m(Map members) { return Map{{"M", std::move(members)}}; }

// The input of CreateTable: keys are written "name:S".
inline Value attribute_definitions(const std::vector<std::string>& keys) {
  List definitions;
  for (const auto& key : keys)
    definitions.push_back(
        Map{{"AttributeName", key.substr(0, key.size() - 2)}, {"AttributeType", key.substr(key.size() - 1)}});
  return definitions;
}
inline Value key_schema(const std::vector<std::string>& keys) {
  List schema;
  for (const auto& key : keys)
    schema.push_back(
        Map{{"AttributeName", key.substr(0, key.size() - 2)}, {"KeyType", schema.empty() ? "HASH" : "RANGE"}});
  return schema;
}
inline Map table_input(const std::string& name, const std::vector<std::string>& keys,
                       const std::vector<std::string>& more_attributes = {}) {
  auto attributes = keys;
  attributes.insert(attributes.end(), more_attributes.begin(), more_attributes.end());
  return {{"TableName", name},
          {"KeySchema", key_schema(keys)},
          {"AttributeDefinitions", attribute_definitions(attributes)},
          {"BillingMode", "PAY_PER_REQUEST"}};
}
inline Value index(const std::string& name, const std::vector<std::string>& keys,
                   Map projection = {{"ProjectionType", "ALL"}}) {
  return Map{{"IndexName", name}, {"KeySchema", key_schema(keys)}, {"Projection", std::move(projection)}};
}

// A kernel with the plugin and a table "orders" with the key id:S.
struct Platform : moonbase::testing::TestKernel {
  Platform() : TestKernel("dynamodb", {{"storage"}}) {}
  explicit Platform(Map table) : Platform() { call("CreateTable", std::move(table)); }

  void put(const std::string& table, Map item) { call("PutItem", {{"TableName", table}, {"Item", std::move(item)}}); }
  Value get(const std::string& table, Map key) {
    return call("GetItem", {{"TableName", table}, {"Key", std::move(key)}})["Item"];
  }
};

}  // namespace moonbase::dynamodb::testing
