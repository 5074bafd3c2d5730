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
  const auto listed = [&](const std::string& pattern) {
    return kernel.call("ListLogGroups", {{"logGroupNamePattern", pattern}})["logGroups"].list().size();
  };
  CHECK(listed("^app") == 3);
  CHECK(listed("^pp/1") == 0);
  CHECK(listed("pp/1|^zoo") == 2);
  CHECK(kernel.error("ListLogGroups", {{"logGroupNamePattern", "a*b"}}).code == "InvalidParameterException");
  CHECK(kernel.error("ListLogGroups", {{"fieldIndexNames", List{"x"}}}).status == 501);
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

TEST_CASE_METHOD(Logs, "streams are listed page by page, by name and by their last event") {
  for (const char* name : {"two", "three", "four"})
    kernel.call("CreateLogStream", {{"logGroupName", "app"}, {"logStreamName", name}});
  const auto put_into = [&](const char* stream, std::int64_t at_ms) {
    kernel.call("PutLogEvents",
                {{"logGroupName", "app"}, {"logStreamName", stream}, {"logEvents", List{event(at_ms, "x")}}});
  };
  put_into("two", start_ms + 3);
  put_into("three", start_ms + 1);
  put_into("one", start_ms + 3);
  const auto names = [&](Map input) {
    std::string found;
    input.set("logGroupName", "app");
    input.set("limit", 1);
    for (int page = 0; page < 9; ++page) {
      const auto answer = kernel.call("DescribeLogStreams", input);
      for (const auto& one : answer["logStreams"].list()) found += one["logStreamName"].string() + " ";
      if (answer["nextToken"].is_null()) return found;
      input.set("nextToken", answer["nextToken"]);
    }
    return std::string("endless");
  };
  CHECK(names({}) == "four one three two ");
  CHECK(names({{"descending", true}}) == "two three one four ");
  CHECK(names({{"logStreamNamePrefix", "t"}}) == "three two ");
  CHECK(names({{"logStreamNamePrefix", "t"}, {"descending", true}}) == "two three ");
  CHECK(names({{"orderBy", "LastEventTime"}}) == "four three one two ");
  CHECK(names({{"orderBy", "LastEventTime"}, {"descending", true}}) == "two one three four ");
  const auto of = [&](List streams) {
    return kernel.call("FilterLogEvents", {{"logGroupName", "app"}, {"logStreamNames", std::move(streams)}})["events"]
        .list()
        .size();
  };
  CHECK(of({"two"}) == 1);
  CHECK(of({"four"}) == 0);
  CHECK(of({"two", "three"}) == 2);
  const auto silent = kernel.call("DescribeLogStreams", {{"logGroupName", "app"}, {"logStreamNamePrefix", "four"}});
  CHECK(silent["logStreams"][0]["lastEventTimestamp"].is_null());
  CHECK(kernel
            .error("DescribeLogStreams",
                   {{"logGroupName", "app"}, {"logStreamNamePrefix", "t"}, {"orderBy", "LastEventTime"}})
            .code == "InvalidParameterException");
}

TEST_CASE_METHOD(Logs, "an ARN names a group of its own account and region only") {
  put({"x"});
  const auto count = [&](const std::string& owner) {
    return kernel.try_call("logs", "FilterLogEvents",
                           {{"logGroupIdentifier", "arn:aws:logs:" + owner + ":log-group:app"}});
  };
  CHECK((*count("us-east-1:000000000000"))["events"].list().size() == 1);
  CHECK(count("us-east-1:111111111111").error().code == "ResourceNotFoundException");
  CHECK(count("eu-west-1:000000000000").error().code == "ResourceNotFoundException");
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
  CHECK(find(R"({ $.['status'] = 404 })").find("ann") != std::string::npos);
  CHECK(find(R"(%^\w+ (no|few)%)") == "ERROR no lamps|WARN few lamps");
  CHECK(find("lamps -%^WARN% -INFO") == "ERROR no lamps");
  CHECK(find("{ $.user.name = %^a.n$% }").find("404") != std::string::npos);
  CHECK(find("{ $.status != %^4% && $.status = * }").find("500") != std::string::npos);
  CHECK(find("[ip = %^127[.]%, ..., status = %4[0-9]{2}%, bytes]").find("1534") != std::string::npos);
  for (const char* bad : {"%", "%%", "%(%", "{ $.a = %x }"}) CHECK(refused(bad) == "InvalidParameterException");
}

