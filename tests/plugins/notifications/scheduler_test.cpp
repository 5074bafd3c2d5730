#include <catch2/catch.hpp>
#include <map>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::notifications::testing;

namespace {

constexpr std::int64_t start_ms = 1'798'761'600'000;  // 2027-01-01T00:00:00Z

Map schedule(const std::string& name, const std::string& expression, Map target = {}) {
  if (!target.contains("Arn")) target.set("Arn", recorder_arn("a"));
  target.set("RoleArn", "arn:aws:iam::000000000000:role/scheduler");
  return {{"Name", name},
          {"ScheduleExpression", expression},
          {"FlexibleTimeWindow", Map{{"Mode", "OFF"}}},
          {"Target", std::move(target)}};
}
Map with(Map input, const char* name, Value value) {
  input.set(name, std::move(value));
  return input;
}

}  // namespace

TEST_CASE("a one-time schedule runs once, in its time zone, with its context filled in") {
  TestKernel kernel{"scheduler", with_recorder()};
  auto input = schedule("once", "at(2027-01-01T09:00:00)",
                        {{"Input", R"({"arn":"<aws.scheduler.schedule-arn>","at":"<aws.scheduler.scheduled-time>"})"}});
  input.set("ScheduleExpressionTimezone", "Europe/Berlin");
  const auto arn = kernel.call("CreateSchedule", input)["ScheduleArn"].string();
  CHECK(arn == "arn:aws:scheduler:us-east-1:000000000000:schedule/default/once");
  kernel.clock.advance_ms(8 * 3'600'000 - 1);
  CHECK(received(kernel).empty());
  kernel.clock.advance_ms(1);
  const auto all = received(kernel);
  REQUIRE(all.size() == 1);
  CHECK(all[0].payload == R"({"arn":")" + arn + R"(","at":"2027-01-01T08:00:00Z"})");
  CHECK(all[0].service.empty());  // Under its role.
  kernel.clock.advance_ms(30 * 86'400'000LL);
  CHECK(received(kernel).empty());
  CHECK(kernel.call("GetSchedule", {{"Name", "once"}})["State"].string() == "ENABLED");
}

TEST_CASE("a schedule that is to be deleted after its last run is") {
  TestKernel kernel{"scheduler", with_recorder()};
  kernel.call("CreateSchedule", with(schedule("once", "at(2027-01-01T01:00:00)"), "ActionAfterCompletion", "DELETE"));
  auto ending = with(schedule("ending", "rate(1 hours)"), "ActionAfterCompletion", "DELETE");
  ending.set("EndDate", start_ms + 2 * 3'600'000 + 1);
  kernel.call("CreateSchedule", ending);
  kernel.clock.advance_ms(6 * 3'600'000);
  CHECK(received(kernel).size() == 1 + 3);
  CHECK(kernel.error("GetSchedule", {{"Name", "once"}}).code == "ResourceNotFoundException");
  CHECK(kernel.error("GetSchedule", {{"Name", "ending"}}).code == "ResourceNotFoundException");
}

TEST_CASE("rates begin at once or at their start, and end") {
  TestKernel kernel{"scheduler", with_recorder()};
  kernel.call("CreateSchedule", schedule("now", "rate(10 minutes)"));
  CHECK(received(kernel).size() == 1);
  kernel.clock.advance_ms(20 * 60'000);
  CHECK(received(kernel).size() == 2);
  kernel.call("DeleteSchedule", {{"Name", "now"}});
  auto later = with(schedule("later", "rate(1 days)"), "StartDate", start_ms + 3'600'000);
  later.set("EndDate", start_ms + 3 * 86'400'000LL);
  kernel.call("CreateSchedule", later);
  kernel.clock.advance_ms(10 * 86'400'000LL);
  const auto all = received(kernel);
  REQUIRE(all.size() == 3);
  CHECK(all[0].at_ms == start_ms + 3'600'000);
  CHECK(all[2].at_ms == start_ms + 3'600'000 + 2 * 86'400'000LL);
}

TEST_CASE("a flexible window moves a run within it") {
  TestKernel kernel{"scheduler", with_recorder()};
  auto input = schedule("flexible", "cron(0 12 * * ? *)");
  input.set("FlexibleTimeWindow", Map{{"Mode", "FLEXIBLE"}, {"MaximumWindowInMinutes", 60}});
  kernel.call("CreateSchedule", input);
  kernel.clock.advance_ms(4 * 86'400'000LL);
  const auto all = received(kernel);
  REQUIRE(all.size() == 4);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto noon = start_ms + 12 * 3'600'000 + static_cast<std::int64_t>(i) * 86'400'000;
    CHECK(all[i].at_ms >= noon);
    CHECK(all[i].at_ms < noon + 3'600'000);
  }
}

