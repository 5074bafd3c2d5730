// Global tables of version 2017.11.29, and the auto scaling settings of either version: CreateGlobalTable,
// DescribeGlobalTable, DescribeGlobalTableSettings, DescribeTableReplicaAutoScaling, ListGlobalTables,
// UpdateGlobalTable, UpdateGlobalTableSettings, UpdateTableReplicaAutoScaling.
//
// Auto scaling is kept and described and scales nothing. "AutoScaling" of a region's definition is {Read, Write,
// Indexes: name → {Read, Write}}, each as AutoScalingSettingsDescription has it.
#include <algorithm>
#include <moonbase/json.hpp>

#include "errors.hpp"
#include "replicas.hpp"
#include "service.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr std::int64_t list_limit = 100;

Error global_table_missing(const std::string& name) {
  return {"GlobalTableNotFoundException", "Global table with name: '" + name + "' does not exist."};
}
Error table_missing(const std::string& name) { return {"TableNotFoundException", "Table not found: " + name}; }

std::vector<std::string> all_regions(const Table& table) {
  auto regions = regions_of(table.definition);
  if (regions.empty()) regions.push_back(table.region);
  return regions;
}

Value describe_global(const Table& table) {
  List group;
  for (const auto& region : all_regions(table))
    group.push_back(Map{{"RegionName", region}, {"ReplicaStatus", "ACTIVE"}});
  return Map{{"GlobalTableName", table.name},
             {"GlobalTableStatus", "ACTIVE"},
             {"GlobalTableArn", "arn:aws:dynamodb::" + table.account + ":global-table/" + table.name},
             {"CreationDateTime", table.definition["Global2017"]},
             {"ReplicationGroup", std::move(group)}};
}

// The definition of each region's table, to be looked at or changed.
using Visit = std::function<Result<Done>(const std::string& region, Value& definition)>;
Result<Done> each_region(Transaction& tx, const Table& table, bool change, const Visit& visit) {
  for (const auto& region : all_regions(table)) {
    const TableName name{table.account, region, table.name};
    const auto row = read_table(tx, name);
    if (!row) continue;
    auto definition = row->definition;
    if (auto visited = visit(region, definition); !visited) return visited;
    if (change) save_definition(tx, name, definition);
  }
  return done;
}

// --- Auto scaling --------------------------------------------------------------------------------

Result<Done> set_scaling(Value& kept, const char* kind, const Value& update, const std::string& table) {
  if (update.is_null()) return done;
  const auto failed = [&](const std::string& why) {
    return validation("Failed to update settings for global table with name: ‘" + table + "’: " + why);
  };
  Map described = {{"AutoScalingDisabled", update["AutoScalingDisabled"].boolean_or(false)}};
  const bool disabled = described.find("AutoScalingDisabled")->boolean();
  for (const auto* member : {"MinimumUnits", "MaximumUnits"}) {
    if (disabled != update[member].is_null())
      return failed(std::string("Parameters '") + member +
                    (disabled ? "' must be left blank when disabling auto scaling."
                              : "' are required unless auto scaling is being disabled."));
    if (!disabled) described.set(member, update[member]);
  }
  if (!disabled && update["MinimumUnits"].integer() > update["MaximumUnits"].integer())
    return failed("MinimumUnits must not be greater than MaximumUnits.");
  if (const auto& role = update["AutoScalingRoleArn"]; !role.is_null()) described.set("AutoScalingRoleArn", role);
  if (const auto& policy = update["ScalingPolicyUpdate"]; !policy.is_null())
    described.set("ScalingPolicies", List{policy});
  kept.set(kind, std::move(described));
  return done;
}