TEST_CASE_METHOD(Logs, "a pattern is tried, and shows what it names") {
  const auto tried = [&](const std::string& pattern, const std::string& message) {
    return kernel.call("TestMetricFilter",
                       {{"filterPattern", pattern}, {"logEventMessages", List{"no", message}}})["matches"];
  };
  const std::string line = R"(127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html" 404 1534)";
  auto matches = tried("[..., request, status = 4*, size]", line);
  REQUIRE(matches.list().size() == 1);
  CHECK(matches[0]["eventNumber"].integer() == 2);
  CHECK(matches[0]["eventMessage"].string() == line);
  CHECK(matches[0]["extractedValues"].map().size() == 7);
  CHECK(matches[0]["extractedValues"]["$status"].string() == "404");
  CHECK(matches[0]["extractedValues"]["$request"].string() == "GET /index.html");
  CHECK(matches[0]["extractedValues"]["$3"].string() == "frank");
  matches = tried("{ $.user.name = a* && $.n > 1 }", R"({"user":{"name":"ann"},"n":2})");
  REQUIRE(matches.list().size() == 1);
  CHECK(matches[0]["extractedValues"]["$.user.name"].string() == "ann");
  CHECK(matches[0]["extractedValues"]["$.n"].string() == "2");
  CHECK(tried("nothing", line).list().empty());
  CHECK(tried("127", line)[0]["extractedValues"].map().empty());
}

TEST_CASE_METHOD(Logs, "policies and saved queries are kept, changed and shown") {
  const std::string document = R"({"Version":"2012-10-17","Statement":[]})";
  const auto put_policy = [&](const std::string& name) {
    return kernel.try_call("logs", "PutResourcePolicy", {{"policyName", name}, {"policyDocument", document}});
  };
  for (int i = 0; i < 10; ++i) REQUIRE(put_policy("p" + std::to_string(i)));
  CHECK(put_policy("p10").error().code == "LimitExceededException");
  CHECK((*put_policy("p9"))["resourcePolicy"]["policyDocument"].string() == document);
  CHECK(kernel.error("PutResourcePolicy", {{"policyName", "x"}, {"policyDocument", "{"}}).code ==
        "InvalidParameterException");
  auto page = kernel.call("DescribeResourcePolicies", {{"limit", 6}});
  CHECK(page["resourcePolicies"].list().size() == 6);
  page = kernel.call("DescribeResourcePolicies", {{"limit", 6}, {"nextToken", page["nextToken"]}});
  CHECK(page["resourcePolicies"].list().size() == 4);
  kernel.call("DeleteResourcePolicy", {{"policyName", "p0"}});
  CHECK(kernel.error("DeleteResourcePolicy", {{"policyName", "p0"}}).code == "ResourceNotFoundException");
  CHECK(put_policy("p10"));

  const auto save = [&](Map input) {
    input.set("queryString", "fields @message");
    return kernel.try_call("logs", "PutQueryDefinition", std::move(input));
  };
  const auto id = (*save({{"name", "lamps/all"}, {"clientToken", "t"}}))["queryDefinitionId"].string();
  CHECK((*save({{"name", "lamps/all"}, {"clientToken", "t"}}))["queryDefinitionId"].string() == id);
  REQUIRE(save({{"name", "lamps/few"}, {"queryDefinitionId", id}, {"logGroupNames", List{"app"}}}));
  REQUIRE(save({{"name", "other"}, {"clientToken", "u"}}));
  CHECK(save({{"name", "x"}, {"queryDefinitionId", "none"}}).error().code == "ResourceNotFoundException");
  const auto shown =
      kernel.call("DescribeQueryDefinitions", {{"queryDefinitionNamePrefix", "lamps"}})["queryDefinitions"];
  REQUIRE(shown.list().size() == 1);
  CHECK(shown[0]["name"].string() == "lamps/few");
  CHECK(shown[0]["logGroupNames"][0].string() == "app");
  CHECK(shown[0]["lastModified"].integer() == start_ms);
  CHECK(kernel.call("DeleteQueryDefinition", {{"queryDefinitionId", id}})["success"].boolean());
  CHECK(kernel.error("DeleteQueryDefinition", {{"queryDefinitionId", id}}).code == "ResourceNotFoundException");
}

