// CreateTable, DeleteTable, DescribeTable, ListTables, UpdateTable.
#include <algorithm>
#include <moonbase/json.hpp>
#include <set>

#include "errors.hpp"
#include "replicas.hpp"
#include "service.hpp"
#include "stream.hpp"
#include "table_settings.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr std::int64_t list_limit = 100;

// A parameter that is not built answers 501, whatever its value would have done.
Result<Done> refuse_unbuilt(const Value& input, std::string_view operation,
                            std::initializer_list<const char*> parameters) {
  for (const auto* parameter : parameters)
    if (!input[parameter].is_null()) return not_implemented("dynamodb " + std::string(operation) + " " + parameter);
  return done;
}

Result<Done> check_new_stream(const Value& specification) {
  if (specification.is_null()) return done;
  const bool enabled = specification["StreamEnabled"].boolean(), view = !specification["StreamViewType"].is_null();
  if (enabled && !view)
    return invalid_parameter("Table is being created with a stream enabled, UpdateViewType is required");
  if (!enabled && view)
    return invalid_parameter("Table is being created with a stream disabled, UpdateViewType should not be specified");
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
  if (find_index(definition, name)) return validation("Attempting to create an index which already exists");
  auto& definitions = definition.map()["AttributeDefinitions"];
  if (auto checked = check_index_keys(asked, definitions, true, definition["KeySchema"]); !checked) return checked;
  const bool provisioned = definition["BillingModeSummary"].is_null();
  if (provisioned && asked["ProvisionedThroughput"].is_null())
    return invalid_parameter("ProvisionedThroughput must be specified for index: " + name);
  auto index = define_index(asked, true, definition["TableArn"].string(), provisioned);
  if (!index) return index.error();
  index->set("IndexStatus", "CREATING");
  index->set("Backfilling", true);
  index->set("Space", take_spaces(tx, table.account, 1));
  auto& indexes = definition.map()["GlobalSecondaryIndexes"];
  if (indexes.is_null()) indexes = List{};
  if (indexes.list().size() >= global_indexes_max)
    return Error{"LimitExceededException",
                 "GlobalSecondaryIndex count exceeds the per-table limit of " + std::to_string(global_indexes_max)};
  indexes.list().push_back(std::move(*index));
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
  forget_unused_attributes(table, definition);
  return done;
}

Result<Done> change_index(Value& definition, const Value& change) {
  const auto& name = change["IndexName"].string();
  auto* described = find_global_index(definition, name);
  if (!described) return Error{"ResourceNotFoundException", "Requested resource not found"};
  const bool provisioned = definition["BillingModeSummary"].is_null();
  const auto& throughput = change["ProvisionedThroughput"];
  const auto &limits = change["OnDemandThroughput"], &warm = change["WarmThroughput"];
  if (!provisioned && !throughput.is_null())
    return invalid_parameter("Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index: " + name +
                             " when BillingMode is PAY_PER_REQUEST");
  if (!provisioned && limits.is_null() && warm.is_null())
    return invalid_parameter(
        "The only Updates for index: " + name +
        " when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput");
  if (!throughput.is_null()) {
    if (auto checked = check_throughput(throughput); !checked) return checked;
    set_throughput(*described, throughput);
  }
  if (auto set = set_on_demand(*described, limits, provisioned, name, true); !set) return set;
  return set_warm(*described, warm, provisioned, name, true);
}

// One action each, no index twice, and only one that is made or goes.
Result<Done> check_index_updates(const Value& updates) {
  if (updates.list().empty()) return invalid_parameter("List of GlobalSecondaryIndexUpdates is empty");
  std::set<std::string> names;
  int moves = 0;
  for (const auto& update : updates.list()) {
    const Value* action = nullptr;
    for (const auto* kind : {"Create", "Update", "Delete"}) {
      if (update[kind].is_null()) continue;
      if (action)
        return invalid_parameter(
            "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object");
      action = &update[kind];
      if (std::string_view(kind) != "Update") ++moves;
    }
    if (!action)
      return invalid_parameter(
          "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
          "GlobalSecondaryIndexUpdate.Delete must not be null");
    const auto& name = (*action)["IndexName"].string();
    if (!names.insert(name).second)
      return invalid_parameter("Only one global secondary index update per index is allowed simultaneously. Index: " +
                               name);
  }
  if (moves > 1)
    return Error{"LimitExceededException",
                 "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"};
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
      if (auto changed = change_index(definition, change); !changed) return changed;
    }
  }
  return done;
}

