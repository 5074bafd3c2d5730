// Backups and point-in-time recovery: CreateBackup, DeleteBackup, DescribeBackup, DescribeContinuousBackups,
// ListBackups, RestoreTableFromBackup, RestoreTableToPointInTime, UpdateContinuousBackups.
#include <algorithm>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>

#include "errors.hpp"
#include "recovery.hpp"
#include "service.hpp"
#include "table_settings.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr std::int64_t list_limit = 100;
constexpr std::int64_t recovery_days_default = 35;
constexpr std::size_t arn_time_digits = 14, arn_random_bytes = 4;

Error table_missing(const std::string& name) { return {"TableNotFoundException", "Table not found: " + name}; }
Error backup_missing(const std::string& arn) { return {"BackupNotFoundException", "Backup not found: " + arn}; }

// "arn:…:table/orders/backup/01795132800000-73d8d5bc"
std::string new_backup_arn(const Table& table, Ids& ids, Time now) {
  auto time = std::to_string(now.ms);
  if (time.size() < arn_time_digits) time.insert(0, arn_time_digits - time.size(), '0');
  return table.definition["TableArn"].string() + "/backup/" + time + "-" + hex(ids.random_bytes(arn_random_bytes));
}

std::string_view billing_mode(const Value& definition) {
  return definition["BillingModeSummary"].is_null() ? "PROVISIONED" : "PAY_PER_REQUEST";
}

List index_features(const Value& indexes, bool global) {
  List features;
  if (indexes.is_null()) return features;
  for (const auto& index : indexes.list()) {
    Map feature = {
        {"IndexName", index["IndexName"]}, {"KeySchema", index["KeySchema"]}, {"Projection", index["Projection"]}};
    if (global)
      feature.set("ProvisionedThroughput",
                  Map{{"ReadCapacityUnits", index["ProvisionedThroughput"]["ReadCapacityUnits"]},
                      {"WriteCapacityUnits", index["ProvisionedThroughput"]["WriteCapacityUnits"]}});
    features.push_back(std::move(feature));
  }
  return features;
}

// What DescribeBackup answers of a backup whose items are in `space`.
struct NewBackup {
  std::string arn, name;
  const char* type = "USER";
  Time created;
  std::optional<Time> expires;
  std::int64_t space = 0;
};
void keep_backup(Transaction& tx, const Table& table, const NewBackup& backup) {
  const auto count =
      tx.query("SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM dynamodb_item WHERE account = ? AND space = ?",
               table.account, backup.space);
  const auto& definition = table.definition;
  Map details = {{"BackupArn", backup.arn},        {"BackupName", backup.name},
                 {"BackupSizeBytes", count[0][1]}, {"BackupStatus", "AVAILABLE"},
                 {"BackupType", backup.type},      {"BackupCreationDateTime", backup.created.ms}};
  if (backup.expires) details.set("BackupExpiryDateTime", backup.expires->ms);
  Map source = {
      {"TableName", table.name},
      {"TableId", definition["TableId"]},
      {"TableArn", definition["TableArn"]},
      {"TableSizeBytes", count[0][1]},
      {"KeySchema", definition["KeySchema"]},
      {"TableCreationDateTime", definition["CreationDateTime"]},
      {"ProvisionedThroughput", Map{{"ReadCapacityUnits", definition["ProvisionedThroughput"]["ReadCapacityUnits"]},
                                    {"WriteCapacityUnits", definition["ProvisionedThroughput"]["WriteCapacityUnits"]}}},
      {"ItemCount", count[0][0]},
      {"BillingMode", billing_mode(definition)}};
  Map features;
  for (const bool global : {false, true}) {
    const auto* kind = global ? "GlobalSecondaryIndexes" : "LocalSecondaryIndexes";
    if (auto indexes = index_features(definition[kind], global); !indexes.empty())
      features.set(kind, std::move(indexes));
  }
  if (const auto& stream = definition["StreamSpecification"]; !stream.is_null())
    features.set("StreamDescription", stream);
  if (!table.ttl_attribute.empty())
    features.set("TimeToLiveDescription", Map{{"TimeToLiveStatus", "ENABLED"}, {"AttributeName", table.ttl_attribute}});
  const Value described = Map{{"BackupDetails", std::move(details)},
                              {"SourceTableDetails", std::move(source)},
                              {"SourceTableFeatureDetails", std::move(features)}};
  tx.query(
      "INSERT INTO dynamodb_backup (account, region, arn, table_name, created_at_ms, space, backup, definition) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      table.account, table.region, backup.arn, table.name, backup.created.ms, backup.space, to_json(described),
      to_json(definition));
}

