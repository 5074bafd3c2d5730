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

TEST_CASE("entries of PutEvents fail one by one, with AWS's codes and texts") {
  TestKernel kernel{"events", with_recorder()};
  rule(kernel, "all", R"({"account":["000000000000"]})", {{"Arn", recorder_arn("a")}});
  const auto answer = kernel.call(
      "PutEvents", {{"Entries", List{entry("{}"), Map{{"DetailType", "x"}, {"Detail", "{}"}},
                                     Map{{"Source", "s"}, {"Detail", "{}"}}, Map{{"Source", "s"}, {"DetailType", "x"}},
                                     entry("{"), entry("[]"), entry("{}", "aws.s3"), entry("{}", "awsome")}}});
  CHECK(answer["FailedEntryCount"].integer() == 6);
  const auto code = [&](int i) { return answer["Entries"][i]["ErrorCode"].string_or(""); };
  CHECK(code(0).empty());
  CHECK(code(1) == "InvalidArgument");
  CHECK(answer["Entries"][1]["ErrorMessage"].string() ==
        "Parameter Source is not valid. Reason: Source is a required argument.");
  CHECK(code(2) == "InvalidArgument");
  CHECK(code(3) == "InvalidArgument");
  CHECK(code(4) == "MalformedDetail");
  CHECK(answer["Entries"][4]["ErrorMessage"].string() == "Detail is malformed.");
  CHECK(code(5) == "MalformedDetail");
  CHECK(code(6) == "NotAuthorizedForSourceException");
  CHECK(answer["Entries"][6]["ErrorMessage"].string() == "Not authorized for the source.");
  CHECK(code(7).empty());
  CHECK(received(kernel).size() == 2);

  // A bus that does not exist swallows its events, as AWS's do.
  auto lost = entry("{}");
  lost.set("EventBusName", "nowhere");
  CHECK(put(kernel, lost)["FailedEntryCount"].integer() == 0);
  CHECK(received(kernel).empty());

  CHECK(kernel.error("PutEvents", {{"Entries", List(11, Value(entry("{}")))}}).code == "ValidationException");
  const auto large = entry("{\"a\":\"" + std::string(1024 * 1024, 'x') + "\"}");
  CHECK(kernel.error("PutEvents", {{"Entries", List{large}}}).message ==
        "Total size of the entries in the request is over the limit.");
}

TEST_CASE("a service's own events come from aws. sources to the default bus") {
  TestKernel kernel{"events", with_recorder()};
  rule(kernel, "s3", R"({"source":["aws.s3"]})", {{"Arn", recorder_arn("a")}});
  kernel.on_fiber([](KernelServices& services, CallContext& context) {
    CHECK(put_service_event(services, context, "aws.s3", "Object Created", Map{{"key", "k"}}, List{"arn:b"}).ok());
  });
  const auto all = received(kernel);
  REQUIRE(all.size() == 1);
  CHECK(all[0].json()["detail-type"].string() == "Object Created");
  CHECK(all[0].json()["resources"] == Value(List{"arn:b"}));
  CHECK(all[0].json()["detail"]["key"].string() == "k");
}

