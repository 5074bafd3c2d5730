// Global tables of version 2017.11.29, and auto scaling settings.
#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::dynamodb::testing;

namespace {

constexpr auto home = "us-east-1", away = "eu-west-1";

Map streaming(bool provisioned = false) {
  auto input = table_input("orders", {"id:S"}, {"owner:S"});
  auto by_owner = index("by-owner", {"owner:S"});
  if (provisioned) {
    const Map units = {{"ReadCapacityUnits", 5}, {"WriteCapacityUnits", 5}};
    input.set("BillingMode", "PROVISIONED");
    input.set("ProvisionedThroughput", units);
    by_owner.set("ProvisionedThroughput", units);
  }
  input.set("GlobalSecondaryIndexes", List{by_owner});
  input.set("StreamSpecification", Map{{"StreamEnabled", true}, {"StreamViewType", "NEW_AND_OLD_IMAGES"}});
  return input;
}

struct Old : Platform {
  Result<Value> in(const std::string& region, const char* operation, Map input) {
    auto caller = context;
    caller.region = region;
    return try_call_as(caller, "dynamodb", operation, std::move(input));
  }
  Value at(const std::string& region, const char* operation, Map input) {
    auto result = in(region, operation, std::move(input));
    if (!result) FAIL(operation << " answered " << result.error().code << ": " << result.error().message);
    return *result;
  }
  Value make(bool provisioned = false) {
    for (const auto* region : {home, away}) at(region, "CreateTable", streaming(provisioned));
    return call(
        "CreateGlobalTable",
        {{"GlobalTableName", "orders"},
         {"ReplicationGroup", List{Map{{"RegionName", home}}, Map{{"RegionName", away}}}}})["GlobalTableDescription"];
  }
  void put_at(const std::string& region, const std::string& id, const std::string& owner) {
    at(region, "PutItem", {{"TableName", "orders"}, {"Item", Map{{"id", s(id)}, {"owner", s(owner)}}}});
  }
  std::string owner_at(const std::string& region, const std::string& id) {
    return at(region, "GetItem", {{"TableName", "orders"}, {"Key", Map{{"id", s(id)}}}})["Item"]["owner"]["S"]
        .string_or("nobody");
  }
  std::int64_t owned_at(const std::string& region, const std::string& owner) {
    return at(region, "Query",
              {{"TableName", "orders"},
               {"IndexName", "by-owner"},
               {"KeyConditionExpression", "#o = :o"},
               {"ExpressionAttributeNames", Map{{"#o", "owner"}}},
               {"ExpressionAttributeValues", Map{{":o", s(owner)}}}})["Count"]
        .integer();
  }
};

}  // namespace

TEST_CASE("tables of one name become a global table, and each region has the writes of all") {
  Old kernel;
  const auto made = kernel.make();
  CHECK(made["GlobalTableArn"].string() == "arn:aws:dynamodb::000000000000:global-table/orders");
  CHECK(made["ReplicationGroup"].list().size() == 2);
  kernel.put_at(home, "a", "ann");
  kernel.put_at(away, "b", "bob");
  CHECK(kernel.owner_at(away, "a") == "ann");
  CHECK(kernel.owner_at(home, "b") == "bob");
  CHECK(kernel.owned_at(home, "bob") == 1);
  const auto table = kernel.at(away, "DescribeTable", {{"TableName", "orders"}})["Table"];
  CHECK(table["GlobalTableVersion"].string() == "2017.11.29");
  CHECK(table["Replicas"].is_null());
  CHECK(table["ItemCount"].integer() == 2);
  CHECK(kernel.at(away, "DescribeGlobalTable", {{"GlobalTableName", "orders"}})["GlobalTableDescription"] == made);
  CHECK(kernel.call("ListGlobalTables", {{"RegionName", away}})["GlobalTables"][0]["GlobalTableName"].string() ==
        "orders");
  CHECK(kernel.call("ListGlobalTables", {{"RegionName", "ap-south-1"}})["GlobalTables"].list().empty());
}