struct Backup {
  std::int64_t space = 0;
  Value described, definition;
};
std::optional<Backup> find_backup(Transaction& tx, const Call& call, const std::string& arn) {
  const auto rows =
      tx.query("SELECT space, backup, definition FROM dynamodb_backup WHERE account = ? AND region = ? AND arn = ?",
               call.context.identity.account_id, call.context.region, arn);
  if (rows.empty()) return std::nullopt;
  auto described = parse_json(rows[0][1].string()), definition = parse_json(rows[0][2].string());
  if (!described || !definition) throw std::runtime_error("the DynamoDB backup " + arn + " is damaged");
  return Backup{rows[0][0].integer(), std::move(*described), std::move(*definition)};
}

void forget_backup(Transaction& tx, const std::string& account, const std::string& region, const std::string& arn,
                   std::int64_t space, Time now) {
  tx.query("DELETE FROM dynamodb_backup WHERE account = ? AND region = ? AND arn = ?", account, region, arn);
  tx.schedule(now, "dynamodb-clear", Map{{"account", account}, {"space", space}});
}

// --- Restoring -----------------------------------------------------------------------------------

// The indexes that the restored table has: those that the override names, or all.
Result<Done> choose_indexes(Value& definition, const char* kind, const Value& chosen, bool provisioned) {
  auto* indexes = definition.map().find(kind);
  if (!chosen.is_null()) {
    List kept;
    for (const auto& wanted : chosen.list()) {
      const Value* found = nullptr;
      for (const auto& index : indexes ? indexes->list() : List{})
        if (index["IndexName"] == wanted["IndexName"]) found = &index;
      if (!found) return invalid_parameter("Index not found in source table: " + wanted["IndexName"].string());
      kept.push_back(*found);
      if (provisioned && !wanted["ProvisionedThroughput"].is_null()) {
        if (auto checked = check_throughput(wanted["ProvisionedThroughput"]); !checked) return checked;
        auto& units = kept.back().map()["ProvisionedThroughput"];
        units.set("ReadCapacityUnits", wanted["ProvisionedThroughput"]["ReadCapacityUnits"]);
        units.set("WriteCapacityUnits", wanted["ProvisionedThroughput"]["WriteCapacityUnits"]);
      }
    }
    if (kept.empty())
      definition.map().erase(kind);
    else
      definition.set(kind, std::move(kept));
  }
  return done;
}

Result<Done> choose_billing(Value& definition, const Value& input, Time now) {
  const auto mode = input["BillingModeOverride"].string_or(std::string(billing_mode(definition)));
  const auto& throughput = input["ProvisionedThroughputOverride"];
  auto& units = definition.map()["ProvisionedThroughput"];
  if (mode == "PAY_PER_REQUEST") {
    if (!throughput.is_null())
      return invalid_parameter(
          "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST");
    definition.set("BillingModeSummary", Map{{"BillingMode", mode}, {"LastUpdateToPayPerRequestDateTime", now.ms}});
    units.set("ReadCapacityUnits", 0);
    units.set("WriteCapacityUnits", 0);
    return done;
  }
  if (throughput.is_null()) {
    if (billing_mode(definition) == "PROVISIONED") return done;
    return invalid_parameter("ProvisionedThroughput must be specified when BillingMode is PROVISIONED");
  }
  if (auto checked = check_throughput(throughput); !checked) return checked;
  definition.map().erase("BillingModeSummary");
  units.set("ReadCapacityUnits", throughput["ReadCapacityUnits"]);
  units.set("WriteCapacityUnits", throughput["WriteCapacityUnits"]);
  return done;
}

