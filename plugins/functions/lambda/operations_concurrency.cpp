// Reserved and provisioned concurrency.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "lambda/operations.hpp"
#include "lambda/page.hpp"
#include "lambda/provisioned.hpp"
#include "lambda/version.hpp"

namespace moonbase::functions {
namespace {

Error below_unreserved() {
  return invalid_parameter(
      "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
      "minimum value of [" +
      std::to_string(unreserved_min) + "].");
}

Result<Value> delete_function_concurrency(Call& call, FunctionService& functions) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  auto deleted = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (const auto function = require_latest(tx, *name); !function) return function.error();
    tx.query("DELETE FROM function_concurrency WHERE account = ? AND region = ? AND function = ?", name->account,
             name->region, name->name);
    return Value(Map{});
  });
  if (deleted) functions.concurrency_changed(*name);
  return deleted;
}

Result<Value> get_function_concurrency(Call& call, FunctionService&) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (const auto function = require_latest(tx, *name); !function) return function.error();
    const auto reserved = read_reserved(tx, *name);
    return Value(reserved ? Map{{"ReservedConcurrentExecutions", *reserved}} : Map{});
  });
}

Result<Value> put_function_concurrency(Call& call, FunctionService& functions) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  const auto reserved = call.input["ReservedConcurrentExecutions"].integer();
  auto put = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (const auto function = require_latest(tx, *name); !function) return function.error();
    if (reserved > concurrency_max - unreserved_min - read_own_concurrency(tx, name->account, name->region, name->name))
      return below_unreserved();
    const auto provisioned = tx.query(
        "SELECT COALESCE(SUM(requested), 0) AS requested FROM function_provisioned WHERE account = ? AND "
        "region = ? AND function = ?",
        name->account, name->region, name->name);
    if (reserved < provisioned.front()["requested"].integer())
      return invalid_parameter("ReservedConcurrentExecutions  " + std::to_string(reserved) +
                               " should not be lower than function's total provisioned concurrency [" +
                               std::to_string(provisioned.front()["requested"].integer()) + "].");
    tx.query(
        "INSERT INTO function_concurrency VALUES (?, ?, ?, ?) ON CONFLICT (account, region, function) DO UPDATE SET "
        "reserved = excluded.reserved",
        name->account, name->region, name->name, reserved);
    return Value(Map{{"ReservedConcurrentExecutions", reserved}});
  });
  if (put) functions.concurrency_changed(*name);
  return put;
}

// --- provisioned ---------------------------------------------------------------------------------

Map describe(const Row& row, const FunctionService::ProvisionedState& state) {
  const auto requested = row["requested"].integer(), started = std::min(state.started, requested);
  Map described{{"RequestedProvisionedConcurrentExecutions", requested},
                {"AvailableProvisionedConcurrentExecutions", started},
                {"AllocatedProvisionedConcurrentExecutions", started},
                {"Status", started == requested ? "READY"
                           : state.failed       ? "FAILED"
                                                : "IN_PROGRESS"},
                {"LastModified", modified_text({row["modified_at_ms"].integer()})}};
  if (state.failed && started < requested) described.set("StatusReason", "FUNCTION_ERROR_INIT_FAILURE");
  return described;
}

// The version or alias that concurrency is provisioned for.
Result<Done> check_qualified(Transaction& tx, const FunctionName& name) {
  if (name.qualifier.empty() || name.qualifier == "$LATEST")
    return invalid_parameter("Provisioned Concurrency Configs cannot be applied to unpublished function versions.");
  if (!version_of(name.qualifier) && !find_alias(tx, name, name.qualifier))
    return Error{"ResourceNotFoundException", "Cannot find alias arn: " + name.arn(), {{"Type", "User"}}, 404};
  if (const auto function = require_function(tx, name); !function) return function.error();
  return done;
}

Result<Done> check_no_snapshot(Transaction& tx, const FunctionName& name) {
  const auto function = require_function(tx, name);
  if (!function) return function.error();
  if (!function->snap_starts()) return done;
  return invalid_parameter("Provisioned Concurrency is not supported for SnapStart enabled functions.");
}

// Behind a change: environments begin or end, and others have less or more.
Result<Value> changed(FunctionService& functions, const FunctionName& name, Result<Value> result) {
  if (!result) return result;
  functions.forget_settings(name.account, name.region, name.name);  // Its aliases may have environments of their own.
  functions.concurrency_changed(name);
  functions.provision(name);
  return result;
}

Result<Value> delete_provisioned(Call& call, FunctionService& functions) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  return changed(functions, *name, call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (auto good = check_qualified(tx, *name); !good) return good.error();
    tx.query("DELETE FROM function_provisioned WHERE account = ? AND region = ? AND function = ? AND qualifier = ?",
             name->account, name->region, name->name, name->qualifier);
    return Value(Map{});
  }));
}

Result<Value> get_provisioned(Call& call, FunctionService& functions) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  const auto state = functions.provisioned_state(*name);
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (auto good = check_qualified(tx, *name); !good) return good.error();
    const auto rows = provisioned_rows(tx, *name);
    if (rows.empty())
      return Error{"ProvisionedConcurrencyConfigNotFoundException",
                   "No Provisioned Concurrency Config found for this function",
                   {{"Type", "User"}},
                   404};
    return Value(describe(rows.front(), state));
  });
}

