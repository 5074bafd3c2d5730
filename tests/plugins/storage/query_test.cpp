#include <catch2/catch.hpp>
#include <set>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::dynamodb::testing;

namespace {

// Keys pk:S and sk:N, a local index on x, a global one on g with only keys.
struct Readings : Platform {
  Readings() : Platform(definition()) {}

  static Map definition() {
    auto input = table_input("readings", {"pk:S", "sk:N"}, {"x:S", "g:S"});
    input.set("LocalSecondaryIndexes", List{index("by_x", {"pk:S", "x:S"}, {{"ProjectionType", "KEYS_ONLY"}})});
    input.set(
        "GlobalSecondaryIndexes",
        List{index("by_g", {"g:S", "sk:N"}, {{"ProjectionType", "INCLUDE"}, {"NonKeyAttributes", List{"more"}}})});
    return input;
  }
  static Map with(Map input) {
    input.set("TableName", "readings");
    return input;
  }
  Value query(const std::string& condition, Map values, Map more = {}) {
    more.set("KeyConditionExpression", condition);
    more.set("ExpressionAttributeValues", std::move(values));
    return call("Query", with(std::move(more)));
  }
  std::string refused(Map input) { return error("Query", with(std::move(input))).message; }
};

std::string sort_keys(const Value& output) {
  std::string keys;
  for (const auto& item : output["Items"].list()) keys += (keys.empty() ? "" : " ") + item["sk"]["N"].string();
  return keys;
}

}  // namespace

TEST_CASE("a query answers one partition in the order of its sort key") {
  Readings readings;
  for (const auto* sk : {"10", "-5", "9", "0.5", "100", "-20"})
    readings.put("readings", {{"pk", s("a")}, {"sk", n(sk)}});
  readings.put("readings", {{"pk", s("b")}, {"sk", n("7")}});
  const auto keys = [&](const std::string& condition, Map values, Map more = {}) {
    values.set(":p", s("a"));
    return sort_keys(readings.query(condition, std::move(values), std::move(more)));
  };
  CHECK(keys("pk = :p", {}) == "-20 -5 0.5 9 10 100");
  CHECK(keys("pk = :p", {}, {{"ScanIndexForward", false}}) == "100 10 9 0.5 -5 -20");
  CHECK(keys("pk = :p AND sk = :s", {{":s", n("9.0")}}) == "9");
  CHECK(keys("pk = :p AND sk < :s", {{":s", n("9")}}) == "-20 -5 0.5");
  CHECK(keys("pk = :p AND sk <= :s", {{":s", n("9")}}) == "-20 -5 0.5 9");
  CHECK(keys("sk > :s AND pk = :p", {{":s", n("9")}}) == "10 100");
  CHECK(keys("pk = :p AND :s <= sk", {{":s", n("9")}}) == "9 10 100");
  CHECK(keys("pk = :p AND sk BETWEEN :s AND :t", {{":s", n("-5")}, {":t", n("10")}}) == "-5 0.5 9 10");
  CHECK(readings.query("pk = :p", {{":p", s("none")}})["Count"].integer() == 0);
  CHECK(readings.query("pk = :p", {{":p", s("a")}}, {{"Select", "COUNT"}})["Items"].is_null());
}

TEST_CASE("string and binary sort keys compare by their bytes and have prefixes") {
  Platform platform(table_input("names", {"pk:S", "sk:S"}));
  for (const auto* sk : {"a", "ab", "abc", "b", "a\xC3\xA9", "A"})
    platform.put("names", {{"pk", s("p")}, {"sk", s(sk)}});
  const auto keys = [&](const std::string& condition, const std::string& value) {
    std::string found;
    const auto output = platform.call("Query", {{"TableName", "names"},
                                                {"KeyConditionExpression", "pk = :p AND " + condition},
                                                {"ExpressionAttributeValues", Map{{":p", s("p")}, {":s", s(value)}}}});
    for (const auto& item : output["Items"].list()) found += item["sk"]["S"].string() + " ";
    return found;
  };
  CHECK(keys("begins_with(sk, :s)", "ab") == "ab abc ");
  CHECK(keys("sk >= :s", "ab") == "ab abc a\xC3\xA9 b ");
  CHECK(keys("sk > :s", "a") == "ab abc a\xC3\xA9 b ");
  CHECK(keys("sk <= :s", "a") == "A a ");
}

