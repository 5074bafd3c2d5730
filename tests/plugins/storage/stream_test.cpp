#include <catch2/catch.hpp>
#include <set>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::dynamodb::testing;

namespace {

constexpr std::int64_t hour_ms = 3600 * 1000;

struct Streamed : Platform {
  explicit Streamed(const char* view = "NEW_AND_OLD_IMAGES") : Platform(definition(view)) {}

  static Map definition(const char* view) {
    auto input = table_input("orders", {"id:S"});
    input.set("StreamSpecification", Map{{"StreamEnabled", true}, {"StreamViewType", view}});
    return input;
  }
  std::string arn() { return call("DescribeTable", {{"TableName", "orders"}})["Table"]["LatestStreamArn"].string(); }
  Value streams(const char* operation, Map input) {
    auto result = try_call("dynamodbstreams", operation, std::move(input));
    if (!result) FAIL(operation << " answered " << result.error().code << ": " << result.error().message);
    return *result;
  }
  Error streams_error(const char* operation, Map input) {
    return try_call("dynamodbstreams", operation, std::move(input)).error();
  }
  Value shards() { return streams("DescribeStream", {{"StreamArn", arn()}})["StreamDescription"]["Shards"]; }
  std::string iterator(const std::string& type, Map more = {}) {
    const auto all = shards().list();
    if (!more.contains("ShardId")) more.set("ShardId", all.back()["ShardId"]);
    more.set("StreamArn", arn());
    more.set("ShardIteratorType", type);
    return streams("GetShardIterator", std::move(more))["ShardIterator"].string();
  }
  Value records(const std::string& from) { return streams("GetRecords", {{"ShardIterator", from}}); }
  void remove(const std::string& id) { call("DeleteItem", {{"TableName", "orders"}, {"Key", Map{{"id", s(id)}}}}); }
};

std::string events(const Value& output) {
  std::string names;
  for (const auto& record : output["Records"].list())
    names += (names.empty() ? "" : " ") + record["eventName"].string() + ":" +
             record["dynamodb"]["Keys"]["id"]["S"].string();
  return names;
}

}  // namespace

TEST_CASE("every change of an item is in the stream once, in order, with both images") {
  Streamed orders;
  orders.put("orders", {{"id", s("a")}, {"x", n("1")}});
  orders.put("orders", {{"id", s("a")}, {"x", n("2")}});
  orders.put("orders", {{"id", s("a")}, {"x", n("2.0")}});  // Nothing changes.
  orders.call("UpdateItem", {{"TableName", "orders"},
                             {"Key", Map{{"id", s("b")}}},
                             {"UpdateExpression", "SET x = :v"},
                             {"ExpressionAttributeValues", Map{{":v", n("3")}}}});
  orders.remove("a");
  orders.remove("a");
  orders.error(
      "PutItem",
      {{"TableName", "orders"}, {"Item", Map{{"id", s("b")}}}, {"ConditionExpression", "attribute_not_exists(id)"}});

  const auto output = orders.records(orders.iterator("TRIM_HORIZON"));
  CHECK(events(output) == "INSERT:a MODIFY:a INSERT:b REMOVE:a");
  const auto& first = output["Records"][0];
  CHECK(first["eventSource"].string() == "aws:dynamodb");
  CHECK(first["awsRegion"].string() == "us-east-1");
  CHECK(first["dynamodb"]["NewImage"] == Value(Map{{"id", s("a")}, {"x", n("1")}}));
  CHECK(first["dynamodb"]["OldImage"].is_null());
  CHECK(first["dynamodb"]["SequenceNumber"].string() == "100000000000000000001");
  CHECK(first["dynamodb"]["SizeBytes"].integer() == 3 + 6);
  CHECK(output["Records"][1]["dynamodb"]["OldImage"]["x"] == n("1"));
  CHECK(output["Records"][3]["dynamodb"]["NewImage"].is_null());
  CHECK(output["Records"][3]["userIdentity"].is_null());

  const auto behind = orders.records(output["NextShardIterator"].string());
  CHECK(behind["Records"].list().empty());
  CHECK_FALSE(behind["NextShardIterator"].is_null());
}

TEST_CASE("the view decides which images a record has") {
  for (const std::string view : {"KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE"}) {
    Streamed orders(view.c_str());
    orders.put("orders", {{"id", s("a")}, {"x", n("1")}});
    orders.put("orders", {{"id", s("a")}, {"x", n("2")}});
    orders.remove("a");
    const auto output = orders.records(orders.iterator("TRIM_HORIZON"));
    CHECK(events(output) == "INSERT:a MODIFY:a REMOVE:a");
    const auto& modified = output["Records"][1]["dynamodb"];
    CHECK(modified["NewImage"].is_null() == (view != "NEW_IMAGE"));
    CHECK(modified["OldImage"].is_null() == (view != "OLD_IMAGE"));
    CHECK(modified["StreamViewType"].string() == view);
  }
}

