// The logs service: groups, streams, events, subscriptions. Metric filters and queries are not built.
#pragma once

#include <moonbase/plugin.hpp>

#include "logs/log_store.hpp"

namespace moonbase::functions {

void register_group_operations(Registrar& registrar, LogStore& logs);
void register_log_operations(Registrar& registrar, LogStore& logs);
void register_subscription_operations(Registrar& registrar, LogStore& logs);

// Tasks.
Result<Done> run_retention(TaskRun& task);     // "logs-retention"
Result<Done> run_subscription(TaskRun& task);  // "logs-subscription"

}  // namespace moonbase::functions
