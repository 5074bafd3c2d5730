// DAX: what is answered from memory, for how long, and what passes it by.
#include <catch2/catch.hpp>
#include <moonbase/json.hpp>

#include "dynamodb/dax_cache.hpp"
#include "support.hpp"

using namespace moonbase;
using namespace moonbase::dynamodb;
using namespace moonbase::dynamodb::testing;

namespace {

struct Accelerated : Platform {
  Accelerated() : Platform(table_input("orders", {"id:S"})) {}

  HttpResponse send(const std::string& operation, const Value& input, const std::string& host = "localhost",
                    const std::string& path = "/_aws/dax/") {
    HttpRequest request;
    request.method = "POST";
    request.path = path;
    request.headers.add("Host", host);
    request.headers.add("Content-Type", "application/x-amz-json-1.0");
    request.headers.add("X-Amz-Target", "DynamoDB_20120810." + operation);
    request.body = to_json(input);
    return http(std::move(request));
  }
  Value dax(const std::string& operation, const Value& input) {
    const auto response = send(operation, input);
    INFO(response.body);
    REQUIRE(response.status == 200);
    return *parse_json(response.body);
  }
  // The state of an order as DAX answers it, and as the table has it.
  std::string state(const std::string& id, bool strong = false) {
    Map input = {{"TableName", "orders"}, {"Key", Map{{"id", s(id)}}}};
    if (strong) input.set("ConsistentRead", true);
    return dax("GetItem", input)["Item"]["state"]["S"].string_or("none");
  }
  void put(const std::string& id, const std::string& state) {  // Past DAX.
    call("PutItem", {{"TableName", "orders"}, {"Item", Map{{"id", s(id)}, {"state", s(state)}}}});
  }
};

Value put_input(const std::string& id, const std::string& state) {
  return Map{{"TableName", "orders"}, {"Item", Map{{"id", s(id)}, {"state", s(state)}}}};
}

}  // namespace

TEST_CASE("an item is answered from memory for five minutes of the platform's clock") {
  Accelerated kernel;
  kernel.put("a", "new");
  CHECK(kernel.state("a") == "new");
  kernel.put("a", "sent");
  CHECK(kernel.state("a") == "new");
  CHECK(kernel.state("a", true) == "sent");
  CHECK(kernel.state("a") == "new");  // A strong read passes by; it is not kept either.
  kernel.clock.advance_ms(dax_lifetime_ms - 1);
  CHECK(kernel.state("a") == "new");
  kernel.clock.advance_ms(1);
  CHECK(kernel.state("a") == "sent");
}

TEST_CASE("that there is no item is kept as well") {
  Accelerated kernel;
  CHECK(kernel.state("a") == "none");
  kernel.put("a", "new");
  CHECK(kernel.state("a") == "none");
  kernel.clock.advance_ms(dax_lifetime_ms);
  CHECK(kernel.state("a") == "new");
}

TEST_CASE("what is written through DAX is what it answers next") {
  Accelerated kernel;
  CHECK(kernel.state("a") == "none");
  kernel.dax("PutItem", put_input("a", "new"));
  CHECK(kernel.state("a") == "new");
  CHECK(kernel.state("a", true) == "new");
  kernel.put("a", "past");
  CHECK(kernel.state("a") == "new");  // Written through, thus kept.

  const Map key = {{"id", s("a")}};
  kernel.dax("UpdateItem", Map{{"TableName", "orders"},
                               {"Key", key},
                               {"UpdateExpression", "SET #s = :s"},
                               {"ExpressionAttributeNames", Map{{"#s", "state"}}},
                               {"ExpressionAttributeValues", Map{{":s", s("updated")}}}});
  CHECK(kernel.state("a") == "updated");
  kernel.dax("DeleteItem", Map{{"TableName", "orders"}, {"Key", key}});
  CHECK(kernel.state("a") == "none");
  kernel.dax("BatchWriteItem",
             Map{{"RequestItems",
                  Map{{"orders", List{Map{{"PutRequest", Map{{"Item", put_input("a", "batch")["Item"]}}}}}}}}});
  CHECK(kernel.state("a") == "batch");
  kernel.dax("TransactWriteItems", Map{{"TransactItems", List{Map{{"Put", put_input("a", "transaction")}}}}});
  CHECK(kernel.state("a") == "transaction");
}

