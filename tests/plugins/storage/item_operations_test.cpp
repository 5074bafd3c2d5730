#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::dynamodb::testing;

namespace {

struct Orders : Platform {
  Orders() : Platform(table_input("orders", {"id:S"})) {}

  Map with(Map input) const {
    input.set("TableName", "orders");
    return input;
  }
  Value update(const std::string& id, const std::string& expression, Map values = {}, Map more = {}) {
    more.set("Key", Map{{"id", s(id)}});
    more.set("UpdateExpression", expression);
    if (!values.empty()) more.set("ExpressionAttributeValues", std::move(values));
    return call("UpdateItem", with(std::move(more)));
  }
};

}  // namespace

TEST_CASE("an item comes back as it was put, with numbers normalised") {
  Orders orders;
  const Map item = {{"id", s("a")},
                    {"total", n("12.50")},
                    {"lines", l({m({{"sku", s("lamp")}, {"count", n("2")}})})},
                    {"tags", Map{{"SS", List{"new", "gift"}}}},
                    {"raw", Map{{"B", std::string("\0\x01", 2)}}},
                    {"paid", Map{{"BOOL", false}}},
                    {"note", Map{{"NULL", true}}},
                    {"empty", s("")}};
  orders.put("orders", item);
  auto expected = item;
  expected.set("total", n("12.5"));
  CHECK(orders.get("orders", {{"id", s("a")}}) == Value(expected));
  CHECK(orders.get("orders", {{"id", s("b")}}).is_null());

  orders.restart();
  CHECK(orders.get("orders", {{"id", s("a")}}) == Value(expected));
}

TEST_CASE("a put replaces the whole item and can answer the old one") {
  Orders orders;
  orders.put("orders", {{"id", s("a")}, {"x", s("1")}});
  const auto output =
      orders.call("PutItem", orders.with({{"Item", Map{{"id", s("a")}, {"y", s("2")}}}, {"ReturnValues", "ALL_OLD"}}));
  CHECK(output["Attributes"] == Value(Map{{"id", s("a")}, {"x", s("1")}}));
  CHECK(orders.get("orders", {{"id", s("a")}}) == Value(Map{{"id", s("a")}, {"y", s("2")}}));
  CHECK(
      orders.error("PutItem", orders.with({{"Item", Map{{"id", s("a")}}}, {"ReturnValues", "UPDATED_OLD"}})).message ==
      "ReturnValues can only be ALL_OLD or NONE");
}

TEST_CASE("a condition decides whether a write happens") {
  Orders orders;
  const auto put = [&](Map more) {
    more.set("Item", Map{{"id", s("a")}, {"version", n("1")}});
    return orders.with(std::move(more));
  };
  orders.call("PutItem", put({{"ConditionExpression", "attribute_not_exists(id)"}}));
  auto error = orders.error("PutItem", put({{"ConditionExpression", "attribute_not_exists(id)"}}));
  CHECK(error.code == "ConditionalCheckFailedException");
  CHECK(error.message == "The conditional request failed");
  CHECK(error.members.empty());
  error = orders.error("PutItem", put({{"ConditionExpression", "attribute_not_exists(id)"},
                                       {"ReturnValuesOnConditionCheckFailure", "ALL_OLD"}}));
  CHECK(*error.members.find("Item") == Value(Map{{"id", s("a")}, {"version", n("1")}}));

  // The older form.
  CHECK(orders.error("PutItem", put({{"Expected", Map{{"id", Map{{"Exists", false}}}}}})).code ==
        "ConditionalCheckFailedException");
  orders.call("PutItem", put({{"Expected", Map{{"version", Map{{"Value", n("1.0")}}}}}}));
  CHECK(
      orders.error("PutItem", put({{"Expected", Map{{"version", Map{{"ComparisonOperator", "EQ"}}}}}})).message ==
      "One or more parameter values were invalid: Value or AttributeValueList must be used with ComparisonOperator: EQ "
      "for Attribute: version");

  CHECK(orders
            .error("DeleteItem", orders.with({{"Key", Map{{"id", s("a")}}},
                                              {"ConditionExpression", "version > :v"},
                                              {"ExpressionAttributeValues", Map{{":v", n("1")}}}}))
            .code == "ConditionalCheckFailedException");
  const auto deleted =
      orders.call("DeleteItem", orders.with({{"Key", Map{{"id", s("a")}}}, {"ReturnValues", "ALL_OLD"}}));
  CHECK(deleted["Attributes"]["version"] == n("1"));
  CHECK(orders.get("orders", {{"id", s("a")}}).is_null());
  CHECK(
      orders.call("DeleteItem", orders.with({{"Key", Map{{"id", s("a")}}}, {"ReturnValues", "ALL_OLD"}}))["Attributes"]
          .is_null());
}

