// How asynchronous events of a function are dealt with: retries, age, destinations. Rows and records.
#pragma once

#include <moonbase/plugin.hpp>
#include <optional>
#include <string>

#include "lambda/function.hpp"

namespace moonbase::functions {

inline constexpr std::int64_t event_age_seconds_max = 6 * 3600;
inline constexpr int event_retries_max = 2;

struct EventInvokeConfig {
  std::optional<std::int64_t> retries, age_seconds;
  std::string on_success, on_failure;  // ARNs.
  Time modified_at;
};

// `name` without a qualifier means $LATEST.
std::optional<EventInvokeConfig> find_event_invoke(Transaction& tx, const FunctionName& name);
EventInvokeConfig event_invoke_of(const Row& row);
void put_event_invoke(Transaction& tx, const FunctionName& name, const EventInvokeConfig& config);

// A delivery to a destination or dead-letter queue: the payload of the task "lambda-destination".
struct DestinationDelivery {
  std::string account, region, role, arn, body;
  Map options;
  Time since;  // When what failed began; deliveries are given up 6 hours later.
};
void schedule_delivery(Transaction& tx, Time due, const DestinationDelivery& delivery, const std::string& key);
Result<Done> run_delivery(TaskRun& task);

}  // namespace moonbase::functions