TEST_CASE("a refused write leaves nothing of itself, and its error is the table's") {
  Accelerated kernel;
  kernel.dax("PutItem", put_input("a", "new"));
  Value input = put_input("a", "again");
  input.set("ConditionExpression", "attribute_not_exists(id)");
  input.set("ReturnValuesOnConditionCheckFailure", "ALL_OLD");
  const auto refused = kernel.send("PutItem", input);
  CHECK(refused.status == 400);
  const auto error = *parse_json(refused.body);
  CHECK(error["__type"].string() == "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException");
  CHECK(error["message"].string() == "The conditional request failed");
  CHECK(error["Item"]["state"]["S"].string() == "new");
  CHECK(kernel.state("a") == "new");
}

TEST_CASE("projections choose from the item that is kept, numbers are one however they are written") {
  Accelerated kernel;
  kernel.call("CreateTable", table_input("numbers", {"n:N"}));
  kernel.call("PutItem",
              {{"TableName", "numbers"}, {"Item", Map{{"n", n("1")}, {"b", Map{{"B", "\x01\x02"}}}, {"c", s("x")}}}});
  const auto get = [&](const char* number, Map more) {
    more.set("TableName", "numbers");
    more.set("Key", Map{{"n", n(number)}});
    return kernel.dax("GetItem", Value(std::move(more)))["Item"];
  };
  CHECK(get("1", {})["b"]["B"].string() == "AQI=");
  kernel.call("DeleteItem", {{"TableName", "numbers"}, {"Key", Map{{"n", n("1")}}}});
  CHECK(get("1.0", {{"ProjectionExpression", "#c"}, {"ExpressionAttributeNames", Map{{"#c", "c"}}}}) ==
        Value(Map{{"c", s("x")}}));
  CHECK(get("1e0", {{"AttributesToGet", List{"b"}}}) == Value(Map{{"b", Map{{"B", "AQI="}}}}));
  Map wrong = {{"TableName", "numbers"}, {"Key", Map{{"n", n("1")}}}, {"ProjectionExpression", "a b"}};
  CHECK(kernel.send("GetItem", Value(wrong)).status == 400);
}

TEST_CASE("a batch asks the table only for what is not kept") {
  Accelerated kernel;
  for (const auto* id : {"a", "b"}) kernel.put(id, "new");
  CHECK(kernel.state("a") == "new");
  for (const auto* id : {"a", "b", "c"}) kernel.put(id, "sent");
  const auto batch = [&](Map more) {
    more.set("Keys", List{Map{{"id", s("a")}}, Map{{"id", s("b")}}, Map{{"id", s("d")}}});
    const auto output = kernel.dax("BatchGetItem", Map{{"RequestItems", Map{{"orders", std::move(more)}}}});
    std::string text;
    for (const auto& item : output["Responses"]["orders"].list())
      text += item["id"]["S"].string_or("?") + ":" + item["state"]["S"].string_or("?") + " ";
    return text;
  };
  CHECK(batch({}) == "a:new b:sent ");
  for (const auto* id : {"a", "b", "d"}) kernel.put(id, "gone");
  CHECK(batch({}) == "a:new b:sent ");
  CHECK(kernel.state("d") == "none");
  CHECK(batch({{"ProjectionExpression", "id"}}) == "a:? b:? ");
  CHECK(batch({{"ConsistentRead", true}}) == "a:gone b:gone d:gone ");
}

TEST_CASE("a query is kept by its parameters, and writes through DAX do not change it") {
  Accelerated kernel;
  kernel.put("a", "new");
  const auto query = [&](Map more) {
    more.set("TableName", "orders");
    more.set("KeyConditionExpression", "id = :i");
    more.set("ExpressionAttributeValues", Map{{":i", s("a")}});
    return kernel.dax("Query", Value(std::move(more)));
  };
  const auto state = [&](Map more) { return query(std::move(more))["Items"][0]["state"]["S"].string(); };
  CHECK(state({}) == "new");
  kernel.dax("PutItem", put_input("a", "sent"));
  CHECK(state({}) == "new");
  CHECK(state({{"Limit", 5}}) == "sent");
  CHECK(state({{"ConsistentRead", true}}) == "sent");
  CHECK(query({{"ReturnConsumedCapacity", "TOTAL"}})["ConsumedCapacity"]["CapacityUnits"].number() == 0);
  CHECK(kernel.dax("Scan", Map{{"TableName", "orders"}})["Items"][0]["state"]["S"].string() == "sent");
  kernel.clock.advance_ms(dax_lifetime_ms);
  CHECK(state({}) == "sent");
}

