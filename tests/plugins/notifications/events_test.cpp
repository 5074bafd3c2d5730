#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::notifications::testing;

TEST_CASE("an event reaches the targets of the rules that it matches, field by field as AWS sends it") {
  TestKernel kernel{"events", with_recorder()};
  rule(kernel, "orders", R"({"source":["shop"]})", {{"Arn", recorder_arn("a")}});
  rule(kernel, "others", R"({"source":["bank"]})", {{"Arn", recorder_arn("b")}});
  const auto answer = put(kernel, entry(R"({"total":12.5,"id":7})"));
  CHECK(answer["FailedEntryCount"].integer() == 0);
  const auto all = received(kernel);
  REQUIRE(all.size() == 1);
  CHECK(all[0].arn == recorder_arn("a"));
  CHECK(all[0].service == "events.amazonaws.com");
  CHECK(all[0].payload == R"({"version":"0","id":")" + answer["Entries"][0]["EventId"].string() +
                              R"(","detail-type":"Order","source":"shop","account":"000000000000",)"
                              R"("time":"2027-01-01T00:00:00Z","region":"us-east-1","resources":[],)"
                              R"("detail":{"total":12.5,"id":7}})");
}
