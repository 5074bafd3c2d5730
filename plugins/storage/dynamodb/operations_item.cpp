// PutItem, GetItem, UpdateItem, DeleteItem.
#include <algorithm>

#include "attribute.hpp"
#include "errors.hpp"
#include "legacy.hpp"
#include "service.hpp"

namespace moonbase::dynamodb {
namespace {

const ExpressionParameters get_parameters = {{ExpressionKind::projection}, {"AttributesToGet"}, ""};
const ExpressionParameters condition_parameters = {
    {ExpressionKind::condition}, {"Expected", "ConditionalOperator"}, "ConditionExpression is null"};
const ExpressionParameters update_parameters = {{ExpressionKind::update, ExpressionKind::condition},
                                                {"AttributeUpdates", "Expected", "ConditionalOperator"},
                                                "UpdateExpression and ConditionExpression are null"};

// The condition of a write, from either kind of parameter.
BoundExpression read_condition(Expressions& expressions, const Value& input) {
  if (auto& condition = expressions[ExpressionKind::condition]) return std::move(condition);
  return expected_condition(input["Expected"], input["ConditionalOperator"]);
}

Result<Done> check_older_condition(Value& input) {
  auto* expected = input.map().find("Expected");
  if (!expected || expected->is_null()) {
    if (input["ConditionalOperator"].is_null()) return done;
    return validation("ConditionalOperator cannot be used without Filter or Expected");
  }
  if (!input["ConditionalOperator"].is_null() && expected->map().size() < 2)
    return validation("ConditionalOperator can only be used when Filter or Expected has two or more elements");
  return check_expected(*expected);
}

// {ConsumedCapacity, ItemCollectionMetrics}, where they were asked for.
void add_metrics(Transaction& tx, Map& output, const Value& input, const Table& table, const Capacity& capacity,
                 const KeyBytes& key, const Map& key_attributes) {
  if (auto described = describe_capacity(input["ReturnConsumedCapacity"], table.name, capacity); !described.is_null())
    output.set("ConsumedCapacity", std::move(described));
  if (auto metrics = item_collection_metrics(tx, input["ReturnItemCollectionMetrics"], table, key, key_attributes);
      !metrics.is_null())
    output.set("ItemCollectionMetrics", std::move(metrics));
}

Result<Done> only_all_old(const Value& input) {
  const auto wanted = input["ReturnValues"].string_or("NONE");
  if (wanted == "NONE" || wanted == "ALL_OLD") return done;
  return validation("ReturnValues can only be ALL_OLD or NONE");
}

}  // namespace

Result<Value> write_table(Service& service, Call& call, const TableName& name, const TableBody& body) {
  return write_tables(service, call, {name}, [&](Transaction& tx, const Tables& tables, std::vector<Written>& written) {
    return body(tx, *tables[0], written[0]);
  });
}

Result<Value> write_tables(Service& service, Call& call, const std::vector<TableName>& names, const TablesBody& body) {
  while (true) {
    Tables tables;
    for (const auto& name : names) {
      auto table = service.tables.find(call.kernel.store, name);
      if (!table) return table.error();
      tables.push_back(std::move(*table));
    }
    for (const auto& table : tables)
      if (auto admitted = admit_write(*table, call.kernel.clock.now()); !admitted) return admitted.error();
    bool changed = false;
    std::vector<Written> written;
    auto result = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
      changed = !std::all_of(tables.begin(), tables.end(), [&](const auto& table) { return is_current(tx, *table); });
      if (changed) return table_not_found();  // Rolls back; never seen by the client.
      written.assign(tables.size(), {});
      return body(tx, tables, written);
    });
    if (!changed) {
      for (std::size_t i = 0; result && i < tables.size(); ++i) note_written(service, *tables[i], written[i]);
      return result;
    }
    for (const auto& name : names) service.tables.forget(name);
  }
}

void note_written(Service& service, const Table& table, const Written& written) {
  if (table.stream) service.stream_signals.notify(table.account, *table.stream);
  for (const auto& other : table.replica_streams) service.stream_signals.notify(table.account, other.number);
  const auto grow = [](TableSize& size, const Growth& growth) {
    if (!size.counted) return;
    size.items += growth.items;
    size.bytes += growth.bytes;
  };
  charge_write(table, written.capacity);
  grow(*table.size, written.table);
  for (std::size_t i = 0; i < written.indexes.size(); ++i) grow(*table.indexes[i].size, written.indexes[i]);
}