TEST_CASE("what a deleted table held is not answered of its successor, nor what a reset has emptied") {
  Accelerated kernel;
  kernel.put("a", "new");
  CHECK(kernel.state("a") == "new");
  CHECK(kernel.dax("Scan", Map{{"TableName", "orders"}})["Count"].integer() == 1);
  kernel.call("DeleteTable", {{"TableName", "orders"}});
  CHECK(kernel.send("GetItem", Map{{"TableName", "orders"}, {"Key", Map{{"id", s("a")}}}}).status == 400);
  kernel.call("CreateTable", table_input("orders", {"id:S"}));
  CHECK(kernel.state("a") == "none");
  CHECK(kernel.dax("Scan", Map{{"TableName", "orders"}})["Count"].integer() == 0);
}

TEST_CASE("what no model has checked is answered by the table") {
  Accelerated kernel;
  const auto wrong = [&](const std::string& operation, const Value& input) {
    const auto response = kernel.send(operation, input);
    CHECK(response.status == 400);
    return (*parse_json(response.body))["__type"].string();
  };
  const std::string prefix = "com.amazonaws.dynamodb.v20120810#";
  CHECK(wrong("DescribeTable", Map{{"TableName", "orders"}}) == prefix + "UnknownOperationException");
  for (const auto& key :
       {Value(5), Value("id"), Value(List{}), Value(Map{{"id", "a"}}), Value(Map{{"id", Map{{"S", 5}}}}),
        Value(Map{{"id", Map{{"S", "a"}, {"N", "1"}}}}), Value(Map{{"id", n("1")}})})
    for (const auto* operation : {"GetItem", "DeleteItem"})
      wrong(operation, Map{{"TableName", "orders"}, {"Key", key}});
  wrong("GetItem", Map{{"TableName", 7}, {"Key", Map{{"id", s("a")}}}});
  wrong("PutItem", Map{{"TableName", "orders"}, {"Item", List{}}});
  wrong("Query", Map{{"TableName", "orders"}});
  wrong("BatchGetItem", Map{{"RequestItems", Map{{"orders", Map{{"Keys", List{5}}}}}}});
  wrong("BatchWriteItem", Map{{"RequestItems", List{}}});
  wrong("TransactWriteItems", Map{{"TransactItems", List{Map{{"Put", 5}}}}});
  wrong("GetItem", List{});
}

TEST_CASE("DAX is reached by its host as well, and only with a client's request") {
  Accelerated kernel;
  kernel.put("a", "new");
  const Value input = Map{{"TableName", "orders"}, {"Key", Map{{"id", s("a")}}}};
  CHECK(kernel.send("GetItem", input, "dax.localhost:4566", "/").status == 200);
  kernel.put("a", "sent");
  const auto kept = kernel.send("GetItem", input, "orders.abc.dax-clusters.us-east-1.amazonaws.com", "/");
  CHECK((*parse_json(kept.body))["Item"]["state"]["S"].string() == "new");
  HttpRequest request;
  request.method = "GET";
  request.path = "/_aws/dax/";
  request.headers.add("Host", "localhost");
  CHECK(kernel.http(std::move(request)).status == 400);
}

TEST_CASE("the cache forgets what was not used for longest, and never grows beyond its bytes") {
  DaxCache cache(10'000);
  const Time now{1000};
  const auto keep = [&](const std::string& key, std::size_t bytes) {
    cache.keep(key, std::string(bytes, 'x'), cache.version(key), now);
  };
  for (int i = 0; i < 9; ++i) keep("item-" + std::to_string(i), 900);
  CHECK(cache.find("item-0", now));
  keep("more", 900);
  CHECK(cache.find("item-0", now));
  CHECK_FALSE(cache.find("item-1", now));
  keep("too large", 20'000);
  CHECK_FALSE(cache.find("too large", now));
  CHECK(cache.bytes() <= 10'000);
  for (int i = 0; i < 1000; ++i) keep(std::to_string(i), static_cast<std::size_t>(i));
  CHECK(cache.bytes() <= 10'000);
  cache.clear();
  CHECK(cache.bytes() == 0);
}

TEST_CASE("a read that a write overtakes keeps nothing, and of two writes at once neither is kept") {
  DaxCache cache(10'000);
  const Time now{1000};
  const auto before = cache.version("a");
  const auto write = cache.begin_write("a");
  const auto during = cache.version("a");
  cache.keep("a", "old", before, now);
  CHECK_FALSE(cache.find("a", now));
  cache.end_write("a", write, "new", now);
  CHECK(cache.find("a", now) == "new");
  cache.keep("a", "old", during, now);
  CHECK(cache.find("a", now) == "new");

  const auto first = cache.begin_write("a"), second = cache.begin_write("a");
  cache.end_write("a", second, "second", now);
  cache.end_write("a", first, "first", now);
  CHECK_FALSE(cache.find("a", now));
}
