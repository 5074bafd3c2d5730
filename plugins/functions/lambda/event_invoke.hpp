// How asynchronous events of a function are dealt with: retries, age, destinations. Rows and records.
#pragma once

#include <moonbase/plugin.hpp>
#include <optional>
#include <string>
#include <string_view>

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

// Whether the ARN is a bucket's, which takes records of failures as objects.
bool is_bucket(std::string_view arn);
// For a delivery to a bucket: under which name, "FOLDER/2026/11/21/2026-11-21T10.00.00-UUID". The same in each try.
Map bucket_options(const std::string& folder, Time now, Ids& ids);

// A delivery to a destination or dead-letter queue: the payload of the task "lambda-destination".
struct DestinationDelivery {
  std::string account, region, role, arn, body;
  Map options;
  Time since;  // When what failed began; deliveries are given up 6 hours later.
};
void schedule_delivery(Transaction& tx, Time due, const DestinationDelivery& delivery, const std::string& key);
Result<Done> run_delivery(TaskRun& task);

}  // namespace moonbase::functions