Value scaling_of_replica(const std::string& region, const Value& definition) {
  const auto& kept = definition["AutoScaling"];
  Map replica = {{"RegionName", region}, {"ReplicaStatus", "ACTIVE"}};
  const auto add = [](Map& to, const char* member, const Value& settings) {
    if (!settings.is_null()) to.set(member, settings);
  };
  add(replica, "ReplicaProvisionedReadCapacityAutoScalingSettings", kept["Read"]);
  add(replica, "ReplicaProvisionedWriteCapacityAutoScalingSettings", kept["Write"]);
  List indexes;
  if (const auto& global = definition["GlobalSecondaryIndexes"]; !global.is_null())
    for (const auto& index : global.list()) {
      const auto& own = kept["Indexes"][index["IndexName"].string()];
      Map described = {{"IndexName", index["IndexName"]}, {"IndexStatus", index["IndexStatus"]}};
      add(described, "ProvisionedReadCapacityAutoScalingSettings", own["Read"]);
      add(described, "ProvisionedWriteCapacityAutoScalingSettings", own["Write"]);
      indexes.push_back(std::move(described));
    }
  if (!indexes.empty()) replica.set("GlobalSecondaryIndexes", std::move(indexes));
  return replica;
}

Result<Value> describe_scaling(Transaction& tx, const Table& table) {
  List replicas;
  auto read = each_region(tx, table, false, [&](const std::string& region, Value& definition) -> Result<Done> {
    replicas.push_back(scaling_of_replica(region, definition));
    return done;
  });
  if (!read) return read.error();
  return Value(Map{{"TableAutoScalingDescription",
                    Map{{"TableName", table.name}, {"TableStatus", "ACTIVE"}, {"Replicas", std::move(replicas)}}}});
}

// Settings of indexes, from members that each operation names in its own way.
Result<Done> set_index_scaling(Value& definition, const Value& updates, const char* kind, const char* member) {
  if (updates.is_null()) return done;
  auto& scaling = definition.map()["AutoScaling"];
  for (const auto& update : updates.list()) {
    const auto index = update["IndexName"].string_or("");
    if (!find_global_index(definition, index)) return Error{"IndexNotFoundException", "Index not found: " + index};
    Value indexes = scaling["Indexes"], own = indexes[index];
    if (auto set = set_scaling(own, kind, update[member], definition["TableName"].string()); !set) return set;
    indexes.set(index, std::move(own));
    scaling.set("Indexes", std::move(indexes));
  }
  return done;
}

const Value& for_region(const Value& updates, const std::string& region) {
  static const Value none;
  if (!updates.is_null())
    for (const auto& update : updates.list())
      if (update["RegionName"].string() == region) return update;
  return none;
}

Result<Done> check_regions(const Table& table, const Value& updates) {
  if (updates.is_null()) return done;
  const auto regions = all_regions(table);
  for (const auto& update : updates.list())
    if (const auto& region = update["RegionName"].string();
        std::find(regions.begin(), regions.end(), region) == regions.end())
      return Error{"ReplicaNotFoundException",
                   "Replica of global table " + table.name + " not found in region " + region};
  return done;
}

// --- Settings ------------------------------------------------------------------------------------

Value settings_of_replica(const std::string& region, const Value& definition) {
  const auto& units = definition["ProvisionedThroughput"];
  const auto scaling = scaling_of_replica(region, definition);
  Map replica = {{"RegionName", region},
                 {"ReplicaStatus", "ACTIVE"},
                 {"ReplicaProvisionedReadCapacityUnits", units["ReadCapacityUnits"]},
                 {"ReplicaProvisionedWriteCapacityUnits", units["WriteCapacityUnits"]}};
  for (const auto& [from, to] : {std::pair{"BillingModeSummary", "ReplicaBillingModeSummary"},
                                 std::pair{"TableClassSummary", "ReplicaTableClassSummary"}})
    if (!definition[from].is_null()) replica.set(to, definition[from]);
  for (const auto* member :
       {"ReplicaProvisionedReadCapacityAutoScalingSettings", "ReplicaProvisionedWriteCapacityAutoScalingSettings"})
    if (!scaling[member].is_null()) replica.set(member, scaling[member]);
  List indexes;
  if (const auto& global = definition["GlobalSecondaryIndexes"]; !global.is_null())
    for (std::size_t i = 0; i < global.list().size(); ++i) {
      const auto& own = global[i]["ProvisionedThroughput"];
      Value described = scaling["GlobalSecondaryIndexes"][i];
      described.set("ProvisionedReadCapacityUnits", own["ReadCapacityUnits"]);
      described.set("ProvisionedWriteCapacityUnits", own["WriteCapacityUnits"]);
      indexes.push_back(std::move(described));
    }
  if (!indexes.empty()) replica.set("ReplicaGlobalSecondaryIndexSettings", std::move(indexes));
  return replica;
}

