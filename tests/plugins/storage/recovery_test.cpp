// Backups, point-in-time recovery, policies and contributor insights.
#include <catch2/catch.hpp>
#include <map>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::dynamodb::testing;

namespace {

constexpr std::int64_t second_ms = 1000, day_ms = 24LL * 3600 * 1000;

// "orders": id:S, with an index by owner and one by total.
struct Orders : Platform {
  Orders() : Platform(definition()) {}
  static Map definition() {
    auto input = table_input("orders", {"id:S"}, {"owner:S", "total:N"});
    input.set("GlobalSecondaryIndexes", List{index("by-owner", {"owner:S", "total:N"})});
    return input;
  }
  void order(const std::string& id, const std::string& owner, int total) {
    put("orders", {{"id", s(id)}, {"owner", s(owner)}, {"total", n(std::to_string(total))}});
  }
  void remove(const std::string& id) { call("DeleteItem", {{"TableName", "orders"}, {"Key", Map{{"id", s(id)}}}}); }
  void recover(bool on) {
    call("UpdateContinuousBackups",
         {{"TableName", "orders"}, {"PointInTimeRecoverySpecification", Map{{"PointInTimeRecoveryEnabled", on}}}});
  }
  Value restore(const std::string& target, std::int64_t at_ms) {
    return call("RestoreTableToPointInTime",
                {{"SourceTableName", "orders"}, {"TargetTableName", target}, {"RestoreDateTime", at_ms}});
  }
  // "a:1 b:2", by id.
  std::string all(const std::string& table) {
    std::map<std::string, std::string> found;
    const auto scanned = call("Scan", {{"TableName", table}});
    for (const auto& item : scanned["Items"].list()) found[item["id"]["S"].string()] = item["total"]["N"].string();
    std::string text;
    for (const auto& [id, total] : found) text += (text.empty() ? "" : " ") + id + ":" + total;
    return text;
  }
  std::string owned(const std::string& table, const std::string& owner) {
    std::string text;
    const auto found = call("Query", {{"TableName", table},
                                      {"IndexName", "by-owner"},
                                      {"KeyConditionExpression", "#o = :o"},
                                      {"ExpressionAttributeNames", Map{{"#o", "owner"}}},
                                      {"ExpressionAttributeValues", Map{{":o", s(owner)}}}});
    for (const auto& item : found["Items"].list()) text += item["id"]["S"].string();
    return text;
  }
};

}  // namespace

TEST_CASE("a backup holds the table as it was, and is restored to a new table with its indexes") {
  Orders kernel;
  kernel.order("a", "ann", 1);
  kernel.order("b", "ann", 2);
  const auto details = kernel.call("CreateBackup", {{"TableName", "orders"}, {"BackupName", "first"}})["BackupDetails"];
  CHECK(details["BackupStatus"].string() == "AVAILABLE");
  CHECK(details["BackupType"].string() == "USER");
  const auto arn = details["BackupArn"].string();
  CHECK(arn.starts_with("arn:aws:dynamodb:us-east-1:000000000000:table/orders/backup/01798761600000-"));

  kernel.order("a", "bob", 9);
  kernel.remove("b");
  const auto restored = kernel.call("RestoreTableFromBackup", {{"BackupArn", arn}, {"TargetTableName", "again"}});
  CHECK(restored["TableDescription"]["RestoreSummary"]["SourceBackupArn"].string() == arn);
  CHECK(restored["TableDescription"]["ItemCount"].integer() == 2);
  CHECK(kernel.all("again") == "a:1 b:2");
  CHECK(kernel.owned("again", "ann") == "ab");
  CHECK(kernel.all("orders") == "a:9");

  CHECK(kernel.error("RestoreTableFromBackup", {{"BackupArn", arn}, {"TargetTableName", "again"}}).code ==
        "TableAlreadyExistsException");
  // What happens to either table afterwards is its own.
  kernel.put("again", {{"id", s("c")}, {"owner", s("ann")}, {"total", n("3")}});
  CHECK(kernel.owned("again", "ann") == "abc");
  CHECK(kernel.owned("orders", "ann").empty());
}

