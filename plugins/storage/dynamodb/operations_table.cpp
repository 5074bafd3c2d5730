// CreateTable, DeleteTable, DescribeTable, ListTables, UpdateTable.
#include <algorithm>
#include <moonbase/json.hpp>

#include "errors.hpp"
#include "replicas.hpp"
#include "service.hpp"
#include "stream.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr std::int64_t list_limit = 100;

// A parameter that is not built answers 501, whatever its value would have done.
Result<Done> refuse_unbuilt(const Value& input, std::string_view operation,
                            std::initializer_list<const char*> parameters) {
  for (const auto* parameter : parameters)
    if (!input[parameter].is_null()) return not_implemented("dynamodb " + std::string(operation) + " " + parameter);
  if (input["SSESpecification"]["Enabled"].boolean_or(false))
    return not_implemented("dynamodb " + std::string(operation) + " SSESpecification");
  return done;
}

// A table that cannot hold anything yet need not be counted.
void mark_empty(const Table& table) {
  table.size->counted = true;
  for (const auto& index : table.indexes) index.size->counted = true;
}

Value clear_payload(const std::string& account, std::int64_t space) {
  return Map{{"account", account}, {"space", space}};
}

// --- UpdateTable ---------------------------------------------------------------------------------

void set_throughput(Value& described, const Value& throughput) {
  auto& units = described.map()["ProvisionedThroughput"];
  units.set("ReadCapacityUnits", throughput["ReadCapacityUnits"]);
  units.set("WriteCapacityUnits", throughput["WriteCapacityUnits"]);
}

Result<Done> create_index(Transaction& tx, const Table& table, Value& definition, const Value& asked, Time now) {
  const auto& name = asked["IndexName"].string();
  if (find_global_index(definition, name)) return validation("Attempting to create an index which already exists");
  auto& definitions = definition.map()["AttributeDefinitions"];
  if (auto checked = check_index_keys(asked, definitions, true, definition["KeySchema"]); !checked) return checked;
  const bool provisioned = definition["BillingModeSummary"].is_null();
  if (provisioned && asked["ProvisionedThroughput"].is_null())
    return invalid_parameter("ProvisionedThroughput must be specified for index: " + name);
  auto index = define_index(asked, true, definition["TableArn"].string(), provisioned);
  index.set("IndexStatus", "CREATING");
  index.set("Backfilling", true);
  index.set("Space", take_spaces(tx, table.account, 1));
  auto& indexes = definition.map()["GlobalSecondaryIndexes"];
  if (indexes.is_null()) indexes = List{};
  if (indexes.list().size() >= global_indexes_max)
    return Error{"LimitExceededException",
                 "GlobalSecondaryIndex count exceeds the per-table limit of " + std::to_string(global_indexes_max)};
  indexes.list().push_back(std::move(index));
  tx.schedule(now, "dynamodb-backfill",
              Map{{"account", table.account}, {"region", table.region}, {"table", table.name}, {"index", name}});
  return done;
}

Result<Done> delete_index(Transaction& tx, const Table& table, Value& definition, const std::string& name, Time now) {
  const auto* described = find_global_index(definition, name);
  if (!described) return Error{"ResourceNotFoundException", "Requested resource not found"};
  tx.schedule(now, "dynamodb-clear", clear_payload(table.account, (*described)["Space"].integer()));
  auto& indexes = definition.map().find("GlobalSecondaryIndexes")->list();
  std::erase_if(indexes, [&](const Value& index) { return index["IndexName"].string() == name; });
  if (indexes.empty()) definition.map().erase("GlobalSecondaryIndexes");
  // What only this index's key named is no longer defined.
  const auto changed = make_table(table.account, table.region, table.name, table.space, table.version, definition);
  std::erase_if(definition.map().find("AttributeDefinitions")->list(), [&](const Value& attribute) {
    const auto& named = attribute["AttributeName"].string();
    return !changed->keys.contains(named) &&
           std::none_of(changed->indexes.begin(), changed->indexes.end(),
                        [&](const Index& index) { return index.keys.contains(named); });
  });
  return done;
}