Error conditional_check_failed(const Value& return_values, const StoredItem* item) {
  Error error{"ConditionalCheckFailedException", "The conditional request failed"};
  if (item && return_values.string_or("NONE") == "ALL_OLD") error.members.set("Item", item->item);
  return error;
}

Result<Value> put_item(Service& service, Call& call) {
  auto& input = call.input;
  if (auto checked = check_parameters(input, condition_parameters); !checked) return enveloped(checked.error());
  StoredItem after{std::move(input.map().find("Item")->map()), 0};
  if (auto checked = check_attributes(after.item); !checked) return checked.error();
  if (auto checked = only_all_old(input); !checked) return checked.error();
  if (auto checked = check_older_condition(input); !checked) return checked.error();
  auto expressions = Expressions::read(service.expressions, input, condition_parameters);
  if (!expressions) return enveloped(expressions.error());
  const auto condition = read_condition(*expressions, input);
  after.bytes = item_bytes(after.item);
  const bool returns_old = input["ReturnValues"].string_or("NONE") == "ALL_OLD", looks = condition || returns_old;

  return write_table(
      service, call, table_named(call, input["TableName"].string()),
      [&](Transaction& tx, const Table& table, Written& written) -> Result<Value> {
        const auto key = key_of_item(table.keys, after.item);
        if (!key) return key.error();
        if (auto checked = check_item(table, after, false); !checked) return checked.error();
        const auto before = read_before(tx, table, *key, looks);
        if (condition && !condition.holds(before ? before->item : Map{}))
          return conditional_check_failed(input["ReturnValuesOnConditionCheckFailure"], before ? &*before : nullptr);
        written = write_item(tx, table, *key, before ? &*before : nullptr, &after, {call.kernel.clock.now()});

        Map output;
        if (before && returns_old) output.set("Attributes", before->item);
        add_metrics(tx, output, input, table, written.capacity, *key, after.item);
        return Value(std::move(output));
      });
}

Result<Value> get_item(Service& service, Call& call) {
  auto& input = call.input;
  if (auto checked = check_parameters(input, get_parameters); !checked) return checked.error();
  auto& key_attributes = input.map().find("Key")->map();
  if (auto checked = check_attributes(key_attributes); !checked) return checked.error();
  if (auto checked = check_attributes_to_get(input["AttributesToGet"]); !checked) return checked.error();
  auto expressions = Expressions::read(service.expressions, input, get_parameters);
  if (!expressions) return expressions.error();

  const auto table = service.tables.find(call.kernel.store, table_named(call, input["TableName"].string()));
  if (!table) return table.error();
  const auto key = key_of_parameter((*table)->keys, key_attributes);
  if (!key) return key.error();

  if (auto admitted = admit_read(**table, nullptr, call.kernel.clock.now()); !admitted) return admitted.error();
  std::optional<StoredItem> found;
  auto read = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    found = read_item(tx, **table, *key);
    return Value();
  });
  if (!read) return read;

  Map output;
  if (found) {
    const auto chosen = read_projection(*expressions, input["AttributesToGet"]);
    output.set("Item", chosen ? chosen->apply(found->item) : std::move(found->item));
  }
  Capacity capacity;
  capacity.table = read_units(found ? found->bytes : 0, input["ConsistentRead"].boolean_or(false));
  charge_read(**table, capacity);
  if (auto described = describe_capacity(input["ReturnConsumedCapacity"], (*table)->name, capacity);
      !described.is_null())
    output.set("ConsumedCapacity", std::move(described));
  return Value(std::move(output));
}