TEST_CASE("a restore may leave indexes out and change how the table is billed") {
  Orders kernel;
  kernel.order("a", "ann", 1);
  const auto arn =
      kernel.call("CreateBackup", {{"TableName", "orders"}, {"BackupName", "one"}})["BackupDetails"]["BackupArn"];
  const auto table = kernel.call("RestoreTableFromBackup",
                                 {{"BackupArn", arn},
                                  {"TargetTableName", "again"},
                                  {"BillingModeOverride", "PROVISIONED"},
                                  {"GlobalSecondaryIndexOverride", List{}},
                                  {"ProvisionedThroughputOverride",
                                   Map{{"ReadCapacityUnits", 3}, {"WriteCapacityUnits", 4}}}})["TableDescription"];
  CHECK(table["GlobalSecondaryIndexes"].is_null());
  CHECK(table["ProvisionedThroughput"]["WriteCapacityUnits"].integer() == 4);
  CHECK(table["BillingModeSummary"].is_null());
}

TEST_CASE("backups are listed, described and deleted") {
  Orders kernel;
  std::vector<std::string> arns;
  for (const auto* name : {"one", "two", "three"}) {
    kernel.clock.advance_ms(second_ms);
    arns.push_back(
        kernel.call("CreateBackup", {{"TableName", "orders"}, {"BackupName", name}})["BackupDetails"]["BackupArn"]
            .string());
  }
  const auto page = kernel.call("ListBackups", {{"TableName", "orders"}, {"Limit", 2}});
  REQUIRE(page["BackupSummaries"].list().size() == 2);
  CHECK(page["BackupSummaries"][0]["BackupName"].string() == "one");
  CHECK(page["BackupSummaries"][0]["TableName"].string() == "orders");
  const auto rest = kernel.call("ListBackups", {{"ExclusiveStartBackupArn", page["LastEvaluatedBackupArn"]}});
  REQUIRE(rest["BackupSummaries"].list().size() == 1);
  CHECK(rest["LastEvaluatedBackupArn"].is_null());

  const auto described = kernel.call("DescribeBackup", {{"BackupArn", arns[0]}})["BackupDescription"];
  CHECK(described["SourceTableDetails"]["BillingMode"].string() == "PAY_PER_REQUEST");
  CHECK(described["SourceTableFeatureDetails"]["GlobalSecondaryIndexes"][0]["IndexName"].string() == "by-owner");
  CHECK(kernel.call("DeleteBackup", {{"BackupArn", arns[0]}})["BackupDescription"]["BackupDetails"]["BackupStatus"]
            .string() == "DELETED");
  CHECK(kernel.error("DescribeBackup", {{"BackupArn", arns[0]}}).code == "BackupNotFoundException");
  CHECK(kernel.error("CreateBackup", {{"TableName", "nothing"}, {"BackupName", "one"}}).code ==
        "TableNotFoundException");
}

TEST_CASE("a table is restored to any second since recovery was enabled") {
  Orders kernel;
  kernel.order("a", "ann", 1);
  CHECK(kernel
            .error("RestoreTableToPointInTime",
                   {{"SourceTableName", "orders"}, {"TargetTableName", "again"}, {"UseLatestRestorableTime", true}})
            .code == "PointInTimeRecoveryUnavailableException");
  kernel.recover(true);
  const auto begin = kernel.clock.now().ms;

  kernel.clock.advance_ms(second_ms);
  kernel.order("b", "ann", 2);  // At 1 s.
  kernel.clock.advance_ms(second_ms);
  kernel.order("a", "bob", 10);  // At 2 s: twice within it.
  kernel.order("a", "bob", 11);
  kernel.clock.advance_ms(second_ms);
  kernel.remove("b");  // At 3 s.
  kernel.clock.advance_ms(second_ms);

  kernel.restore("at-0", begin);
  CHECK(kernel.all("at-0") == "a:1");
  kernel.restore("at-1", begin + second_ms);
  CHECK(kernel.all("at-1") == "a:1 b:2");
  CHECK(kernel.owned("at-1", "ann") == "ab");
  kernel.restore("at-2", begin + 2 * second_ms);
  CHECK(kernel.all("at-2") == "a:11 b:2");
  CHECK(kernel.owned("at-2", "bob") == "a");
  kernel.restore("at-3", begin + 3 * second_ms);
  CHECK(kernel.all("at-3") == "a:11");

  const auto out_of_range = [&](std::int64_t at_ms) {
    return kernel
        .error("RestoreTableToPointInTime",
               {{"SourceTableName", "orders"}, {"TargetTableName", "never"}, {"RestoreDateTime", at_ms}})
        .code;
  };
  CHECK(out_of_range(begin - second_ms) == "InvalidRestoreTimeException");
  CHECK(out_of_range(kernel.clock.now().ms + second_ms) == "InvalidRestoreTimeException");
}