TEST_CASE("pages end at the limit, and the key leads on from there in both directions") {
  Readings readings;
  for (int i = 0; i < 20; ++i) readings.put("readings", {{"pk", s("a")}, {"sk", n(std::to_string(i))}});
  for (const bool forward : {true, false}) {
    std::vector<std::size_t> counts;
    std::string all;
    Map more = {{"Limit", 7}, {"ScanIndexForward", forward}};
    while (true) {
      const auto page = readings.query("pk = :p", {{":p", s("a")}}, more);
      counts.push_back(page["Items"].list().size());
      all += sort_keys(page) + " ";
      if (page["LastEvaluatedKey"].is_null()) break;
      more.set("ExclusiveStartKey", page["LastEvaluatedKey"]);
    }
    CHECK(counts == std::vector<std::size_t>{7, 7, 6});
    CHECK(all.starts_with(forward ? "0 1 2 " : "19 18 17 "));
  }
  // The limit is reached exactly at the end: there is a key, and nothing behind it.
  const auto exact = readings.query("pk = :p", {{":p", s("a")}}, {{"Limit", 20}});
  REQUIRE_FALSE(exact["LastEvaluatedKey"].is_null());
  const auto behind = readings.query("pk = :p", {{":p", s("a")}}, {{"ExclusiveStartKey", exact["LastEvaluatedKey"]}});
  CHECK(behind["Count"].integer() == 0);
  CHECK(behind["LastEvaluatedKey"].is_null());
}