TEST_CASE_METHOD(Logs, "metric filters are not built, and say so") {
  for (const char* operation : {"PutMetricFilter", "DescribeMetricFilters", "DeleteMetricFilter"}) {
    Map input{{"logGroupName", "app"}, {"filterName", "f"}};
    if (operation == std::string("PutMetricFilter")) {
      input.set("filterPattern", "");
      input.set("metricTransformations",
                List{Map{{"metricName", "m"}, {"metricNamespace", "n"}, {"metricValue", "1"}}});
    }
    CHECK(kernel.error(operation, std::move(input)).status == 501);
  }
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

// A function that keeps each message that a subscription hands to it.
struct Sink : Logs {
  std::string arn = "arn:aws:lambda:us-east-1:000000000000:function:sink";
  Sink() {
    REQUIRE(create_table(kernel, "got"));
    REQUIRE(kernel.try_call("lambda", "CreateFunction", function("sink", R"lua(function handler(event, ctx)
      ctx.call("dynamodb", "PutItem",
        { TableName = "got", Item = { id = { S = ctx.uuid() }, bytes = { N = tostring(#event.awslogs.data) },
          head = { S = event.awslogs.data:sub(1, 8) } } })
    end)lua")));
  }
  void permit() {
    REQUIRE(kernel.try_call("lambda", "AddPermission",
                            {{"FunctionName", "sink"},
                             {"StatementId", "logs"},
                             {"Action", "lambda:InvokeFunction"},
                             {"Principal", "logs.amazonaws.com"}}));
  }
  Map filter(const char* name, const std::string& destination) const {
    return {{"logGroupName", "app"}, {"filterName", name}, {"filterPattern", "ERROR"}, {"destinationArn", destination}};
  }
  List got() { return (*kernel.try_call("dynamodb", "Scan", {{"TableName", "got"}}))["Items"].list(); }
};

TEST_CASE_METHOD(Sink, "a subscription hands matching events to a function that lets it") {
  CHECK(kernel.error("PutSubscriptionFilter", filter("x", arn + "-none")).code == "InvalidParameterException");
  CHECK(kernel.error("PutSubscriptionFilter", filter("x", arn)).message ==
        "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your "
        "function.");
  permit();
  kernel.call("PutSubscriptionFilter", filter("x", arn));
  put({"INFO fine", "ERROR no lamps"});
  kernel.clock.advance_ms(1);
  REQUIRE(got().size() == 1);
  CHECK(moonbase::from_base64(got()[0]["head"]["S"].string())->substr(0, 2) == "\x1f\x8b");
  put({"INFO nothing"});
  kernel.clock.advance_ms(1);
  CHECK(got().size() == 1);
  CHECK(kernel.call("DescribeSubscriptionFilters", {{"logGroupName", "app"}})["subscriptionFilters"].list().size() ==
        1);
  kernel.call("PutSubscriptionFilter", filter("y", arn));
  CHECK(kernel.error("PutSubscriptionFilter", filter("z", arn)).code == "LimitExceededException");
  auto page = kernel.call("DescribeSubscriptionFilters", {{"logGroupName", "app"}, {"limit", 1}});
  CHECK(page["subscriptionFilters"].list().size() == 1);
  page = kernel.call("DescribeSubscriptionFilters",
                     {{"logGroupName", "app"}, {"limit", 1}, {"nextToken", page["nextToken"]}});
  CHECK(page["subscriptionFilters"][0]["filterName"].string() == "y");
  CHECK(page["nextToken"].is_null());
  kernel.call("DeleteSubscriptionFilter", {{"logGroupName", "app"}, {"filterName", "x"}});
  CHECK(kernel.error("DeleteSubscriptionFilter", {{"logGroupName", "app"}, {"filterName", "x"}}).code ==
        "ResourceNotFoundException");
}

TEST_CASE_METHOD(Sink, "many events leave in messages that a function can take") {
  permit();
  kernel.call("PutSubscriptionFilter", filter("x", arn));
  std::vector<std::string> messages;
  std::uint32_t noise = 1;
  for (int i = 0; i < 9; ++i) {
    std::string text = "ERROR ";
    while (text.size() < 100'000) text += static_cast<char>('!' + ((noise = noise * 1664525 + 1013904223) >> 24) % 90);
    messages.push_back(std::move(text));
  }
  put(messages);
  kernel.clock.advance_ms(1);
  CHECK(got().size() == 2);
  for (const auto& item : got()) CHECK(std::stoi(item["bytes"]["N"].string()) < 1'000'000);
}

TEST_CASE("who reads while another reader writes what waits sees it too") {
  TestKernel kernel{"lambda", functions};
  kernel.call("CreateFunction", function("said", "function handler() print('said') return 1 end"));
  std::vector<std::size_t> seen;
  kernel.on_fiber([&](moonbase::KernelServices& services, moonbase::CallContext& context) {
    REQUIRE(services.functions.invoke(context, {.function = "said", .payload = "{}"}));
    moonbase::Signal one_more;
    for (int i = 0; i < 4; ++i)
      services.io.spawn([&] {
        const auto found = services.services.call(context, "logs", "FilterLogEvents",
                                                  Map{{"logGroupName", "/aws/lambda/said"}, {"filterPattern", "said"}});
        seen.push_back(found ? (*found)["events"].list().size() : 0);
        one_more.notify();
      });
    for (auto version = one_more.version(); seen.size() < 4; version = one_more.version())
      one_more.wait(version, moonbase::Time{INT64_MAX});
  });
  CHECK(seen == std::vector<std::size_t>{1, 1, 1, 1});
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
