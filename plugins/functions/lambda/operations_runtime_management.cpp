// Runtime management: when a managed runtime is to be updated. Kept and shown; the machine's own is what runs.
#include "lambda/operations.hpp"

namespace moonbase::functions {
namespace {

// $LATEST or a published version; aliases have none of their own.
Result<FunctionName> version_name(const Call& call) {
  auto name = function_name_of(call);
  if (!name) return name;
  if (name->qualifier.empty()) name->qualifier = "$LATEST";
  if (!version_of(name->qualifier))
    return invalid_parameter("Runtime management belongs to versions: " + name->qualifier + " is an alias.");
  return name;
}

Result<Value> get_runtime_management(Call& call, FunctionService&) {
  const auto name = version_name(call);
  if (!name) return name.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (const auto function = require_function(tx, *name); !function) return function.error();
    Map output{{"UpdateRuntimeOn", "Auto"}, {"FunctionArn", name->arn()}};
    const auto rows = tx.query(
        "SELECT update_on, runtime_version_arn FROM function_runtime_management WHERE account = ? AND region = ? AND "
        "function = ? AND qualifier = ?",
        name->account, name->region, name->name, name->qualifier);
    if (rows.empty()) return Value(std::move(output));
    output.set("UpdateRuntimeOn", rows.front()["update_on"]);
    if (const auto& arn = rows.front()["runtime_version_arn"].string(); !arn.empty())
      output.set("RuntimeVersionArn", arn);
    return Value(std::move(output));
  });
}

Result<Value> put_runtime_management(Call& call, FunctionService&) {
  const auto name = version_name(call);
  if (!name) return name.error();
  const auto& update_on = call.input["UpdateRuntimeOn"].string();
  const auto arn = call.input["RuntimeVersionArn"].string_or("");
  if (update_on == "Manual" && arn.empty())
    return invalid_parameter("RuntimeVersionArn must be specified where UpdateRuntimeOn is Manual.");
  if (update_on != "Manual" && !arn.empty())
    return invalid_parameter("RuntimeVersionArn can only be specified where UpdateRuntimeOn is Manual.");
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (const auto function = require_function(tx, *name); !function) return function.error();
    tx.query(
        "INSERT INTO function_runtime_management VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account, region, function, "
        "qualifier) DO UPDATE SET update_on = excluded.update_on, runtime_version_arn = excluded.runtime_version_arn",
        name->account, name->region, name->name, name->qualifier, update_on, arn);
    Map output{{"UpdateRuntimeOn", update_on}, {"FunctionArn", name->arn()}};
    if (!arn.empty()) output.set("RuntimeVersionArn", arn);
    return Value(std::move(output));
  });
}

}  // namespace

void register_runtime_management_operations(Registrar& registrar, FunctionService& functions) {
  const auto operation = operations_of(registrar, functions);
  operation("GetRuntimeManagementConfig", get_runtime_management);
  operation("PutRuntimeManagementConfig", put_runtime_management);
}

}  // namespace moonbase::functions