Result<Done> update_indexes(Transaction& tx, const Table& table, Value& definition, const Value& updates, Time now) {
  for (const auto& update : updates.list()) {
    if (const auto& create = update["Create"]; !create.is_null()) {
      if (auto created = create_index(tx, table, definition, create, now); !created) return created;
    }
    if (const auto& remove = update["Delete"]; !remove.is_null()) {
      if (auto removed = delete_index(tx, table, definition, remove["IndexName"].string(), now); !removed)
        return removed;
    }
    if (const auto& change = update["Update"]; !change.is_null()) {
      auto* described = find_global_index(definition, change["IndexName"].string());
      if (!described) return Error{"ResourceNotFoundException", "Requested resource not found"};
      const auto& throughput = change["ProvisionedThroughput"];
      if (throughput.is_null()) continue;
      if (auto checked = check_throughput(throughput); !checked) return checked;
      set_throughput(*described, throughput);
    }
  }
  return done;
}

Result<Done> update_billing(Value& definition, const Value& input, Time now) {
  const auto& throughput = input["ProvisionedThroughput"];
  const bool was_provisioned =
      definition["BillingModeSummary"]["BillingMode"].string_or("PROVISIONED") == "PROVISIONED";
  const auto mode = input["BillingMode"].string_or(was_provisioned ? "PROVISIONED" : "PAY_PER_REQUEST");
  if (mode == "PAY_PER_REQUEST") {
    if (!throughput.is_null())
      return invalid_parameter(
          "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST");
    if (!was_provisioned) return done;
    definition.set("BillingModeSummary",
                   Map{{"BillingMode", "PAY_PER_REQUEST"}, {"LastUpdateToPayPerRequestDateTime", now.ms}});
    set_throughput(definition, Map{{"ReadCapacityUnits", 0}, {"WriteCapacityUnits", 0}});
    return done;
  }
  if (throughput.is_null()) {
    if (was_provisioned) return done;
    return invalid_parameter("ProvisionedThroughput must be specified when BillingMode is PROVISIONED");
  }
  if (auto checked = check_throughput(throughput); !checked) return checked;
  auto& present = definition.map()["ProvisionedThroughput"];
  if (was_provisioned && present["ReadCapacityUnits"] == throughput["ReadCapacityUnits"] &&
      present["WriteCapacityUnits"] == throughput["WriteCapacityUnits"])
    return validation(
        "The provisioned throughput for the table will not change. The requested value equals the current "
        "value. Current ReadCapacityUnits provisioned for the table: " +
        std::to_string(present["ReadCapacityUnits"].integer()) +
        ". Requested ReadCapacityUnits: " + std::to_string(throughput["ReadCapacityUnits"].integer()) +
        ". Current WriteCapacityUnits provisioned for the table: " +
        std::to_string(present["WriteCapacityUnits"].integer()) +
        ". Requested WriteCapacityUnits: " + std::to_string(throughput["WriteCapacityUnits"].integer()) +
        ". Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher "
        "limits.");
  set_throughput(definition, throughput);
  if (!was_provisioned) definition.map().erase("BillingModeSummary");
  return done;
}

void define_attributes(Value& definition, const Value& more) {
  if (more.is_null()) return;
  auto& definitions = definition.map()["AttributeDefinitions"].list();
  for (const auto& attribute : more.list()) {
    const bool known = std::any_of(definitions.begin(), definitions.end(), [&](const Value& one) {
      return one["AttributeName"].string() == attribute["AttributeName"].string();
    });
    if (!known) definitions.push_back(attribute);
  }
}

}  // namespace

Value described(const Table& table) {
  Value answer = table.definition;
  for (const auto* hidden : {"Tags", "TimeToLive", "Stream", "Recovery", "Policy", "Insights", "Regions", "OtherStreams"})
    answer.map().erase(hidden);
  if (auto replicas = describe_replicas(table); !replicas.empty()) {
    answer.set("Replicas", std::move(replicas));
    answer.set("GlobalTableVersion", "2019.11.21");
  }
  answer.set("ItemCount", table.size->items.load());
  answer.set("TableSizeBytes", table.size->bytes.load());
  for (const auto* kind : {"LocalSecondaryIndexes", "GlobalSecondaryIndexes"}) {
    auto* indexes = answer.map().find(kind);
    if (!indexes) continue;
    for (auto& index : indexes->list()) {
      const auto* known = table.find_index(index["IndexName"].string());
      index.map().erase("Space");
      index.set("ItemCount", known->size->items.load());
      index.set("IndexSizeBytes", known->size->bytes.load());
    }
  }
  return answer;
}

