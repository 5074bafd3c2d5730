#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::dynamodb::testing;

namespace {

// Two tables with the key id:S.
struct Shop : Platform {
  Shop() {
    call("CreateTable", table_input("orders", {"id:S"}));
    call("CreateTable", table_input("stock", {"id:S"}));
  }
  static Value key(const std::string& id) { return Map{{"id", s(id)}}; }
  using Platform::put;
  static Value put(Map item) { return Map{{"PutRequest", Map{{"Item", std::move(item)}}}}; }
  static Value remove(const std::string& id) { return Map{{"DeleteRequest", Map{{"Key", key(id)}}}}; }

  Error transaction_error(List items, Map more = {}) {
    more.set("TransactItems", std::move(items));
    return error("TransactWriteItems", std::move(more));
  }
  Value transact(List items, Map more = {}) {
    more.set("TransactItems", std::move(items));
    return call("TransactWriteItems", std::move(more));
  }
};

Value action(const std::string& kind, Map members) { return Map{{kind, std::move(members)}}; }

Value take(const std::string& id, const std::string& count) {
  return action("Update", {{"TableName", "stock"},
                           {"Key", Shop::key(id)},
                           {"UpdateExpression", "SET pieces = pieces - :n"},
                           {"ConditionExpression", "pieces >= :n"},
                           {"ExpressionAttributeValues", Map{{":n", n(count)}}}});
}
Value order(const std::string& id) {
  return action(
      "Put",
      {{"TableName", "orders"}, {"Item", Map{{"id", s(id)}}}, {"ConditionExpression", "attribute_not_exists(id)"}});
}

}  // namespace

TEST_CASE("a batch writes and reads across tables") {
  Shop shop;
  shop.put("stock", {{"id", s("old")}});
  const auto written = shop.call(
      "BatchWriteItem",
      {{"RequestItems", Map{{"orders", List{Shop::put({{"id", s("a")}, {"x", n("1")}}), Shop::put({{"id", s("b")}})}},
                            {"stock", List{Shop::remove("old"), Shop::put({{"id", s("lamp")}})}}}},
       {"ReturnConsumedCapacity", "TOTAL"}});
  CHECK(written["UnprocessedItems"].map().empty());
  CHECK(written["ConsumedCapacity"][0]["CapacityUnits"].number() == 2);
  CHECK(written["ConsumedCapacity"][1]["TableName"].string() == "stock");
  CHECK(shop.get("stock", {{"id", s("old")}}).is_null());

  const auto read =
      shop.call("BatchGetItem",
                {{"RequestItems", Map{{"orders", Map{{"Keys", List{Shop::key("a"), Shop::key("none"), Shop::key("b")}},
                                                     {"ProjectionExpression", "id"}}},
                                      {"stock", Map{{"Keys", List{Shop::key("lamp")}}}}}}});
  CHECK(read["Responses"]["orders"] == Value(List{Map{{"id", s("a")}}, Map{{"id", s("b")}}}));
  CHECK(read["Responses"]["stock"] == Value(List{Map{{"id", s("lamp")}}}));
  CHECK(read["UnprocessedKeys"].map().empty());
}

TEST_CASE("a batch is refused whole") {
  Shop shop;
  const auto refused = [&](List requests) {
    return shop.error("BatchWriteItem", {{"RequestItems", Map{{"orders", std::move(requests)}}}}).message;
  };
  CHECK(refused({Shop::put({{"id", s("a")}}), Shop::remove("a")}) == "Provided list of item keys contains duplicates");
  CHECK(refused({Shop::put({{"id", s("a")}}), Shop::put({{"x", s("a")}})}) ==
        "One or more parameter values were invalid: Missing the key id in the item");
  CHECK(shop.get("orders", {{"id", s("a")}}).is_null());
  CHECK(shop.error("BatchGetItem",
                   {{"RequestItems", Map{{"absent", Map{{"Keys", List{Shop::key("k"), Shop::key("k")}}}}}}})
            .message == "Provided list of item keys contains duplicates");
  CHECK(shop.error("BatchGetItem", {{"RequestItems", Map{{"absent", Map{{"Keys", List{Shop::key("k")}}}}}}}).code ==
        "ResourceNotFoundException");
  List too_many, other;
  for (int i = 0; i < 13; ++i) {
    too_many.push_back(Shop::put({{"id", s(std::to_string(i))}}));
    other.push_back(Shop::put({{"id", s(std::to_string(i))}}));
  }
  CHECK(shop.error("BatchWriteItem", {{"RequestItems", Map{{"orders", too_many}, {"stock", other}}}}).message ==
        "Too many items requested for the BatchWriteItem call");
}