TEST_CASE("recovery reaches back 35 days, across a restart, and no further") {
  Orders kernel;
  kernel.recover(true);
  kernel.order("a", "ann", 1);
  kernel.clock.advance_ms(20 * day_ms);
  kernel.order("a", "ann", 2);
  const auto then = kernel.clock.now().ms;
  kernel.restart();
  kernel.clock.advance_ms(20 * day_ms);
  const auto described =
      kernel.call("DescribeContinuousBackups",
                  {{"TableName", "orders"}})["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"];
  CHECK(described["PointInTimeRecoveryStatus"].string() == "ENABLED");
  CHECK(described["EarliestRestorableDateTime"].integer() == kernel.clock.now().ms - 35 * day_ms);
  kernel.restore("before", then - second_ms);
  CHECK(kernel.all("before") == "a:1");
  kernel.recover(false);
  CHECK(kernel
            .error("RestoreTableToPointInTime",
                   {{"SourceTableName", "orders"}, {"TargetTableName", "again"}, {"UseLatestRestorableTime", true}})
            .code == "PointInTimeRecoveryUnavailableException");
}

TEST_CASE("a deleted table with recovery becomes a system backup for 35 days") {
  Orders kernel;
  kernel.recover(true);
  kernel.order("a", "ann", 1);
  kernel.call("DeleteTable", {{"TableName", "orders"}});
  const auto backups = kernel.call("ListBackups", {{"BackupType", "SYSTEM"}})["BackupSummaries"];
  REQUIRE(backups.list().size() == 1);
  CHECK(backups[0]["BackupName"].string() == "orders$DeletedTableBackup");
  kernel.call("RestoreTableFromBackup", {{"BackupArn", backups[0]["BackupArn"]}, {"TargetTableName", "orders"}});
  CHECK(kernel.all("orders") == "a:1");
  kernel.clock.advance_ms(35 * day_ms);
  CHECK(kernel.call("ListBackups", {{"BackupType", "ALL"}})["BackupSummaries"].list().empty());
  CHECK(kernel.all("orders") == "a:1");
}

TEST_CASE("contributor insights are kept, described and listed") {
  Orders kernel;
  const Map table = {{"TableName", "orders"}};
  CHECK(kernel.call("DescribeContributorInsights", table)["ContributorInsightsStatus"].string() == "DISABLED");
  kernel.call("UpdateContributorInsights",
              {{"TableName", "orders"}, {"IndexName", "by-owner"}, {"ContributorInsightsAction", "ENABLE"}});
  CHECK(kernel
            .call("DescribeContributorInsights",
                  {{"TableName", "orders"}, {"IndexName", "by-owner"}})["ContributorInsightsStatus"]
            .string() == "ENABLED");
  CHECK(kernel.error("UpdateContributorInsights", {{"TableName", "orders"}, {"ContributorInsightsAction", "PERHAPS"}})
            .code == "ValidationException");
  const auto listed = kernel.call("ListContributorInsights")["ContributorInsightsSummaries"];
  REQUIRE(listed.list().size() == 1);
  CHECK(listed[0]["IndexName"].string() == "by-owner");
}
