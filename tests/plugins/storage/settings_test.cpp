// What a table has beside its keys: encryption, limits on demand, warm throughput, policies, tags.
#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::dynamodb::testing;

namespace {

const std::string invalid = "One or more parameter values were invalid: ";
const std::string table_arn = "arn:aws:dynamodb:us-east-1:000000000000:table/orders";
constexpr auto some_policy =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"dynamodb:GetItem","Resource":"*"}]})";

Map with(Map input, const std::string& member, Value value) {
  input.set(member, std::move(value));
  return input;
}

struct Orders : Platform {
  Orders() : Platform(table_input("orders", {"id:S"})) {}
  explicit Orders(Map input) : Platform(std::move(input)) {}
  Value update(const std::string& member, Value value) {
    return call("UpdateTable", {{"TableName", "orders"}, {member, std::move(value)}})["TableDescription"];
  }
  std::string refused(const std::string& member, Value value) {
    const auto error = this->error("UpdateTable", {{"TableName", "orders"}, {member, std::move(value)}});
    CHECK(error.code == "ValidationException");
    return error.message;
  }
  Value described() { return call("DescribeTable", {{"TableName", "orders"}})["Table"]; }
};

Map provisioned(std::int64_t read, std::int64_t write) {
  return {{"ReadCapacityUnits", read}, {"WriteCapacityUnits", write}};
}
Map warm(std::int64_t read, std::int64_t write) {
  return {{"ReadUnitsPerSecond", read}, {"WriteUnitsPerSecond", write}};
}

}  // namespace

TEST_CASE("a table's encryption is described with the key's ARN, and by default not at all") {
  Orders kernel;
  CHECK(kernel.described()["SSEDescription"].is_null());
  CHECK(kernel.refused("SSESpecification", Map{{"Enabled", false}}) ==
        invalid + "Table is already encrypted by default");

  const auto own = kernel.update("SSESpecification", Map{{"Enabled", true}})["SSEDescription"];
  CHECK(own["Status"].string() == "ENABLED");
  CHECK(own["SSEType"].string() == "KMS");
  const std::string key = "arn:aws:kms:us-east-1:000000000000:key/";
  CHECK(own["KMSMasterKeyArn"].string().starts_with(key));
  CHECK(own["KMSMasterKeyArn"].string().size() == key.size() + 36);
  CHECK(kernel.described()["SSEDescription"] == own);

  const auto of = [&](const char* id) {
    return kernel
        .update("SSESpecification",
                Map{{"Enabled", true}, {"SSEType", "KMS"}, {"KMSMasterKeyId", id}})["SSEDescription"]["KMSMasterKeyArn"]
        .string();
  };
  CHECK(of("alias/aws/dynamodb") == own["KMSMasterKeyArn"].string());
  CHECK(of("11111111-2222-3333-4444-555555555555") == key + "11111111-2222-3333-4444-555555555555");
  const auto orders = of("arn:aws:kms:us-east-1:000000000000:alias/orders");
  CHECK(orders == of("alias/orders"));
  CHECK(orders != own["KMSMasterKeyArn"].string());
  CHECK(of((key + "7").c_str()) == key + "7");
  CHECK(kernel.refused("SSESpecification", Map{{"Enabled", true}, {"SSEType", "KMS"}, {"KMSMasterKeyId", key + "7"}}) ==
        invalid +
            "Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to "
            "change Master Key");
  CHECK(kernel.update("SSESpecification", Map{{"Enabled", false}})["SSEDescription"].is_null());
}

TEST_CASE("an encryption that cannot be is refused") {
  Platform kernel;
  const auto table = table_input("orders", {"id:S"});
  const auto refused = [&](Map specification) {
    return kernel.error("CreateTable", with(table, "SSESpecification", std::move(specification))).message;
  };
  CHECK(refused({{"Enabled", true}, {"SSEType", "AES256"}}) == invalid + "SSEType AES256 is not supported");
  CHECK(refused({{"SSEType", "KMS"}}) == invalid + "SSEType can not be specified if Enabled is false");
  CHECK(refused({{"Enabled", false}, {"KMSMasterKeyId", "alias/a"}}) ==
        invalid + "KMSMasterKeyId can not be specified if Enabled is false");
  CHECK(refused({{"Enabled", true}, {"KMSMasterKeyId", "alias/a"}}) ==
        invalid + "SSEType KMS is required if KMSMasterKeyId is specified");
  const auto made = kernel.call("CreateTable", with(table, "SSESpecification", Map{{"Enabled", true}}));
  CHECK(made["TableDescription"]["SSEDescription"]["Status"].string() == "ENABLED");
}

