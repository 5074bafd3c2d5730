// Event source mappings.
#include <moonbase/json.hpp>

#include "lambda/operations.hpp"
#include "lambda/page.hpp"
#include "lambda/version.hpp"

namespace moonbase::functions {
namespace {

Error not_found() {
  return {"ResourceNotFoundException", "The resource you requested does not exist.", {{"Type", "User"}}, 404};
}

Map describe(const Pollers& pollers, const EventSourceMapping& mapping, const char* state = nullptr) {
  return describe(mapping,
                  state             ? state
                  : mapping.enabled ? "Enabled"
                                    : "Disabled",
                  pollers.last_result(mapping.function.account, mapping.function.region, mapping.uuid));
}

// The function that is to be invoked, in the caller's account.
Result<FunctionName> target_name(const Call& call) {
  auto name = parse_function_name(call.input["FunctionName"].string(), call.context);
  if (name && name->qualifier == "$LATEST") name->qualifier.clear();
  return name;
}

Error exists_already(const EventSourceMapping& mapping, const std::string& uuid) {
  const bool queue = mapping.kind() == SourceKind::sqs;
  return {
      "ResourceConflictException",
      (queue ? "An event source mapping with SQS arn (\" " : "The event source arn (\" ") + mapping.source_arn +
          " \") and function (\" " + mapping.function.name +
          (queue ? " \") already exists. Please update or delete the existing mapping with UUID "
                 : " \") provided mapping already exists. Please update or delete the existing mapping with UUID ") +
          uuid,
      {{"Type", "User"}},
      409};
}

using Positions = std::vector<std::pair<std::string, std::string>>;

// Where reading begins, unless it has begun before.
void put_positions(Transaction& tx, const EventSourceMapping& mapping, const Positions& positions) {
  const auto known =
      tx.query("SELECT shard FROM event_source_checkpoint WHERE account = ? AND region = ? AND uuid = ? LIMIT 1",
               mapping.function.account, mapping.function.region, mapping.uuid);
  if (!known.empty()) return;
  for (const auto& [shard, position] : positions)
    tx.query("INSERT INTO event_source_checkpoint VALUES (?, ?, ?, ?, ?, 0, '{}')", mapping.function.account,
             mapping.function.region, mapping.uuid, shard, position);
}

Result<Value> create_mapping(Call& call, Pollers& pollers) {
  const auto name = target_name(call);
  if (!name) return name.error();
  EventSourceMapping mapping;
  mapping.function = *name;
  mapping.uuid = call.kernel.ids.uuid();
  mapping.source_arn = call.input["EventSourceArn"].string_or("");
  if (mapping.source_arn.empty()) {
    if (!is_empty(call.input["SelfManagedEventSource"]))
      return not_implemented("lambda CreateEventSourceMapping SelfManagedEventSource");
    return invalid_parameter("Unrecognized event source.");
  }
  if (!source_kind(mapping.source_arn))
    return not_implemented("lambda CreateEventSourceMapping of " + mapping.source_arn);
  if (auto changed = change_mapping(call, mapping, true); !changed) return changed.error();
  const auto found = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (const auto function = require_function(tx, *name); !function)
      return invalid_parameter("Function does not exist");
    return Value();
  });
  if (!found) return found.error();
  if (auto good = pollers.check_source(call.context, mapping); !good) return good.error();
  const auto positions = pollers.first_positions(call.context, mapping);
  if (!positions) return positions.error();
  auto created = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    for (const auto& row :
         tx.query("SELECT * FROM event_source_mapping WHERE account = ? AND region = ? AND source_arn "
                  "= ?",
                  name->account, name->region, mapping.source_arn)) {
      const auto other = mapping_of(row);
      if (other.function.name == name->name && other.function.qualifier == name->qualifier)
        return exists_already(mapping, other.uuid);
    }
    put_mapping(tx, mapping);
    put_positions(tx, mapping, *positions);
    return Value(describe(pollers, mapping, "Creating"));
  });
  if (created) pollers.refresh(name->account, name->region, mapping.uuid);
  return created;
}

