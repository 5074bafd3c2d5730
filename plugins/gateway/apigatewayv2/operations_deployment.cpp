#include <moonbase/json.hpp>

#include "apigatewayv2/deployment.hpp"
#include "apigatewayv2/http_api.hpp"

namespace moonbase::gateway::http {
namespace {

Result<Value> find_deployment(Transaction& tx, const Owner& owner, const std::string& api_id, const std::string& id) {
  const auto rows =
      tx.query("SELECT document FROM http_deployment WHERE account = ? AND region = ? AND api_id = ? AND id = ?",
               owner.account, owner.region, api_id, id);
  if (rows.empty()) return not_found("Invalid deployment identifier specified " + id);
  return document(rows.front()[0]);
}

}  // namespace

Result<Value> create_deployment(Call& call) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto now = call.kernel.clock.now();
    const auto& api_id = call.input["ApiId"].string();
    const auto api = find_api(tx, owner, api_id);
    if (!api) return api;
    const auto snapshot = snapshot_of(tx, owner, *api);
    if (is_empty(snapshot["routes"])) return bad_request("At least one route is required before deploying the Api.");
    const auto id = new_id(call.kernel.ids, 6);
    Map deployment = picked(call.input, {"Description"});
    deployment.set("DeploymentId", id);
    deployment.set("AutoDeployed", false);
    deployment.set("CreatedDate", date_of(now));
    deployment.set("DeploymentStatus", "DEPLOYED");
    const Value made(std::move(deployment));
    tx.query(
        "INSERT INTO http_deployment (account, region, api_id, id, created_ms, document, snapshot) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        owner.account, owner.region, api_id, id, now, to_json(made), to_json(snapshot));
    if (const auto& name = call.input["StageName"]; !name.is_null()) {
      auto stage = find_stage(tx, owner, api_id, name.string());
      if (!stage) return stage;
      if ((*stage)["AutoDeploy"].boolean()) return bad_request("The stage " + name.string() + " deploys automatically");
      point(*stage, id, now);
      save_stage(tx, owner, api_id, *stage);
    }
    return made;
  });
}

Result<Value> get_deployment(Call& call) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["ApiId"].string();
    if (auto found = find_api(tx, owner, api); !found) return found;
    return find_deployment(tx, owner, api, call.input["DeploymentId"].string());
  });
}

Result<Value> get_deployments(Call& call) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["ApiId"].string();
    if (auto found = find_api(tx, owner, api); !found) return found;
    Keyed deployments;
    for (const auto& row : tx.query("SELECT id, created_ms, document FROM http_deployment WHERE account = ? AND "
                                    "region = ? AND api_id = ?",
                                    owner.account, owner.region, api)) {
      const auto ms = std::to_string(row["created_ms"].integer());
      deployments.emplace_back(std::string(20 - ms.size(), '0') + ms + row["id"].string(), document(row["document"]));
    }
    return answer_page(call, std::move(deployments));
  });
}

Result<Value> delete_deployment(Call& call) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["ApiId"].string();
    const auto& id = call.input["DeploymentId"].string();
    if (auto found = find_api(tx, owner, api); !found) return found;
    if (auto found = find_deployment(tx, owner, api, id); !found) return found;
    if (!tx.query("SELECT name FROM http_stage WHERE account = ? AND region = ? AND api_id = ? AND deployment_id = ?",
                  owner.account, owner.region, api, id)
             .empty())
      return bad_request("Active stages pointing to this deployment must be moved or deleted");
    tx.query("DELETE FROM http_deployment WHERE account = ? AND region = ? AND api_id = ? AND id = ?", owner.account,
             owner.region, api, id);
    return Value(Map{});
  });
}

}  // namespace moonbase::gateway::http