// A new table with the shape of another. What is hidden (tags, time to live, policies, recovery, replicas, …) and
// streams do not come along.
Result<Value> restored_definition(Call& call, const TableName& target, Value definition) {
  const auto now = call.kernel.clock.now();
  for (const auto* left : hidden_members) definition.map().erase(left);
  for (const auto* left :
       {"StreamSpecification", "LatestStreamArn", "LatestStreamLabel", "RestoreSummary", "MultiRegionConsistency"})
    definition.map().erase(left);
  const auto arn = call.context.arn("dynamodb", "table/" + target.name);
  definition.set("TableName", target.name);
  definition.set("TableArn", arn);
  definition.set("TableId", call.kernel.ids.uuid());
  definition.set("CreationDateTime", now.ms);
  definition.set("DeletionProtectionEnabled", false);
  if (const auto& override = call.input["SSESpecificationOverride"]; !override.is_null()) {
    auto encryption = describe_encryption(override, arn);
    if (!encryption) return encryption.error();
    definition.map().erase("SSEDescription");
    if (!encryption->is_null()) definition.set("SSEDescription", std::move(*encryption));
  }
  if (!call.input["VectorIndexOverride"].is_null())
    return not_implemented("dynamodb " + std::string(call.operation) + " VectorIndexOverride");
  if (auto billed = choose_billing(definition, call.input, now); !billed) return billed.error();
  const bool provisioned = billing_mode(definition) == "PROVISIONED";
  if (provisioned && !definition["VectorIndexes"].is_null())
    return invalid_parameter("Vector indexes are only supported for tables with BillingMode PAY_PER_REQUEST");
  if (auto* vectors = definition.map().find("VectorIndexes"))
    for (auto& index : vectors->list()) {
      index.set("IndexArn", arn + "/index/" + index["IndexName"].string());
      index.set("IndexStatus", "ACTIVE");
      index.map().erase("Backfilling");
    }
  if (provisioned) definition.map().erase("OnDemandThroughput");
  if (auto set = set_on_demand(definition, call.input["OnDemandThroughputOverride"], provisioned, "", false); !set)
    return set.error();
  for (const bool global : {false, true}) {
    const auto* kind = global ? "GlobalSecondaryIndexes" : "LocalSecondaryIndexes";
    const auto& chosen = call.input[global ? "GlobalSecondaryIndexOverride" : "LocalSecondaryIndexOverride"];
    if (auto kept = choose_indexes(definition, kind, chosen, provisioned); !kept) return kept.error();
    if (auto* indexes = definition.map().find(kind))
      for (auto& index : indexes->list()) {
        index.set("IndexArn", arn + "/index/" + index["IndexName"].string());
        index.map().erase("Backfilling");
        if (global) index.set("IndexStatus", "ACTIVE");
      }
  }
  return definition;
}

// Makes the table and lets `fill` put its items into its space.
Result<Value> restore(Service& service, Call& call, const TableName& target, Value definition,
                      const std::function<void(Transaction&, const Table&)>& fill) {
  auto shaped = restored_definition(call, target, std::move(definition));
  if (!shaped) return shaped;
  auto restored = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (read_table(tx, target)) return Error{"TableAlreadyExistsException", "Table already exists: " + target.name};
    const auto table = insert_table(tx, target, *shaped);
    fill(tx, *table);
    fill_indexes(tx, *table);
    return Value();
  });
  if (!restored) return restored;
  service.tables.forget(target);
  const auto table = service.tables.find(call.kernel.store, target);
  if (!table) return table.error();
  if (auto counted = count_items(call.kernel.store, **table); !counted) return counted.error();
  return Value(Map{{"TableDescription", described(**table)}});
}

Value restore_summary(const Value& source_arn, Time at) {
  return Map{{"SourceTableArn", source_arn}, {"RestoreDateTime", at.ms}, {"RestoreInProgress", false}};
}

// --- Point-in-time recovery ----------------------------------------------------------------------

Time earliest_restorable(const Value& recovery, Time now) {
  return {std::max(recovery["Since"].integer(), now.ms - recovery["Days"].integer() * recovery_day_ms)};
}

Value describe_recovery(const Value& definition, Time now) {
  const auto& recovery = definition["Recovery"];
  Map described = {{"PointInTimeRecoveryStatus", recovery.is_null() ? "DISABLED" : "ENABLED"}};
  if (!recovery.is_null()) {
    described.set("RecoveryPeriodInDays", recovery["Days"]);
    described.set("EarliestRestorableDateTime", earliest_restorable(recovery, now).ms);
    described.set("LatestRestorableDateTime", now.ms);
  }
  return Map{{"ContinuousBackupsDescription",
              Map{{"ContinuousBackupsStatus", "ENABLED"}, {"PointInTimeRecoveryDescription", std::move(described)}}}};
}

Value undo_payload(const Table& table) {
  return Map{{"account", table.account}, {"region", table.region}, {"table", table.name}, {"space", table.space}};
}

}  // namespace