TEST_CASE("errors of an expression carry the envelope that writes have, and reads have not") {
  Orders orders;
  CHECK(orders
            .error("PutItem", orders.with({{"Item", Map{{"id", s("a")}}},
                                           {"ConditionExpression", "status = :v"},
                                           {"ExpressionAttributeValues", Map{{":v", s("x")}}}}))
            .message ==
        "1 validation error detected: Invalid ConditionExpression: Attribute name is a reserved keyword; reserved "
        "keyword: status");
  CHECK(orders.error("GetItem", orders.with({{"Key", Map{{"id", s("a")}}}, {"ProjectionExpression", "status"}}))
            .message == "Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: status");
  // Expressions are looked at before the table is.
  CHECK(
      orders.error("GetItem", {{"TableName", "absent"}, {"Key", Map{{"id", s("a")}}}, {"ProjectionExpression", "a..b"}})
          .code == "ValidationException");
  CHECK(orders.error("PutItem", {{"TableName", "absent"}, {"Item", Map{{"id", s(std::string(400'001, 'x'))}}}}).code ==
        "ResourceNotFoundException");
}

TEST_CASE("an attribute without a type, or with two, is refused where it stands") {
  Orders orders;
  const Value none = Map{}, two = Map{{"S", "a"}, {"N", "1"}};
  const std::string empty = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
  const auto put = [&](Map item) { return orders.error("PutItem", orders.with({{"Item", std::move(item)}})).message; };
  CHECK(put({{"id", s("a")}, {"x", none}}) == empty);
  CHECK(put({{"id", s("a")}, {"x", l({none})}}) == empty);
  CHECK(put({{"id", s("a")}, {"x", two}}).starts_with("Supplied AttributeValue has more than one datatypes set"));
  CHECK(orders
            .error("Scan",
                   orders.with({{"FilterExpression", "a = :v"}, {"ExpressionAttributeValues", Map{{":v", none}}}}))
            .message == "ExpressionAttributeValues contains invalid value: " + empty + " for key :v");
  CHECK(orders.error("Scan", orders.with({{"ExclusiveStartKey", Map{{"id", none}}}})).message ==
        "The provided starting key is invalid: " + empty);
}

TEST_CASE("an item has its key and no more than 400 KB") {
  Orders orders;
  const auto refused = [&](Map item) {
    return orders.error("PutItem", orders.with({{"Item", std::move(item)}})).message;
  };
  CHECK(refused({{"x", s("a")}}) == "One or more parameter values were invalid: Missing the key id in the item");
  CHECK(refused({{"id", n("1")}}) ==
        "One or more parameter values were invalid: Type mismatch for key id expected: S actual: N");
  orders.put("orders", {{"id", s("a")}, {"x", s(std::string(409'600 - 4, 'x'))}});
  CHECK(refused({{"id", s("a")}, {"x", s(std::string(409'600 - 3, 'x'))}}) ==
        "Item size has exceeded the maximum allowed size");
  CHECK(orders
            .error("UpdateItem", orders.with({{"Key", Map{{"id", s("a")}}},
                                              {"UpdateExpression", "SET y = :v"},
                                              {"ExpressionAttributeValues", Map{{":v", s("x")}}}}))
            .message == "Item size to update has exceeded the maximum allowed size");
  CHECK(refused({{"id", s("a")}, {"n", n("x")}}) == "The parameter cannot be converted to a numeric value: x");
  CHECK(orders.error("GetItem", orders.with({{"Key", Map{{"x", s("a")}}}})).message ==
        "The provided key element does not match the schema");
}

TEST_CASE("an update makes the item where there is none, and answers what it is asked for") {
  Orders orders;
  CHECK(orders.update("a", "SET x = :v ADD hits :one", {{":v", s("1")}, {":one", n("1")}},
                      {{"ReturnValues", "ALL_NEW"}})["Attributes"] ==
        Value(Map{{"id", s("a")}, {"x", s("1")}, {"hits", n("1")}}));
  CHECK(orders.update("a", "SET m = :m", {{":m", m({{"k", s("old")}})}}, {{"ReturnValues", "ALL_OLD"}})["Attributes"] ==
        Value(Map{{"id", s("a")}, {"x", s("1")}, {"hits", n("1")}}));
  CHECK(orders.update("a", "SET m.k = :v REMOVE x", {{":v", s("new")}},
                      {{"ReturnValues", "UPDATED_OLD"}})["Attributes"] ==
        Value(Map{{"m", m({{"k", s("old")}})}, {"x", s("1")}}));
  CHECK(orders.update("a", "SET m.k = :v REMOVE x", {{":v", s("newer")}},
                      {{"ReturnValues", "UPDATED_NEW"}})["Attributes"] == Value(Map{{"m", m({{"k", s("newer")}})}}));
  CHECK(orders.update("b", "REMOVE x")["Attributes"].is_null());
  CHECK(orders.get("orders", {{"id", s("b")}}) == Value(Map{{"id", s("b")}}));
  CHECK(orders
            .error("UpdateItem", orders.with({{"Key", Map{{"id", s("a")}}},
                                              {"UpdateExpression", "SET id = :v"},
                                              {"ExpressionAttributeValues", Map{{":v", s("x")}}}}))
            .message ==
        "One or more parameter values were invalid: Cannot update attribute id. This attribute is part of the key");

  // The older form.
  orders.call("UpdateItem", orders.with({{"Key", Map{{"id", s("a")}}},
                                         {"AttributeUpdates", Map{{"hits", Map{{"Action", "ADD"}, {"Value", n("4")}}},
                                                                  {"m", Map{{"Action", "DELETE"}}},
                                                                  {"name", Map{{"Value", s("lamp")}}}}}}));
  CHECK(orders.get("orders", {{"id", s("a")}}) == Value(Map{{"id", s("a")}, {"hits", n("5")}, {"name", s("lamp")}}));
}

TEST_CASE("old and new parameters do not mix") {
  Orders orders;
  CHECK(orders
            .error("UpdateItem", orders.with({{"Key", Map{{"id", s("a")}}},
                                              {"UpdateExpression", "SET x = :v"},
                                              {"AttributeUpdates", Map{{"x", Map{{"Value", s("x")}}}}},
                                              {"ExpressionAttributeValues", Map{{":v", s("x")}}}}))
            .message ==
        "1 validation error detected: Can not use both expression and non-expression parameters in the same request: "
        "Non-expression parameters: {AttributeUpdates} Expression parameters: {UpdateExpression}");
  CHECK(
      orders
          .error("GetItem", orders.with({{"Key", Map{{"id", s("a")}}}, {"ExpressionAttributeNames", Map{{"#a", "x"}}}}))
          .message == "ExpressionAttributeNames can only be specified when using expressions");
  CHECK(orders
            .error("PutItem",
                   orders.with({{"Item", Map{{"id", s("a")}}}, {"ExpressionAttributeValues", Map{{":a", s("x")}}}}))
            .message ==
        "1 validation error detected: ExpressionAttributeValues can only be specified when using expressions: "
        "ConditionExpression is null");
}

TEST_CASE("capacity is what the sizes say") {
  Orders orders;
  const auto units = [](const Value& output) { return output["ConsumedCapacity"]["CapacityUnits"].number(); };
  const auto put = [&](std::size_t bytes) {
    return orders.call("PutItem", orders.with({{"Item", Map{{"id", s("a")}, {"x", s(std::string(bytes, 'x'))}}},
                                               {"ReturnConsumedCapacity", "TOTAL"}}));
  };
  CHECK(units(put(100)) == 1);
  CHECK(units(put(1024)) == 2);
  CHECK(units(put(10)) == 2);  // The larger of old and new counts.
  put(5000);
  const auto get = [&](bool consistent) {
    return units(orders.call("GetItem", orders.with({{"Key", Map{{"id", s("a")}}},
                                                     {"ConsistentRead", consistent},
                                                     {"ReturnConsumedCapacity", "INDEXES"}})));
  };
  CHECK(get(true) == 2);
  CHECK(get(false) == 1);
  CHECK(units(orders.call("GetItem",
                          orders.with({{"Key", Map{{"id", s("none")}}}, {"ReturnConsumedCapacity", "TOTAL"}}))) == 0.5);
  CHECK(orders.call("GetItem", orders.with({{"Key", Map{{"id", s("a")}}}}))["ConsumedCapacity"].is_null());
}
