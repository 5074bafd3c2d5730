// Versions, aliases and account settings.
#include <moonbase/json.hpp>

#include "lambda/code.hpp"
#include "lambda/operations.hpp"
#include "lambda/page.hpp"
#include "lambda/provisioned.hpp"
#include "lambda/version.hpp"

namespace moonbase::functions {
namespace {

// The name, which must not say which version.
Result<FunctionName> plain_name(const Call& call) {
  auto name = parse_function_name(call.input["FunctionName"].string(), call.context);
  if (name && !name->qualifier.empty())
    return invalid_parameter("The derived qualifier from the function name does not match the specified qualifier.");
  return name;
}

Error alias_not_found(const FunctionName& name, const std::string& alias) {
  return {"ResourceNotFoundException",
          "Cannot find alias arn: " + FunctionName{name.account, name.region, name.name, alias}.arn(),
          {{"Type", "User"}},
          404};
}

Result<std::int64_t> existing_version(Transaction& tx, const FunctionName& name, const std::string& text) {
  const auto version = version_of(text);
  if (!version || !find_function(tx, name.account, name.region, name.name, *version))
    return function_not_found({name.account, name.region, name.name, text});
  return *version;
}

// The weights of a RoutingConfig. AWS routes between two published versions.
Result<Map> weights_of(Transaction& tx, const FunctionName& name, const Value& routing, std::int64_t main_version) {
  if (is_empty(routing["AdditionalVersionWeights"])) return Map{};
  const auto& weights = routing["AdditionalVersionWeights"].map();
  if (weights.size() > 1)
    return invalid_parameter("Number of items in AdditionalVersionWeights cannot be greater than 1");
  if (main_version == 0)
    return invalid_parameter("$LATEST is not supported for an alias pointing to more than 1 version");
  const auto& [version, weight] = *weights.begin();
  if (!version_of(version) || version == "$LATEST")
    return Error{"ValidationException",
                 "1 validation error detected: Value '{" + version + "=" + to_json(weight) +
                     "}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map keys must "
                     "satisfy constraint: [Member must have length less than or equal to 1024, Member must have length "
                     "greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+, Member must "
                     "not be null]",
                 {{"Type", "User"}},
                 400};
  if (weight.number() < 0 || weight.number() > 1)
    return Error{"ValidationException",
                 "1 validation error detected: Value '{" + version + "=" + to_json(weight) +
                     "}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must "
                     "satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value "
                     "greater than or equal to 0.0, Member must not be null]",
                 {{"Type", "User"}},
                 400};
  if (version == std::to_string(main_version))
    return invalid_parameter("Invalid function version " + version + ". Function version " + version +
                             " is already included in routing configuration.");
  if (const auto found = existing_version(tx, name, version); !found) return found.error();
  return weights;
}

// --- versions ------------------------------------------------------------------------------------

Result<Value> list_versions_by_function(Call& call, FunctionService&) {
  const auto name = plain_name(call);
  if (!name) return name.error();
  const auto after = page_begin(call);
  if (!after) return after.error();
  const auto from = after->empty() ? -1 : version_of(*after).value_or(0);
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (const auto function = require_function(tx, *name); !function) return function.error();
    return read_page(
        tx, call,
        {"Versions",
         "SELECT * FROM function WHERE account = ? AND region = ? AND name = ? AND version > ? ORDER BY version",
         {name->account, name->region, name->name, from}},
        [&](const Row& row) -> std::optional<PageItem> {
          const auto function = function_of(row);
          return PageItem{function.version_text(), configuration_of(function, function.version_text())};
        });
  });
}

Result<Value> publish(Call& call, FunctionService&) {
  const auto name = plain_name(call);
  if (!name) return name.error();
  if (!is_empty(call.input["PublishTo"])) return not_implemented("lambda PublishVersion PublishTo");
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto latest = require_function(tx, *name);
    if (!latest) return latest.error();
    if (wrong_revision(call, latest->revision_id)) return revision_mismatch();
    const auto sha256 = call.input["CodeSha256"].string_or("");
    if (!sha256.empty() && sha256 != latest->code_sha256)
      return invalid_parameter("CodeSHA256 (" + sha256 + ") is different from current CodeSHA256 in $LATEST (" +
                               latest->code_sha256 + "). Please try again with the CodeSHA256 in $LATEST.");
    const auto& description = call.input["Description"];
    const auto version = publish_version(tx, call, *latest, is_empty(description) ? Value() : description);
    if (!version) return version.error();
    return Value(configuration_of(*version, version->version_text()));
  });
}

// --- aliases -------------------------------------------------------------------------------------

Result<Value> create_alias(Call& call, FunctionService& functions) {
  const auto name = plain_name(call);
  if (!name) return name.error();
  const auto& alias_name = call.input["Name"].string();
  if (version_of(alias_name) || alias_name.find_first_not_of("0123456789") == alias_name.npos)
    return Error{"ValidationException",
                 "1 validation error detected: Value '" + alias_name +
                     "' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: "
                     "(?!^[0-9]+$)([a-zA-Z0-9-_]+)",
                 {{"Type", "User"}},
                 400};
  auto created = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (!find_function(tx, name->account, name->region, name->name)) return function_not_found(*name);
    const auto version = existing_version(tx, *name, call.input["FunctionVersion"].string());
    if (!version) return version.error();
    auto weights = weights_of(tx, *name, call.input["RoutingConfig"], *version);
    if (!weights) return weights.error();
    const Alias alias{name->account,
                      name->region,
                      name->name,
                      alias_name,
                      *version,
                      call.input["Description"].string_or(""),
                      call.kernel.ids.uuid(),
                      std::move(*weights)};
    if (find_alias(tx, *name, alias_name))
      return Error{"ResourceConflictException", "Alias already exists: " + alias.arn(), {{"Type", "User"}}, 409};
    put_alias(tx, alias);
    return Value(describe(alias));
  });
  if (created) functions.forget_settings(name->account, name->region, name->name);
  return created;
}