TEST_CASE("iterators begin at the end, at a record or behind it, and expire") {
  Streamed orders;
  for (const auto* id : {"a", "b", "c"}) orders.put("orders", {{"id", s(id)}});
  const auto latest = orders.iterator("LATEST");
  const auto all = orders.records(orders.iterator("TRIM_HORIZON"));
  const auto& second = all["Records"][1]["dynamodb"]["SequenceNumber"];
  CHECK(events(orders.records(orders.iterator("AT_SEQUENCE_NUMBER", {{"SequenceNumber", second}}))) ==
        "INSERT:b INSERT:c");
  CHECK(events(orders.records(orders.iterator("AFTER_SEQUENCE_NUMBER", {{"SequenceNumber", second}}))) == "INSERT:c");
  CHECK(events(orders.records(latest)).empty());
  orders.put("orders", {{"id", s("d")}});
  CHECK(events(orders.records(latest)) == "INSERT:d");

  const auto shard = orders.shards()[0]["ShardId"];
  CHECK(orders
            .streams_error("GetShardIterator", {{"StreamArn", orders.arn()},
                                                {"ShardId", shard},
                                                {"ShardIteratorType", "AT_SEQUENCE_NUMBER"},
                                                {"SequenceNumber", "17"}})
            .code == "ValidationException");
  for (const std::string broken : {"x", "a|1|", "a|1|!!!!", "a|1|MSAy"})
    CHECK(orders.streams_error("GetRecords", {{"ShardIterator", broken}}).code == "ValidationException");
  CHECK(orders
            .streams_error("GetShardIterator",
                           {{"StreamArn", orders.arn() + "x"}, {"ShardId", shard}, {"ShardIteratorType", "LATEST"}})
            .code == "ResourceNotFoundException");

  orders.clock.advance_ms(15 * 60 * 1000);
  CHECK(events(orders.records(latest)) == "INSERT:d");
  orders.clock.advance_ms(1);
  CHECK(orders.streams_error("GetRecords", {{"ShardIterator", latest}}).code == "ExpiredIteratorException");
}

TEST_CASE("a shard is followed by another after four hours, and trimmed after a day") {
  Streamed orders;
  orders.put("orders", {{"id", s("a")}});
  orders.clock.advance_ms(4 * hour_ms);
  orders.put("orders", {{"id", s("b")}});
  const auto shards = orders.shards();
  REQUIRE(shards.list().size() == 2);
  CHECK(shards[0]["SequenceNumberRange"]["EndingSequenceNumber"].string() == "100000000000000000001");
  CHECK(shards[1]["ParentShardId"] == shards[0]["ShardId"]);
  CHECK(shards[1]["SequenceNumberRange"]["EndingSequenceNumber"].is_null());

  const auto first = orders.records(orders.iterator("TRIM_HORIZON", {{"ShardId", shards[0]["ShardId"]}}));
  CHECK(events(first) == "INSERT:a");
  CHECK(first["NextShardIterator"].is_null());  // It is closed, and read to its end.
  CHECK(events(orders.records(orders.iterator("TRIM_HORIZON"))) == "INSERT:b");

  orders.clock.advance_ms(20 * hour_ms);
  CHECK(orders.shards().list().size() == 1);
  CHECK(events(orders.records(orders.iterator("TRIM_HORIZON"))) == "INSERT:b");
  orders.clock.advance_ms(4 * hour_ms);
  CHECK(events(orders.records(orders.iterator("TRIM_HORIZON"))) == "");
  orders.put("orders", {{"id", s("c")}});
  CHECK(events(orders.records(orders.iterator("TRIM_HORIZON"))) == "INSERT:c");
}

TEST_CASE("a stream that was disabled is read for another day, beside the table's next one") {
  Streamed orders;
  orders.put("orders", {{"id", s("a")}});
  const auto old_arn = orders.arn();
  const auto update = [&](Map specification) {
    return orders.call("UpdateTable", {{"TableName", "orders"}, {"StreamSpecification", std::move(specification)}});
  };
  CHECK(orders
            .error("UpdateTable",
                   {{"TableName", "orders"},
                    {"StreamSpecification", Map{{"StreamEnabled", true}, {"StreamViewType", "KEYS_ONLY"}}}})
            .message == "Table already has an enabled stream: TableName: orders");
  update({{"StreamEnabled", false}});
  orders.put("orders", {{"id", s("b")}});
  update({{"StreamEnabled", true}, {"StreamViewType", "KEYS_ONLY"}});
  orders.put("orders", {{"id", s("c")}});
  CHECK(orders.arn() != old_arn);
  CHECK(events(orders.records(orders.iterator("TRIM_HORIZON"))) == "INSERT:c");

  const auto described = orders.streams("DescribeStream", {{"StreamArn", old_arn}})["StreamDescription"];
  CHECK(described["StreamStatus"].string() == "DISABLED");
  const auto from = orders.streams("GetShardIterator", {{"StreamArn", old_arn},
                                                        {"ShardId", described["Shards"][0]["ShardId"]},
                                                        {"ShardIteratorType", "TRIM_HORIZON"}})["ShardIterator"];
  CHECK(events(orders.records(from.string())) == "INSERT:a");
  CHECK(orders.streams("ListStreams", {{"TableName", "orders"}})["Streams"].list().size() == 2);

  orders.clock.advance_ms(25 * hour_ms);
  CHECK(orders.streams("ListStreams", {})["Streams"].list().size() == 1);
}