TEST_CASE("limits on demand are set one by one and taken away by -1") {
  Orders kernel(with(table_input("orders", {"id:S"}), "OnDemandThroughput", Map{{"MaxReadRequestUnits", 100}}));
  CHECK(kernel.described()["OnDemandThroughput"] == Value(Map{{"MaxReadRequestUnits", 100}}));
  CHECK(kernel.update("OnDemandThroughput", Map{{"MaxWriteRequestUnits", 50}})["OnDemandThroughput"] ==
        Value(Map{{"MaxReadRequestUnits", 100}, {"MaxWriteRequestUnits", 50}}));
  CHECK(kernel.update("OnDemandThroughput", Map{{"MaxWriteRequestUnits", -1}})["OnDemandThroughput"] ==
        Value(Map{{"MaxReadRequestUnits", 100}, {"MaxWriteRequestUnits", -1}}));
  CHECK(kernel.update("OnDemandThroughput", Map{{"MaxReadRequestUnits", -1}})["OnDemandThroughput"].is_null());

  const auto range =
      invalid + "Requested MaxWriteRequestUnits for OnDemandThroughput for table is outside of valid range";
  CHECK(kernel.refused("OnDemandThroughput", Map{{"MaxWriteRequestUnits", 0}}) == range);
  CHECK(kernel.refused("OnDemandThroughput", Map{{"MaxWriteRequestUnits", -2}}) == range);
  CHECK(kernel
            .error("CreateTable",
                   with(table_input("new", {"id:S"}), "OnDemandThroughput", Map{{"MaxWriteRequestUnits", -1}}))
            .message == range);
  auto input = with(table_input("new", {"id:S"}), "BillingMode", "PROVISIONED");
  input.set("ProvisionedThroughput", provisioned(1, 1));
  CHECK(kernel.error("CreateTable", with(input, "OnDemandThroughput", Map{{"MaxReadRequestUnits", 1}})).message ==
        invalid +
            "MaxReadRequestUnits for OnDemandThroughput cannot be specified when the table BillingMode is PROVISIONED");
}