TEST_CASE("a page holds at most a megabyte, also of items that the filter drops") {
  Readings readings;
  for (int i = 0; i < 30; ++i)
    readings.put("readings", {{"pk", s("a")}, {"sk", n(std::to_string(i))}, {"big", s(std::string(100'000, 'x'))}});
  const auto page = readings.query("pk = :p", {{":p", s("a")}}, {{"ReturnConsumedCapacity", "TOTAL"}});
  CHECK(page["Count"].integer() == 10);
  CHECK(page["LastEvaluatedKey"]["sk"] == n("9"));
  CHECK(page["ConsumedCapacity"]["CapacityUnits"].number() == 122.5);

  const auto filtered = readings.query("pk = :p", {{":p", s("a")}, {":b", s("y")}}, {{"FilterExpression", "big = :b"}});
  CHECK(filtered["Count"].integer() == 0);
  CHECK(filtered["ScannedCount"].integer() == 10);
  CHECK_FALSE(filtered["LastEvaluatedKey"].is_null());
}

TEST_CASE("filters, projections and older parameters choose what is answered") {
  Readings readings;
  for (int i = 0; i < 6; ++i)
    readings.put("readings",
                 {{"pk", s("a")}, {"sk", n(std::to_string(i))}, {"x", s(i % 2 ? "odd" : "even")}, {"y", s("y")}});
  const auto filtered = readings.query("pk = :p", {{":p", s("a")}, {":x", s("odd")}},
                                       {{"FilterExpression", "x = :x"}, {"ProjectionExpression", "sk"}});
  CHECK(filtered["Items"] == Value(List{Map{{"sk", n("1")}}, Map{{"sk", n("3")}}, Map{{"sk", n("5")}}}));
  CHECK(filtered["ScannedCount"].integer() == 6);

  const auto older = readings.call(
      "Query",
      Readings::with(
          {{"KeyConditions", Map{{"pk", Map{{"ComparisonOperator", "EQ"}, {"AttributeValueList", List{s("a")}}}},
                                 {"sk", Map{{"ComparisonOperator", "GT"}, {"AttributeValueList", List{n("2")}}}}}},
           {"QueryFilter", Map{{"x", Map{{"ComparisonOperator", "IN"}, {"AttributeValueList", List{s("odd")}}}}}},
           {"AttributesToGet", List{"sk"}}}));
  CHECK(older["Items"] == Value(List{Map{{"sk", n("3")}}, Map{{"sk", n("5")}}}));
}

TEST_CASE("a local index sorts a partition anew and fetches what it does not hold") {
  Readings readings;
  readings.put("readings", {{"pk", s("a")}, {"sk", n("1")}, {"x", s("z")}, {"y", s("one")}});
  readings.put("readings", {{"pk", s("a")}, {"sk", n("2")}, {"x", s("y")}, {"y", s("two")}});
  readings.put("readings", {{"pk", s("a")}, {"sk", n("3")}, {"y", s("not in it")}});
  readings.put("readings", {{"pk", s("a")}, {"sk", n("4")}, {"x", s("y")}});
  auto found = readings.query("pk = :p", {{":p", s("a")}}, {{"IndexName", "by_x"}});
  CHECK(sort_keys(found) == "2 4 1");
  CHECK(found["Items"][0] == Value(Map{{"pk", s("a")}, {"sk", n("2")}, {"x", s("y")}}));
  found = readings.query("pk = :p AND begins_with(x, :x)", {{":p", s("a")}, {":x", s("y")}},
                         {{"IndexName", "by_x"}, {"Select", "ALL_ATTRIBUTES"}, {"ConsistentRead", true}});
  CHECK(found["Items"][0]["y"] == s("two"));

  auto page = readings.query("pk = :p", {{":p", s("a")}}, {{"IndexName", "by_x"}, {"Limit", 1}});
  CHECK(page["LastEvaluatedKey"] == Value(Map{{"pk", s("a")}, {"sk", n("2")}, {"x", s("y")}}));
  page = readings.query("pk = :p", {{":p", s("a")}},
                        {{"IndexName", "by_x"}, {"ExclusiveStartKey", page["LastEvaluatedKey"]}});
  CHECK(sort_keys(page) == "4 1");
}

TEST_CASE("a global index follows every write") {
  Readings readings;
  const auto in = [&](const std::string& g) {
    return sort_keys(readings.query("g = :g", {{":g", s(g)}}, {{"IndexName", "by_g"}}));
  };
  readings.put("readings", {{"pk", s("a")}, {"sk", n("1")}, {"g", s("red")}, {"more", s("m")}, {"note", s("o")}});
  readings.put("readings", {{"pk", s("b")}, {"sk", n("1")}, {"g", s("red")}});
  readings.put("readings", {{"pk", s("c")}, {"sk", n("5")}, {"g", s("blue")}});
  CHECK(in("red") == "1 1");
  const auto found = readings.query("g = :g", {{":g", s("red")}, {":m", s("m")}},
                                    {{"IndexName", "by_g"}, {"FilterExpression", "more = :m"}});
  CHECK(found["Items"][0] == Value(Map{{"pk", s("a")}, {"sk", n("1")}, {"g", s("red")}, {"more", s("m")}}));

  readings.put("readings", {{"pk", s("a")}, {"sk", n("1")}, {"g", s("blue")}});
  CHECK(in("red") == "1");
  CHECK(in("blue") == "1 5");
  readings.call("UpdateItem",
                Readings::with({{"Key", Map{{"pk", s("c")}, {"sk", n("5")}}}, {"UpdateExpression", "REMOVE g"}}));
  CHECK(in("blue") == "1");
  readings.call("DeleteItem", Readings::with({{"Key", Map{{"pk", s("a")}, {"sk", n("1")}}}}));
  CHECK(in("blue") == "");

  CHECK(
      readings.error("PutItem", Readings::with({{"Item", Map{{"pk", s("a")}, {"sk", n("1")}, {"g", n("1")}}}}))
          .message ==
      "One or more parameter values were invalid: Type mismatch for Index Key g Expected: S Actual: N IndexName: by_g");
  const auto refused = [&](Map more) {
    more.set("IndexName", "by_g");
    more.set("KeyConditionExpression", "g = :g");
    more.set("ExpressionAttributeValues", Map{{":g", s("red")}});
    return readings.refused(std::move(more));
  };
  CHECK(refused({{"ConsistentRead", true}}) == "Consistent reads are not supported on global secondary indexes");
  CHECK(refused({{"Select", "ALL_ATTRIBUTES"}}) ==
        "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary "
        "index by_g because its projection type is not ALL");
  CHECK(refused({{"ProjectionExpression", "note"}}) ==
        "One or more parameter values were invalid: Global secondary index by_g does not project [note]");
}

TEST_CASE("key conditions that no key can answer are refused") {
  Readings readings;
  const auto refused = [&](const std::string& condition, Map values, Map more = {}) {
    more.set("KeyConditionExpression", condition);
    more.set("ExpressionAttributeValues", std::move(values));
    return readings.refused(std::move(more));
  };
  const Map p = {{":p", s("a")}};
  const Map ps = {{":p", s("a")}, {":s", n("1")}};
  CHECK(refused("pk = :p OR sk = :s", ps) == "Invalid operator used in KeyConditionExpression: OR");
  CHECK(refused("NOT pk = :p", p) == "Invalid operator used in KeyConditionExpression: NOT");
  CHECK(refused("pk <> :p", p) == "Invalid operator used in KeyConditionExpression: <>");
  CHECK(refused("pk IN (:p)", p) == "Invalid operator used in KeyConditionExpression: IN");
  CHECK(refused("contains(pk, :p)", p) == "Invalid operator used in KeyConditionExpression: contains");
  CHECK(refused("pk = :p AND pk = :p", p) == "KeyConditionExpressions must only contain one condition per key");
  CHECK(refused("a.b = :p", p) == "KeyConditionExpressions cannot have conditions on nested attributes");
  CHECK(refused("size(pk) = :p", p) == "KeyConditionExpressions cannot contain nested operations");
  CHECK(
      refused(":p BETWEEN pk AND sk", p) ==
      "Invalid condition in KeyConditionExpression: BETWEEN operator must have the key attribute as its first operand");
  CHECK(refused(":p = :p", p) == "Invalid condition in KeyConditionExpression: No key attribute specified");
  CHECK(refused("pk = :p AND sk = :s AND x = :p", ps) == "Conditions can be of length 1 or 2 only");
  CHECK(refused("sk = :s", {{":s", n("1")}}) == "Query condition missed key schema element: pk");
  CHECK(refused("pk = :p AND x = :p", p) == "Query condition missed key schema element: sk");
  CHECK(refused("pk > :p", p) == "Query key condition not supported");
  CHECK(refused("pk = :s", {{":s", n("1")}}) ==
        "One or more parameter values were invalid: Condition parameter type does not match schema type");
  CHECK(refused("pk = :p", ps, {{"FilterExpression", "sk = :s"}}) ==
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk");
  CHECK(refused("pk = :p", p, {{"IndexName", "whatever"}}) == "The table does not have the specified index: whatever");
  CHECK(refused("pk = :p", p, {{"Select", "COUNT"}, {"ProjectionExpression", "pk"}}) ==
        "1 validation error detected: Cannot specify the ProjectionExpression when choosing to get only the Count");
  CHECK(readings.refused({}) ==
        "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.");
}

TEST_CASE("a starting key must be one that the query could have answered") {
  Readings readings;
  const auto refused = [&](Map start, const std::string& condition = "pk = :p", Map values = {}) {
    values.set(":p", s("a"));
    return readings.refused({{"KeyConditionExpression", condition},
                             {"ExpressionAttributeValues", std::move(values)},
                             {"ExclusiveStartKey", std::move(start)}});
  };
  CHECK(refused({{"pk", s("a")}}) == "The provided starting key is invalid");
  CHECK(refused({{"pk", s("a")}, {"x", n("1")}}) == "The provided starting key is invalid");
  CHECK(refused({{"pk", s("a")}, {"sk", s("1")}}) == "The provided key element does not match the schema");
  CHECK(refused({{"pk", s("b")}, {"sk", n("1")}}) ==
        "The provided starting key is outside query boundaries based on provided conditions");
  CHECK(refused({{"pk", s("a")}, {"sk", n("1")}}, "pk = :p AND sk > :s", {{":s", n("1")}}) ==
        "The provided starting key does not match the range key predicate");
}

TEST_CASE("a scan reads everything once, alone or in segments") {
  Readings readings;
  for (int i = 0; i < 500; ++i)
    readings.put("readings",
                 {{"pk", s("partition " + std::to_string(i / 2))}, {"sk", n(std::to_string(i % 2))}, {"g", s("g")}});
  const auto collect = [&](Map more) {
    std::vector<std::string> keys;
    while (true) {
      const auto page = readings.call("Scan", Readings::with(more));
      for (const auto& item : page["Items"].list()) keys.push_back(item["pk"]["S"].string() + item["sk"]["N"].string());
      if (page["LastEvaluatedKey"].is_null()) return keys;
      more.set("ExclusiveStartKey", page["LastEvaluatedKey"]);
    }
  };
  const auto all = collect({{"Limit", 33}});
  CHECK(all.size() == 500);
  CHECK(std::set<std::string>(all.begin(), all.end()).size() == 500);
  CHECK(collect({}) == all);
  CHECK(collect({{"IndexName", "by_g"}, {"Limit", 100}}).size() == 500);

  for (const int total : {3, 8, 1000}) {
    std::set<std::string> together;
    std::size_t count = 0, used = 0;
    for (int segment = 0; segment < total; ++segment) {
      const auto keys = collect({{"Segment", segment}, {"TotalSegments", total}});
      together.insert(keys.begin(), keys.end());
      count += keys.size();
      used += keys.empty() ? 0 : 1;
    }
    CHECK(count == 500);
    CHECK(together.size() == 500);
    CHECK(used >= 3);
  }
  const auto refused = [&](Map input) { return readings.error("Scan", Readings::with(std::move(input))).message; };
  CHECK(
      refused({{"Segment", 4}, {"TotalSegments", 4}}) ==
      "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 4 is not less than "
      "TotalSegments: 4");
  CHECK(refused({{"TotalSegments", 4}}) ==
        "The Segment parameter is required but was not present in the request when parameter TotalSegments is present");
  CHECK(refused({{"Select", "SPECIFIC_ATTRIBUTES"}}) ==
        "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES");
}

namespace {

// A global index with two partition and three sort attributes.
Map with_wide_index() {
  auto input = table_input("matches", {"id:S"}, {"cup:S", "year:N", "round:S", "leg:N", "place:S"});
  Value wide = index("wide", {"cup:S", "year:N", "round:S", "leg:N", "place:S"});
  auto& schema = wide.map().find("KeySchema")->list();
  schema[1].set("KeyType", "HASH");
  input.set("GlobalSecondaryIndexes", List{std::move(wide)});
  return input;
}

}  // namespace

TEST_CASE("a global index may have several attributes in each part of its key") {
  Platform platform(with_wide_index());
  const std::vector<std::string> rounds = {"a", std::string("a\0", 2), "ab", "b"};
  const std::vector<std::string> days = {"-1", "2", "10"}, places = {"x", "y"};
  int count = 0;
  for (const auto& round : rounds)
    for (const auto& leg : days)
      for (const auto& place : places)
        platform.put("matches", {{"id", s(std::to_string(97 * ++count % 1000))},
                                 {"cup", s("world")},
                                 {"year", n("2026")},
                                 {"round", s(round)},
                                 {"leg", n(leg)},
                                 {"place", s(place)}});
  platform.put("matches", {{"id", s("other year")},
                           {"cup", s("world")},
                           {"year", n("2022")},
                           {"round", s("a")},
                           {"leg", n("2")},
                           {"place", s("x")}});
  platform.put("matches",
               {{"id", s("no place")}, {"cup", s("world")}, {"year", n("2026")}, {"round", s("a")}, {"leg", n("2")}});

  const auto found = [&](const std::string& condition, Map values) {
    values.set(":cup", s("world"));
    values.set(":year", n("2026"));
    const auto answer = platform.call("Query", {{"TableName", "matches"},
                                                {"IndexName", "wide"},
                                                {"ExpressionAttributeNames", Map{{"#y", "year"}}},
                                                {"KeyConditionExpression", "cup = :cup AND #y = :year" + condition},
                                                {"ExpressionAttributeValues", std::move(values)}});
    std::string text;
    for (const auto& item : answer["Items"].list()) {
      auto round = item["round"]["S"].string();
      if (round.size() == 2 && round[1] == '\0') round = "a0";
      text += (text.empty() ? "" : " ") + round + item["leg"]["N"].string() + item["place"]["S"].string();
    }
    return text;
  };
  CHECK(found("", {}) ==
        "a-1x a-1y a2x a2y a10x a10y a0-1x a0-1y a02x a02y a010x a010y ab-1x ab-1y ab2x ab2y ab10x ab10y b-1x b-1y b2x "
        "b2y b10x b10y");
  CHECK(found(" AND round = :r", {{":r", s("a")}}) == "a-1x a-1y a2x a2y a10x a10y");
  CHECK(found(" AND round < :r", {{":r", s("ab")}}) == "a-1x a-1y a2x a2y a10x a10y a0-1x a0-1y a02x a02y a010x a010y");
  CHECK(found(" AND round > :r", {{":r", s("a")}}).starts_with("a0-1x"));
  CHECK(found(" AND begins_with(round, :r)", {{":r", s("ab")}}) == "ab-1x ab-1y ab2x ab2y ab10x ab10y");
  CHECK(found(" AND round = :r AND leg > :d", {{":r", s("a")}, {":d", n("-1")}}) == "a2x a2y a10x a10y");
  CHECK(found(" AND round = :r AND leg BETWEEN :d AND :e", {{":r", s("b")}, {":d", n("-5")}, {":e", n("2")}}) ==
        "b-1x b-1y b2x b2y");
  CHECK(found(" AND round = :r AND leg = :d AND place >= :p", {{":r", s("b")}, {":d", n("10")}, {":p", s("y")}}) ==
        "b10y");

  const auto refused = [&](const char* condition, Map values) {
    return platform
        .error("Query", {{"TableName", "matches"},
                         {"IndexName", "wide"},
                         {"ExpressionAttributeNames", Map{{"#y", "year"}}},
                         {"KeyConditionExpression", condition},
                         {"ExpressionAttributeValues", std::move(values)}})
        .code;
  };
  CHECK(refused("cup = :c AND #y > :y", {{":c", s("world")}, {":y", n("1")}}) == "ValidationException");
  CHECK(refused("cup = :c AND #y = :y AND leg = :d", {{":c", s("world")}, {":y", n("1")}, {":d", n("1")}}) ==
        "ValidationException");
}

TEST_CASE("a wide index is read page by page, and has at most four attributes in each part") {
  Platform platform(with_wide_index());
  for (int i = 0; i < 9; ++i)
    platform.put("matches", {{"id", s(std::to_string(i))},
                             {"cup", s("world")},
                             {"year", n("1")},
                             {"round", s(std::to_string(i % 3))},
                             {"leg", n(std::to_string(i % 2))},
                             {"place", s("x")}});
  Map query = {{"TableName", "matches"},
               {"IndexName", "wide"},
               {"Limit", 2},
               {"ExpressionAttributeNames", Map{{"#y", "year"}}},
               {"KeyConditionExpression", "cup = :cup AND #y = :year"},
               {"ExpressionAttributeValues", Map{{":cup", s("world")}, {":year", n("1")}}}};
  std::string seen;
  while (true) {
    const auto page = platform.call("Query", query);
    for (const auto& item : page["Items"].list()) seen += item["id"]["S"].string();
    if (page["LastEvaluatedKey"].is_null()) break;
    CHECK(page["LastEvaluatedKey"].map().size() == 6);
    query.set("ExclusiveStartKey", page["LastEvaluatedKey"]);
  }
  CHECK(seen == "603471285");  // Entries with the same key are in no particular order.

  auto input = table_input("many", {"id:S"}, {"a:S", "b:S", "c:S", "d:S", "e:S"});
  Value five = index("five", {"a:S", "b:S", "c:S", "d:S", "e:S"});
  for (auto& element : five.map().find("KeySchema")->list()) element.set("KeyType", "HASH");
  input.set("GlobalSecondaryIndexes", List{five});
  CHECK(platform.error("CreateTable", input).message ==
        "One or more parameter values were invalid: The KeySchema exceeds the maximum allowed number of HASH key "
        "attributes");
  auto& schema = five.map().find("KeySchema")->list();
  schema.resize(3);
  schema[1].set("KeyType", "RANGE");
  input = table_input("many", {"id:S"}, {"a:S", "b:S", "c:S"});
  input.set("GlobalSecondaryIndexes", List{five});
  CHECK(platform.error("CreateTable", input).message ==
        "One or more parameter values were invalid: All HASH key attributes must precede RANGE key attributes in the "
        "KeySchema");
}