TEST_CASE("rules are kept, listed in pages, switched off and on, and deleted") {
  TestKernel kernel{"events", with_recorder()};
  for (const char* name : {"c", "a", "b"}) rule(kernel, name, R"({"source":["shop"]})", {{"Arn", recorder_arn(name)}});
  const auto described = kernel.call("DescribeRule", {{"Name", "a"}});
  CHECK(described["Arn"].string() == "arn:aws:events:us-east-1:000000000000:rule/a");
  CHECK(described["State"].string() == "ENABLED");
  CHECK(described["EventBusName"].string() == "default");
  const auto first = kernel.call("ListRules", {{"Limit", 2}});
  REQUIRE(first["Rules"].list().size() == 2);
  CHECK(first["Rules"][0]["Name"].string() == "a");
  const auto second = kernel.call("ListRules", {{"Limit", 2}, {"NextToken", first["NextToken"]}});
  REQUIRE(second["Rules"].list().size() == 1);
  CHECK(second["Rules"][0]["Name"].string() == "c");
  CHECK(second["NextToken"].is_null());
  CHECK(kernel.error("ListRules", {{"NextToken", "?"}}).code == "ValidationException");
  CHECK(kernel.call("ListRules", {{"NamePrefix", "b"}})["Rules"].list().size() == 1);
  CHECK(kernel.call("ListRuleNamesByTarget", {{"TargetArn", recorder_arn("b")}})["RuleNames"] == Value(List{"b"}));

  kernel.call("DisableRule", {{"Name", "a"}});
  put(kernel, entry("{}"));
  CHECK(received(kernel).size() == 2);
  kernel.call("EnableRule", {{"Name", "a"}});
  put(kernel, entry("{}"));
  CHECK(received(kernel).size() == 3);

  CHECK(kernel.error("DeleteRule", {{"Name", "a"}}).message == "Rule can't be deleted since it has targets.");
  const auto removed = kernel.call("RemoveTargets", {{"Rule", "a"}, {"Ids", List{"1", "none"}}});
  CHECK(removed["FailedEntryCount"].integer() == 1);
  kernel.call("DeleteRule", {{"Name", "a"}});
  kernel.call("DeleteRule", {{"Name", "a"}});
  const auto gone = kernel.error("DescribeRule", {{"Name", "a"}});
  CHECK(gone.code == "ResourceNotFoundException");
  CHECK(gone.message == "Rule a does not exist on EventBus default.");
  CHECK(kernel.error("EnableRule", {{"Name", "a"}}).code == "ResourceNotFoundException");
  CHECK(kernel.error("PutTargets", {{"Rule", "a"}, {"Targets", List{Map{{"Id", "1"}, {"Arn", recorder_arn("a")}}}}})
            .code == "ResourceNotFoundException");
}

TEST_CASE("rules that cannot be are refused") {
  TestKernel kernel{"events", with_recorder()};
  CHECK(kernel.error("PutRule", {{"Name", "a"}}).message ==
        "Parameter(s) EventPattern or ScheduleExpression must be specified.");
  CHECK(kernel.error("PutRule", {{"Name", "a"}, {"ScheduleExpression", "rate(1 minutes)"}}).message ==
        "Parameter ScheduleExpression is not valid.");
  const auto bad = kernel.error("PutRule", {{"Name", "a"}, {"EventPattern", R"({"source":"x"})"}});
  CHECK(bad.code == "InvalidEventPatternException");
  CHECK(bad.message ==
        "Event pattern is not valid. Reason: \"source\" must be an object or an array\n at [Source: "
        "(String)\"{\"source\":\"x\"}\"; line: 1, column: 12]");
  CHECK(kernel.error("PutRule", {{"Name", "a b"}, {"EventPattern", "{}"}}).code == "ValidationException");
  CHECK(kernel.error("PutRule", {{"Name", "a"}, {"EventBusName", "none"}, {"EventPattern", R"({"a":[1]})"}}).message ==
        "Event bus none does not exist.");
  kernel.call("CreateEventBus", {{"Name", "own"}});
  CHECK(kernel.error("PutRule", {{"Name", "a"}, {"EventBusName", "own"}, {"ScheduleExpression", "rate(1 minute)"}})
            .message == "ScheduleExpression is supported only on the default event bus.");

  kernel.call("PutRule", {{"Name", "a"}, {"EventPattern", R"({"source":["x"]})"}});
  const auto refused = [&](Map target) {
    target.set("Id", "t");
    return kernel.error("PutTargets", {{"Rule", "a"}, {"Targets", List{std::move(target)}}}).message;
  };
  CHECK(refused({{"Arn", "nonsense"}}) ==
        "Parameter nonsense is not valid. Reason: Provided Arn is not in correct format.");
  CHECK(refused({{"Arn", recorder_arn("a")}, {"Input", "{}"}, {"InputPath", "$"}}) ==
        "Only one of Input, InputPath, or InputTransformer must be provided for target t.");
  CHECK(refused({{"Arn", recorder_arn("a")}, {"Input", "{"}}) == "JSON syntax error in input for target t.");
  CHECK(refused({{"Arn", recorder_arn("a")}, {"InputTransformer", Map{{"InputTemplate", "<x>"}}}}) ==
        "InputTemplate for target t contains invalid placeholder x.");
  CHECK(refused({{"Arn", queue_arn("q.fifo")}}) == "Parameter(s) SqsParameters must be specified for target: t.");
  const auto unbuilt = kernel.error(
      "PutTargets", {{"Rule", "a"},
                     {"Targets", List{Map{{"Id", "t"},
                                          {"Arn", recorder_arn("a")},
                                          {"EcsParameters", Map{{"TaskDefinitionArn", "arn:aws:ecs:x:y:z"}}}}}}});
  CHECK(unbuilt.code == "NotImplemented");
  List six;
  for (int i = 0; i < 6; ++i) six.push_back(Map{{"Id", std::to_string(i)}, {"Arn", recorder_arn("a")}});
  CHECK(kernel.error("PutTargets", {{"Rule", "a"}, {"Targets", six}}).code == "LimitExceededException");
  CHECK(kernel.call("ListTargetsByRule", {{"Rule", "a"}})["Targets"].list().empty());
}