Result<Value> describe_settings(Transaction& tx, const Table& table) {
  List replicas;
  auto read = each_region(tx, table, false, [&](const std::string& region, Value& definition) -> Result<Done> {
    replicas.push_back(settings_of_replica(region, definition));
    return done;
  });
  if (!read) return read.error();
  return Value(Map{{"GlobalTableName", table.name}, {"ReplicaSettings", std::move(replicas)}});
}

// What all regions share: the capacity mode and the write units of the table and its indexes.
Result<Done> set_global_settings(Value& definition, const Value& input, Time now) {
  const auto& mode = input["GlobalTableBillingMode"];
  const auto set_units = [](Value& described, const char* kind, const Value& units) {
    described.map()["ProvisionedThroughput"].set(kind, units);
  };
  if (mode.string_or("") == "PAY_PER_REQUEST") {
    definition.set("BillingModeSummary",
                   Map{{"BillingMode", "PAY_PER_REQUEST"}, {"LastUpdateToPayPerRequestDateTime", now.ms}});
    for (const auto* kind : {"ReadCapacityUnits", "WriteCapacityUnits"}) set_units(definition, kind, 0);
  }
  const bool provisioned = definition["BillingModeSummary"].is_null();
  if (mode.string_or("") == "PROVISIONED" && !provisioned)
    return not_implemented(
        "dynamodb UpdateGlobalTableSettings GlobalTableBillingMode PROVISIONED of a table on demand");
  const auto& writes = input["GlobalTableProvisionedWriteCapacityUnits"];
  const auto& indexes = input["GlobalTableGlobalSecondaryIndexSettingsUpdate"];
  if (!provisioned && !writes.is_null())
    return validation("ProvisionedThroughput cannot be specified when BillingMode is PAY_PER_REQUEST");
  if (!writes.is_null()) set_units(definition, "WriteCapacityUnits", writes);
  if (indexes.is_null()) return done;
  for (const auto& update : indexes.list()) {
    auto* index = find_global_index(definition, update["IndexName"].string());
    if (!index) return Error{"IndexNotFoundException", "Index not found: " + update["IndexName"].string()};
    if (const auto& units = update["ProvisionedWriteCapacityUnits"]; !units.is_null())
      set_units(*index, "WriteCapacityUnits", units);
  }
  return done;
}

Result<Done> refuse_read_units(const Value& replicas) {
  if (replicas.is_null()) return done;
  for (const auto& replica : replicas.list())
    for (const auto* member : {"ReplicaProvisionedReadCapacityUnits", "ReplicaTableClass"})
      if (!replica[member].is_null())
        return not_implemented(std::string("dynamodb UpdateGlobalTableSettings ReplicaSettingsUpdate.") + member);
  return done;
}

// The global table of the caller's region, within a transaction.
using GlobalBody = std::function<Result<Value>(Transaction&, const Table&)>;
Result<Value> with_global(Service& service, Call& call, bool writes, const GlobalBody& body) {
  const auto name = table_named(call, call.input["GlobalTableName"].string());
  const auto find = [&](Transaction& tx) -> Result<Value> {
    const auto table = read_table(tx, name);
    if (!table || table->definition["Global2017"].is_null()) return global_table_missing(name.name);
    return body(tx, *table);
  };
  if (!writes) return call.kernel.store.read(find);
  auto written = call.kernel.store.write(find);
  service.tables.forget(name);
  return written;
}

}  // namespace

