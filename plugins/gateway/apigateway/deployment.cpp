#include "apigateway/deployment.hpp"

#include <algorithm>
#include <moonbase/json.hpp>

#include "apigateway/resource.hpp"

namespace moonbase::gateway {
namespace rest {

Result<Value> snapshot_of(Transaction& tx, const Owner& owner, const Value& api) {
  List resources;
  for (const auto& row : tx.query("SELECT id, parent_id, path_part, path, methods FROM rest_resource "
                                  "WHERE account = ? AND region = ? AND api_id = ? AND methods <> '{}' ORDER BY path",
                                  owner.account, owner.region, api["id"].string())) {
    auto resource = resource_from(row);
    for (const auto& [name, method] : resource.methods.map())
      if (method["methodIntegration"].is_null()) return bad_request("No integration defined for method");
    resources.push_back(Map{{"id", resource.id}, {"path", resource.path}, {"methods", std::move(resource.methods)}});
  }
  if (resources.empty()) return bad_request("The REST API doesn't contain any methods");
  Map snapshot{{"resources", std::move(resources)}};
  if (!is_empty(api["binaryMediaTypes"])) snapshot.set("binaryMediaTypes", api["binaryMediaTypes"]);
  return Value(std::move(snapshot));
}

Value new_stage(const std::string& name, const std::string& deployment_id, Time now) {
  return Value(Map{{"deploymentId", deployment_id},
                   {"stageName", name},
                   {"cacheClusterEnabled", false},
                   {"cacheClusterStatus", "NOT_AVAILABLE"},
                   {"methodSettings", Map{}},
                   {"tracingEnabled", false},
                   {"createdDate", date_of(now)},
                   {"lastUpdatedDate", date_of(now)}});
}

Result<Done> check_stage_name(std::string_view name) {
  const bool good = !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  if (good) return done;
  return bad_request("Stage name only allows a-zA-Z0-9_-");
}

bool has_deployment(Transaction& tx, const Owner& owner, std::string_view api_id, std::string_view deployment_id) {
  return !tx.query("SELECT id FROM rest_deployment WHERE account = ? AND region = ? AND api_id = ? AND id = ?",
                   owner.account, owner.region, api_id, deployment_id)
              .empty();
}

Result<Value> find_stage(Transaction& tx, const Owner& owner, std::string_view api_id, std::string_view name) {
  const auto rows =
      tx.query("SELECT document FROM rest_stage WHERE account = ? AND region = ? AND api_id = ? AND name = ?",
               owner.account, owner.region, api_id, name);
  if (rows.empty()) return not_found("Invalid Stage identifier specified");
  return document(rows.front()[0]);
}

void save_stage(Transaction& tx, const Owner& owner, std::string_view api_id, const Value& stage) {
  const auto json = to_json(stage);
  const auto& deployment = stage["deploymentId"].string();
  tx.query(
      "INSERT INTO rest_stage (account, region, api_id, name, deployment_id, document) VALUES (?, ?, ?, ?, ?, ?) "
      "ON CONFLICT (account, region, api_id, name) DO UPDATE SET deployment_id = ?, document = ?",
      owner.account, owner.region, api_id, stage["stageName"].string(), deployment, json, deployment, json);
}

}  // namespace rest

std::vector<std::shared_ptr<const Api>> load_rest_apis(Transaction& tx, std::string_view id) {
  std::vector<std::shared_ptr<const Api>> apis;
  for (const auto& row : tx.query(
           "SELECT account, region, document FROM rest_api WHERE id = ? ORDER BY created_ms, account, region", id)) {
    auto api = std::make_shared<Api>();
    api->kind = ApiKind::rest;
    api->id = id;
    api->account_id = row["account"].string();
    api->region = row["region"].string();
    api->endpoint_disabled = document(row["document"])["disableExecuteApiEndpoint"].boolean_or(false);
    const ApiOwner owner{api->account_id, api->region, api->id};
    for (const auto& stage :
         tx.query("SELECT s.document, d.snapshot FROM rest_stage s JOIN rest_deployment d ON d.account = s.account "
                  "AND d.region = s.region AND d.api_id = s.api_id AND d.id = s.deployment_id "
                  "WHERE s.account = ? AND s.region = ? AND s.api_id = ?",
                  api->account_id, api->region, id))
      api->stages.push_back(compile_rest_stage(owner, document(stage[0]), document(stage[1])));
    apis.push_back(std::move(api));
  }
  return apis;
}

}  // namespace moonbase::gateway
