// Global tables: one table in several regions.
#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::dynamodb::testing;

namespace {

constexpr auto home = "us-east-1", away = "eu-west-1";

struct Global : Platform {
  Global() : Platform(definition()) {}
  static Map definition() { return table_input("orders", {"id:S"}); }

  Result<Value> in(const std::string& region, const char* service, const char* operation, Map input) {
    auto caller = context;
    caller.region = region;
    return try_call_as(caller, service, operation, std::move(input));
  }
  Value at(const std::string& region, const char* operation, Map input) {
    auto result = in(region, "dynamodb", operation, std::move(input));
    if (!result) FAIL(operation << " answered " << result.error().code << ": " << result.error().message);
    return *result;
  }
  Value replicate(Map update) {
    return call("UpdateTable", {{"TableName", "orders"}, {"ReplicaUpdates", List{std::move(update)}}});
  }
  void put_at(const std::string& region, const std::string& id, const std::string& owner) {
    at(region, "PutItem", {{"TableName", "orders"}, {"Item", Map{{"id", s(id)}, {"owner", s(owner)}}}});
  }
  std::string owner_at(const std::string& region, const std::string& id) {
    return at(region, "GetItem", {{"TableName", "orders"}, {"Key", Map{{"id", s(id)}}}})["Item"]["owner"]["S"]
        .string_or("nobody");
  }
  Value table_at(const std::string& region) { return at(region, "DescribeTable", {{"TableName", "orders"}})["Table"]; }
  // "INSERT:a MODIFY:a" of a region's own stream.
  std::string stream_at(const std::string& region) {
    const auto arn = table_at(region)["LatestStreamArn"];
    const auto shard = in(region, "dynamodbstreams", "DescribeStream", {{"StreamArn", arn}})
                           ->map()
                           .find("StreamDescription")
                           ->map()
                           .find("Shards")
                           ->list()
                           .front()["ShardId"];
    const auto from = in(region, "dynamodbstreams", "GetShardIterator",
                         {{"StreamArn", arn}, {"ShardId", shard}, {"ShardIteratorType", "TRIM_HORIZON"}});
    const auto records = in(region, "dynamodbstreams", "GetRecords", {{"ShardIterator", (*from)["ShardIterator"]}});
    std::string text;
    for (const auto& record : (*records)["Records"].list())
      text += (text.empty() ? "" : " ") + record["eventName"].string() + ":" +
              record["dynamodb"]["Keys"]["id"]["S"].string();
    return text;
  }
};

const Map create_away = {{"Create", Map{{"RegionName", away}}}};

}  // namespace

TEST_CASE("a replica has the items of the table, and a write in one region is there in the other") {
  Global kernel;
  kernel.put_at(home, "a", "ann");
  CHECK(kernel.in(away, "dynamodb", "DescribeTable", {{"TableName", "orders"}}).error().code ==
        "ResourceNotFoundException");
  kernel.replicate(create_away);
  CHECK(kernel.owner_at(away, "a") == "ann");
  kernel.put_at(away, "b", "bob");
  CHECK(kernel.owner_at(home, "b") == "bob");
  kernel.put_at(home, "b", "eve");
  CHECK(kernel.owner_at(away, "b") == "eve");

  const auto described = kernel.table_at(away);
  CHECK(described["TableArn"].string() == "arn:aws:dynamodb:eu-west-1:000000000000:table/orders");
  CHECK(described["Replicas"][0]["RegionName"].string() == home);
  CHECK(described["ItemCount"].integer() == 2);
  CHECK(kernel.table_at(home)["Replicas"][0]["ReplicaStatus"].string() == "ACTIVE");
  CHECK(kernel.table_at(home)["GlobalTableVersion"].string() == "2019.11.21");
}

TEST_CASE("each region's stream has every change, wherever it was made") {
  Global kernel;
  kernel.replicate(create_away);
  kernel.put_at(home, "a", "ann");
  kernel.put_at(away, "a", "bob");
  CHECK(kernel.stream_at(home) == "INSERT:a MODIFY:a");
  CHECK(kernel.stream_at(away) == "INSERT:a MODIFY:a");
}

