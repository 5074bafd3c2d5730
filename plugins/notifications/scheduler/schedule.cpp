#include "scheduler/schedule.hpp"

#include <algorithm>
#include <array>
#include <moonbase/json.hpp>
#include <utility>

#include "timing/time_zone.hpp"

namespace moonbase::notifications::scheduler {
namespace {

constexpr std::string_view universal_prefix = "arn:aws:scheduler:::aws-sdk:";

// What the SDKs call services, where our models have another name.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> service_names = {{
    {"eventbridge", "events"},
    {"cloudwatchlogs", "logs"},
    {"cognitoidentityprovider", "cognito-idp"},
    {"cognitoidentity", "cognito-identity"},
    {"elasticloadbalancingv2", "elasticloadbalancingv2"},
}};

Error invalid(std::string message) { return {"ValidationException", std::move(message)}; }

std::optional<ScheduleExpression> expression_of(const Value& schedule) {
  return ScheduleExpression::parse(schedule["ScheduleExpression"].string(), ScheduleExpression::Dialect::scheduler);
}

std::shared_ptr<const TimeZone> zone_of(const Value& schedule) {
  const auto name = schedule["ScheduleExpressionTimezone"].string_or("UTC");
  return name == "UTC" ? nullptr : TimeZone::find(name);
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

Result<Done> check_target(const Value& target) {
  const auto& arn = target["Arn"].string();
  for (const char* name : {"EcsParameters", "SageMakerPipelineParameters", "EventBridgePutEventsV2Parameters",
                           "EventBridgePutRawEventsParameters"})
    if (!target[name].is_null()) return not_implemented("scheduler Target." + std::string(name));
  const auto parsed = parse_arn(arn);
  if (!parsed) return invalid("Provided Arn is not in correct format.");
  if (parsed->service == "scheduler") {
    if (!universal_target(arn)) return invalid(arn + " is not a valid target.");
    if (target["Input"].is_string() && !parse_json(target["Input"].string()))
      return invalid("Invalid Input. Reason: Input is not valid JSON.");
    return done;
  }
  if (parsed->service == "events" && target["EventBridgeParameters"].is_null())
    return invalid("EventBridgeParameters must be specified for target " + arn + ".");
  if (target["EventBridgeParameters"]["Source"].string_or("").starts_with("aws."))
    return invalid("Source may not begin with 'aws.'.");
  if (parsed->service == "kinesis" && target["KinesisParameters"].is_null())
    return invalid("KinesisParameters must be specified for target " + arn + ".");
  if (parsed->service == "sqs" && arn.ends_with(".fifo") && target["SqsParameters"].is_null())
    return invalid("SqsParameters must be specified for target " + arn + ".");
  return done;
}

}  // namespace

std::string group_arn(const Owner& owner, std::string_view group) {
  return owner.arn("scheduler", "schedule-group/" + std::string(group));
}

std::optional<UniversalTarget> universal_target(std::string_view arn) {
  if (!arn.starts_with(universal_prefix)) return std::nullopt;
  arn.remove_prefix(universal_prefix.size());
  const auto colon = arn.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == arn.size()) return std::nullopt;
  UniversalTarget target{std::string(arn.substr(0, colon)), std::string(arn.substr(colon + 1))};
  for (const auto& [sdk, model] : service_names)
    if (target.service == sdk) target.service = model;
  if (target.operation[0] >= 'a' && target.operation[0] <= 'z')
    target.operation[0] = static_cast<char>(target.operation[0] - 32);
  return target;
}

