// Reserved and provisioned concurrency.
#include <string>

#include "lambda/operations.hpp"
#include "lambda/page.hpp"
#include "lambda/version.hpp"

namespace moonbase::functions {
namespace {

constexpr auto sum_of_reserved =
    "SELECT COALESCE(SUM(reserved), 0) AS reserved FROM function_concurrency WHERE account = ? AND region = ? AND "
    "function <> ?";

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
  if (deleted) functions.concurrency_changed(name->account, name->region);
  return deleted;
}

Result<Value> get_function_concurrency(Call& call, FunctionService&) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (const auto function = require_latest(tx, *name); !function) return function.error();
    const auto rows =
        tx.query("SELECT reserved FROM function_concurrency WHERE account = ? AND region = ? AND function = ?",
                 name->account, name->region, name->name);
    if (rows.empty()) return Value(Map{});
    return Value(Map{{"ReservedConcurrentExecutions", rows.front()["reserved"]}});
  });
}

Result<Value> put_function_concurrency(Call& call, FunctionService& functions) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  const auto reserved = call.input["ReservedConcurrentExecutions"].integer();
  auto put = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (const auto function = require_latest(tx, *name); !function) return function.error();
    const auto others = tx.query(sum_of_reserved, name->account, name->region, name->name);
    if (reserved > concurrency_max - unreserved_min - others.front()["reserved"].integer()) return below_unreserved();
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
  if (put) functions.concurrency_changed(name->account, name->region);
  return put;
}

// --- provisioned ---------------------------------------------------------------------------------

Map describe(const Row& row) {
  const auto& requested = row["requested"];
  return {{"RequestedProvisionedConcurrentExecutions", requested},
          {"AvailableProvisionedConcurrentExecutions", requested},
          {"AllocatedProvisionedConcurrentExecutions", requested},
          {"Status", "READY"},
          {"LastModified", modified_text({row["modified_at_ms"].integer()})}};
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

Rows provisioned_rows(Transaction& tx, const FunctionName& name) {
  return tx.query(
      "SELECT * FROM function_provisioned WHERE account = ? AND region = ? AND function = ? AND qualifier = ?",
      name.account, name.region, name.name, name.qualifier);
}

Result<Value> delete_provisioned(Call& call, FunctionService&) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (auto good = check_qualified(tx, *name); !good) return good.error();
    tx.query("DELETE FROM function_provisioned WHERE account = ? AND region = ? AND function = ? AND qualifier = ?",
             name->account, name->region, name->name, name->qualifier);
    return Value(Map{});
  });
}

Result<Value> get_provisioned(Call& call, FunctionService&) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (auto good = check_qualified(tx, *name); !good) return good.error();
    const auto rows = provisioned_rows(tx, *name);
    if (rows.empty())
      return Error{"ProvisionedConcurrencyConfigNotFoundException",
                   "No Provisioned Concurrency Config found for this function",
                   {{"Type", "User"}},
                   404};
    return Value(describe(rows.front()));
  });
}

Result<Value> list_provisioned(Call& call, FunctionService&) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  const auto after = page_begin(call);
  if (!after) return after.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (const auto function = require_latest(tx, *name); !function) return function.error();
    return read_page(
        tx, call,
        {"ProvisionedConcurrencyConfigs",
         "SELECT * FROM function_provisioned WHERE account = ? AND region = ? AND function = ? AND "
         "qualifier > ? ORDER BY qualifier",
         {name->account, name->region, name->name, *after}},
        [&](const Row& row) -> std::optional<PageItem> {
          const auto& qualifier = row["qualifier"].string();
          auto config = describe(row);
          config.set("FunctionArn", FunctionName{name->account, name->region, name->name, qualifier}.arn());
          return PageItem{qualifier, std::move(config)};
        });
  });
}

Result<Value> put_provisioned(Call& call, FunctionService&) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  const auto requested = call.input["ProvisionedConcurrentExecutions"].integer();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (auto good = check_qualified(tx, *name); !good) return good.error();
    // Provisioned for the alias and for its version would be provisioned twice.
    const auto version = require_function(tx, *name)->version;
    for (const auto& row : tx.query("SELECT * FROM function_alias WHERE account = ? AND region = ? AND function = ?",
                                    name->account, name->region, name->name)) {
      const auto alias = alias_of(row);
      if (alias.version != version) continue;
      if (version_of(name->qualifier) &&
          !provisioned_rows(tx, {name->account, name->region, name->name, alias.name}).empty())
        return Error{"ResourceConflictException",
                     "Version is pointed by a Provisioned Concurrency alias",
                     {{"Type", "User"}},
                     409};
    }
    if (!version_of(name->qualifier) &&
        !provisioned_rows(tx, {name->account, name->region, name->name, std::to_string(version)}).empty())
      return Error{"ResourceConflictException",
                   "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
                   {{"Type", "User"}},
                   409};
    const auto reserved =
        tx.query("SELECT reserved FROM function_concurrency WHERE account = ? AND region = ? AND function = ?",
                 name->account, name->region, name->name);
    if (!reserved.empty() && requested > reserved.front()["reserved"].integer())
      return invalid_parameter(
          "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function");
    const auto others = tx.query(sum_of_reserved, name->account, name->region, name->name);
    const auto unreserved = concurrency_max - others.front()["reserved"].integer();
    if (requested > unreserved)
      return invalid_parameter(
          "Specified ConcurrentExecutions for function is greater than account's unreserved "
          "concurrency [" +
          std::to_string(unreserved) + "].");
    if (reserved.empty() && requested > unreserved - unreserved_min)
      return invalid_parameter(
          "Specified ConcurrentExecutions for function decreases account's "
          "UnreservedConcurrentExecution below its minimum value of [100].");
    const auto put = tx.query(
        "INSERT INTO function_provisioned VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account, region, function, qualifier) "
        "DO UPDATE SET requested = excluded.requested, modified_at_ms = excluded.modified_at_ms RETURNING requested, "
        "modified_at_ms",
        name->account, name->region, name->name, name->qualifier, requested, call.kernel.clock.now());
    return Value(describe(put.front()));
  });
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