TEST_CASE("targets get the input that they ask for") {
  TestKernel kernel{"events", with_recorder()};
  kernel.call("PutRule", {{"Name", "r"}, {"EventPattern", R"({"source":["shop"]})"}});
  const Map transformer{
      {"InputPathsMap", Map{{"id", "$.detail.id"}, {"kind", "$.detail-type"}}},
      {"InputTemplate",
       R"({"id":<id>,"text":"<kind> of <id>","rule":<aws.events.rule-name>,"arn":<aws.events.rule-arn>,)"
       R"("at":<aws.events.event.ingestion-time>,"event":<aws.events.event>})"}};
  kernel.call(
      "PutTargets",
      {{"Rule", "r"},
       {"Targets", List{Map{{"Id", "1"}, {"Arn", recorder_arn("input")}, {"Input", R"({"a":1})"}},
                        Map{{"Id", "2"}, {"Arn", recorder_arn("path")}, {"InputPath", "$.detail"}},
                        Map{{"Id", "3"}, {"Arn", recorder_arn("template")}, {"InputTransformer", transformer}},
                        Map{{"Id", "4"}, {"Arn", queue_arn("q.fifo")}, {"SqsParameters", Map{{"MessageGroupId", "g"}}}},
                        Map{{"Id", "5"},
                            {"Arn", "arn:aws:kinesis:us-east-1:000000000000:stream/s"},
                            {"KinesisParameters", Map{{"PartitionKeyPath", "$.detail.id"}}}}}}});
  put(kernel, entry(R"({"id":"o-1"})"));
  const auto all = received(kernel);
  REQUIRE(all.size() == 5);
  CHECK(all[0].payload == R"({"a":1})");
  CHECK(all[1].payload == R"({"id":"o-1"})");
  CHECK(all[2].json()["id"].string() == "o-1");
  CHECK(all[2].json()["text"].string() == "Order of o-1");
  CHECK(all[2].json()["rule"].string() == "r");
  CHECK(all[2].json()["arn"].string() == "arn:aws:events:us-east-1:000000000000:rule/r");
  CHECK(all[2].json()["at"].string() == "2027-01-01T00:00:00.000Z");
  CHECK(all[2].json()["event"]["source"].string() == "shop");
  CHECK(all[2].json()["event"]["detail"].is_null());
  CHECK(all[3].options == Value(Map{{"MessageGroupId", "g"}}));
  CHECK(all[4].options == Value(Map{{"PartitionKey", "o-1"}}));
}