TEST_CASE("a batch read ends at 16 MB and says what is left") {
  Shop shop;
  List keys;
  for (int i = 0; i < 50; ++i) {
    shop.put("orders", {{"id", s(std::to_string(i))}, {"x", s(std::string(400'000, 'x'))}});
    keys.push_back(Shop::key(std::to_string(i)));
  }
  const auto read =
      shop.call("BatchGetItem", {{"RequestItems", Map{{"orders", Map{{"Keys", keys}, {"ConsistentRead", true}}}}}});
  CHECK(read["Responses"]["orders"].list().size() == 41);
  CHECK(read["UnprocessedKeys"]["orders"]["Keys"].list().size() == 9);
  CHECK(read["UnprocessedKeys"]["orders"]["ConsistentRead"].boolean());
}

TEST_CASE("a transaction happens whole or not at all, and says why not in order") {
  Shop shop;
  shop.put("stock", {{"id", s("lamp")}, {"pieces", n("3")}});
  shop.transact({order("1"), take("lamp", "2")});
  CHECK(shop.get("stock", {{"id", s("lamp")}})["pieces"] == n("1"));

  auto error = shop.transaction_error({order("2"), take("lamp", "2")});
  CHECK(error.code == "TransactionCanceledException");
  CHECK(error.message ==
        "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed]");
  const auto& reasons = *error.members.find("CancellationReasons");
  CHECK(reasons[0] == Value(Map{{"Code", "None"}}));
  CHECK(reasons[1] == Value(Map{{"Code", "ConditionalCheckFailed"}, {"Message", "The conditional request failed"}}));
  CHECK(shop.get("orders", {{"id", s("2")}}).is_null());

  error = shop.transaction_error(
      {action("ConditionCheck", {{"TableName", "stock"},
                                 {"Key", Shop::key("lamp")},
                                 {"ConditionExpression", "attribute_not_exists(id)"},
                                 {"ReturnValuesOnConditionCheckFailure", "ALL_OLD"}}),
       action("Update", {{"TableName", "orders"}, {"Key", Shop::key("1")}, {"UpdateExpression", "SET a = b"}}),
       action("Delete", {{"TableName", "orders"}, {"Key", Shop::key("9")}})});
  const auto& more = *error.members.find("CancellationReasons");
  CHECK(more[0]["Item"]["pieces"] == n("1"));
  CHECK(more[1]["Code"].string() == "ValidationError");
  CHECK(more[1]["Message"].string() ==
        "The provided expression refers to an attribute that does not exist in the item");
  CHECK(more[2]["Code"].string() == "None");
}

TEST_CASE("a transaction names an item once, and what it names exists") {
  Shop shop;
  CHECK(shop.transaction_error({order("1"), order("1")}).message ==
        "Transaction request cannot include multiple operations on one item");
  CHECK(shop.transaction_error({Map{{"Put", Map{{"TableName", "orders"}, {"Item", Map{{"id", s("a")}}}}},
                                    {"Delete", Map{{"TableName", "orders"}, {"Key", Shop::key("b")}}}}})
            .message == "TransactItems can only contain one of Check, Put, Update or Delete");
  CHECK(shop.transaction_error({action("Put", {{"TableName", "absent"}, {"Item", Map{{"id", s("a")}}}})}).code ==
        "ResourceNotFoundException");
  CHECK(shop
            .transaction_error({action(
                "Update", {{"TableName", "absent"}, {"Key", Shop::key("a")}, {"UpdateExpression", "SET status = :v"}})})
            .message == "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: status");
}

TEST_CASE("a token makes a transaction happen once, for ten minutes") {
  Shop shop;
  shop.put("stock", {{"id", s("lamp")}, {"pieces", n("10")}});
  const auto left = [&] { return shop.get("stock", {{"id", s("lamp")}})["pieces"]["N"].string(); };
  const Map token = {{"ClientRequestToken", "token"}};
  shop.transact({take("lamp", "1")}, token);
  shop.transact({take("lamp", "1")}, token);
  CHECK(left() == "9");
  CHECK(shop.transaction_error({take("lamp", "2")}, token).code == "IdempotentParameterMismatchException");
  shop.restart();
  shop.transact({take("lamp", "1")}, token);
  CHECK(left() == "9");

  shop.clock.advance_ms(599'999);
  shop.transact({take("lamp", "1")}, token);
  CHECK(left() == "9");
  shop.clock.advance_ms(1);
  shop.transact({take("lamp", "1")}, token);
  CHECK(left() == "8");
}

TEST_CASE("a transaction reads one state, at twice the price") {
  Shop shop;
  shop.put("orders", {{"id", s("a")}, {"x", s("1")}});
  const auto get = [](const std::string& table, const std::string& id) {
    return action("Get", {{"TableName", table}, {"Key", Shop::key(id)}, {"ProjectionExpression", "x"}});
  };
  const auto read = shop.call("TransactGetItems", {{"TransactItems", List{get("orders", "a"), get("stock", "none")}},
                                                   {"ReturnConsumedCapacity", "TOTAL"}});
  CHECK(read["Responses"] == Value(List{Map{{"Item", Map{{"x", s("1")}}}}, Map{}}));
  CHECK(read["ConsumedCapacity"][0]["CapacityUnits"].number() == 2);
  CHECK(shop.error("TransactGetItems", {{"TransactItems", List{get("orders", "a"), get("orders", "a")}}}).message ==
        "Transaction request cannot include multiple operations on one item");
}

TEST_CASE("the sizes of item collections are told once each, where the table has local indexes") {
  Platform kernel;
  auto input = table_input("orders", {"pk:S", "sk:N"}, {"day:S"});
  input.set("LocalSecondaryIndexes", List{index("by-day", {"pk:S", "day:S"})});
  kernel.call("CreateTable", input);
  const auto put = [](const char* pk, const char* sk) {
    return Map{{"PutRequest", Map{{"Item", Map{{"pk", s(pk)}, {"sk", n(sk)}, {"day", s("monday")}}}}}};
  };
  const auto output = kernel.call("BatchWriteItem",
                                  {{"RequestItems", Map{{"orders", List{put("a", "1"), put("a", "2"), put("b", "1")}}}},
                                   {"ReturnItemCollectionMetrics", "SIZE"}});
  const auto& metrics = output["ItemCollectionMetrics"]["orders"];
  REQUIRE(metrics.list().size() == 2);
  CHECK(metrics[0]["ItemCollectionKey"]["pk"]["S"].string() == "a");
  CHECK(metrics[0]["SizeEstimateRangeGB"] == Value(List{0.0, 1.0}));
  CHECK(kernel.call("PutItem", {{"TableName", "orders"}, {"Item", Map{{"pk", s("c")}, {"sk", n("1")}}}})
            ["ItemCollectionMetrics"].is_null());
}