TEST_CASE("a region that leaves a global table keeps the items, and a life of its own") {
  Old kernel;
  kernel.make();
  kernel.put_at(home, "a", "ann");
  kernel.call("UpdateGlobalTable",
              {{"GlobalTableName", "orders"}, {"ReplicaUpdates", List{Map{{"Delete", Map{{"RegionName", away}}}}}}});
  CHECK(kernel.owner_at(away, "a") == "ann");
  CHECK(kernel.owned_at(away, "ann") == 1);
  kernel.put_at(home, "a", "eve");
  kernel.put_at(away, "b", "bob");
  CHECK(kernel.owner_at(away, "a") == "ann");
  CHECK(kernel.owned_at(home, "bob") == 0);
  CHECK(kernel.owner_at(home, "b") == "nobody");
  CHECK(kernel.in(away, "DescribeGlobalTable", {{"GlobalTableName", "orders"}}).error().code ==
        "GlobalTableNotFoundException");
  CHECK(
      kernel.call("DescribeGlobalTable", {{"GlobalTableName", "orders"}})["GlobalTableDescription"]["ReplicationGroup"]
          .list()
          .size() == 1);
  const auto joins =
      kernel.in(home, "UpdateGlobalTable",
                {{"GlobalTableName", "orders"}, {"ReplicaUpdates", List{Map{{"Create", Map{{"RegionName", away}}}}}}});
  CHECK(joins.error().message.find("not empty") != std::string::npos);
}

TEST_CASE("what cannot be a global table is refused") {
  Old kernel;
  const auto create = [&] {
    return kernel.in(home, "CreateGlobalTable",
                     {{"GlobalTableName", "orders"},
                      {"ReplicationGroup", List{Map{{"RegionName", home}}, Map{{"RegionName", away}}}}});
  };
  CHECK(create().error().code == "TableNotFoundException");
  kernel.at(home, "CreateTable", streaming());
  CHECK(create().error().code == "TableNotFoundException");
  kernel.at(away, "CreateTable", table_input("orders", {"id:S"}));
  CHECK(create().error().code == "ValidationException");
  kernel.at(away, "DeleteTable", {{"TableName", "orders"}});
  kernel.at(away, "CreateTable", streaming());
  kernel.put_at(away, "a", "ann");
  CHECK(create().error().code == "ValidationException");
  kernel.at(away, "DeleteItem", {{"TableName", "orders"}, {"Key", Map{{"id", s("a")}}}});
  CHECK(create());
  CHECK(create().error().code == "GlobalTableAlreadyExistsException");
  CHECK(kernel.error("DescribeGlobalTable", {{"GlobalTableName", "other"}}).code == "GlobalTableNotFoundException");
  const auto update = [&](const char* action, const char* region) {
    return kernel
        .error("UpdateGlobalTable",
               {{"GlobalTableName", "orders"}, {"ReplicaUpdates", List{Map{{action, Map{{"RegionName", region}}}}}}})
        .code;
  };
  CHECK(update("Create", away) == "ReplicaAlreadyExistsException");
  CHECK(update("Delete", "ap-south-1") == "ReplicaNotFoundException");
}

