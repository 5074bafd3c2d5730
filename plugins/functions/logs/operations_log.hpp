// The operations of the logs service, file by file.
#pragma once

#include <moonbase/plugin.hpp>

#include "logs/log_store.hpp"

namespace moonbase::functions {

void register_group_operations(Registrar& registrar, LogStore& logs);
void register_live_tail_operations(Registrar& registrar, LogStore& logs);
void register_log_operations(Registrar& registrar, LogStore& logs);
void register_policy_operations(Registrar& registrar);
void register_query_definition_operations(Registrar& registrar);
void register_subscription_operations(Registrar& registrar, LogStore& logs);

// Tasks.
Result<Done> run_retention(TaskRun& task);     // "logs-retention"
Result<Done> run_subscription(TaskRun& task);  // "logs-subscription"

}  // namespace moonbase::functions