Result<Value> list_provisioned(Call& call, FunctionService& functions) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  const auto after = page_begin(call);
  if (!after) return after.error();
  std::vector<std::pair<FunctionName, Row>> rows;
  auto listed = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    rows.clear();
    if (const auto function = require_latest(tx, *name); !function) return function.error();
    return read_page(tx, call,
                     {"ProvisionedConcurrencyConfigs",
                      "SELECT * FROM function_provisioned WHERE account = ? AND region = ? AND function = ? AND "
                      "qualifier > ? ORDER BY qualifier",
                      {name->account, name->region, name->name, *after}},
                     [&](const Row& row) -> std::optional<PageItem> {
                       const FunctionName each{name->account, name->region, name->name, row["qualifier"].string()};
                       rows.emplace_back(each, row);
                       return PageItem{each.qualifier, Map{}};
                     });
  });
  if (!listed) return listed;
  // What has been started is known outside of the store.
  auto& configs = listed->map().find("ProvisionedConcurrencyConfigs")->list();
  for (std::size_t i = 0; i < configs.size(); ++i) {
    auto config = describe(rows[i].second, functions.provisioned_state(rows[i].first));
    config.set("FunctionArn", rows[i].first.arn());
    configs[i] = std::move(config);
  }
  return listed;
}

// Provisioned for the alias and for its version would be provisioned twice.
Result<Done> check_not_twice(Transaction& tx, const FunctionName& name) {
  const auto version = require_function(tx, name)->version;
  const auto provisioned = [&](const std::string& qualifier) {
    return !provisioned_rows(tx, {name.account, name.region, name.name, qualifier}).empty();
  };
  if (!version_of(name.qualifier)) {
    if (!provisioned(std::to_string(version))) return done;
    return Error{"ResourceConflictException",
                 "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
                 {{"Type", "User"}},
                 409};
  }
  for (const auto& row : tx.query("SELECT * FROM function_alias WHERE account = ? AND region = ? AND function = ?",
                                  name.account, name.region, name.name)) {
    const auto alias = alias_of(row);
    if (alias.version == version && provisioned(alias.name))
      return Error{"ResourceConflictException",
                   "Version is pointed by a Provisioned Concurrency alias",
                   {{"Type", "User"}},
                   409};
  }
  return done;
}

// Whether the function, or its account, has so much left.
Result<Done> check_room(Transaction& tx, const FunctionName& name, std::int64_t requested) {
  const auto here = tx.query(
      "SELECT COALESCE(SUM(requested), 0) AS requested FROM function_provisioned WHERE account = ? AND region = ? AND "
      "function = ? AND qualifier <> ?",
      name.account, name.region, name.name, name.qualifier);
  const auto total = requested + here.front()["requested"].integer();
  if (const auto reserved = read_reserved(tx, name)) {
    if (total <= *reserved) return done;
    return invalid_parameter(
        "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function");
  }
  const auto unreserved = concurrency_max - read_own_concurrency(tx, name.account, name.region, name.name);
  if (total > unreserved)
    return invalid_parameter(
        "Specified ConcurrentExecutions for function is greater than account's unreserved "
        "concurrency [" +
        std::to_string(unreserved) + "].");
  if (total > unreserved - unreserved_min)
    return invalid_parameter(
        "Specified ConcurrentExecutions for function decreases account's "
        "UnreservedConcurrentExecution below its minimum value of [100].");
  return done;
}

Result<Value> put_provisioned(Call& call, FunctionService& functions) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  const auto requested = call.input["ProvisionedConcurrentExecutions"].integer();
  return changed(functions, *name, call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (auto good = check_qualified(tx, *name); !good) return good.error();
    if (auto good = check_no_snapshot(tx, *name); !good) return good.error();
    if (auto good = check_not_twice(tx, *name); !good) return good.error();
    if (auto good = check_room(tx, *name, requested); !good) return good.error();
    const auto put = tx.query(
        "INSERT INTO function_provisioned VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account, region, function, qualifier) "
        "DO UPDATE SET requested = excluded.requested, modified_at_ms = excluded.modified_at_ms RETURNING requested, "
        "modified_at_ms",
        name->account, name->region, name->name, name->qualifier, requested, call.kernel.clock.now());
    return Value(describe(put.front(), {}));
  }));
}

}  // namespace

void register_concurrency_operations(Registrar& registrar, FunctionService& functions) {
  const auto operation = operations_of(registrar, functions);
  operation("DeleteFunctionConcurrency", delete_function_concurrency);
  operation("DeleteProvisionedConcurrencyConfig", delete_provisioned);
  operation("GetFunctionConcurrency", get_function_concurrency);
  operation("GetProvisionedConcurrencyConfig", get_provisioned);
  operation("ListProvisionedConcurrencyConfigs", list_provisioned);
  operation("PutFunctionConcurrency", put_function_concurrency);
  operation("PutProvisionedConcurrencyConfig", put_provisioned);
}

}  // namespace moonbase::functions