Result<Done> count_items(Store& store, const Table& table) {
  const auto count = [&](std::int64_t space, TableSize& size) -> Result<Done> {
    if (size.counted) return done;
    auto read = store.read([&](Transaction& tx) -> Result<Value> {
      const auto rows =
          tx.query("SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM dynamodb_item WHERE account = ? AND space = ?",
                   table.account, space);
      size.items = rows[0][0].integer();
      size.bytes = rows[0][1].integer();
      return Value();
    });
    if (!read) return read.error();
    size.counted = true;
    return done;
  };
  if (auto counted = count(table.space, *table.size); !counted) return counted;
  for (const auto& index : table.indexes)
    if (auto counted = count(index.space, *index.size); !counted) return counted;
  return done;
}

Result<Value> create_table(Service& service, Call& call) {
  const auto& input = call.input;
  const auto name = table_named(call, input["TableName"].string());
  if (auto checked = check_table_name(name.name); !checked) return checked.error();
  if (auto checked = refuse_unbuilt(input, "CreateTable",
                                    {"ResourcePolicy", "WarmThroughput", "VectorIndexes", "GlobalTableSourceArn",
                                     "GlobalTableSettingsReplicationMode"});
      !checked)
    return checked.error();
  const NewTable identity{call.context.arn("dynamodb", "table/" + name.name), call.kernel.ids.uuid(), name.name,
                          call.kernel.clock.now()};
  auto defined = define_table(input, identity);
  if (!defined) return defined.error();
  if (auto tagged = add_tags(*defined, input["Tags"]); !tagged) return tagged.error();

  auto created = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (read_table(tx, name)) return Error{"ResourceInUseException", "Table already exists: " + name.name};
    auto definition = *defined;
    if (const auto& stream = input["StreamSpecification"]; stream["StreamEnabled"].boolean_or(false))
      if (auto set = set_stream(tx, name, definition, stream, identity.created); !set) return set.error();
    insert_table(tx, name, std::move(definition));
    return Value();
  });
  if (!created) return created;
  service.tables.forget(name);
  const auto table = service.tables.find(call.kernel.store, name);
  if (!table) return table.error();
  mark_empty(**table);
  return Value(Map{{"TableDescription", described(**table)}});
}

Result<Value> delete_table(Service& service, Call& call) {
  const auto name = table_named(call, call.input["TableName"].string());
  const auto now = call.kernel.clock.now();
  TablePointer table;
  auto deleted = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    table = read_table(tx, name);
    if (!table) return no_such_table(name.name);
    if (table->definition["DeletionProtectionEnabled"].boolean_or(false))
      return validation(
          "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection "
          "first.");
    tx.query("DELETE FROM dynamodb_table WHERE account = ? AND region = ? AND name = ?", name.account, name.region,
             name.name);
    end_stream(tx, *table, now);
    if (leave_replicas(tx, *table, now)) return Value();
    // The items go later, in steps: there may be millions. Those of a table with recovery become a backup.
    if (table->recovers)
      keep_deleted_table(tx, *table, call.kernel.ids, now);
    else
      tx.schedule(now, "dynamodb-clear", clear_payload(name.account, table->space));
    for (const auto& index : table->indexes)
      tx.schedule(now, "dynamodb-clear", clear_payload(name.account, index.space));
    return Value();
  });
  if (!deleted) return deleted;
  service.tables.forget(name);
  if (table->stream) service.stream_signals.notify(name.account, *table->stream);
  Value description = Map{{"TableName", table->definition["TableName"]},
                          {"TableStatus", "DELETING"},
                          {"ProvisionedThroughput", table->definition["ProvisionedThroughput"]},
                          {"TableSizeBytes", 0},
                          {"ItemCount", 0},
                          {"TableArn", table->definition["TableArn"]},
                          {"TableId", table->definition["TableId"]},
                          {"DeletionProtectionEnabled", false}};
  if (const auto& billing = table->definition["BillingModeSummary"]; !billing.is_null())
    description.set("BillingModeSummary", billing);
  return Value(Map{{"TableDescription", std::move(description)}});
}