Result<Value> create_global_table(Service& service, Call& call) {
  const auto name = table_named(call, call.input["GlobalTableName"].string());
  const auto& group = call.input["ReplicationGroup"].list();
  const auto now = call.kernel.clock.now();
  auto created = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto table = read_table(tx, name);
    if (!table) return table_missing(name.name);
    if (!table->definition["Global2017"].is_null())
      return Error{"GlobalTableAlreadyExistsException", "Global table with name: '" + name.name + "' already exists."};
    if (!table->definition["Regions"].is_null())
      return validation("Table " + name.name + " is a global table of version 2019.11.21");
    if (!is_empty(tx, *table)) return invalid_parameter("Table " + name.name + " is not empty");
    auto definition = table->definition;
    definition.set("Global2017", now.ms);
    definition.set("Regions", List{name.region});
    for (const auto& replica : group)
      if (const auto region = replica["RegionName"].string_or(""); region != name.region)
        if (auto joined = join_replica(tx, *table, definition, region); !joined) return joined.error();
    save_table(tx, *table, definition);
    return Value(Map{{"GlobalTableDescription", describe_global(*read_table(tx, name))}});
  });
  service.tables.forget(name);
  return created;
}

Result<Value> update_global_table(Service& service, Call& call) {
  const auto now = call.kernel.clock.now();
  return with_global(service, call, true, [&](Transaction& tx, const Table& before) -> Result<Value> {
    const TableName name{before.account, before.region, before.name};
    for (const auto& update : call.input["ReplicaUpdates"].list()) {
      const auto table = read_table(tx, name);
      if (const auto& create = update["Create"]; !create.is_null()) {
        auto definition = table->definition;
        if (auto joined = join_replica(tx, *table, definition, create["RegionName"].string()); !joined)
          return joined.error();
        save_table(tx, *table, definition);
      }
      if (const auto& remove = update["Delete"]; !remove.is_null()) {
        const auto& region = remove["RegionName"].string();
        if (region == name.region)
          return invalid_parameter("A replica is removed by a request to another region: " + region);
        if (auto parted = part_replica(tx, *table, region, now); !parted) return parted.error();
      }
    }
    return Value(Map{{"GlobalTableDescription", describe_global(*read_table(tx, name))}});
  });
}

Result<Value> describe_global_table(Service& service, Call& call) {
  return with_global(service, call, false, [](Transaction&, const Table& table) -> Result<Value> {
    return Value(Map{{"GlobalTableDescription", describe_global(table)}});
  });
}

Result<Value> list_global_tables(Service&, Call& call) {
  const auto& input = call.input;
  const auto limit = input["Limit"].integer_or(list_limit);
  const auto only = input["RegionName"].string_or("");
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    List found;
    Map output;
    tx.each(
        "SELECT name, definition FROM dynamodb_table WHERE account = ? AND region = ? AND name > ? ORDER BY name",
        {call.context.identity.account_id, call.context.region, input["ExclusiveStartGlobalTableName"].string_or("")},
        [&](const Row& row) {
          const auto definition = parse_json(row[1].string());
          if (!definition) throw std::runtime_error("a table's definition is damaged: " + row[0].string());
          if ((*definition)["Global2017"].is_null()) return true;
          List group;
          bool wanted = only.empty();
          for (const auto& region : regions_of(*definition)) {
            group.push_back(Map{{"RegionName", region}});
            wanted |= region == only;
          }
          if (!wanted) return true;
          if (static_cast<std::int64_t>(found.size()) == limit) {
            output.set("LastEvaluatedGlobalTableName", found.back()["GlobalTableName"]);
            return false;
          }
          found.push_back(Map{{"GlobalTableName", row[0]}, {"ReplicationGroup", std::move(group)}});
          return true;
        });
    output.set("GlobalTables", std::move(found));
    return Value(std::move(output));
  });
}

