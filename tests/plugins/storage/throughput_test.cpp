// Provisioned throughput, where it is asked to be enforced.
#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::dynamodb::testing;

namespace {

constexpr std::int64_t second_ms = 1000;

Map provisioned(std::int64_t read, std::int64_t write) {
  return {{"ReadCapacityUnits", read}, {"WriteCapacityUnits", write}};
}

struct Metered : Platform {
  explicit Metered(bool enforced = true) : Platform(definition(enforced)) {}
  static Map definition(bool enforced) {
    auto input = table_input("orders", {"id:S"}, {"owner:S"});
    input.set("BillingMode", "PROVISIONED");
    input.set("ProvisionedThroughput", provisioned(5, 5));
    auto by_owner = index("by-owner", {"owner:S"});
    by_owner.set("ProvisionedThroughput", provisioned(1, 2));
    input.set("GlobalSecondaryIndexes", List{by_owner});
    if (enforced) input.set("Tags", List{Map{{"Key", "moonbase:throughput"}, {"Value", "enforced"}}});
    return input;
  }
  // How many of `count` writes of one unit are let through.
  int writes(int count, const char* attribute = "note") {
    int through = 0;
    for (int i = 0; i < count; ++i) {
      const auto id = "item-" + std::to_string(i) + "-" + std::to_string(clock.now().ms);
      const auto written = try_call("dynamodb", "PutItem",
                                    {{"TableName", "orders"}, {"Item", Map{{"id", s(id)}, {attribute, s("x")}}}});
      if (written) ++through;
      else CHECK(written.error().code == "ProvisionedThroughputExceededException");
    }
    return through;
  }
};

}  // namespace

TEST_CASE("throughput is enforced only where the table's tag asks for it") {
  Metered kernel(false);
  CHECK(kernel.writes(100) == 100);
}

TEST_CASE("a table lets through what is provisioned, and saves what is not used for five minutes") {
  Metered kernel;
  CHECK(kernel.writes(20) == 5);
  kernel.clock.advance_ms(second_ms);
  CHECK(kernel.writes(20) == 5);
  kernel.clock.advance_ms(10 * second_ms);
  CHECK(kernel.writes(100) == 50);
  kernel.clock.advance_ms(3600 * second_ms);
  CHECK(kernel.writes(2000) == 1500);
}

TEST_CASE("a global index that cannot follow holds the table's writes back") {
  Metered kernel;
  CHECK(kernel.writes(20, "owner") == 2);
  const auto error = kernel.error("PutItem", {{"TableName", "orders"}, {"Item", Map{{"id", s("a")}}}});
  CHECK(error.message.find("global secondary indexes") != std::string::npos);
}

TEST_CASE("reads have their own units, and raising them takes effect at once") {
  Metered kernel;
  kernel.put("orders", {{"id", s("a")}});
  const Map get = {{"TableName", "orders"}, {"Key", Map{{"id", s("a")}}}, {"ConsistentRead", true}};
  const auto reads = [&](int count) {
    int through = 0;
    for (int i = 0; i < count; ++i) through += kernel.try_call("dynamodb", "GetItem", get) ? 1 : 0;
    return through;
  };
  CHECK(reads(20) == 5);
  CHECK(kernel.error("Scan", {{"TableName", "orders"}}).code == "ProvisionedThroughputExceededException");
  kernel.call("UpdateTable", {{"TableName", "orders"}, {"ProvisionedThroughput", provisioned(50, 5)}});
  kernel.clock.advance_ms(second_ms);
  CHECK(reads(100) == 50);
}

TEST_CASE("a batch leaves what is not let through to the client") {
  Metered kernel;
  kernel.call("CreateTable", table_input("free", {"id:S"}));
  CHECK(kernel.writes(20) == 5);
  const auto put = [](const char* id) { return List{Map{{"PutRequest", Map{{"Item", Map{{"id", s(id)}}}}}}}; };
  const auto output = kernel.call("BatchWriteItem", {{"RequestItems", Map{{"free", put("a")}, {"orders", put("b")}}}});
  CHECK(output["UnprocessedItems"]["orders"][0]["PutRequest"]["Item"]["id"]["S"].string() == "b");
  CHECK(output["UnprocessedItems"]["free"].is_null());
  CHECK(kernel.get("free", {{"id", s("a")}})["id"]["S"].string() == "a");
  CHECK(kernel.error("BatchWriteItem", {{"RequestItems", Map{{"orders", put("b")}}}}).code ==
        "ProvisionedThroughputExceededException");
}