TEST_CASE("an index made in one region serves the other") {
  Global kernel;
  kernel.replicate(create_away);
  kernel.put_at(home, "a", "ann");
  kernel.at(away, "UpdateTable",
            {{"TableName", "orders"},
             {"AttributeDefinitions", attribute_definitions({"id:S", "owner:S"})},
             {"GlobalSecondaryIndexUpdates", List{Map{{"Create", index("by-owner", {"owner:S"})}}}}});
  kernel.clock.advance_ms(1);
  const auto found = kernel.at(home, "Query",
                               {{"TableName", "orders"},
                                {"IndexName", "by-owner"},
                                {"KeyConditionExpression", "#o = :o"},
                                {"ExpressionAttributeNames", Map{{"#o", "owner"}}},
                                {"ExpressionAttributeValues", Map{{":o", s("ann")}}}});
  CHECK(found["Count"].integer() == 1);
  CHECK(kernel.table_at(home)["GlobalSecondaryIndexes"][0]["IndexArn"].string() ==
        "arn:aws:dynamodb:us-east-1:000000000000:table/orders/index/by-owner");
}

TEST_CASE("a replica can be deleted from either side, and the other keeps the items") {
  Global kernel;
  kernel.replicate(create_away);
  kernel.put_at(away, "a", "ann");
  kernel.replicate({{"Delete", Map{{"RegionName", away}}}});
  CHECK(kernel.in(away, "dynamodb", "DescribeTable", {{"TableName", "orders"}}).error().code ==
        "ResourceNotFoundException");
  CHECK(kernel.table_at(home)["Replicas"].is_null());
  CHECK(kernel.owner_at(home, "a") == "ann");

  kernel.replicate(create_away);
  kernel.call("DeleteTable", {{"TableName", "orders"}});
  kernel.clock.advance_ms(1000);
  CHECK(kernel.owner_at(away, "a") == "ann");
  CHECK(kernel.table_at(away)["Replicas"].is_null());
  kernel.put_at(away, "b", "bob");
  CHECK(kernel.owner_at(away, "b") == "bob");
}

TEST_CASE("a region that has the table already gets no replica") {
  Global kernel;
  kernel.at(away, "CreateTable", Global::definition());
  const auto input = Map{{"TableName", "orders"}, {"ReplicaUpdates", List{create_away}}};
  CHECK(kernel.error("UpdateTable", input).code == "ValidationException");
  CHECK(kernel
            .error("UpdateTable", {{"TableName", "orders"},
                                   {"ReplicaUpdates", List{Map{{"Delete", Map{{"RegionName", "ap-south-1"}}}}}}})
            .code == "ResourceNotFoundException");
}

TEST_CASE("what is restored from a replica is a table of its own") {
  Global kernel;
  kernel.replicate(create_away);
  kernel.put_at(home, "a", "ann");
  const auto backup = kernel.call("CreateBackup", {{"TableName", "orders"}, {"BackupName", "all"}})["BackupDetails"];
  kernel.call("RestoreTableFromBackup", {{"BackupArn", backup["BackupArn"]}, {"TargetTableName", "copy"}});
  const auto copy = kernel.call("DescribeTable", {{"TableName", "copy"}})["Table"];
  CHECK(copy["Replicas"].is_null());
  CHECK(copy["ItemCount"].integer() == 1);
  kernel.put("copy", {{"id", s("b")}});
  CHECK(kernel.stream_at(away) == "INSERT:a");
  CHECK(kernel.stream_at(home) == "INSERT:a");
}

TEST_CASE("a replica's stream cannot be disabled") {
  Global kernel;
  kernel.replicate(create_away);
  CHECK(kernel.error("UpdateTable", {{"TableName", "orders"}, {"StreamSpecification", Map{{"StreamEnabled", false}}}})
            .message ==
        "One or more parameter values were invalid: Disabling Stream is not allowed for a Global Table replica.");
}