// What a request may ask for together.
Result<Done> check_combination(const Value& input) {
  const auto asks = [&](std::string_view member) { return !input[member].is_null(); };
  const auto asked = std::count_if(input.map().begin(), input.map().end(), [](const MapEntry& entry) {
    return entry.key != "TableName" && entry.key != "AttributeDefinitions" && !entry.value.is_null();
  });
  if (asked == 0)
    return validation(
        "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates, "
        "SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, ReplicaTransitRoleArn, MultiRegionConsistency, "
        "DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is required");
  constexpr std::pair<std::string_view, const char*> alone[] = {
      {"SSESpecification", "Server-Side Encryption modification must be the only operation in the request"},
      {"TableClass", "TableClass modification must be the only operation in the request"},
      {"DeletionProtectionEnabled", "DeletionProtection modification must be the only operation in the request"},
      {"WarmThroughput", "WarmThroughput must be the only operation in the request"}};
  for (const auto& [member, text] : alone)
    if (asks(member) && asked > 1) return invalid_parameter(text);
  if (asks("ReplicaUpdates") && asked > (asks("MultiRegionConsistency") ? 2 : 1))
    return invalid_parameter("Replica modification must be the only operation in the request");
  if (asks("OnDemandThroughput") && asked > (asks("BillingMode") ? 2 : 1))
    return invalid_parameter("OnDemandThroughput can only be combined with BillingMode in an UpdateTable request");
  const bool capacity = asks("BillingMode") || asks("ProvisionedThroughput");
  if (capacity && asks("StreamSpecification"))
    return invalid_parameter("You cannot modify stream status while updating table IOPS");
  if (!asks("GlobalSecondaryIndexUpdates")) return done;
  if (auto checked = check_index_updates(input["GlobalSecondaryIndexUpdates"]); !checked) return checked;
  const auto& updates = input["GlobalSecondaryIndexUpdates"].list();
  const bool moves =
      std::any_of(updates.begin(), updates.end(), [](const Value& one) { return one["Update"].is_null(); });
  if (moves && capacity) return invalid_parameter("You cannot create or delete index while updating table IOPS");
  if (moves && asks("StreamSpecification"))
    return invalid_parameter("You cannot create or delete index while changing stream status");
  return done;
}

