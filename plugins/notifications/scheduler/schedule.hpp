// Schedules: when they run, and what their targets are given. Pure but for the zone's file.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common.hpp"
#include "deliveries.hpp"
#include "timing/expression.hpp"

namespace moonbase::notifications::scheduler {

inline constexpr std::string_view default_group = "default";

// Which schedule, and whose.
struct ScheduleName {
  Owner owner;
  std::string group, name;
  std::string arn() const { return owner.arn("scheduler", "schedule/" + group + "/" + name); }
};
std::string group_arn(const Owner& owner, std::string_view group);

// What CreateSchedule and UpdateSchedule are given; an Error is AWS's.
Result<Done> check_schedule(const Value& input);

// When a schedule runs after a moment: nothing once it is over. Its document must have been checked.
std::optional<Time> next_run(const Value& schedule, Time after);
// Whether it has an end that it has reached, or ran its only time.
bool is_over(const Value& schedule, Time now);

// What one run sends. `execution_id` and `scheduled` fill in the input's context attributes.
struct Run {
  ScheduleName schedule;
  Time scheduled;
  std::string execution_id;
};
Result<Shipment> shipment_of(const Run& run, const Value& schedule);

// "sqs" and "SendMessage" of "arn:aws:scheduler:::aws-sdk:sqs:sendMessage".
struct UniversalTarget {
  std::string service, operation;
};
std::optional<UniversalTarget> universal_target(std::string_view arn);

}  // namespace moonbase::notifications::scheduler