Result<Value> delete_alias(Call& call, FunctionService& functions) {
  const auto name = plain_name(call);
  if (!name) return name.error();
  const auto& alias = call.input["Name"].string();
  auto deleted = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    tx.query("DELETE FROM function_alias WHERE account = ? AND region = ? AND function = ? AND name = ?", name->account,
             name->region, name->name, alias);
    for (const char* table : {"function_permission", "function_provisioned", "function_event_invoke", "function_url"})
      tx.query(
          "DELETE FROM " + std::string(table) + " WHERE account = ? AND region = ? AND function = ? AND qualifier = ?",
          name->account, name->region, name->name, alias);
    return Value(Map{});
  });
  if (deleted) {
    functions.forget_settings(name->account, name->region, name->name);
    functions.concurrency_changed(*name);
    functions.provision(*name);
    functions.urls_changed();
  }
  return deleted;
}

Result<Value> get_account_settings(Call& call, FunctionService&) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto& account = call.context.identity.account_id;
    const auto used = tx.query("SELECT functions, code_bytes FROM function_usage WHERE account = ? AND region = ?",
                               account, call.context.region);
    const auto own = read_own_concurrency(tx, account, call.context.region);
    return Value(Map{{"AccountLimit", Map{{"TotalCodeSize", code_storage_bytes_max},
                                          {"CodeSizeUnzipped", static_cast<std::int64_t>(unzipped_bytes_max)},
                                          {"CodeSizeZipped", static_cast<std::int64_t>(zipped_bytes_max)},
                                          {"ConcurrentExecutions", concurrency_max},
                                          {"UnreservedConcurrentExecutions", concurrency_max - own}}},
                     {"AccountUsage", Map{{"TotalCodeSize", used.empty() ? Value(0) : used.front()["code_bytes"]},
                                          {"FunctionCount", used.empty() ? Value(0) : used.front()["functions"]}}}});
  });
}

Result<Value> get_alias(Call& call, FunctionService&) {
  const auto name = plain_name(call);
  if (!name) return name.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (!find_function(tx, name->account, name->region, name->name)) return function_not_found(*name);
    const auto alias = find_alias(tx, *name, call.input["Name"].string());
    if (!alias) return alias_not_found(*name, call.input["Name"].string());
    return Value(describe(*alias));
  });
}

Result<Value> list_aliases(Call& call, FunctionService&) {
  const auto name = plain_name(call);
  if (!name) return name.error();
  const auto after = page_begin(call);
  if (!after) return after.error();
  const auto wanted = call.input["FunctionVersion"].string_or("");
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (!find_function(tx, name->account, name->region, name->name)) return function_not_found(*name);
    return read_page(
        tx, call,
        {"Aliases",
         "SELECT * FROM function_alias WHERE account = ? AND region = ? AND function = ? AND name > ? ORDER BY name",
         {name->account, name->region, name->name, *after}},
        [&](const Row& row) -> std::optional<PageItem> {
          const auto alias = alias_of(row);
          if (!wanted.empty() && version_of(wanted) != alias.version && !alias.weights.contains(wanted))
            return std::nullopt;
          return PageItem{alias.name, describe(alias)};
        });
  });
}

Result<Value> update_alias(Call& call, FunctionService& functions) {
  const auto name = plain_name(call);
  if (!name) return name.error();
  auto updated = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (!find_function(tx, name->account, name->region, name->name)) return function_not_found(*name);
    auto alias = find_alias(tx, *name, call.input["Name"].string());
    if (!alias) return alias_not_found(*name, call.input["Name"].string());
    if (wrong_revision(call, alias->revision_id)) return revision_mismatch();
    if (!call.input["FunctionVersion"].is_null()) {
      const auto version = existing_version(tx, *name, call.input["FunctionVersion"].string());
      if (!version) return version.error();
      alias->version = *version;
    }
    if (!call.input["RoutingConfig"].is_null()) {
      auto weights = weights_of(tx, *name, call.input["RoutingConfig"], alias->version);
      if (!weights) return weights.error();
      alias->weights = std::move(*weights);
    }
    alias->description = call.input["Description"].string_or(alias->description);
    alias->revision_id = call.kernel.ids.uuid();
    put_alias(tx, *alias);
    return Value(describe(*alias));
  });
  if (updated) {
    functions.forget_settings(name->account, name->region, name->name);
    functions.provision(*name);  // It may belong to another version now.
  }
  return updated;
}

}  // namespace

void register_version_operations(Registrar& registrar, FunctionService& functions) {
  const auto operation = operations_of(registrar, functions);
  operation("CreateAlias", create_alias);
  operation("DeleteAlias", delete_alias);
  operation("GetAccountSettings", get_account_settings);
  operation("GetAlias", get_alias);
  operation("ListAliases", list_aliases);
  operation("ListVersionsByFunction", list_versions_by_function);
  operation("PublishVersion", publish);
  operation("UpdateAlias", update_alias);
}

}  // namespace moonbase::functions