Result<Value> describe_global_table_settings(Service& service, Call& call) {
  return with_global(service, call, false, describe_settings);
}

Result<Value> update_global_table_settings(Service& service, Call& call) {
  const auto& input = call.input;
  if (auto refused = refuse_read_units(input["ReplicaSettingsUpdate"]); !refused) return refused.error();
  return with_global(service, call, true, [&](Transaction& tx, const Table& table) -> Result<Value> {
    const auto& replicas = input["ReplicaSettingsUpdate"];
    if (auto checked = check_regions(table, replicas); !checked) return checked.error();
    auto changed = each_region(tx, table, true, [&](const std::string& region, Value& definition) -> Result<Done> {
      if (auto set = set_global_settings(definition, input, call.kernel.clock.now()); !set) return set;
      auto& scaling = definition.map()["AutoScaling"];
      if (auto set = set_scaling(scaling, "Write",
                                 input["GlobalTableProvisionedWriteCapacityAutoScalingSettingsUpdate"], table.name);
          !set)
        return set;
      if (auto set = set_index_scaling(definition, input["GlobalTableGlobalSecondaryIndexSettingsUpdate"], "Write",
                                       "ProvisionedWriteCapacityAutoScalingSettingsUpdate");
          !set)
        return set;
      const auto& own = for_region(replicas, region);
      if (auto set = set_scaling(definition.map()["AutoScaling"], "Read",
                                 own["ReplicaProvisionedReadCapacityAutoScalingSettingsUpdate"], table.name);
          !set)
        return set;
      return set_index_scaling(definition, own["ReplicaGlobalSecondaryIndexSettingsUpdate"], "Read",
                               "ProvisionedReadCapacityAutoScalingSettingsUpdate");
    });
    if (!changed) return changed.error();
    return describe_settings(tx, table);
  });
}

Result<Value> describe_table_replica_auto_scaling(Service&, Call& call) {
  const auto name = table_named(call, call.input["TableName"].string());
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto table = read_table(tx, name);
    if (!table) return no_such_table(name.name);
    return describe_scaling(tx, *table);
  });
}

Result<Value> update_table_replica_auto_scaling(Service& service, Call& call) {
  const auto& input = call.input;
  const auto name = table_named(call, input["TableName"].string());
  auto updated = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto table = read_table(tx, name);
    if (!table) return no_such_table(name.name);
    if (!table->is_provisioned())
      return validation("Failed to update global table with name ‘" + name.name + "‘. Replicas '" + name.region +
                        "' BillingMode is PayPerRequest. You must convert table's BillingMode to PROVISIONED to set "
                        "parameters: 'ProvisionedWriteCapacityAutoScalingUpdate'.");
    const auto& replicas = input["ReplicaUpdates"];
    if (auto checked = check_regions(*table, replicas); !checked) return checked.error();
    auto changed = each_region(tx, *table, true, [&](const std::string& region, Value& definition) -> Result<Done> {
      if (auto set = set_scaling(definition.map()["AutoScaling"], "Write",
                                 input["ProvisionedWriteCapacityAutoScalingUpdate"], name.name);
          !set)
        return set;
      if (auto set = set_index_scaling(definition, input["GlobalSecondaryIndexUpdates"], "Write",
                                       "ProvisionedWriteCapacityAutoScalingUpdate");
          !set)
        return set;
      const auto& own = for_region(replicas, region);
      if (auto set = set_scaling(definition.map()["AutoScaling"], "Read",
                                 own["ReplicaProvisionedReadCapacityAutoScalingUpdate"], name.name);
          !set)
        return set;
      return set_index_scaling(definition, own["ReplicaGlobalSecondaryIndexUpdates"], "Read",
                               "ProvisionedReadCapacityAutoScalingUpdate");
    });
    if (!changed) return changed.error();
    return describe_scaling(tx, *table);
  });
  service.tables.forget(name);
  return updated;
}

}  // namespace moonbase::dynamodb