TEST_CASE("items expire in their second on the platform's clock, and the stream says who removed them") {
  Streamed orders;
  const auto now_s = orders.clock.now().seconds();
  const auto second = [&](std::int64_t after) { return n(std::to_string(now_s + after)); };
  orders.put("orders", {{"id", s("early")}, {"expires", second(10)}});
  orders.call("UpdateTimeToLive", {{"TableName", "orders"},
                                   {"TimeToLiveSpecification", Map{{"AttributeName", "expires"}, {"Enabled", true}}}});
  CHECK(orders.call("DescribeTimeToLive", {{"TableName", "orders"}})["TimeToLiveDescription"] ==
        Value(Map{{"TimeToLiveStatus", "ENABLED"}, {"AttributeName", "expires"}}));
  orders.put("orders", {{"id", s("late")}, {"expires", second(3600)}});
  orders.put("orders", {{"id", s("moved")}, {"expires", second(20)}});
  orders.put("orders", {{"id", s("moved")}, {"expires", second(7200)}});
  orders.put("orders", {{"id", s("never")}, {"expires", s("soon")}});
  orders.put("orders", {{"id", s("ancient")}, {"expires", n("1000")}});

  const auto there = [&](const char* id) { return !orders.get("orders", {{"id", s(id)}}).is_null(); };
  orders.clock.advance_ms(9'000);
  CHECK(there("early"));
  orders.clock.advance_ms(2'000);
  CHECK_FALSE(there("early"));
  CHECK(there("late"));
  orders.restart();
  orders.clock.advance_ms(3600'000);
  CHECK_FALSE(there("late"));
  CHECK(there("moved"));
  orders.clock.advance_ms(3600'000);
  CHECK_FALSE(there("moved"));
  CHECK(there("never"));
  CHECK(there("ancient"));  // More than five years ago.

  const auto output = orders.records(orders.iterator("TRIM_HORIZON"));
  const auto& last = output["Records"].list().back();
  CHECK(last["eventName"].string() == "REMOVE");
  CHECK(last["userIdentity"] == Value(Map{{"PrincipalId", "dynamodb.amazonaws.com"}, {"Type", "Service"}}));
}

TEST_CASE("a time to live is enabled once, and can be disabled") {
  Platform platform(table_input("orders", {"id:S"}));
  const auto input = [](const char* attribute, bool enabled) {
    return Map{{"TableName", "orders"},
               {"TimeToLiveSpecification", Map{{"AttributeName", attribute}, {"Enabled", enabled}}}};
  };
  CHECK(platform.error("UpdateTimeToLive", input("e", false)).message == "TimeToLive is already disabled");
  platform.call("UpdateTimeToLive", input("e", true));
  CHECK(platform.error("UpdateTimeToLive", input("e", true)).message == "TimeToLive is already enabled");
  CHECK(platform.error("UpdateTimeToLive", input("f", true)).message ==
        "TimeToLive is active on a different AttributeName: current AttributeName is e");
  platform.put("orders", {{"id", s("a")}, {"e", n(std::to_string(platform.clock.now().seconds() + 5))}});
  platform.call("UpdateTimeToLive", input("e", false));
  platform.clock.advance_ms(10'000);
  CHECK_FALSE(platform.get("orders", {{"id", s("a")}}).is_null());
}

TEST_CASE("tags belong to a table") {
  auto definition = table_input("orders", {"id:S"});
  definition.set("Tags", List{Map{{"Key", "team"}, {"Value", "shop"}}});
  Platform platform(std::move(definition));
  const auto arn = platform.call("DescribeTable", {{"TableName", "orders"}})["Table"]["TableArn"];
  platform.call("TagResource",
                {{"ResourceArn", arn},
                 {"Tags", List{Map{{"Key", "stage"}, {"Value", "dev"}}, Map{{"Key", "team"}, {"Value", "web"}}}}});
  CHECK(platform.call("ListTagsOfResource", {{"ResourceArn", arn}})["Tags"] ==
        Value(List{Map{{"Key", "team"}, {"Value", "web"}}, Map{{"Key", "stage"}, {"Value", "dev"}}}));
  platform.call("UntagResource", {{"ResourceArn", arn}, {"TagKeys", List{"team"}}});
  CHECK(platform.call("ListTagsOfResource", {{"ResourceArn", arn}})["Tags"].list().size() == 1);
  CHECK(platform.error("ListTagsOfResource", {{"ResourceArn", "arn:aws:dynamodb:us-east-1:000000000000:table/absent"}})
            .code == "ResourceNotFoundException");
}
