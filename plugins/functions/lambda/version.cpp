#include "lambda/version.hpp"

#include <moonbase/json.hpp>
#include <stdexcept>

namespace moonbase::functions {

Alias alias_of(const Row& row) {
  auto weights = parse_json(row["weights"].string());
  if (!weights || !weights->is_map()) throw std::runtime_error("an alias's row holds no JSON object");
  return {row["account"].string(),     row["region"].string(),   row["function"].string(),
          row["name"].string(),        row["version"].integer(), row["description"].string(),
          row["revision_id"].string(), std::move(weights->map())};
}

std::optional<Alias> find_alias(Transaction& tx, const FunctionName& name, std::string_view alias) {
  const auto rows =
      tx.query("SELECT * FROM function_alias WHERE account = ? AND region = ? AND function = ? AND name = ?",
               name.account, name.region, name.name, alias);
  if (rows.empty()) return std::nullopt;
  return alias_of(rows.front());
}

void put_alias(Transaction& tx, const Alias& alias) {
  tx.query(
      "INSERT INTO function_alias (account, region, function, name, version, description, revision_id, weights) VALUES "
      "(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, region, function, name) DO UPDATE SET version = "
      "excluded.version, description = excluded.description, revision_id = excluded.revision_id, weights = "
      "excluded.weights",
      alias.account, alias.region, alias.function, alias.name, alias.version, alias.description, alias.revision_id,
      to_json(Value(alias.weights)));
}

Map describe(const Alias& alias) {
  Map described{{"AliasArn", alias.arn()},
                {"Name", alias.name},
                {"FunctionVersion", alias.version == 0 ? "$LATEST" : std::to_string(alias.version)},
                {"Description", alias.description},
                {"RevisionId", alias.revision_id}};
  if (!alias.weights.empty()) described.set("RoutingConfig", Map{{"AdditionalVersionWeights", alias.weights}});
  return described;
}

Result<Function> publish_version(Transaction& tx, const Call& call, const Function& latest, const Value& description) {
  const auto digest = content_digest(latest);
  const auto rows = tx.query(
      "SELECT * FROM function WHERE account = ? AND region = ? AND name = ? AND version > 0 ORDER BY version DESC "
      "LIMIT 1",
      latest.account, latest.region, latest.name);
  if (!rows.empty() && rows.front()["published_from"].string() == digest) return function_of(rows.front());

  Function version = latest;
  version.version =
      tx.query(
            "INSERT INTO function_counter VALUES (?, ?, ?, 1) ON CONFLICT (account, region, name) DO UPDATE SET "
            "last_version = function_counter.last_version + 1 RETURNING last_version",
            latest.account, latest.region, latest.name)
          .front()["last_version"]
          .integer();
  version.tags = {};
  if (latest.is_inline()) version.tags.set("moonbase:inline", "true");
  version.published_from = digest;
  version.description = description.string_or(latest.description);
  version.modified_at = call.kernel.clock.now();
  version.revision_id = call.kernel.ids.uuid();
  if (version.settings_text("SnapStart", "ApplyOn", "None") == "PublishedVersions")
    version.settings["SnapStart"].set("OptimizationStatus", "On");
  if (auto stored = add_usage(tx, latest.account, latest.region, {0, latest.code_bytes}); !stored)
    return stored.error();
  insert_function(tx, version);
  return version;
}

Result<Done> add_usage(Transaction& tx, const std::string& account, const std::string& region, UsageChange change) {
  const auto used = tx.query(
      "INSERT INTO function_usage VALUES (?, ?, ?, ?) ON CONFLICT (account, region) DO UPDATE SET functions = "
      "function_usage.functions + excluded.functions, code_bytes = function_usage.code_bytes + excluded.code_bytes "
      "RETURNING code_bytes",
      account, region, change.functions, change.code_bytes);
  if (change.code_bytes > 0 && used.front()["code_bytes"].integer() > code_storage_bytes_max)
    return Error{"CodeStorageExceededException", "Code storage limit exceeded.", {{"Type", "User"}}, 400};
  return done;
}

bool wrong_revision(const Call& call, const std::string& revision_id) {
  const auto wanted = call.input["RevisionId"].string_or("");
  return !wanted.empty() && wanted != revision_id;
}

Error revision_mismatch() {
  return {
      "PreconditionFailedException",
      "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve "
      "the latest Revision Id",
      {{"Type", "User"}},
      412};
}

}  // namespace moonbase::functions