void keep_deleted_table(Transaction& tx, const Table& table, Ids& ids, Time now) {
  NewBackup backup{new_backup_arn(table, ids, now),
                   table.name + "$DeletedTableBackup",
                   "SYSTEM",
                   now,
                   Time{now.ms + recovery_days_max * recovery_day_ms},
                   table.space};
  keep_backup(tx, table, backup);
  tx.schedule(*backup.expires, "dynamodb-backup-expire",
              Map{{"account", table.account}, {"region", table.region}, {"arn", backup.arn}});
}

Result<Value> create_backup(Service&, Call& call) {
  const auto name = table_named(call, call.input["TableName"].string());
  const auto& backup_name = call.input["BackupName"].string();
  const auto now = call.kernel.clock.now();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto table = read_table(tx, name);
    if (!table) return table_missing(name.name);
    NewBackup backup{new_backup_arn(*table, call.kernel.ids, now), backup_name, "USER", now, {}, 0};
    backup.space = take_spaces(tx, table->account, 1);
    copy_items(tx, table->account, table->space, backup.space);
    keep_backup(tx, *table, backup);
    return Value(Map{{"BackupDetails", find_backup(tx, call, backup.arn)->described["BackupDetails"]}});
  });
}

Result<Value> delete_backup(Service&, Call& call) {
  const auto& arn = call.input["BackupArn"].string();
  const auto now = call.kernel.clock.now();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto backup = find_backup(tx, call, arn);
    if (!backup) return backup_missing(arn);
    if (const auto& details = backup->described["BackupDetails"]; details["BackupType"].string() == "SYSTEM")
      return validation("Invalid Request: User is not allowed to delete the system backup with arn " + arn +
                        ". It will automatically expire on " +
                        iso_8601(Time{details["BackupExpiryDateTime"].integer()}));
    forget_backup(tx, call.context.identity.account_id, call.context.region, arn, backup->space, now);
    backup->described.map()["BackupDetails"].set("BackupStatus", "DELETED");
    return Value(Map{{"BackupDescription", std::move(backup->described)}});
  });
}

Result<Value> describe_backup(Service&, Call& call) {
  const auto& arn = call.input["BackupArn"].string();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto backup = find_backup(tx, call, arn);
    if (!backup) return backup_missing(arn);
    return Value(Map{{"BackupDescription", backup->described}});
  });
}

Result<Value> list_backups(Service&, Call& call) {
  const auto& input = call.input;
  const auto limit = input["Limit"].integer_or(list_limit);
  const auto type = input["BackupType"].string_or("USER");
  const auto table = input["TableName"].is_null() ? "" : table_name_of(input["TableName"].string());
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    List summaries;
    Map output;
    tx.each(
        "SELECT arn, table_name, created_at_ms, backup FROM dynamodb_backup WHERE account = ? AND region = ? AND "
        "arn > ? ORDER BY arn",
        {call.context.identity.account_id, call.context.region, input["ExclusiveStartBackupArn"].string_or("")},
        [&](const Row& row) {
          if (!table.empty() && row[1].string() != table) return true;
          const auto created = row[2].integer();
          if (created < input["TimeRangeLowerBound"].integer_or(INT64_MIN)) return true;
          if (created >= input["TimeRangeUpperBound"].integer_or(INT64_MAX)) return true;
          const auto backup = parse_json(row[3].string());
          if (!backup) throw std::runtime_error("the DynamoDB backup " + row[0].string() + " is damaged");
          Value summary = (*backup)["BackupDetails"];
          if (type != "ALL" && summary["BackupType"].string() != type) return true;
          if (static_cast<std::int64_t>(summaries.size()) == limit) {
            output.set("LastEvaluatedBackupArn", summaries.back()["BackupArn"]);
            return false;
          }
          for (const auto* member : {"TableName", "TableId", "TableArn"})
            summary.set(member, (*backup)["SourceTableDetails"][member]);
          summaries.push_back(std::move(summary));
          return true;
        });
    output.set("BackupSummaries", std::move(summaries));
    return Value(std::move(output));
  });
}

Result<Value> restore_table_from_backup(Service& service, Call& call) {
  const auto& arn = call.input["BackupArn"].string();
  std::optional<Backup> backup;
  auto read = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    backup = find_backup(tx, call, arn);
    return Value();
  });
  if (!read) return read;
  if (!backup) return backup_missing(arn);
  auto summary = restore_summary(backup->described["SourceTableDetails"]["TableArn"],
                                 Time{backup->described["BackupDetails"]["BackupCreationDateTime"].integer()});
  summary.set("SourceBackupArn", arn);
  const TableName target{call.context.identity.account_id, call.context.region, call.input["TargetTableName"].string()};
  return restore(service, call, target, backup->definition, [&](Transaction& tx, const Table& table) {
    copy_items(tx, table.account, backup->space, table.space);
    auto definition = table.definition;
    definition.set("RestoreSummary", summary);
    save_table(tx, table, definition);
  });
}