TEST_CASE("a delivery that fails is tried again, later and later, and then becomes a dead letter") {
  TestKernel kernel{"events", with_recorder()};
  const auto dead = queue_arn("dead");
  SECTION("until it works") {
    rule(kernel, "r", R"({"source":["shop"]})", {{"Arn", recorder_arn("a")}});
    fail(kernel, recorder_arn("a"), "ServiceUnavailable", 3);
    put(kernel, entry("{}"));
    CHECK(received(kernel).size() == 1);
    kernel.clock.advance_ms(1000 + 2000 + 4000);
    const auto all = received(kernel);
    REQUIRE(all.size() == 3);
    const std::int64_t start = 1'798'761'600'000;
    CHECK(all[0].at_ms >= start + 500);
    CHECK(all[0].at_ms <= start + 1000);
    CHECK(all[1].at_ms >= all[0].at_ms + 1000);
    CHECK(all[1].at_ms <= all[0].at_ms + 2000);
    kernel.clock.advance_ms(86'400'000);
    CHECK(received(kernel).empty());
  }
  SECTION("not more often than the rule says") {
    rule(kernel, "r", R"({"source":["shop"]})",
         {{"Arn", recorder_arn("a")},
          {"RetryPolicy", Map{{"MaximumRetryAttempts", 2}}},
          {"DeadLetterConfig", Map{{"Arn", dead}}}});
    fail(kernel, recorder_arn("a"), "ThrottlingException", 1000);
    put(kernel, entry(R"({"n":1})"));
    kernel.clock.advance_ms(3'600'000);
    const auto all = received(kernel);
    REQUIRE(all.size() == 4);
    CHECK(all[3].arn == dead);
    CHECK(all[3].json()["detail"]["n"].integer() == 1);
    CHECK(all[3].attribute("RULE_ARN") == "arn:aws:events:us-east-1:000000000000:rule/r");
    CHECK(all[3].attribute("TARGET_ARN") == recorder_arn("a"));
    CHECK(all[3].attribute("ERROR_CODE") == "THROTTLING");
    CHECK(all[3].attribute("ERROR_MESSAGE") == "it was told to fail");
    CHECK(all[3].attribute("EXHAUSTED_RETRY_CONDITION") == "MaximumRetryAttempts");
    CHECK(all[3].attribute("RETRY_ATTEMPTS") == "2");
  }
  SECTION("not longer than a day and 185 times") {
    rule(kernel, "r", R"({"source":["shop"]})", {{"Arn", recorder_arn("a")}, {"DeadLetterConfig", Map{{"Arn", dead}}}});
    fail(kernel, recorder_arn("a"), "ServiceUnavailable", 1000);
    put(kernel, entry("{}"));
    kernel.clock.advance_ms(25 * 3'600'000);
    const auto all = received(kernel);
    REQUIRE(all.size() > 150);
    CHECK(all.size() <= 187);
    CHECK(all.back().arn == dead);
    CHECK(all.back().at_ms <= 1'798'761'600'000 + 86'400'000);
  }
  SECTION("across a restart") {
    rule(kernel, "r", R"({"source":["shop"]})", {{"Arn", recorder_arn("a")}});
    fail(kernel, recorder_arn("a"), "ServiceUnavailable", 1);
    put(kernel, entry("{}"));
    CHECK(received(kernel).size() == 1);
    kernel.restart();
    kernel.clock.advance_ms(2000);
    CHECK(received(kernel).size() == 1);
  }
  SECTION("at once where trying again would not help") {
    rule(kernel, "r", R"({"source":["shop"]})", {{"Arn", recorder_arn("a")}, {"DeadLetterConfig", Map{{"Arn", dead}}}});
    fail(kernel, recorder_arn("a"), "ResourceNotFoundException", 1);
    put(kernel, entry("{}"));
    const auto all = received(kernel);
    REQUIRE(all.size() == 2);
    CHECK(all[1].attribute("ERROR_CODE") == "NO_RESOURCE");
    CHECK(all[1].attribute("RETRY_ATTEMPTS") == "0");
    CHECK(all[1].options["MessageAttributes"]["EXHAUSTED_RETRY_CONDITION"].is_null());
  }
}