TEST_CASE("limits on demand are enforced where the tag asks for it, a second at a time") {
  auto input = with(table_input("orders", {"id:S"}), "OnDemandThroughput", Map{{"MaxWriteRequestUnits", 3}});
  input.set("Tags", List{Map{{"Key", "moonbase:throughput"}, {"Value", "enforced"}}});
  Orders kernel(input);
  const auto writes = [&](int count) {
    int through = 0;
    for (int i = 0; i < count; ++i)
      through +=
          kernel.try_call("dynamodb", "PutItem", {{"TableName", "orders"}, {"Item", Map{{"id", s("a")}}}}) ? 1 : 0;
    return through;
  };
  CHECK(writes(10) == 3);
  kernel.clock.advance_ms(60'000);
  CHECK(writes(10) == 3);
  const auto error = kernel.error("PutItem", {{"TableName", "orders"}, {"Item", Map{{"id", s("a")}}}});
  CHECK(error.code == "ThrottlingException");
  CHECK(error.message == "Throughput exceeds the maximum OnDemandThroughput configured on table or index");
  CHECK(error.members.find("throttlingReasons")->list()[0] ==
        Value(Map{{"reason", "TableWriteMaxOnDemandThroughputExceeded"}, {"resource", table_arn}}));
  for (int i = 0; i < 100; ++i) CHECK(kernel.get("orders", {{"id", s("a")}})["id"]["S"].string() == "a");
  kernel.update("OnDemandThroughput", Map{{"MaxWriteRequestUnits", -1}});
  CHECK(writes(50) == 50);
}

TEST_CASE("warm throughput begins with the capacity mode's and only grows") {
  Orders kernel;
  const auto described = [&] {
    const auto found = kernel.described()["WarmThroughput"];
    CHECK(found["Status"].string() == "ACTIVE");
    return std::pair{found["ReadUnitsPerSecond"].integer(), found["WriteUnitsPerSecond"].integer()};
  };
  CHECK(described() == std::pair<std::int64_t, std::int64_t>{12'000, 4'000});
  kernel.update("WarmThroughput", Map{{"WriteUnitsPerSecond", 5'000}});
  CHECK(described() == std::pair<std::int64_t, std::int64_t>{12'000, 5'000});
  kernel.update("WarmThroughput", warm(12'000, 5'000));
  CHECK(kernel.refused("WarmThroughput", warm(12'000, 4'999)) ==
        invalid +
            "Requested WriteUnitsPerSecond for WarmThroughput for table is lower than current WarmThroughput, "
            "decreasing WarmThroughput is not supported");

  const auto table = table_input("new", {"id:S"});
  CHECK(kernel.error("CreateTable", with(table, "WarmThroughput", warm(1, 1))).message ==
        invalid +
            "Requested ReadUnitsPerSecond for WarmThroughput for table is lower than initial throughput for "
            "OnDemand. See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"
            "on-demand-capacity-mode.html#on-demand-capacity-mode-initial");
  auto metered = with(with(table, "BillingMode", "PROVISIONED"), "ProvisionedThroughput", provisioned(10, 10));
  CHECK(kernel.error("CreateTable", with(metered, "WarmThroughput", warm(10, 5))).message ==
        invalid +
            "Requested WriteUnitsPerSecond for WarmThroughput for table is lower than WriteCapacityUnits of "
            "ProvisionedThroughput");
  const auto made = kernel.call("CreateTable", with(metered, "WarmThroughput", warm(10, 20)))["TableDescription"];
  CHECK(made["WarmThroughput"]["WriteUnitsPerSecond"].integer() == 20);
}

TEST_CASE("an index has limits and warm throughput of its own") {
  auto input = table_input("orders", {"id:S"}, {"owner:S"});
  auto by_owner = index("by-owner", {"owner:S"});
  by_owner.set("OnDemandThroughput", Map{{"MaxReadRequestUnits", 7}});
  input.set("GlobalSecondaryIndexes", List{by_owner});
  Orders kernel(input);
  const auto described = [&] { return kernel.described()["GlobalSecondaryIndexes"][0]; };
  CHECK(described()["OnDemandThroughput"]["MaxReadRequestUnits"].integer() == 7);
  CHECK(described()["WarmThroughput"]["ReadUnitsPerSecond"].integer() == 12'000);
  const auto change = [](Map update) {
    update.set("IndexName", "by-owner");
    return List{Map{{"Update", std::move(update)}}};
  };
  kernel.update("GlobalSecondaryIndexUpdates", change({{"WarmThroughput", warm(13'000, 4'000)}}));
  CHECK(described()["WarmThroughput"]["ReadUnitsPerSecond"].integer() == 13'000);
  CHECK(described()["Warm"].is_null());
  CHECK(kernel.refused("GlobalSecondaryIndexUpdates", change({{"WarmThroughput", warm(12'000, 4'000)}})) ==
        invalid +
            "Requested ReadUnitsPerSecond for WarmThroughput for index by-owner is lower than current "
            "WarmThroughput, decreasing WarmThroughput is not supported");
  CHECK(kernel.refused("GlobalSecondaryIndexUpdates", change({})) ==
        invalid +
            "The only Updates for index: by-owner when TableThroughputMode is PAY_PER_REQUEST can be to "
            "OnDemandThroughput, WarmThroughput");
  kernel.update("GlobalSecondaryIndexUpdates", change({{"OnDemandThroughput", Map{{"MaxReadRequestUnits", -1}}}}));
  CHECK(described()["OnDemandThroughput"].is_null());
}

TEST_CASE("one request changes one thing") {
  Orders kernel;
  const auto refused = [&](Map input) {
    input.set("TableName", "orders");
    return kernel.error("UpdateTable", std::move(input)).message;
  };
  CHECK(refused({}).starts_with("At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled,"));
  CHECK(refused({{"DeletionProtectionEnabled", true}, {"SSESpecification", Map{{"Enabled", true}}}}) ==
        invalid + "Server-Side Encryption modification must be the only operation in the request");
  CHECK(refused({{"DeletionProtectionEnabled", true}, {"BillingMode", "PAY_PER_REQUEST"}}) ==
        invalid + "DeletionProtection modification must be the only operation in the request");
  const Map stream = {{"StreamEnabled", true}, {"StreamViewType", "KEYS_ONLY"}};
  CHECK(refused({{"StreamSpecification", stream}, {"ProvisionedThroughput", provisioned(1, 1)}}) ==
        invalid + "You cannot modify stream status while updating table IOPS");
  const auto create = [](const char* name) { return Map{{"Create", index(name, {"id:S"})}}; };
  CHECK(refused({{"StreamSpecification", stream}, {"GlobalSecondaryIndexUpdates", List{create("one")}}}) ==
        invalid + "You cannot create or delete index while changing stream status");
  CHECK(refused({{"GlobalSecondaryIndexUpdates", List{create("one"), create("two")}}}) ==
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table");
  CHECK(refused({{"GlobalSecondaryIndexUpdates", List{Map{}}}}) ==
        invalid +
            "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
            "GlobalSecondaryIndexUpdate.Delete must not be null");
  CHECK(kernel.described()["GlobalSecondaryIndexes"].is_null());
}

TEST_CASE("a resource policy is kept with its revision, also two in one moment") {
  Orders kernel;
  CHECK(kernel.error("GetResourcePolicy", {{"ResourceArn", table_arn}}).code == "PolicyNotFoundException");
  const auto put = [&](const std::string& policy) {
    return kernel.call("PutResourcePolicy", {{"ResourceArn", table_arn}, {"Policy", policy}})["RevisionId"];
  };
  const auto revision = put(some_policy);
  CHECK(put(some_policy) == revision);
  CHECK(kernel.call("GetResourcePolicy", {{"ResourceArn", table_arn}})["Policy"].string() == some_policy);
  CHECK(kernel
            .error("PutResourcePolicy",
                   {{"ResourceArn", table_arn}, {"Policy", some_policy}, {"ExpectedRevisionId", "NO_POLICY"}})
            .code == "PolicyNotFoundException");
  const auto second = put(std::string(some_policy) + " ");
  CHECK(second != revision);
  CHECK(kernel.error("DeleteResourcePolicy", {{"ResourceArn", table_arn}, {"ExpectedRevisionId", revision}}).code ==
        "PolicyNotFoundException");
  CHECK(kernel.call("DeleteResourcePolicy",
                    {{"ResourceArn", table_arn}, {"ExpectedRevisionId", second}})["RevisionId"] == second);
  CHECK(kernel.error("GetResourcePolicy", {{"ResourceArn", table_arn}}).code == "PolicyNotFoundException");
  CHECK(kernel.described()["Policy"].is_null());

  const auto refused = [&](const std::string& policy) {
    return kernel.error("PutResourcePolicy", {{"ResourceArn", table_arn}, {"Policy", policy}}).message;
  };
  CHECK(refused("{") == invalid + "Invalid policy document: This policy contains invalid Json");
  CHECK(refused("{}") == invalid + "Invalid policy document: Could not parse the policy: Statement is empty!");
  CHECK(refused(std::string(20'481, ' ')) == invalid + "Maximum policy size of 20480 bytes exceeded");
}

TEST_CASE("a table is made with its policy, and its stream has one of its own") {
  auto input = with(table_input("orders", {"id:S"}), "ResourcePolicy", some_policy);
  input.set("StreamSpecification", Map{{"StreamEnabled", true}, {"StreamViewType", "KEYS_ONLY"}});
  Orders kernel(input);
  CHECK(kernel.call("GetResourcePolicy", {{"ResourceArn", table_arn}})["Policy"].string() == some_policy);
  const auto stream = kernel.described()["LatestStreamArn"];
  CHECK(kernel.error("GetResourcePolicy", {{"ResourceArn", stream}}).code == "PolicyNotFoundException");
  const std::string other = std::string(some_policy) + " ";
  kernel.call("PutResourcePolicy", {{"ResourceArn", stream}, {"Policy", other}});
  CHECK(kernel.call("GetResourcePolicy", {{"ResourceArn", stream}})["Policy"].string() == other);
  CHECK(kernel.call("GetResourcePolicy", {{"ResourceArn", table_arn}})["Policy"].string() == some_policy);
  kernel.call("DeleteResourcePolicy", {{"ResourceArn", stream}});
  CHECK(kernel.error("GetResourcePolicy", {{"ResourceArn", stream}}).code == "PolicyNotFoundException");
  CHECK(
      kernel.error("PutResourcePolicy", {{"ResourceArn", table_arn + "/stream/never"}, {"Policy", some_policy}}).code ==
      "ResourceNotFoundException");
  CHECK(kernel.error("CreateTable", with(table_input("bad", {"id:S"}), "ResourcePolicy", "{}"))
            .message.starts_with(invalid + "Invalid policy document"));
}

TEST_CASE("an ARN stands for the table of its own account and region, and for no other") {
  Orders kernel;
  CHECK(kernel.call("DescribeTable", {{"TableName", table_arn}})["Table"]["TableName"].string() == "orders");
  for (const auto* foreign : {"arn:aws:dynamodb:eu-west-1:000000000000:table/orders",
                              "arn:aws:dynamodb:us-east-1:111111111111:table/orders"}) {
    CHECK(kernel.error("PutItem", {{"TableName", foreign}, {"Item", Map{{"id", s("a")}}}}).code ==
          "ResourceNotFoundException");
    CHECK(kernel.error("DescribeTable", {{"TableName", foreign}}).code == "ResourceNotFoundException");
  }
  CHECK(kernel.call("Scan", {{"TableName", "orders"}})["Count"].integer() == 0);

  const auto refused = [&](const std::string& arn) {
    return kernel.error("ListTagsOfResource", {{"ResourceArn", arn}}).message;
  };
  CHECK(refused("orders") == invalid + "ARNs must start with 'arn:': orders");
  CHECK(refused("arn:aws:sqs:us-east-1:000000000000:orders") ==
        invalid + "Provided Arn is not a DynamoDB resource arn: arn:aws:sqs:us-east-1:000000000000:orders");
  CHECK(refused("arn:aws:dynamodb:eu-west-1:000000000000:table/orders") ==
        "Invalid TableArn: Invalid ResourceArn provided as input arn:aws:dynamodb:eu-west-1:000000000000:table/orders");
  CHECK(refused(table_arn + "/index/a") ==
        invalid + "Invalid resource arn provided, only table or stream is accepted. Provided resource arn: " +
            table_arn + "/index/a");
}

TEST_CASE("tags are refused in the service's words") {
  Orders kernel;
  const auto refused = [&](List tags) {
    return kernel.error("TagResource", {{"ResourceArn", table_arn}, {"Tags", std::move(tags)}}).message;
  };
  const auto tag = [](const std::string& key) { return Map{{"Key", key}, {"Value", "x"}}; };
  CHECK(refused({}) == "Atleast one Tag needs to be provided as Input.");
  CHECK(refused({tag("aws:a")}) == "Tag Key cannot be prefixed with aws:, Key: aws:a");
  CHECK(refused({tag("a"), tag("a")}) == "Duplicate Tag Keys provided as input: Duplicate Tag Key found a");
  List many;
  for (int i = 0; i < 51; ++i) many.push_back(tag("key-" + std::to_string(i)));
  CHECK(refused(many) == "Number of Tags exceed the current limit for the provided ResourceArn");
  CHECK(kernel.call("ListTagsOfResource", {{"ResourceArn", table_arn}})["Tags"].list().empty());
}