Result<Value> restore_table_to_point_in_time(Service& service, Call& call) {
  const auto& input = call.input;
  if (input["SourceTableName"].is_null() == input["SourceTableArn"].is_null())
    return validation("Must provide exactly one of: sourceTableArn, sourceTableName");
  const auto source_name = table_named(
      call, input["SourceTableName"].is_null() ? input["SourceTableArn"].string() : input["SourceTableName"].string());
  const auto source = service.tables.find(call.kernel.store, source_name);
  if (!source) return table_missing(source_name.name);
  const auto& recovery = (*source)->definition["Recovery"];
  if (recovery.is_null())
    return Error{"PointInTimeRecoveryUnavailableException",
                 "Point in time recovery is not enabled for table '" + source_name.name + "'"};
  const auto now = call.kernel.clock.now();
  const bool latest = input["UseLatestRestorableTime"].boolean_or(false);
  if (latest == !input["RestoreDateTime"].is_null())
    return validation(
        "Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but not both");
  const Time at = latest ? now : Time{input["RestoreDateTime"].integer()};
  // The whole second counts in which recovery began.
  if (at > now || at.seconds() < earliest_restorable(recovery, now).seconds())
    return Error{"InvalidRestoreTimeException",
                 "RestoreDateTime is not within the restorable period of table '" + source_name.name + "'"};
  const TableName target{source_name.account, source_name.region, input["TargetTableName"].string()};
  return restore(service, call, target, (*source)->definition, [&](Transaction& tx, const Table& table) {
    copy_items(tx, table.account, (*source)->space, table.space);
    undo_until(tx, **source, table.space, at);
    auto definition = table.definition;
    definition.set("RestoreSummary", restore_summary((*source)->definition["TableArn"], at));
    save_table(tx, table, definition);
  });
}

Result<Value> describe_continuous_backups(Service& service, Call& call) {
  const auto name = table_named(call, call.input["TableName"].string());
  const auto table = service.tables.find(call.kernel.store, name);
  if (!table) return table_missing(name.name);
  return describe_recovery((*table)->definition, call.kernel.clock.now());
}

Result<Value> update_continuous_backups(Service& service, Call& call) {
  const auto& specification = call.input["PointInTimeRecoverySpecification"];
  const auto name = table_named(call, call.input["TableName"].string());
  const auto now = call.kernel.clock.now();
  const auto days = specification["RecoveryPeriodInDays"].integer_or(recovery_days_default);
  if (!specification["PointInTimeRecoveryEnabled"].boolean() && !specification["RecoveryPeriodInDays"].is_null())
    return validation("Invalid Request: Cannot specify RecoveryPeriodInDays when disabling point-in-time recovery.");
  return change_definition(service, call, name, table_missing(name.name),
                           [&](Transaction& tx, const Table& table, Value& definition) -> Result<Value> {
                             auto* recovery = definition.map().find("Recovery");
                             if (!specification["PointInTimeRecoveryEnabled"].boolean()) {
                               if (recovery)
                                 tx.schedule(now, "dynamodb-undo-trim", undo_payload(table), undo_key(table));
                               definition.map().erase("Recovery");
                             } else if (recovery) {
                               recovery->set("Days", days);
                             } else {
                               definition.set("Recovery", Map{{"Since", now.ms}, {"Days", days}});
                               tx.schedule(Time{now.ms + recovery_day_ms}, "dynamodb-undo-trim", undo_payload(table),
                                           undo_key(table));
                             }
                             return describe_recovery(definition, now);
                           });
}

Result<Done> expire_backup(TaskRun& run) {
  const auto arn = run.payload["arn"].string();
  const auto account = run.payload["account"].string(), region = run.payload["region"].string();
  auto expired = run.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto rows = tx.query("SELECT space FROM dynamodb_backup WHERE account = ? AND region = ? AND arn = ?",
                               account, region, arn);
    if (!rows.empty()) forget_backup(tx, account, region, arn, rows[0][0].integer(), run.kernel.clock.now());
    return Value();
  });
  if (!expired) return expired.error();
  return done;
}

}  // namespace moonbase::dynamodb
