// CloudWatch Logs: groups, streams, events, patterns, retention, subscriptions.
#include <catch2/catch.hpp>
#include <moonbase/hash.hpp>

#include "support.hpp"

using namespace support;
using moonbase::List;
using moonbase::Map;
using moonbase::Value;
using moonbase::testing::TestKernel;

namespace {

constexpr std::int64_t start_ms = 1'798'761'600'000, day_ms = 86'400'000;

struct Logs {
  TestKernel kernel{"logs", functions_and_storage};
  Logs() {
    kernel.call("CreateLogGroup", {{"logGroupName", "app"}, {"tags", Map{{"team", "lamps"}}}});
    kernel.call("CreateLogStream", {{"logGroupName", "app"}, {"logStreamName", "one"}});
  }
  static Value event(std::int64_t at_ms, const std::string& message) {
    return Map{{"timestamp", at_ms}, {"message", message}};
  }
  Map batch(List events) {
    return {{"logGroupName", "app"}, {"logStreamName", "one"}, {"logEvents", std::move(events)}};
  }
  Value put(const std::vector<std::string>& messages, std::int64_t at_ms = start_ms) {
    List events;
    for (const auto& message : messages) events.push_back(event(at_ms, message));
    return kernel.call("PutLogEvents", batch(std::move(events)));
  }
  // The messages that a pattern finds, "a|b".
  std::string find(const std::string& pattern) {
    std::string found;
    const auto answer = kernel.call("FilterLogEvents", {{"logGroupName", "app"}, {"filterPattern", pattern}});
    for (const auto& one : answer["events"].list()) found += (found.empty() ? "" : "|") + one["message"].string();
    return found;
  }
  std::string refused(const std::string& pattern) {
    return kernel.error("FilterLogEvents", {{"logGroupName", "app"}, {"filterPattern", pattern}}).code;
  }
};

}  // namespace

TEST_CASE_METHOD(Logs, "groups and streams are made, listed and removed") {
  CHECK(kernel.error("CreateLogGroup", {{"logGroupName", "app"}}).code == "ResourceAlreadyExistsException");
  CHECK(kernel.error("CreateLogGroup", {{"logGroupName", "a b"}}).code == "InvalidParameterException");
  CHECK(kernel.error("CreateLogStream", {{"logGroupName", "app"}, {"logStreamName", "a:b"}}).code ==
        "InvalidParameterException");
  for (const char* name : {"app/1", "app/2", "zoo"}) kernel.call("CreateLogGroup", {{"logGroupName", name}});
  auto page = kernel.call("DescribeLogGroups", {{"logGroupNamePrefix", "app"}, {"limit", 2}});
  REQUIRE(page["logGroups"].list().size() == 2);
  CHECK(page["logGroups"][0]["arn"].string() == "arn:aws:logs:us-east-1:000000000000:log-group:app:*");
  page = kernel.call("DescribeLogGroups", {{"logGroupNamePrefix", "app"}, {"nextToken", page["nextToken"]}});
  REQUIRE(page["logGroups"].list().size() == 1);
  CHECK(page["nextToken"].is_null());
  put({"x"});
  CHECK(kernel.call("DescribeLogGroups", {{"logGroupNamePrefix", "app"}})["logGroups"][0]["storedBytes"].integer() > 0);
  const auto streams = kernel.call("DescribeLogStreams", {{"logGroupName", "app"}})["logStreams"];
  CHECK(streams[0]["firstEventTimestamp"].integer() == start_ms);
  kernel.call("DeleteLogStream", {{"logGroupName", "app"}, {"logStreamName", "one"}});
  CHECK(find("").empty());
  kernel.call("PutLogGroupDeletionProtection", {{"logGroupIdentifier", "app"}, {"deletionProtectionEnabled", true}});
  CHECK(kernel.error("DeleteLogGroup", {{"logGroupName", "app"}}).code == "ValidationException");
  kernel.call("PutLogGroupDeletionProtection", {{"logGroupIdentifier", "app"}, {"deletionProtectionEnabled", false}});
  kernel.call("DeleteLogGroup", {{"logGroupName", "app"}});
  CHECK(kernel.error("FilterLogEvents", {{"logGroupName", "app"}}).code == "ResourceNotFoundException");
}