Result<Value> delete_mapping(Call& call, Pollers& pollers) {
  const auto& account = call.context.identity.account_id;
  const auto& uuid = call.input["UUID"].string();
  auto deleted = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto mapping = find_mapping(tx, account, call.context.region, uuid);
    if (!mapping) return not_found();
    for (const char* table : {"event_source_mapping", "event_source_checkpoint"})
      tx.query("DELETE FROM " + std::string(table) + " WHERE account = ? AND region = ? AND uuid = ?", account,
               call.context.region, uuid);
    return Value(describe(pollers, *mapping, "Deleting"));
  });
  if (deleted) pollers.refresh(account, call.context.region, uuid);
  return deleted;
}

Result<Value> get_mapping(Call& call, Pollers& pollers) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto mapping =
        find_mapping(tx, call.context.identity.account_id, call.context.region, call.input["UUID"].string());
    if (!mapping) return not_found();
    return Value(describe(pollers, *mapping));
  });
}

Result<Value> list_mappings(Call& call, Pollers& pollers) {
  const auto after = page_begin(call);
  if (!after) return after.error();
  const auto source = call.input["EventSourceArn"].string_or("");
  FunctionName name{call.context.identity.account_id, call.context.region, {}, {}};
  if (!is_empty(call.input["FunctionName"])) {
    auto parsed = target_name(call);
    if (!parsed) return parsed.error();
    name = std::move(*parsed);
  }
  std::string sql = "SELECT * FROM event_source_mapping WHERE account = ? AND region = ? AND uuid > ?";
  std::vector<Parameter> parameters{name.account, name.region, *after};
  if (!name.name.empty()) {
    sql += " AND function = ?";
    parameters.emplace_back(name.name);
  }
  if (!source.empty()) {
    sql += " AND source_arn = ?";
    parameters.emplace_back(source);
  }
  sql += " ORDER BY uuid";
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (!name.name.empty() && !find_function(tx, name.account, name.region, name.name))
      return function_not_found({name.account, name.region, name.name, {}});
    return read_page(tx, call, {"EventSourceMappings", sql, parameters, 100},
                     [&](const Row& row) -> std::optional<PageItem> {
                       const auto mapping = mapping_of(row);
                       if (!name.qualifier.empty() && mapping.function.qualifier != name.qualifier) return std::nullopt;
                       return PageItem{mapping.uuid, describe(pollers, mapping)};
                     });
  });
}

Result<Value> update_mapping(Call& call, Pollers& pollers) {
  const auto& account = call.context.identity.account_id;
  const auto& uuid = call.input["UUID"].string();
  auto updated = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto mapping = find_mapping(tx, account, call.context.region, uuid);
    if (!mapping) return not_found();
    if (!is_empty(call.input["FunctionName"])) {
      auto name = target_name(call);
      if (!name) return name.error();
      if (const auto function = require_function(tx, *name); !function)
        return invalid_parameter("Function does not exist");
      mapping->function = std::move(*name);
    }
    if (auto changed = change_mapping(call, *mapping, false); !changed) return changed.error();
    put_mapping(tx, *mapping);
    return Value(describe(pollers, *mapping, "Updating"));
  });
  if (updated) pollers.refresh(account, call.context.region, uuid);
  return updated;
}

}  // namespace

void register_event_source_operations(Registrar& registrar, FunctionService&, Pollers& pollers) {
  const auto operation = operations_of(registrar, pollers);
  operation("CreateEventSourceMapping", create_mapping);
  operation("DeleteEventSourceMapping", delete_mapping);
  operation("GetEventSourceMapping", get_mapping);
  operation("ListEventSourceMappings", list_mappings);
  operation("UpdateEventSourceMapping", update_mapping);
}

}  // namespace moonbase::functions