// Whether an index gets throughput of its own.
bool is_changed(const Value& updates, const Value& index) {
  return !updates.is_null() && std::any_of(updates.list().begin(), updates.list().end(), [&](const Value& update) {
    return update["Update"]["IndexName"] == index && !update["Update"]["ProvisionedThroughput"].is_null();
  });
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
    const Value none = Map{{"ReadCapacityUnits", 0}, {"WriteCapacityUnits", 0}};
    set_throughput(definition, none);
    if (auto* indexes = definition.map().find("GlobalSecondaryIndexes"))
      for (auto& index : indexes->list()) set_throughput(index, none);
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
  if (was_provisioned) return done;
  for (const auto* of_demand : {"BillingModeSummary", "OnDemandThroughput"}) definition.map().erase(of_demand);
  if (auto* indexes = definition.map().find("GlobalSecondaryIndexes"))
    for (auto& index : indexes->list()) {
      index.map().erase("OnDemandThroughput");
      if (!is_changed(input["GlobalSecondaryIndexUpdates"], index["IndexName"]))
        return invalid_parameter("ProvisionedThroughput must be specified for index: " + index["IndexName"].string());
    }
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
  const auto add_warm = [provisioned = table.is_provisioned()](Value& described) {
    auto warm = warm_throughput(described, provisioned);
    warm.set("Status", "ACTIVE");
    described.set("WarmThroughput", std::move(warm));
  };
  add_warm(answer);
  for (const auto* hidden : hidden_members) answer.map().erase(hidden);
  if (!table.definition["Global2017"].is_null()) {
    answer.set("GlobalTableVersion", "2017.11.29");
  } else if (auto replicas = describe_replicas(table); !replicas.empty()) {
    answer.set("Replicas", std::move(replicas));
    answer.set("GlobalTableVersion", "2019.11.21");
  }
  answer.set("ItemCount", table.size->items.load());
  answer.set("TableSizeBytes", table.size->bytes.load());
  for (const auto* kind : index_kinds) {
    auto* indexes = answer.map().find(kind);
    if (!indexes) continue;
    for (auto& index : indexes->list()) {
      const auto* known = table.find_index(index["IndexName"].string());
      if (known->global && !known->vector) add_warm(index);
      for (const auto* hidden : {"Space", "Warm"}) index.map().erase(hidden);
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
  if (auto checked =
          refuse_unbuilt(input, "CreateTable", {"GlobalTableSourceArn", "GlobalTableSettingsReplicationMode"});
      !checked)
    return checked.error();
  const NewTable identity{call.context.arn("dynamodb", "table/" + name.name), call.kernel.ids.uuid(), name.name,
                          call.kernel.clock.now()};
  auto defined = define_table(input, identity);
  if (!defined) return defined.error();
  if (auto tagged = add_tags(*defined, input["Tags"]); !tagged) return tagged.error();
  if (auto checked = check_new_stream(input["StreamSpecification"]); !checked) return checked.error();

  TablePointer made;
  auto created = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (read_table(tx, name)) return Error{"ResourceInUseException", "Table already exists: " + name.name};
    auto definition = *defined;
    if (const auto& stream = input["StreamSpecification"]; stream["StreamEnabled"].boolean_or(false))
      if (auto set = set_stream(tx, name, definition, stream, identity.created); !set) return set.error();
    made = insert_table(tx, name, std::move(definition));
    return Value();
  });
  if (!created) return created;
  mark_empty(*made);
  return Value(Map{{"TableDescription", described(*service.tables.add(name, made))}});
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
    // What belongs to the items goes later, in steps: there may be millions. Those of a table with recovery become a
    // backup.
    if (!table->ttl_attribute.empty())
      tx.schedule(
          now, "dynamodb-expiry-forget",
          Map{{"account", table->account}, {"region", table->region}, {"table", table->name}, {"space", table->space}});
    if (table->recovers)
      keep_deleted_table(tx, *table, call.kernel.ids, now);
    else
      tx.schedule(now, "dynamodb-clear", clear_payload(name.account, table->space));
    for (const auto& index : table->indexes)
      tx.schedule(now, "dynamodb-clear", clear_payload(name.account, index.space));
    return Value();
  });
  if (!deleted) return deleted;
  service.tables.drop(name);
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
  if (auto checked = refuse_unbuilt(
          input, "UpdateTable",
          {"GlobalTableWitnessUpdates", "GlobalTableSettingsReplicationMode", "DisassociationProtectionEnabled"});
      !checked)
    return checked.error();
  if (auto checked = check_combination(input); !checked) return checked.error();

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
    const bool provisioned = definition["BillingModeSummary"].is_null();
    if (auto set = set_on_demand(definition, input["OnDemandThroughput"], provisioned, "", true); !set)
      return set.error();
    if (auto set = set_warm(definition, input["WarmThroughput"], provisioned, "", true); !set) return set.error();
    if (const auto& encryption = input["SSESpecification"]; !encryption.is_null())
      if (auto changed = change_encryption(definition, encryption); !changed) return changed.error();
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
    if (const auto& updates = input["VectorIndexUpdates"]; !updates.is_null())
      if (auto changed = update_vector_indexes(tx, *table, definition, updates, now); !changed) return changed.error();
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