TEST_CASE("settings of a global table hold in every region") {
  Old kernel;
  kernel.make(true);
  const auto settings =
      kernel.call("UpdateGlobalTableSettings",
                  {{"GlobalTableName", "orders"},
                   {"GlobalTableProvisionedWriteCapacityUnits", 9},
                   {"GlobalTableGlobalSecondaryIndexSettingsUpdate",
                    List{Map{{"IndexName", "by-owner"}, {"ProvisionedWriteCapacityUnits", 8}}}}})["ReplicaSettings"];
  for (const auto& replica : settings.list()) {
    CHECK(replica["ReplicaProvisionedWriteCapacityUnits"].integer() == 9);
    CHECK(replica["ReplicaProvisionedReadCapacityUnits"].integer() == 5);
    CHECK(replica["ReplicaGlobalSecondaryIndexSettings"][0]["ProvisionedWriteCapacityUnits"].integer() == 8);
  }
  CHECK(kernel.at(away, "DescribeGlobalTableSettings", {{"GlobalTableName", "orders"}})["ReplicaSettings"] == settings);
  CHECK(
      kernel
          .at(away, "DescribeTable", {{"TableName", "orders"}})["Table"]["ProvisionedThroughput"]["WriteCapacityUnits"]
          .integer() == 9);
  CHECK(kernel
            .error("UpdateGlobalTableSettings",
                   {{"GlobalTableName", "orders"},
                    {"ReplicaSettingsUpdate",
                     List{Map{{"RegionName", away}, {"ReplicaProvisionedReadCapacityUnits", 7}}}}})
            .code == "NotImplemented");
}

TEST_CASE("auto scaling is kept by region and index, and described") {
  Old kernel;
  kernel.make(true);
  const Map policy = {{"PolicyName", "half"}, {"TargetTrackingScalingPolicyConfiguration", Map{{"TargetValue", 50.0}}}};
  const Map write = {{"MinimumUnits", 5}, {"MaximumUnits", 50}, {"ScalingPolicyUpdate", policy}};
  const Map read = {{"MinimumUnits", 1}, {"MaximumUnits", 10}};
  const auto updated = kernel.call(
      "UpdateTableReplicaAutoScaling",
      {{"TableName", "orders"},
       {"ProvisionedWriteCapacityAutoScalingUpdate", write},
       {"GlobalSecondaryIndexUpdates",
        List{Map{{"IndexName", "by-owner"}, {"ProvisionedWriteCapacityAutoScalingUpdate", write}}}},
       {"ReplicaUpdates",
        List{Map{{"RegionName", away},
                 {"ReplicaProvisionedReadCapacityAutoScalingUpdate", read}}}}})["TableAutoScalingDescription"];
  REQUIRE(updated["Replicas"].list().size() == 2);
  for (const auto& replica : updated["Replicas"].list()) {
    const auto& settings = replica["ReplicaProvisionedWriteCapacityAutoScalingSettings"];
    CHECK(settings["MaximumUnits"].integer() == 50);
    CHECK(settings["ScalingPolicies"][0]["PolicyName"].string() == "half");
    CHECK(
        replica["GlobalSecondaryIndexes"][0]["ProvisionedWriteCapacityAutoScalingSettings"]["MinimumUnits"].integer() ==
        5);
    const bool reads = !replica["ReplicaProvisionedReadCapacityAutoScalingSettings"].is_null();
    CHECK(reads == (replica["RegionName"].string() == away));
  }
  kernel.restart();
  CHECK(kernel.call("DescribeTableReplicaAutoScaling", {{"TableName", "orders"}})["TableAutoScalingDescription"] ==
        updated);

  const auto refused = [&](Map update) {
    return kernel
        .error("UpdateTableReplicaAutoScaling",
               {{"TableName", "orders"}, {"ProvisionedWriteCapacityAutoScalingUpdate", std::move(update)}})
        .message;
  };
  const std::string failed = "Failed to update settings for global table with name: ‘orders’: ";
  CHECK(refused({{"MinimumUnits", 5}}) ==
        failed + "Parameters 'MaximumUnits' are required unless auto scaling is being disabled.");
  CHECK(refused({{"MinimumUnits", 5}, {"AutoScalingDisabled", true}}) ==
        failed + "Parameters 'MinimumUnits' must be left blank when disabling auto scaling.");
  kernel.call("CreateTable", table_input("demand", {"id:S"}));
  CHECK(kernel
            .error("UpdateTableReplicaAutoScaling",
                   {{"TableName", "demand"}, {"ProvisionedWriteCapacityAutoScalingUpdate", write}})
            .message.find("BillingMode is PayPerRequest") != std::string::npos);
}
