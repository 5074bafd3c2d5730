#include "replicas.hpp"

#include <algorithm>
#include <moonbase/json.hpp>

#include "errors.hpp"
#include "recovery.hpp"
#include "stream.hpp"

namespace moonbase::dynamodb {
namespace {

// What all regions have in common. Indexes too, but for their ARNs.
constexpr const char* shared_members[] = {"AttributeDefinitions",
                                          "KeySchema",
                                          "BillingModeSummary",
                                          "ProvisionedThroughput",
                                          "OnDemandThroughput",
                                          "Warm",
                                          "TimeToLive",
                                          "Recovery",
                                          "Regions",
                                          "MultiRegionConsistency",
                                          "LocalSecondaryIndexes",
                                          "GlobalSecondaryIndexes",
                                          "VectorIndexes",
                                          "Global2017"};

// "arn:aws:dynamodb:us-east-1:…" in another region.
std::string arn_in(const std::string& arn, const std::string& region) {
  const auto begin = arn.find("dynamodb:") + 9, end = arn.find(':', begin);
  return arn.substr(0, begin) + region + arn.substr(end);
}

void copy_shared(Value& to, const Value& from) {
  for (const auto* member : shared_members) {
    if (from[member].is_null())
      to.map().erase(member);
    else
      to.set(member, from[member]);
  }
  for (const auto* kind : index_kinds)
    if (auto* indexes = to.map().find(kind))
      for (auto& index : indexes->list())
        index.set("IndexArn", to["TableArn"].string() + "/index/" + index["IndexName"].string());
}

// The enabled streams of all regions but one: each change is recorded in them too.
List streams_but(const std::vector<std::pair<std::string, Value>>& definitions, const std::string& region) {
  List streams;
  for (const auto& [own, definition] : definitions)
    if (own != region && !definition["Stream"].is_null())
      streams.push_back(List{definition["Stream"], definition["StreamSpecification"]["StreamViewType"]});
  return streams;
}

Error replica_exists(const std::string& name) {
  return validation("Failed to create a the new replica of table with name: '" + name +
                    "' because one or more replicas already existed as tables.");
}

Result<Done> create_replica(Transaction& tx, const Table& table, Value& definition, const Value& asked, Ids& ids,
                            Time now) {
  const auto& region = asked["RegionName"].string();
  for (const auto* parameter : {"KMSMasterKeyId", "ProvisionedThroughputOverride", "OnDemandThroughputOverride",
                                "TableClassOverride", "GlobalSecondaryIndexes"})
    if (!asked[parameter].is_null())
      return not_implemented(std::string("dynamodb UpdateTable ReplicaUpdates.Create.") + parameter);
  auto regions = regions_of(definition);
  if (regions.empty()) regions.push_back(table.region);
  const TableName name{table.account, region, table.name};
  if (region == table.region || read_table(tx, name)) return replica_exists(table.name);
  if (regions.size() >= replicas_max) return Error{"LimitExceededException", "Too many replicas."};
  const Value both = Map{{"StreamEnabled", true}, {"StreamViewType", "NEW_AND_OLD_IMAGES"}};
  if (definition["Stream"].is_null()) {
    if (auto set = set_stream(tx, {table.account, table.region, table.name}, definition, both, now); !set) return set;
  } else if (definition["StreamSpecification"]["StreamViewType"].string() != "NEW_AND_OLD_IMAGES") {
    return validation("Table stream must be enabled with StreamViewType NEW_AND_OLD_IMAGES to create a replica.");
  }
  regions.push_back(region);
  List names;
  for (auto& each : regions) names.push_back(std::move(each));
  definition.set("Regions", std::move(names));

  Value replica = Map{{"TableName", table.name}, {"TableArn", arn_in(definition["TableArn"].string(), region)},
                      {"TableId", ids.uuid()},   {"CreationDateTime", now.ms},
                      {"TableStatus", "ACTIVE"}, {"DeletionProtectionEnabled", false}};
  copy_shared(replica, definition);
  if (auto set = set_stream(tx, name, replica, both, now); !set) return set;
  tx.query("INSERT INTO dynamodb_table (account, region, name, space, version, definition) VALUES (?, ?, ?, ?, 1, ?)",
           name.account, name.region, name.name, table.space, to_json(replica));
  return done;
}

void leave(const std::string& leaving, Value& definition) {
  List rest;
  for (const auto& region : regions_of(definition))
    if (region != leaving) rest.push_back(region);
  if (rest.size() < 2) {
    definition.map().erase("Regions");
    definition.map().erase("OtherStreams");
  } else {
    definition.set("Regions", std::move(rest));
  }
}

Result<Done> delete_replica(Transaction& tx, const Table& table, Value& definition, const std::string& region,
                            Time now) {
  const auto replica = read_table(tx, {table.account, region, table.name});
  const auto regions = regions_of(definition);
  if (region == table.region || !replica || std::find(regions.begin(), regions.end(), region) == regions.end())
    return Error{"ResourceNotFoundException",
                 "Requested resource not found: Replica of table " + table.name + " in region " + region};
  tx.query("DELETE FROM dynamodb_table WHERE account = ? AND region = ? AND name = ?", table.account, region,
           table.name);
  end_stream(tx, *replica, now);
  leave(region, definition);
  return done;
}

Error table_missing_in(const std::string& name, const std::string& region) {
  return {"TableNotFoundException", "Table not found: " + name + " in region " + region};
}

// Gives a table spaces of its own, with copies of what is in those that it shared.
std::int64_t copy_spaces(Transaction& tx, const Table& table, Value& definition) {
  auto next = take_spaces(tx, table.account, 1 + table.indexes.size());
  const auto own = next++;
  copy_items(tx, table.account, table.space, own);
  for (const auto* kind : index_kinds)
    if (auto* indexes = definition.map().find(kind))
      for (auto& index : indexes->list()) {
        copy_items(tx, table.account, index["Space"].integer(), next);
        index.set("Space", next++);
      }
  return own;
}

}  // namespace

std::vector<std::string> regions_of(const Value& definition) {
  std::vector<std::string> regions;
  if (!definition["Regions"].is_null())
    for (const auto& region : definition["Regions"].list()) regions.push_back(region.string());
  return regions;
}

List describe_replicas(const Table& table) {
  List replicas;
  for (const auto& region : regions_of(table.definition))
    if (region != table.region)
      replicas.push_back(Map{{"RegionName", region},
                             {"ReplicaStatus", "ACTIVE"},
                             {"ReplicaArn", arn_in(table.definition["TableArn"].string(), region)}});
  return replicas;
}

Result<Done> update_replicas(Transaction& tx, const Table& table, Value& definition, const Value& updates, Ids& ids,
                             Time now) {
  if (!definition["Global2017"].is_null())
    return not_implemented("dynamodb UpdateTable ReplicaUpdates of a global table of version 2017.11.29");
  for (const auto& update : updates.list()) {
    if (!update["Update"].is_null() || !update["Disassociate"].is_null())
      return not_implemented("dynamodb UpdateTable ReplicaUpdates, other than Create and Delete");
    if (const auto& create = update["Create"]; !create.is_null())
      if (auto created = create_replica(tx, table, definition, create, ids, now); !created) return created;
    if (const auto& remove = update["Delete"]; !remove.is_null())
      if (auto removed = delete_replica(tx, table, definition, remove["RegionName"].string(), now); !removed)
        return removed;
  }
  return done;
}

bool is_empty(Transaction& tx, const Table& table) {
  return tx.query("SELECT bytes FROM dynamodb_item WHERE account = ? AND space = ? LIMIT 1", table.account, table.space)
      .empty();
}

Result<Done> join_replica(Transaction& tx, const Table& table, Value& definition, const std::string& region) {
  auto regions = regions_of(definition);
  if (std::find(regions.begin(), regions.end(), region) != regions.end())
    return Error{"ReplicaAlreadyExistsException",
                 "Replica of global table " + table.name + " already exists in region " + region};
  const TableName name{table.account, region, table.name};
  const auto other = read_table(tx, name);
  if (!other) return table_missing_in(table.name, region);
  for (const auto* part : {&table, other.get()})
    if (part->definition["StreamSpecification"]["StreamViewType"].string_or("") != "NEW_AND_OLD_IMAGES")
      return validation("One or more parameter values were invalid: Table " + table.name + " in region " +
                        part->region + " needs a stream with the view type NEW_AND_OLD_IMAGES");
  for (const auto* member : {"KeySchema", "AttributeDefinitions"})
    if (!(table.definition[member] == other->definition[member]))
      return validation("One or more parameter values were invalid: Table " + table.name + " in region " + region +
                        " has another " + member);
  if (!is_empty(tx, *other) || !other->definition["Regions"].is_null())
    return validation("One or more parameter values were invalid: Table " + table.name + " in region " + region +
                      " is not empty, or part of a global table");
  regions.push_back(region);
  definition.set("Regions", List(regions.begin(), regions.end()));
  auto theirs = other->definition;
  copy_shared(theirs, definition);
  tx.query(
      "UPDATE dynamodb_table SET space = ?, version = version + 1, definition = ? WHERE account = ? AND region = ? "
      "AND name = ?",
      table.space, to_json(theirs), name.account, name.region, name.name);
  return done;
}

Result<Done> part_replica(Transaction& tx, const Table& table, const std::string& region, Time now) {
  const auto regions = regions_of(table.definition);
  const auto parting = read_table(tx, {table.account, region, table.name});
  if (!parting || std::find(regions.begin(), regions.end(), region) == regions.end())
    return Error{"ReplicaNotFoundException",
                 "Replica of global table " + table.name + " not found in region " + region};
  auto own = parting->definition;
  for (const auto* shared : {"Regions", "OtherStreams", "Global2017"}) own.map().erase(shared);
  if (auto* recovery = own.map().find("Recovery")) recovery->set("Since", now.ms);  // Its past stays with the others.
  const auto space = copy_spaces(tx, *parting, own);
  tx.query(
      "UPDATE dynamodb_table SET space = ?, version = version + 1, definition = ? WHERE account = ? AND region = ? "
      "AND name = ?",
      space, to_json(own), table.account, region, table.name);
  if (!parting->ttl_attribute.empty())
    tx.schedule(now, "dynamodb-expiry-backfill",
                Map{{"account", table.account}, {"region", region}, {"table", table.name}, {"space", space}});
  // One of those that stay tells the others.
  const auto stays = std::find_if(regions.begin(), regions.end(), [&](const auto& one) { return one != region; });
  if (stays == regions.end()) return done;
  const auto rest = read_table(tx, {table.account, *stays, table.name});
  auto definition = rest->definition;
  leave(region, definition);
  save_table(tx, *rest, definition);
  return done;
}

bool leave_replicas(Transaction& tx, const Table& table, Time now) {
  bool others = false;
  for (const auto& region : regions_of(table.definition)) {
    if (region == table.region) continue;
    const auto other = read_table(tx, {table.account, region, table.name});
    if (!other || other->space != table.space) continue;
    auto definition = other->definition;
    leave(table.region, definition);
    save_definition(tx, {table.account, region, table.name}, definition);
    if (others) continue;
    others = true;
    sync_replicas(tx, *other, definition);
    // What is to expire next was this region's task.
    if (!other->ttl_attribute.empty())
      tx.schedule(
          now, "dynamodb-expiry-backfill",
          Map{{"account", other->account}, {"region", region}, {"table", other->name}, {"space", other->space}});
  }
  return others;
}

void sync_replicas(Transaction& tx, const Table& table, const Value& definition) {
  const auto regions = regions_of(definition);
  if (regions.size() < 2) return;
  std::vector<std::pair<std::string, Value>> definitions;
  for (const auto& region : regions) {
    const auto row = read_table(tx, {table.account, region, table.name});
    if (!row || row->space != table.space) continue;
    Value theirs = region == table.region ? definition : row->definition;
    if (region != table.region) copy_shared(theirs, definition);
    definitions.emplace_back(region, std::move(theirs));
  }
  for (auto& [region, theirs] : definitions) {
    theirs.set("OtherStreams", streams_but(definitions, region));
    save_definition(tx, {table.account, region, table.name}, theirs);
  }
}

}  // namespace moonbase::dynamodb