TEST_CASE("schedules survive a restart, can be disabled, and are replaced by an update") {
  TestKernel kernel{"scheduler", with_recorder()};
  kernel.call("CreateSchedule", with(schedule("s", "cron(0 * * * ? *)"), "Description", "hourly"));
  kernel.restart();
  kernel.clock.advance_ms(3'600'000);
  CHECK(received(kernel).size() == 1);
  kernel.call("UpdateSchedule", with(schedule("s", "cron(0 * * * ? *)"), "State", "DISABLED"));
  CHECK(kernel.call("GetSchedule", {{"Name", "s"}})["Description"].is_null());
  kernel.clock.advance_ms(2 * 3'600'000);
  CHECK(received(kernel).empty());
  kernel.call("UpdateSchedule", schedule("s", "cron(30 * * * ? *)"));
  kernel.clock.advance_ms(3'600'000);
  CHECK(received(kernel).size() == 1);
  CHECK(kernel.error("UpdateSchedule", schedule("none", "rate(1 days)")).code == "ResourceNotFoundException");
}

TEST_CASE("targets take what their templates say") {
  TestKernel kernel{"scheduler", with_recorder()};
  const std::string at = "at(2027-01-01T00:01:00)";
  kernel.call("CreateSchedule",
              schedule("q", at, {{"Arn", queue_arn("q.fifo")}, {"SqsParameters", Map{{"MessageGroupId", "g"}}}}));
  kernel.call("CreateSchedule", schedule("k", at,
                                         {{"Arn", "arn:aws:kinesis:us-east-1:000000000000:stream/s"},
                                          {"KinesisParameters", Map{{"PartitionKey", "p"}}}}));
  REQUIRE(kernel.try_call("events", "PutRule", {{"Name", "r"}, {"EventPattern", R"({"source":["clock"]})"}}));
  REQUIRE(kernel.try_call("events", "PutTargets",
                          {{"Rule", "r"}, {"Targets", List{Map{{"Id", "1"}, {"Arn", recorder_arn("bus")}}}}}));
  kernel.call("CreateSchedule",
              schedule("b", at,
                       {{"Arn", "arn:aws:events:us-east-1:000000000000:event-bus/default"},
                        {"Input", R"({"n":1})"},
                        {"EventBridgeParameters", Map{{"Source", "clock"}, {"DetailType", "Tick"}}}}));
  kernel.call("CreateSchedule", schedule("u", at,
                                         {{"Arn", "arn:aws:scheduler:::aws-sdk:recorder:note"},
                                          {"Input", R"({"Text":"hello","At":"<aws.scheduler.attempt-number>"})"}}));
  kernel.clock.advance_ms(60'000);
  std::map<std::string, Received> by_arn;
  for (auto& each : received(kernel)) by_arn.emplace(each.arn, each);
  REQUIRE(by_arn.size() == 4);
  CHECK(by_arn.at(queue_arn("q.fifo")).options == Value(Map{{"MessageGroupId", "g"}}));
  CHECK(by_arn.at("arn:aws:kinesis:us-east-1:000000000000:stream/s").options == Value(Map{{"PartitionKey", "p"}}));
  CHECK(by_arn.at(recorder_arn("bus")).json()["detail"]["n"].integer() == 1);
  CHECK(by_arn.at("note").payload == "hello");
  CHECK(by_arn.at("note").options["At"].string() == "1");
}

TEST_CASE("runs that fail are tried again, and become dead letters") {
  TestKernel kernel{"scheduler", with_recorder()};
  fail(kernel, recorder_arn("a"), "ServiceUnavailable", 1000);
  kernel.call("CreateSchedule", schedule("s", "at(2027-01-01T00:01:00)",
                                         {{"Input", R"({"try":<aws.scheduler.attempt-number>})"},
                                          {"RetryPolicy", Map{{"MaximumRetryAttempts", 1}}},
                                          {"DeadLetterConfig", Map{{"Arn", queue_arn("dead")}}}}));
  kernel.clock.advance_ms(3'600'000);
  const auto all = received(kernel);
  REQUIRE(all.size() == 3);
  CHECK(all[0].payload == R"({"try":1})");
  CHECK(all[1].payload == R"({"try":2})");
  CHECK(all[2].arn == queue_arn("dead"));
  CHECK(all[2].payload == R"({"try":2})");
  CHECK(all[2].attribute("SCHEDULE_ARN") == "arn:aws:scheduler:us-east-1:000000000000:schedule/default/s");
  CHECK(all[2].attribute("SCHEDULED_TIME") == "2027-01-01T00:01:00Z");
  CHECK(all[2].attribute("EXHAUSTED_RETRY_CONDITION") == "MaximumRetryAttempts");
}

TEST_CASE("a client token makes a repeated creation harmless") {
  TestKernel kernel{"scheduler", with_recorder()};
  const auto input = with(schedule("s", "rate(1 days)"), "ClientToken", "t-1");
  const auto arn = kernel.call("CreateSchedule", input)["ScheduleArn"];
  CHECK(kernel.call("CreateSchedule", input)["ScheduleArn"] == arn);
  const auto error = kernel.error("CreateSchedule", with(schedule("s", "rate(1 days)"), "ClientToken", "t-2"));
  CHECK(error.code == "ConflictException");
  CHECK(error.message == "Schedule s already exists.");
}

TEST_CASE("groups hold schedules and tags, and take their schedules with them") {
  TestKernel kernel{"scheduler", with_recorder()};
  const auto arn = kernel
                       .call("CreateScheduleGroup",
                             {{"Name", "g"}, {"Tags", List{Map{{"Key", "k"}, {"Value", "v"}}}}})["ScheduleGroupArn"]
                       .string();
  CHECK(arn == "arn:aws:scheduler:us-east-1:000000000000:schedule-group/g");
  CHECK(kernel.call("ListTagsForResource", {{"ResourceArn", arn}})["Tags"][0]["Value"].string() == "v");
  CHECK(kernel.call("ListScheduleGroups")["ScheduleGroups"].list().size() == 2);
  CHECK(kernel.error("CreateScheduleGroup", {{"Name", "g"}}).code == "ConflictException");
  kernel.call("CreateSchedule", with(schedule("s", "rate(1 minutes)"), "GroupName", "g"));
  kernel.call("CreateSchedule", schedule("s", "rate(1 days)"));
  kernel.call("CreateSchedule", schedule("t", "rate(1 days)"));
  const auto first = kernel.call("ListSchedules", {{"MaxResults", 2}});
  REQUIRE(first["Schedules"].list().size() == 2);
  CHECK(first["Schedules"][1]["Name"].string() == "t");
  const auto second = kernel.call("ListSchedules", {{"MaxResults", 2}, {"NextToken", first["NextToken"]}});
  REQUIRE(second["Schedules"].list().size() == 1);
  CHECK(second["Schedules"][0]["GroupName"].string() == "g");
  CHECK(kernel.call("ListSchedules", {{"GroupName", "g"}})["Schedules"].list().size() == 1);
  CHECK(kernel.error("CreateSchedule", with(schedule("s", "rate(1 days)"), "GroupName", "none")).message ==
        "Schedule group none does not exist.");
  received(kernel);
  kernel.call("DeleteScheduleGroup", {{"Name", "g"}});
  kernel.clock.advance_ms(600'000);
  CHECK(received(kernel).empty());
  CHECK(kernel.error("DeleteScheduleGroup", {{"Name", "default"}}).code == "ValidationException");
}

TEST_CASE("schedules that cannot be are refused") {
  TestKernel kernel{"scheduler", with_recorder()};
  const auto message = [&](Map input) { return kernel.error("CreateSchedule", std::move(input)).message; };
  CHECK(message(schedule("s", "rate(5 seconds)")) == "Invalid Schedule Expression rate(5 seconds).");
  CHECK(message(with(schedule("s", "rate(5 minutes)"), "ScheduleExpressionTimezone", "Mars/Olympus")) ==
        "The time zone you specified is not valid. Specify a valid time zone.");
  CHECK(message(with(schedule("s", "rate(5 minutes)"), "FlexibleTimeWindow", Map{{"Mode", "FLEXIBLE"}}))
            .find("MaximumWindowInMinutes") == 0);
  CHECK(kernel.error("CreateSchedule", schedule("a/b", "rate(5 minutes)")).code == "ValidationException");
  CHECK(kernel.error("CreateSchedule", with(schedule("s", "rate(5 minutes)"), "KmsKeyArn", "arn:k")).code ==
        "NotImplemented");
  CHECK(kernel
            .error("CreateSchedule", schedule("s", "rate(5 minutes)",
                                              {{"Arn", "arn:aws:events:us-east-1:000000000000:event-bus/default"}}))
            .code == "ValidationException");
}
