#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::dynamodb::testing;

TEST_CASE("a table is there at once, and described as it was asked for") {
  Platform platform;
  const auto created = platform.call("CreateTable", table_input("orders", {"pk:S", "sk:N"}))["TableDescription"];
  CHECK(created["TableStatus"].string() == "ACTIVE");
  CHECK(created["TableArn"].string() == "arn:aws:dynamodb:us-east-1:000000000000:table/orders");
  CHECK(created["TableId"].string().size() == 36);
  CHECK(created["CreationDateTime"].integer() == platform.clock.now().ms);
  CHECK(created["BillingModeSummary"]["BillingMode"].string() == "PAY_PER_REQUEST");
  CHECK(created["ProvisionedThroughput"]["ReadCapacityUnits"].integer() == 0);
  CHECK(created["KeySchema"] == key_schema({"pk:S", "sk:N"}));
  CHECK(created["ItemCount"].integer() == 0);

  platform.put("orders", {{"pk", s("a")}, {"sk", n("1")}});
  platform.put("orders", {{"pk", s("a")}, {"sk", n("2")}, {"x", s("1234567890")}});
  platform.put("orders", {{"pk", s("a")}, {"sk", n("2")}, {"x", s("12345")}});
  auto described = platform.call("DescribeTable", {{"TableName", "orders"}})["Table"];
  CHECK(described["ItemCount"].integer() == 2);
  CHECK(described["TableSizeBytes"].integer() == 7 + 7 + 6);
  CHECK(described["TableId"] == created["TableId"]);
  CHECK(platform.call("DescribeTable", {{"TableName", created["TableArn"]}})["Table"]["TableName"].string() ==
        "orders");

  platform.restart();
  described = platform.call("DescribeTable", {{"TableName", "orders"}})["Table"];
  CHECK(described["ItemCount"].integer() == 2);
  CHECK(described["TableSizeBytes"].integer() == 20);
  CHECK(described["CreationDateTime"] == created["CreationDateTime"]);
}

TEST_CASE("a table's name is taken until it is deleted, and its items go with it") {
  Platform platform(table_input("orders", {"id:S"}));
  const auto taken = platform.error("CreateTable", table_input("orders", {"id:S"}));
  CHECK(taken.code == "ResourceInUseException");
  CHECK(taken.message == "Table already exists: orders");

  platform.put("orders", {{"id", s("a")}});
  const auto deleted = platform.call("DeleteTable", {{"TableName", "orders"}})["TableDescription"];
  CHECK(deleted["TableStatus"].string() == "DELETING");
  CHECK(platform.error("DescribeTable", {{"TableName", "orders"}}).message ==
        "Requested resource not found: Table: orders not found");
  CHECK(platform.error("GetItem", {{"TableName", "orders"}, {"Key", Map{{"id", s("a")}}}}).message ==
        "Requested resource not found");
  CHECK(platform.error("DeleteTable", {{"TableName", "orders"}}).code == "ResourceNotFoundException");

  platform.call("CreateTable", table_input("orders", {"id:S"}));
  CHECK(platform.get("orders", {{"id", s("a")}}).is_null());
  platform.clock.advance_ms(1000);
  CHECK(platform.call("Scan", {{"TableName", "orders"}})["Count"].integer() == 0);
}

TEST_CASE("a protected table is not deleted") {
  auto input = table_input("orders", {"id:S"});
  input.set("DeletionProtectionEnabled", true);
  Platform platform(std::move(input));
  CHECK(platform.error("DeleteTable", {{"TableName", "orders"}}).message ==
        "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.");
  platform.call("UpdateTable", {{"TableName", "orders"}, {"DeletionProtectionEnabled", false}});
  platform.call("DeleteTable", {{"TableName", "orders"}});
}

TEST_CASE("tables are listed by name, a page at a time, of one account and region") {
  Platform platform;
  for (const auto* name : {"charlie", "a_z", "abb", "bravo"}) platform.call("CreateTable", table_input(name, {"id:S"}));
  CHECK(platform.call("ListTables")["TableNames"] == Value(List{"a_z", "abb", "bravo", "charlie"}));
  auto page = platform.call("ListTables", {{"Limit", 2}});
  CHECK(page["TableNames"] == Value(List{"a_z", "abb"}));
  CHECK(page["LastEvaluatedTableName"].string() == "abb");
  page = platform.call("ListTables", {{"Limit", 2}, {"ExclusiveStartTableName", "abb"}});
  CHECK(page["TableNames"] == Value(List{"bravo", "charlie"}));
  CHECK(page["LastEvaluatedTableName"].is_null());

  platform.context.region = "eu-west-1";
  CHECK(platform.call("ListTables")["TableNames"] == Value(List{}));
  CHECK(platform.error("DescribeTable", {{"TableName", "abb"}}).code == "ResourceNotFoundException");
  platform.context.region = "us-east-1";
  platform.context.identity.account_id = "111111111111";
  CHECK(platform.call("ListTables")["TableNames"] == Value(List{}));
}