TEST_CASE("a rule's schedule fires on the platform's clock, also after a restart") {
  TestKernel kernel{"events", with_recorder()};
  kernel.call("PutRule", {{"Name", "tick"}, {"ScheduleExpression", "rate(5 minutes)"}});
  kernel.call("PutTargets", {{"Rule", "tick"}, {"Targets", List{Map{{"Id", "1"}, {"Arn", recorder_arn("a")}}}}});
  kernel.clock.advance_ms(299'999);
  CHECK(received(kernel).empty());
  kernel.clock.advance_ms(1);
  const auto all = received(kernel);
  REQUIRE(all.size() == 1);
  CHECK(all[0].json()["source"].string() == "aws.events");
  CHECK(all[0].json()["detail-type"].string() == "Scheduled Event");
  CHECK(all[0].json()["time"].string() == "2027-01-01T00:05:00Z");
  CHECK(all[0].json()["resources"] == Value(List{"arn:aws:events:us-east-1:000000000000:rule/tick"}));
  CHECK(all[0].json()["detail"] == Value(Map{}));
  kernel.restart();
  kernel.clock.advance_ms(600'000);
  CHECK(received(kernel).size() == 2);

  kernel.call("DisableRule", {{"Name", "tick"}});
  kernel.clock.advance_ms(600'000);
  CHECK(received(kernel).empty());
  kernel.call("EnableRule", {{"Name", "tick"}});
  kernel.call("PutRule", {{"Name", "tick"}, {"ScheduleExpression", "cron(30 8 * * ? *)"}});
  kernel.clock.advance_ms(2 * 86'400'000);
  const auto daily = received(kernel);
  REQUIRE(daily.size() == 2);
  CHECK(daily[0].json()["time"].string() == "2027-01-01T08:30:00Z");
}

TEST_CASE("event buses are apart, and pass events on to each other") {
  TestKernel kernel{"events", with_recorder()};
  const auto arn = kernel
                       .call("CreateEventBus",
                             {{"Name", "orders"}, {"Tags", List{Map{{"Key", "k"}, {"Value", "v"}}}}})["EventBusArn"]
                       .string();
  CHECK(arn == "arn:aws:events:us-east-1:000000000000:event-bus/orders");
  CHECK(kernel.error("CreateEventBus", {{"Name", "orders"}}).message == "Event bus orders already exists.");
  CHECK(kernel.error("CreateEventBus", {{"Name", "default"}}).code == "ResourceAlreadyExistsException");
  CHECK(kernel.call("ListTagsForResource", {{"ResourceARN", arn}})["Tags"][0]["Value"].string() == "v");
  CHECK(kernel.call("ListEventBuses")["EventBuses"].list().size() == 2);
  CHECK(kernel.call("DescribeEventBus")["Name"].string() == "default");

  kernel.call("PutRule", {{"Name", "r"}, {"EventBusName", arn}, {"EventPattern", R"({"source":["shop"]})"}});
  CHECK(kernel.call("DescribeRule", {{"Name", "r"}, {"EventBusName", "orders"}})["Arn"].string() ==
        "arn:aws:events:us-east-1:000000000000:rule/orders/r");
  kernel.call(
      "PutTargets",
      {{"Rule", "r"}, {"EventBusName", "orders"}, {"Targets", List{Map{{"Id", "1"}, {"Arn", recorder_arn("own")}}}}});
  put(kernel, entry("{}"));
  CHECK(received(kernel).empty());
  rule(kernel, "forward", R"({"source":["shop"]})", {{"Arn", arn}});
  const auto id = put(kernel, entry("{}"))["Entries"][0]["EventId"].string();
  const auto all = received(kernel);
  REQUIRE(all.size() == 1);
  CHECK(all[0].json()["id"].string() == id);

  // A circle ends.
  kernel.call(
      "PutTargets",
      {{"Rule", "r"},
       {"EventBusName", "orders"},
       {"Targets", List{Map{{"Id", "2"}, {"Arn", "arn:aws:events:us-east-1:000000000000:event-bus/default"}}}}});
  put(kernel, entry("{}"));
  CHECK(received(kernel).size() < 10);
  CHECK(kernel.error("DeleteEventBus", {{"Name", "orders"}}).code == "ValidationException");
  CHECK(kernel.error("DeleteEventBus", {{"Name", "default"}}).message == "Cannot delete event bus default.");
}

TEST_CASE("another account needs the bus's permission") {
  TestKernel kernel{"events", with_recorder()};
  rule(kernel, "all", R"({"source":["shop"]})", {{"Arn", recorder_arn("a")}});
  auto foreign = entry("{}");
  foreign.set("EventBusName", "arn:aws:events:us-east-1:000000000000:event-bus/default");
  auto other = kernel.context;
  other.identity.account_id = "111111111111";
  const auto put_as_other = [&] {
    return kernel.try_call_as(other, "events", "PutEvents", {{"Entries", List{foreign}}}).value();
  };
  CHECK(put_as_other()["FailedEntryCount"].integer() == 1);
  kernel.call("PutPermission",
              {{"Action", "events:PutEvents"}, {"Principal", "111111111111"}, {"StatementId", "other"}});
  CHECK(put_as_other()["FailedEntryCount"].integer() == 0);
  const auto all = received(kernel);
  REQUIRE(all.size() == 1);
  CHECK(all[0].json()["account"].string() == "111111111111");
  CHECK(parse_json(kernel.call("DescribeEventBus")["Policy"].string()).value()["Statement"][0]["Sid"].string() ==
        "other");
  // What cannot be judged does not allow, and a refusal wins.
  const auto statement = [](const char* effect, const char* principal, Value condition) {
    return Value(
        Map{{"Effect", effect}, {"Principal", principal}, {"Action", "events:*"}, {"Condition", std::move(condition)}});
  };
  const auto with_policy = [&](List statements) {
    kernel.call("PutPermission", {{"Policy", to_json(Value(Map{{"Statement", std::move(statements)}}))}});
    return put_as_other()["FailedEntryCount"].integer();
  };
  CHECK(with_policy({statement("Allow", "*", {})}) == 0);
  CHECK(with_policy({statement("Allow", "*", Map{{"StringEquals", Map{{"aws:PrincipalOrgID", "o-1"}}}})}) == 1);
  CHECK(with_policy({statement("Allow", "*", {}), statement("Deny", "111111111111", {})}) == 1);
  CHECK(with_policy({Value(5), Map{{"Effect", 5}, {"Principal", 5}, {"Action", 5}}}) == 1);
  kernel.call("PutPermission",
              {{"Action", "events:PutEvents"}, {"Principal", "111111111111"}, {"StatementId", "other"}});
  kernel.call("RemovePermission", {{"RemoveAllPermissions", true}});
  CHECK(put_as_other()["FailedEntryCount"].integer() == 1);
  CHECK(kernel.error("RemovePermission", {{"StatementId", "other"}}).message == "EventBus does not have a policy.");
}

TEST_CASE("an archive keeps what it matches, and a replay sends it again") {
  TestKernel kernel{"events", with_recorder()};
  const std::string bus = "arn:aws:events:us-east-1:000000000000:event-bus/default";
  const auto archive = kernel
                           .call("CreateArchive", {{"ArchiveName", "orders"},
                                                   {"EventSourceArn", bus},
                                                   {"EventPattern", R"({"source":["shop"]})"},
                                                   {"RetentionDays", 1}})["ArchiveArn"]
                           .string();
  CHECK(kernel.call("ListArchives", {{"EventSourceArn", bus}})["Archives"].list().size() == 1);
  CHECK(kernel.error("ListArchives", {{"EventSourceArn", bus + "-none"}}).message ==
        "Event bus default-none does not exist.");
  for (int i = 0; i < 3; ++i) {
    put(kernel, entry("{\"n\":" + std::to_string(i) + "}"));
    kernel.clock.advance_ms(60'000);
  }
  put(kernel, entry("{}", "bank"));
  const auto described = kernel.call("DescribeArchive", {{"ArchiveName", "orders"}});
  CHECK(described["EventCount"].integer() == 3);
  CHECK(described["SizeBytes"].integer() > 300);

  rule(kernel, "r", R"({"source":["shop"]})", {{"Arn", recorder_arn("a")}});
  rule(kernel, "other", R"({"source":["shop"]})", {{"Arn", recorder_arn("b")}});
  const std::int64_t start = 1'798'761'600'000;
  const auto started = kernel.call(
      "StartReplay",
      {{"ReplayName", "again"},
       {"EventSourceArn", archive},
       {"EventStartTime", start},
       {"EventEndTime", start + 120'000},
       {"Destination", Map{{"Arn", bus}, {"FilterArns", List{"arn:aws:events:us-east-1:000000000000:rule/r"}}}}});
  CHECK(started["State"].string() == "STARTING");
  const auto all = received(kernel);
  REQUIRE(all.size() == 2);
  CHECK(all[0].arn == recorder_arn("a"));
  CHECK(all[0].json()["replay-name"].string() == "again");
  CHECK(all[1].json()["detail"]["n"].integer() == 1);
  const auto replay = kernel.call("DescribeReplay", {{"ReplayName", "again"}});
  CHECK(replay["State"].string() == "COMPLETED");
  CHECK(replay["EventLastReplayedTime"].integer() == start + 60'000);
  CHECK(kernel.error("CancelReplay", {{"ReplayName", "again"}}).code == "IllegalStatusException");
  // Replayed events are not archived again; old ones go.
  CHECK(kernel.call("DescribeArchive", {{"ArchiveName", "orders"}})["EventCount"].integer() == 3);
  kernel.clock.advance_ms(3 * 86'400'000);
  CHECK(kernel.call("DescribeArchive", {{"ArchiveName", "orders"}})["EventCount"].integer() == 0);
  CHECK(kernel.call("ListReplays")["Replays"].list().size() == 1);
  kernel.call("DeleteArchive", {{"ArchiveName", "orders"}});
  CHECK(kernel.error("DescribeArchive", {{"ArchiveName", "orders"}}).code == "ResourceNotFoundException");
}

TEST_CASE("connections keep their secrets to themselves") {
  TestKernel kernel{"events", with_recorder()};
  const Map secret{{"Key", "X-Key"}, {"Value", "hidden"}, {"IsValueSecret", true}};
  const auto arn =
      kernel
          .call("CreateConnection",
                {{"Name", "c"},
                 {"AuthorizationType", "BASIC"},
                 {"AuthParameters",
                  Map{{"BasicAuthParameters", Map{{"Username", "u"}, {"Password", "hidden"}}},
                      {"InvocationHttpParameters", Map{{"HeaderParameters", List{secret}}}}}}})["ConnectionArn"]
          .string();
  for (const auto* action : {"Describe", "Delete", "Update", "Deauthorize"})
    CHECK(kernel.error(std::string(action) + "Connection", {{"Name", "none"}}).message ==
          "Failed to " + std::string(1, static_cast<char>(action[0] + 32)) + (action + 1) +
              " the connection(s). Connection 'none' does not exist.");
  CHECK(kernel.error("DescribeApiDestination", {{"Name", "none"}}).message ==
        "Failed to describe the api-destination(s). An api-destination 'none' does not exist.");
  const auto described = kernel.call("DescribeConnection", {{"Name", "c"}});
  CHECK(described["AuthParameters"]["BasicAuthParameters"]["Username"].string() == "u");
  CHECK(to_json(described).find("hidden") == std::string::npos);
  CHECK(kernel.error("CreateConnection", {{"Name", "d"}, {"AuthorizationType", "API_KEY"}, {"AuthParameters", Map{}}})
            .code == "ValidationException");
  const auto destination = kernel.call("CreateApiDestination", {{"Name", "api"},
                                                                {"ConnectionArn", arn},
                                                                {"HttpMethod", "POST"},
                                                                {"InvocationEndpoint", "https://10.0.0.1/*"},
                                                                {"InvocationRateLimitPerSecond", 1}});
  CHECK(destination["ApiDestinationState"].string() == "ACTIVE");
  // An address that the outbound policy keeps out of reach is not tried again.
  rule(kernel, "r", R"({"source":["shop"]})",
       {{"Arn", destination["ApiDestinationArn"]}, {"DeadLetterConfig", Map{{"Arn", queue_arn("dead")}}}});
  put(kernel, entry("{}"));
  const auto all = received(kernel);
  REQUIRE(all.size() == 1);
  CHECK(all[0].attribute("ERROR_CODE") == "SDK_CLIENT_ERROR");
  CHECK(kernel
            .error("CreateApiDestination", {{"Name", "x"},
                                            {"ConnectionArn", "arn:aws:events:us-east-1:000000000000:connection/no/1"},
                                            {"HttpMethod", "POST"},
                                            {"InvocationEndpoint", "https://example.org/"}})
            .code == "ResourceNotFoundException");
}

TEST_CASE("TestEventPattern says whether an event matches") {
  TestKernel kernel{"events", with_recorder()};
  const std::string event = R"({"id":"1","account":"2","source":"shop","time":"t","region":"r","detail-type":"d"})";
  const auto result = [&](const std::string& pattern) {
    return kernel.call("TestEventPattern", {{"EventPattern", pattern}, {"Event", event}})["Result"].boolean();
  };
  CHECK(result(R"({"source":["shop"]})"));
  CHECK_FALSE(result(R"({"source":["bank"]})"));
  CHECK(kernel.error("TestEventPattern", {{"EventPattern", R"({"a":[1]})"}, {"Event", "{}"}}).message ==
        "Parameter Event is not valid.");
  CHECK(kernel.error("TestEventPattern", {{"EventPattern", "{}"}, {"Event", event}}).code ==
        "InvalidEventPatternException");
}

TEST_CASE("accounts and regions do not see each other's rules") {
  TestKernel kernel{"events", with_recorder()};
  rule(kernel, "r", R"({"source":["shop"]})", {{"Arn", recorder_arn("a")}});
  kernel.context.region = "eu-west-1";
  put(kernel, entry("{}"));
  CHECK(kernel.call("ListRules")["Rules"].list().empty());
  kernel.context.region = "us-east-1";
  kernel.context.identity.account_id = "111111111111";
  put(kernel, entry("{}"));
  CHECK(received(kernel).empty());
}