Result<Done> check_schedule(const Value& input) {
  if (!input["KmsKeyArn"].is_null()) return not_implemented("scheduler KmsKeyArn");
  const auto& text = input["ScheduleExpression"].string();
  const auto expression = expression_of(input);
  if (!expression) return invalid("Invalid Schedule Expression " + text + ".");
  const auto zone = input["ScheduleExpressionTimezone"].string_or("UTC");
  if (zone != "UTC" && !TimeZone::find(zone))
    return invalid("The time zone you specified is not valid. Specify a valid time zone.");
  const auto& window = input["FlexibleTimeWindow"];
  const bool is_flexible = window["Mode"].string() == "FLEXIBLE";
  if (is_flexible && window["MaximumWindowInMinutes"].is_null())
    return invalid("MaximumWindowInMinutes must be specified when the flexible time window mode is FLEXIBLE.");
  if (!is_flexible && !window["MaximumWindowInMinutes"].is_null())
    return invalid("MaximumWindowInMinutes must not be specified when the flexible time window mode is OFF.");
  if (input["StartDate"].is_integer() && input["EndDate"].is_integer() &&
      input["EndDate"].integer() <= input["StartDate"].integer())
    return invalid("The EndDate you specify must come after the StartDate.");
  return check_target(input["Target"]);
}

std::optional<Time> next_run(const Value& schedule, Time after) {
  if (schedule["State"].string_or("ENABLED") != "ENABLED") return std::nullopt;
  const auto expression = expression_of(schedule);
  const auto zone = zone_of(schedule);
  // Rates count from the start that was given, else from when the schedule was made, and run at it.
  const bool has_start = schedule["StartDate"].is_integer();
  const Time start{has_start ? schedule["StartDate"].integer() : schedule["since_ms"].integer_or(after.ms)};
  if (has_start && !expression->is_once() && after.ms < start.ms) after = Time{start.ms - 1};
  const auto next = expression->next(after, start, true, zone.get());
  if (!next) return std::nullopt;
  if (!expression->is_once() && schedule["EndDate"].is_integer() && next->ms >= schedule["EndDate"].integer())
    return std::nullopt;
  return next;
}

bool is_over(const Value& schedule, Time now) {
  Value enabled = schedule;
  enabled.set("State", "ENABLED");
  return !next_run(enabled, now);
}

Result<Shipment> shipment_of(const Run& run, const Value& schedule) {
  const auto& target = schedule["Target"];
  Shipment shipment{run.schedule.owner, {}, target["Arn"].string(),
                    target["Input"].string_or("")};
  const auto parsed = parse_arn(shipment.target);
  auto& payload = shipment.payload;
  replace_all(payload, "<aws.scheduler.schedule-arn>", run.schedule.arn());
  replace_all(payload, "<aws.scheduler.scheduled-time>", iso_8601_seconds(run.scheduled));
  replace_all(payload, "<aws.scheduler.execution-id>", run.execution_id);
  shipment.attempt_mark = "<aws.scheduler.attempt-number>";
  if (payload.empty()) payload = "{}";
  if (const auto universal = universal_target(shipment.target)) {
    shipment.call_service = universal->service;
    shipment.call_operation = universal->operation;
  } else if (parsed->service == "sqs") {
    shipment.options = picked(target["SqsParameters"], {"MessageGroupId"});
  } else if (parsed->service == "kinesis") {
    shipment.options = picked(target["KinesisParameters"], {"PartitionKey"});
  } else if (parsed->service == "events") {
    shipment.options = picked(target["EventBridgeParameters"], {"DetailType", "Source"});
  } else {
    shipment.options = Map{};
  }
  shipment.retries_max = target["RetryPolicy"]["MaximumRetryAttempts"].integer_or(185);
  shipment.age_ms_max = target["RetryPolicy"]["MaximumEventAgeInSeconds"].integer_or(86400) * 1000;
  shipment.dead_letter_arn = target["DeadLetterConfig"]["Arn"].string_or("");
  shipment.attributes = Map{{"SCHEDULE_ARN", run.schedule.arn()},
                            {"TARGET_ARN", shipment.target},
                            {"EXECUTION_ID", run.execution_id},
                            {"SCHEDULED_TIME", iso_8601_seconds(run.scheduled)},
                            {"IS_PAYLOAD_TRUNCATED", "false"}};
  return shipment;
}

}  // namespace moonbase::notifications::scheduler