TEST_CASE_METHOD(Logs, "a batch of events keeps the rules of PutLogEvents") {
  const auto message = [&](List events) { return kernel.error("PutLogEvents", batch(std::move(events))).message; };
  CHECK(message({event(start_ms, "b"), event(start_ms - 1, "a")}) ==
        "Log events in a single PutLogEvents request must be in chronological order.");
  CHECK(message({event(start_ms - day_ms - 1, "a"), event(start_ms, "b")}) ==
        "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
  CHECK(message({event(start_ms, std::string(1'048'576 - 25, 'x'))}) ==
        "Upload too large: 1048577 bytes exceeds limit of 1048576");
  CHECK(kernel.call("PutLogEvents", batch({event(start_ms, std::string(1'048'576 - 26, 'x'))}))["rejectedLogEventsInfo"]
            .is_null());
  const auto rejected =
      kernel.call("PutLogEvents", batch({event(start_ms + 7'200'000, "good"), event(start_ms + 7'200'001, "new")}));
  CHECK(rejected["rejectedLogEventsInfo"]["tooNewLogEventStartIndex"].integer() == 1);
  const auto old = kernel.call(
      "PutLogEvents", batch({event(start_ms - 14 * day_ms - 1, "old"), event(start_ms - 14 * day_ms, "just")}));
  CHECK(old["rejectedLogEventsInfo"]["tooOldLogEventEndIndex"].integer() == 1);
  CHECK(find("just good") == "");
  CHECK(find("?just ?good ?new ?old") == "just|good");
  CHECK(kernel
            .error("PutLogEvents",
                   {{"logGroupName", "app"}, {"logStreamName", "none"}, {"logEvents", List{event(1, "x")}}})
            .message == "The specified log stream does not exist.");
}

TEST_CASE_METHOD(Logs, "events are read by time, page by page in both directions") {
  put({"c"}, start_ms + 2);
  put({"a", "b"}, start_ms + 1);
  const auto read = [&](Map more) {
    Map input{{"logGroupName", "app"}, {"logStreamName", "one"}};
    for (auto& [key, value] : more) input.set(key, value);
    return kernel.call("GetLogEvents", std::move(input));
  };
  auto page = read({{"startFromHead", true}, {"limit", 2}});
  CHECK(page["events"][0]["message"].string() == "a");
  CHECK(page["events"][1]["message"].string() == "b");
  page = read({{"nextToken", page["nextForwardToken"]}});
  REQUIRE(page["events"].list().size() == 1);
  CHECK(page["events"][0]["message"].string() == "c");
  const auto end = page["nextForwardToken"];
  page = read({{"nextToken", end}});
  CHECK(page["events"].list().empty());
  CHECK(page["nextForwardToken"] == end);
  page = read({{"limit", 1}});
  CHECK(page["events"][0]["message"].string() == "c");
  page = read({{"nextToken", page["nextBackwardToken"]}, {"limit", 1}});
  CHECK(page["events"][0]["message"].string() == "b");
  CHECK(read({{"startTime", start_ms + 2}})["events"].list().size() == 1);
  CHECK(read({{"endTime", start_ms + 2}})["events"].list().size() == 2);
}

TEST_CASE_METHOD(Logs, "words, JSON and columns find what they say") {
  put({"ERROR no lamps", "WARN few lamps", "INFO many lamps",
       R"({"status":404,"user":{"name":"ann"},"tags":["a","b"]})", R"({"status":500,"user":null,"ok":true})",
       R"(127.0.0.1 ann [10/Oct] "GET /x" 404 1534)"});
  CHECK(find("lamps -INFO") == "ERROR no lamps|WARN few lamps");
  CHECK(find("?ERROR ?WARN") == "ERROR no lamps|WARN few lamps");
  CHECK(find(R"("no lamps")") == "ERROR no lamps");
  CHECK(find("{ $.status = 404 }").find("ann") != std::string::npos);
  CHECK(find("{ $.status >= 500 && $.ok IS TRUE }").find("500") != std::string::npos);
  CHECK(find("{ $.status = 5* }").find("500") != std::string::npos);
  CHECK(find(R"({ $.user.name = "a*" || $.nothing EXISTS })").find("404") != std::string::npos);
  CHECK(find("{ $.user IS NULL }").find("500") != std::string::npos);
  CHECK(find("{ ($.user.name NOT EXISTS) && $.status = * }").find("500") != std::string::npos);
  CHECK(find(R"({ $.tags[1] = "b" })").find("404") != std::string::npos);
  CHECK(find(R"({ $.tags[*] = "c" })").empty());
  CHECK(find("[ip, user = ann, time, request, status = 4*, bytes > 1000]").find("1534") != std::string::npos);
  CHECK(find("[..., status = 404 || status = 500, bytes]").find("1534") != std::string::npos);
  CHECK(find("[ip, user]").empty());
  for (const char* bad :
       {"{ $.a", "{ $.a = }", "{ a = 1 }", "[a, ", "\"open", "{ $.a > x }", "[..., ...]", "{ $.a = 1 } x"})
    CHECK(refused(bad) == "InvalidParameterException");
  CHECK(refused("{ " + std::string(100, '(') + "$.a = 1" + std::string(100, ')') + " }") ==
        "InvalidParameterException");
  CHECK(kernel.error("FilterLogEvents", {{"logGroupName", "app"}, {"filterPattern", "%a+%"}}).status == 501);
}

TEST_CASE_METHOD(Logs, "what a group keeps for a day is gone after it") {
  CHECK(kernel.error("PutRetentionPolicy", {{"logGroupName", "app"}, {"retentionInDays", 2}}).code ==
        "InvalidParameterException");
  put({"old"});
  kernel.call("PutRetentionPolicy", {{"logGroupName", "app"}, {"retentionInDays", 1}});
  kernel.clock.advance_ms(day_ms - 1);
  CHECK(find("") == "old");
  put({"new"}, start_ms + day_ms - 1);
  kernel.clock.advance_ms(2);
  CHECK(find("") == "new");
  kernel.clock.advance_ms(2 * day_ms);
  CHECK(kernel.call("DescribeLogGroups")["logGroups"][0]["storedBytes"].integer() == 0);
  kernel.call("DeleteRetentionPolicy", {{"logGroupName", "app"}});
  CHECK(kernel.call("DescribeLogGroups")["logGroups"][0]["retentionInDays"].is_null());
}

TEST_CASE_METHOD(Logs, "tags by the old operations and the new") {
  const std::string arn = "arn:aws:logs:us-east-1:000000000000:log-group:app";
  kernel.call("TagLogGroup", {{"logGroupName", "app"}, {"tags", Map{{"a", "1"}}}});
  kernel.call("TagResource", {{"resourceArn", arn}, {"tags", Map{{"b", "2"}}}});
  CHECK(kernel.call("ListTagsForResource", {{"resourceArn", arn}})["tags"].map().size() == 3);
  kernel.call("UntagLogGroup", {{"logGroupName", "app"}, {"tags", List{"a"}}});
  kernel.call("UntagResource", {{"resourceArn", arn}, {"tagKeys", List{"b"}}});
  CHECK(kernel.call("ListTagsLogGroup", {{"logGroupName", "app"}})["tags"]["team"].string() == "lamps");
  CHECK(kernel.call("ListTagsLogGroup", {{"logGroupName", "app"}})["tags"].map().size() == 1);
}

TEST_CASE_METHOD(Logs, "a subscription hands matching events to a function") {
  REQUIRE(create_table(kernel, "got"));
  REQUIRE(kernel.try_call("lambda", "CreateFunction", function("sink", R"lua(function handler(event, ctx)
    ctx.call("dynamodb", "PutItem", { TableName = "got", Item = { id = { S = "data" }, data = { S = event.awslogs.data } } })
  end)lua")));
  const std::string arn = "arn:aws:lambda:us-east-1:000000000000:function:sink";
  const auto filter = [&](const char* name, const std::string& destination) {
    return Map{
        {"logGroupName", "app"}, {"filterName", name}, {"filterPattern", "ERROR"}, {"destinationArn", destination}};
  };
  CHECK(kernel.error("PutSubscriptionFilter", filter("x", arn + "-none")).code == "InvalidParameterException");
  kernel.call("PutSubscriptionFilter", filter("x", arn));
  put({"INFO fine", "ERROR no lamps"});
  kernel.clock.advance_ms(1);
  const auto item =
      *kernel.try_call("dynamodb", "GetItem", {{"TableName", "got"}, {"Key", Map{{"id", Map{{"S", "data"}}}}}});
  REQUIRE(item["Item"]["data"]["S"].is_string());
  const auto zipped = *moonbase::from_base64(item["Item"]["data"]["S"].string());
  CHECK(zipped.substr(0, 2) == "\x1f\x8b");
  CHECK(kernel.call("DescribeSubscriptionFilters", {{"logGroupName", "app"}})["subscriptionFilters"].list().size() ==
        1);
  kernel.call("PutSubscriptionFilter", filter("y", arn));
  CHECK(kernel.error("PutSubscriptionFilter", filter("z", arn)).code == "LimitExceededException");
  kernel.call("DeleteSubscriptionFilter", {{"logGroupName", "app"}, {"filterName", "x"}});
  CHECK(kernel.error("DeleteSubscriptionFilter", {{"logGroupName", "app"}, {"filterName", "x"}}).code ==
        "ResourceNotFoundException");
}

TEST_CASE("what is delivered to a log group becomes its events") {
  Logs logs;
  const auto deliver = [&](const std::string& arn, const std::string& payload) {
    std::string code = "delivered";
    logs.kernel.on_fiber([&](moonbase::KernelServices& services, moonbase::CallContext& context) {
      const auto delivered = services.targets.deliver(context, arn, payload);
      if (!delivered) code = delivered.error().code;
    });
    return code;
  };
  const std::string groups = "arn:aws:logs:us-east-1:000000000000:log-group:";
  CHECK(deliver(groups + "app", R"({"id":"1"})") == "delivered");
  CHECK(deliver(groups + "app:*", R"({"id":"2"})") == "delivered");
  CHECK(deliver(groups + "none", "{}") == "ResourceNotFoundException");
  const auto found = logs.kernel.call("FilterLogEvents", {{"logGroupName", "app"}, {"filterPattern", "{ $.id = * }"}});
  REQUIRE(found["events"].list().size() == 2);
  CHECK(found["events"][1]["message"].string() == R"({"id":"2"})");
  CHECK(found["events"][0]["logStreamName"].string() == "2027-01-01");
}