Result<Value> delete_item(Service& service, Call& call) {
  auto& input = call.input;
  if (auto checked = check_parameters(input, condition_parameters); !checked) return enveloped(checked.error());
  auto& key_attributes = input.map().find("Key")->map();
  if (auto checked = check_attributes(key_attributes); !checked) return checked.error();
  if (auto checked = only_all_old(input); !checked) return checked.error();
  if (auto checked = check_older_condition(input); !checked) return checked.error();
  auto expressions = Expressions::read(service.expressions, input, condition_parameters);
  if (!expressions) return enveloped(expressions.error());
  const auto condition = read_condition(*expressions, input);
  const bool returns_old = input["ReturnValues"].string_or("NONE") == "ALL_OLD", looks = condition || returns_old;

  return write_table(
      service, call, table_named(call, input["TableName"].string()),
      [&](Transaction& tx, const Table& table, Written& written) -> Result<Value> {
        const auto key = key_of_parameter(table.keys, key_attributes);
        if (!key) return key.error();
        const auto before = read_before(tx, table, *key, looks);
        if (condition && !condition.holds(before ? before->item : Map{}))
          return conditional_check_failed(input["ReturnValuesOnConditionCheckFailure"], before ? &*before : nullptr);
        written = write_item(tx, table, *key, before ? &*before : nullptr, nullptr, {call.kernel.clock.now()});

        Map output;
        if (before && returns_old) output.set("Attributes", before->item);
        add_metrics(tx, output, input, table, written.capacity, *key, key_attributes);
        return Value(std::move(output));
      });
}

Result<Value> update_item(Service& service, Call& call) {
  auto& input = call.input;
  if (auto checked = check_parameters(input, update_parameters); !checked) return enveloped(checked.error());
  auto& key_attributes = input.map().find("Key")->map();
  if (auto checked = check_attributes(key_attributes); !checked) return checked.error();
  if (auto* updates = input.map().find("AttributeUpdates"); updates && !updates->is_null())
    if (auto checked = check_updates(*updates); !checked) return checked.error();
  if (auto checked = check_older_condition(input); !checked) return checked.error();
  auto expressions = Expressions::read(service.expressions, input, update_parameters);
  if (!expressions) return enveloped(expressions.error());
  const auto condition = read_condition(*expressions, input);
  auto update = std::move((*expressions)[ExpressionKind::update]);
  if (!update) update = updates_expression(input["AttributeUpdates"]);
  const auto wanted = input["ReturnValues"].string_or("NONE");

  return write_table(
      service, call, table_named(call, input["TableName"].string()),
      [&](Transaction& tx, const Table& table, Written& written) -> Result<Value> {
        const auto key = key_of_parameter(table.keys, key_attributes);
        if (!key) return key.error();
        if (auto checked = check_keeps_key(table, update); !checked) return checked.error();
        const auto before = read_item(tx, table, *key);
        if (condition && !condition.holds(before ? before->item : Map{}))
          return conditional_check_failed(input["ReturnValuesOnConditionCheckFailure"], before ? &*before : nullptr);
        auto after = updated_item(table, update, before ? &*before : nullptr, key_attributes);
        if (!after) return after.error();
        written = write_item(tx, table, *key, before ? &*before : nullptr, &*after, {call.kernel.clock.now()});

        Map output;
        if (wanted == "ALL_NEW") output.set("Attributes", after->item);
        if (wanted == "ALL_OLD" && before) output.set("Attributes", before->item);
        if (update && (wanted == "UPDATED_NEW" || (wanted == "UPDATED_OLD" && before))) {
          const auto& item = wanted == "UPDATED_NEW" ? after->item : before->item;
          auto changed = updated_paths(*update.expression, update.bindings).apply(item);
          if (!changed.empty()) output.set("Attributes", std::move(changed));
        }
        add_metrics(tx, output, input, table, written.capacity, *key, key_attributes);
        return Value(std::move(output));
      });
}

Result<Done> check_keeps_key(const Table& table, const BoundExpression& update) {
  if (!update) return done;
  for (const auto& action : update.expression->actions) {
    const auto& attribute = step_name(action.path[0], update.bindings);
    if (table.keys.contains(attribute))
      return invalid_parameter("Cannot update attribute " + attribute + ". This attribute is part of the key");
  }
  return done;
}

Result<StoredItem> updated_item(const Table& table, const BoundExpression& update, const StoredItem* before,
                                const Map& key) {
  StoredItem after{before ? before->item : key, 0};
  if (update)
    if (auto applied = apply_update(*update.expression, update.bindings, after.item); !applied) return applied.error();
  after.bytes = item_bytes(after.item);
  if (auto checked = check_item(table, after, true); !checked) return checked.error();
  return after;
}

}  // namespace moonbase::dynamodb
