#include "service.hpp"

#include <moonbase/json.hpp>

#include "item_format.hpp"

namespace moonbase::dynamodb {
void load(Registrar& registrar, const std::shared_ptr<Service>& service, const Sources& sources) {
  registrar.model(sources.model);
  registrar.schema(sources.schema);
  registrar.schema(sources.recovery_schema);
  registrar.views(sources.views);
  registrar.view_function("dynamodb_json",
                          [](std::string_view blob) { return to_json(json_shape(decode_item(blob))); });
  using Run = Result<Value> (*)(Service&, Call&);
  constexpr std::pair<std::string_view, Run> operations[] = {
      {"BatchExecuteStatement", batch_execute_statement},
      {"BatchGetItem", batch_get_item},
      {"BatchWriteItem", batch_write_item},
      {"CreateBackup", create_backup},
      {"CreateGlobalTable", create_global_table},
      {"CreateTable", create_table},
      {"DeleteBackup", delete_backup},
      {"DeleteItem", delete_item},
      {"DeleteResourcePolicy", delete_resource_policy},
      {"DeleteTable", delete_table},
      {"DescribeBackup", describe_backup},
      {"DescribeContinuousBackups", describe_continuous_backups},
      {"DescribeContributorInsights", describe_contributor_insights},
      {"DescribeEndpoints", describe_endpoints},
      {"DescribeGlobalTable", describe_global_table},
      {"DescribeGlobalTableSettings", describe_global_table_settings},
      {"DescribeLimits", describe_limits},
      {"DescribeTable", describe_table},
      {"DescribeTableReplicaAutoScaling", describe_table_replica_auto_scaling},
      {"DescribeTimeToLive", describe_time_to_live},
      {"ExecuteStatement", execute_statement},
      {"ExecuteTransaction", execute_transaction},
      {"GetItem", get_item},
      {"GetResourcePolicy", get_resource_policy},
      {"ListBackups", list_backups},
      {"ListContributorInsights", list_contributor_insights},
      {"ListGlobalTables", list_global_tables},
      {"ListTables", list_tables},
      {"ListTagsOfResource", list_tags_of_resource},
      {"PutItem", put_item},
      {"PutResourcePolicy", put_resource_policy},
      {"Query", query},
      {"RestoreTableFromBackup", restore_table_from_backup},
      {"RestoreTableToPointInTime", restore_table_to_point_in_time},
      {"Scan", scan},
      {"SearchVectors", search_vectors},
      {"TagResource", tag_resource},
      {"TransactGetItems", transact_get_items},
      {"TransactWriteItems", transact_write_items},
      {"UntagResource", untag_resource},
      {"UpdateContinuousBackups", update_continuous_backups},
      {"UpdateContributorInsights", update_contributor_insights},
      {"UpdateGlobalTable", update_global_table},
      {"UpdateGlobalTableSettings", update_global_table_settings},
      {"UpdateItem", update_item},
      {"UpdateTable", update_table},
      {"UpdateTableReplicaAutoScaling", update_table_replica_auto_scaling},
      {"UpdateTimeToLive", update_time_to_live},
  };
  constexpr std::pair<std::string_view, Run> stream_operations[] = {
      {"DescribeStream", describe_stream},
      {"GetRecords", get_records},
      {"GetShardIterator", get_shard_iterator},
      {"ListStreams", list_streams},
  };
  const auto add = [&](std::string_view name, Run run) {
    registrar.operation(name, [service, run](Call& call) { return run(*service, call); });
  };
  for (const auto& [name, run] : operations) add(name, run);
  registrar.model(sources.streams_model);
  for (const auto& [name, run] : stream_operations) add(name, run);

  registrar.task("dynamodb-backup-expire", expire_backup);
  registrar.task("dynamodb-clear", clear_space);
  registrar.task("dynamodb-expiry-backfill", backfill_expiry);
  registrar.task("dynamodb-expiry-forget", forget_expiry);
  registrar.task("dynamodb-trim", trim_stream);
  registrar.task("dynamodb-undo-trim", trim_undo);
  registrar.task("dynamodb-expire", [service](TaskRun& run) { return expire_items(*service, run); });
  registrar.task("dynamodb-backfill", [service](TaskRun& run) { return backfill_index(*service, run); });
  service->stream_source = std::make_unique<StreamSource>(registrar.kernel(), service->stream_signals);
  registrar.event_source("dynamodb", *service->stream_source);
  registrar.http(Dax::match(), [service](HttpCall& call) { return service->dax.serve(*service, call); });
  registrar.on_reset([service](std::string_view account_id) {
    service->tables.clear(account_id);
    service->dax.clear();
    service->stream_signals.notify_all();
  });
}

}  // namespace moonbase::dynamodb
