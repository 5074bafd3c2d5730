#include "apigatewayv2/deployment.hpp"

#include <moonbase/json.hpp>

namespace moonbase::gateway {
namespace http {

Value snapshot_of(Transaction& tx, const Owner& owner, const Value& api) {
  const auto& id = api["ApiId"].string();
  List routes;
  for (const auto& row : tx.query("SELECT document FROM http_route WHERE account = ? AND region = ? AND api_id = ? "
                                  "ORDER BY route_key",
                                  owner.account, owner.region, id))
    routes.push_back(document(row[0]));
  Map integrations;
  for (const auto& row : tx.query("SELECT id, document FROM http_integration WHERE account = ? AND region = ? AND "
                                  "api_id = ?",
                                  owner.account, owner.region, id))
    integrations.set(row[0].string(), document(row[1]));
  Map snapshot{{"routes", std::move(routes)}, {"integrations", std::move(integrations)}};
  if (!api["CorsConfiguration"].is_null()) snapshot.set("cors", api["CorsConfiguration"]);
  return Value(std::move(snapshot));
}

bool has_deployment(Transaction& tx, const Owner& owner, std::string_view api_id, std::string_view deployment_id) {
  return !tx.query("SELECT id FROM http_deployment WHERE account = ? AND region = ? AND api_id = ? AND id = ?",
                   owner.account, owner.region, api_id, deployment_id)
              .empty();
}

Result<Value> find_stage(Transaction& tx, const Owner& owner, std::string_view api_id, std::string_view name) {
  const auto rows =
      tx.query("SELECT document FROM http_stage WHERE account = ? AND region = ? AND api_id = ? AND name = ?",
               owner.account, owner.region, api_id, name);
  if (rows.empty()) return not_found("Invalid stage identifier specified");
  return document(rows.front()[0]);
}

void save_stage(Transaction& tx, const Owner& owner, std::string_view api_id, const Value& stage) {
  const auto json = to_json(stage);
  const auto deployment = stage["DeploymentId"].string_or("");
  const bool auto_deploy = stage["AutoDeploy"].boolean();
  tx.query(
      "INSERT INTO http_stage (account, region, api_id, name, deployment_id, auto_deploy, document) "
      "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, region, api_id, name) DO UPDATE "
      "SET deployment_id = ?, auto_deploy = ?, document = ?",
      owner.account, owner.region, api_id, stage["StageName"].string(), deployment, auto_deploy, json, deployment,
      auto_deploy, json);
}

Value new_stage(const std::string& name, Time now) {
  return Value(Map{{"StageName", name},
                   {"AutoDeploy", false},
                   {"CreatedDate", date_of(now)},
                   {"LastUpdatedDate", date_of(now)},
                   {"DefaultRouteSettings", Map{{"DetailedMetricsEnabled", false}}},
                   {"RouteSettings", Map{}},
                   {"StageVariables", Map{}},
                   {"Tags", Map{}}});
}

void point(Value& stage, const std::string& deployment_id, Time now) {
  stage.set("DeploymentId", deployment_id);
  stage.set("LastDeploymentStatusMessage", "Successfully deployed stage with deployment ID '" + deployment_id + "'");
  stage.set("LastUpdatedDate", date_of(now));
}

void deploy_automatically(Transaction& tx, const Owner& owner, std::string_view api_id,
                          const std::string& deployment_id, Time now) {
  const auto stages = tx.query(
      "SELECT document FROM http_stage WHERE account = ? AND region = ? AND api_id = ? AND "
      "auto_deploy = 1",
      owner.account, owner.region, api_id);
  if (stages.empty()) return;
  // Only the newest stands for the API as it is.
  tx.query("DELETE FROM http_deployment WHERE account = ? AND region = ? AND api_id = ? AND snapshot IS NULL",
           owner.account, owner.region, api_id);
  const Value deployment(Map{{"DeploymentId", deployment_id},
                             {"AutoDeployed", true},
                             {"CreatedDate", date_of(now)},
                             {"DeploymentStatus", "DEPLOYED"},
                             {"Description", "Automatic deployment triggered by changes to the Api configuration"}});
  tx.query(
      "INSERT INTO http_deployment (account, region, api_id, id, created_ms, document, snapshot) "
      "VALUES (?, ?, ?, ?, ?, ?, NULL)",
      owner.account, owner.region, api_id, deployment_id, now, to_json(deployment));
  for (const auto& row : stages) {
    auto stage = document(row[0]);
    point(stage, deployment_id, now);
    save_stage(tx, owner, api_id, stage);
  }
}

void freeze(Transaction& tx, const Owner& owner, const Value& api, std::string_view deployment_id) {
  tx.query(
      "UPDATE http_deployment SET snapshot = ? WHERE account = ? AND region = ? AND api_id = ? AND id = ? AND "
      "snapshot IS NULL",
      to_json(snapshot_of(tx, owner, api)), owner.account, owner.region, api["ApiId"].string(), deployment_id);
}

}  // namespace http

std::vector<std::shared_ptr<const Api>> load_http_apis(Transaction& tx, std::string_view id) {
  std::vector<std::shared_ptr<const Api>> apis;
  for (const auto& row : tx.query(
           "SELECT account, region, document FROM http_api WHERE id = ? ORDER BY created_ms, account, region", id)) {
    auto api = std::make_shared<Api>();
    const auto given = document(row["document"]);
    api->kind = ApiKind::http;
    api->id = id;
    api->account_id = row["account"].string();
    api->region = row["region"].string();
    api->endpoint_disabled = given["DisableExecuteApiEndpoint"].boolean_or(false);
    const ApiOwner api_owner{api->account_id, api->region, api->id};
    const Owner owner{api->account_id, api->region};
    // A stage without a deployment has no routes; one whose deployment has no snapshot has the API's own.
    for (const auto& stage :
         tx.query("SELECT s.document, d.id AS deployed, d.snapshot FROM http_stage s LEFT JOIN http_deployment d ON "
                  "d.account = s.account AND d.region = s.region AND d.api_id = s.api_id AND d.id = s.deployment_id "
                  "WHERE s.account = ? AND s.region = ? AND s.api_id = ?",
                  owner.account, owner.region, id)) {
      Value snapshot(Map{{"routes", List{}}, {"integrations", Map{}}});
      if (!stage[2].is_null())
        snapshot = document(stage[2]);
      else if (!stage[1].is_null())
        snapshot = http::snapshot_of(tx, owner, given);
      api->stages.push_back(compile_http_stage(api_owner, document(stage[0]), snapshot));
    }
    apis.push_back(std::move(api));
  }
  return apis;
}

}  // namespace moonbase::gateway