Result<Value> describe_table(Service& service, Call& call) {
  const auto name = table_named(call, call.input["TableName"].string());
  const auto table = service.tables.find(call.kernel.store, name);
  if (!table) return table.error().code == "ResourceNotFoundException" ? no_such_table(name.name) : table.error();
  if (auto counted = count_items(call.kernel.store, **table); !counted) return counted.error();
  return Value(Map{{"Table", described(**table)}});
}

Result<Value> list_tables(Service&, Call& call) {
  const auto limit = call.input["Limit"].integer_or(list_limit);
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto rows =
        tx.query("SELECT name FROM dynamodb_table WHERE account = ? AND region = ? AND name > ? ORDER BY name LIMIT ?",
                 call.context.identity.account_id, call.context.region,
                 call.input["ExclusiveStartTableName"].string_or(""), limit + 1);
    List names;
    for (const auto& row : rows)
      if (static_cast<std::int64_t>(names.size()) < limit) names.push_back(row[0]);
    Map output;
    if (rows.size() > names.size()) output.set("LastEvaluatedTableName", names.back());
    output.set("TableNames", std::move(names));
    return Value(std::move(output));
  });
}

Result<Value> update_table(Service& service, Call& call) {
  const auto& input = call.input;
  const auto name = table_named(call, input["TableName"].string());
  if (auto checked =
          refuse_unbuilt(input, "UpdateTable",
                         {"WarmThroughput", "GlobalTableWitnessUpdates",
                          "VectorIndexUpdates", "GlobalTableSettingsReplicationMode"});
      !checked)
    return checked.error();
  const bool asks = std::any_of(input.map().begin(), input.map().end(), [](const MapEntry& entry) {
    return entry.key != "TableName" && entry.key != "AttributeDefinitions" && !entry.value.is_null();
  });
  if (!asks)
    return validation(
        "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
        "GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required");

  const auto now = call.kernel.clock.now();
  std::optional<std::int64_t> stream_before;
  auto updated = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto table = read_table(tx, name);
    if (!table) return no_such_table(name.name);
    stream_before = table->stream;
    auto definition = table->definition;
    if (!input["BillingMode"].is_null() || !input["ProvisionedThroughput"].is_null())
      if (auto billed = update_billing(definition, input, now); !billed) return billed.error();
    if (const auto& protection = input["DeletionProtectionEnabled"]; !protection.is_null())
      definition.set("DeletionProtectionEnabled", protection);
    if (const auto& table_class = input["TableClass"]; !table_class.is_null())
      definition.set("TableClassSummary", Map{{"TableClass", table_class}, {"LastUpdateDateTime", now.ms}});
    if (const auto& limits = input["OnDemandThroughput"]; !limits.is_null())
      definition.set("OnDemandThroughput", limits);
    if (const auto& stream = input["StreamSpecification"]; !stream.is_null())
      if (auto set = set_stream(tx, name, definition, stream, now); !set) return set.error();
    if (const auto& replicas = input["ReplicaUpdates"]; !replicas.is_null())
      if (auto changed = update_replicas(tx, *table, definition, replicas, call.kernel.ids, now); !changed)
        return changed.error();
    if (const auto& consistency = input["MultiRegionConsistency"]; !consistency.is_null())
      definition.set("MultiRegionConsistency", consistency);
    define_attributes(definition, input["AttributeDefinitions"]);
    if (const auto& updates = input["GlobalSecondaryIndexUpdates"]; !updates.is_null())
      if (auto changed = update_indexes(tx, *table, definition, updates, now); !changed) return changed.error();
    save_table(tx, *table, definition);
    return Value();
  });
  if (!updated) return updated;
  service.tables.forget(name);
  if (stream_before) service.stream_signals.notify(name.account, *stream_before);
  const auto table = service.tables.find(call.kernel.store, name);
  if (!table) return table.error();
  return Value(Map{{"TableDescription", described(**table)}});
}

}  // namespace moonbase::dynamodb