TEST_CASE("what a table cannot be is refused in DynamoDB's words") {
  Platform platform;
  const auto refused = [&](Map input) {
    const auto error = platform.error("CreateTable", std::move(input));
    CHECK(error.code == "ValidationException");
    return error.message;
  };
  const auto with = [](Map input, const std::string& member, Value value) {
    input.set(member, std::move(value));
    return input;
  };
  const auto table = table_input("orders", {"pk:S", "sk:N"}, {});
  const std::string invalid = "One or more parameter values were invalid: ";

  CHECK(refused(with(table, "TableName", "ab")).find("3") != std::string::npos);
  CHECK(refused(with(table, "TableName", "a b c")).find("[a-zA-Z0-9_.-]+") != std::string::npos);
  CHECK(refused(with(table, "ProvisionedThroughput", Map{{"ReadCapacityUnits", 1}, {"WriteCapacityUnits", 1}})) ==
        invalid +
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST");
  CHECK(refused(with(table, "BillingMode", "PROVISIONED")) ==
        invalid + "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED");
  CHECK(refused(with(table, "KeySchema", key_schema({"pk:S", "xx:N"}))) ==
        invalid +
            "Some index key attributes are not defined in AttributeDefinitions. Keys: [pk, xx], "
            "AttributeDefinitions: [pk, sk]");
  CHECK(refused(with(table, "KeySchema", key_schema({"pk:S", "pk:S"}))) ==
        "Both the Hash Key and the Range Key element in the KeySchema have the same name");
  CHECK(refused(with(table, "KeySchema", key_schema({"pk:S"}))) ==
        invalid +
            "Number of attributes in KeySchema does not exactly match number of attributes defined in "
            "AttributeDefinitions");
  CHECK(refused(with(table_input("orders", {"pk:S"}, {"x:S"}), "LocalSecondaryIndexes",
                     List{index("local", {"pk:S", "x:S"})})) ==
        invalid + "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex");
  const auto with_x = table_input("orders", {"pk:S", "sk:N"}, {"x:S"});
  CHECK(refused(with(with_x, "LocalSecondaryIndexes", List{index("local", {"x:S", "sk:N"})})) ==
        invalid +
            "Index KeySchema does not have the same leading hash key as table KeySchema for index: local. index "
            "hash key: x, table hash key: pk");
  CHECK(refused(with(with_x, "GlobalSecondaryIndexes", List{index("same", {"x:S"}), index("same", {"x:S"})})) ==
        invalid + "Duplicate index name: same");
  CHECK(
      refused(with(with_x, "GlobalSecondaryIndexes",
                   List{index("some", {"x:S"}, {{"ProjectionType", "KEYS_ONLY"}, {"NonKeyAttributes", List{"a"}}})})) ==
      invalid + "ProjectionType is KEYS_ONLY, but NonKeyAttributes is specified");

  const auto unbuilt = platform.error("CreateTable", with(table, "GlobalTableSourceArn", "arn"));
  CHECK(unbuilt.code == "NotImplemented");
  CHECK(unbuilt.message.find("GlobalTableSourceArn") != std::string::npos);
}

TEST_CASE("an index that is added later is filled with the items that were there") {
  Platform platform(table_input("orders", {"id:S"}));
  for (int i = 0; i < 2500; ++i)
    platform.put("orders", {{"id", s("order " + std::to_string(i))}, {"state", s(i % 2 ? "NEW" : "SENT")}});
  platform.put("orders", {{"id", s("without")}});
  platform.put("orders", {{"id", s("other type")}, {"state", n("1")}});

  const auto updated = platform.call(
      "UpdateTable", {{"TableName", "orders"},
                      {"AttributeDefinitions", attribute_definitions({"state:S"})},
                      {"GlobalSecondaryIndexUpdates",
                       List{Map{{"Create", index("by_state", {"state:S"}, {{"ProjectionType", "KEYS_ONLY"}})}}}}});
  CHECK(updated["TableDescription"]["GlobalSecondaryIndexes"][0]["IndexStatus"].string() == "CREATING");
  platform.clock.advance_ms(1);

  const auto described = platform.call("DescribeTable", {{"TableName", "orders"}})["Table"];
  CHECK(described["GlobalSecondaryIndexes"][0]["IndexStatus"].string() == "ACTIVE");
  CHECK(described["GlobalSecondaryIndexes"][0]["ItemCount"].integer() == 2500);
  CHECK(described["GlobalSecondaryIndexes"][0]["Space"].is_null());
  const auto found = platform.call("Query", {{"TableName", "orders"},
                                             {"IndexName", "by_state"},
                                             {"KeyConditionExpression", "#s = :s"},
                                             {"ExpressionAttributeNames", Map{{"#s", "state"}}},
                                             {"ExpressionAttributeValues", Map{{":s", s("NEW")}}}});
  CHECK(found["Count"].integer() == 1250);

  platform.call("UpdateTable",
                {{"TableName", "orders"},
                 {"GlobalSecondaryIndexUpdates", List{Map{{"Delete", Map{{"IndexName", "by_state"}}}}}}});
  platform.clock.advance_ms(1);
  const auto after = platform.call("DescribeTable", {{"TableName", "orders"}})["Table"];
  CHECK(after["GlobalSecondaryIndexes"].is_null());
  CHECK(after["AttributeDefinitions"] == attribute_definitions({"id:S"}));
  CHECK(after["ItemCount"].integer() == 2502);
}

TEST_CASE("capacity may change between provisioned and on demand") {
  Platform platform(table_input("orders", {"id:S"}));
  const auto update = [&](Map input) {
    input.set("TableName", "orders");
    return platform.call("UpdateTable", std::move(input))["TableDescription"];
  };
  const Map ten = {{"ReadCapacityUnits", 10}, {"WriteCapacityUnits", 5}};
  auto table = update({{"BillingMode", "PROVISIONED"}, {"ProvisionedThroughput", ten}});
  CHECK(table["ProvisionedThroughput"]["ReadCapacityUnits"].integer() == 10);
  CHECK(table["BillingModeSummary"].is_null());
  CHECK(platform.error("UpdateTable", {{"TableName", "orders"}, {"ProvisionedThroughput", ten}})
            .message.starts_with("The provisioned throughput for the table will not change."));
  table = update({{"BillingMode", "PAY_PER_REQUEST"}});
  CHECK(table["ProvisionedThroughput"]["ReadCapacityUnits"].integer() == 0);
}
