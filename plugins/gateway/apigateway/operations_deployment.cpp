#include <algorithm>
#include <moonbase/json.hpp>

#include "apigateway/deployment.hpp"
#include "apigateway/rest_api.hpp"

namespace moonbase::gateway::rest {
namespace {

Value shown(const Row& row, bool with_summary) {
  Map deployment{{"id", row["id"]}, {"createdDate", date_of(Time{row["created_ms"].integer()})}};
  if (!row["description"].is_null()) deployment.set("description", row["description"]);
  if (with_summary) {
    Map summary;
    const auto snapshot = document(row["snapshot"]);
    for (const auto& resource : snapshot["resources"].list()) {
      Map methods;
      for (const auto& [name, method] : resource["methods"].map())
        methods.set(name, Value(picked(method, {"authorizationType", "apiKeyRequired"})));
      summary.set(resource["path"].string(), std::move(methods));
    }
    deployment.set("apiSummary", std::move(summary));
  }
  return Value(std::move(deployment));
}

constexpr auto select = "SELECT id, created_ms, description, snapshot FROM rest_deployment ";

bool embeds_summary(const Value& input) {
  const auto& embed = input["embed"];
  return embed.is_list() &&
         std::find(embed.list().begin(), embed.list().end(), Value("apisummary")) != embed.list().end();
}

// Parameters that change what a deployment does, and that are not built.
const char* not_built_parameter(const Value& input) {
  if (!input["canarySettings"].is_null()) return "canarySettings";
  if (input["cacheClusterEnabled"].boolean_or(false)) return "cacheClusterEnabled";
  if (input["tracingEnabled"].boolean_or(false)) return "tracingEnabled";
  return nullptr;
}

}  // namespace

Result<Value> create_deployment(Call& call) {
  const auto& input = call.input;
  if (const auto* parameter = not_built_parameter(input))
    return not_implemented(std::string("apigateway CreateDeployment ") + parameter);
  const auto stage_name = input["stageName"].string_or("");
  if (!stage_name.empty())
    if (auto good = check_stage_name(stage_name); !good) return good.error();

  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto now = call.kernel.clock.now();
    const auto& api_id = input["restApiId"].string();
    const auto api = find_api(tx, owner, api_id);
    if (!api) return api.error();
    const auto snapshot = snapshot_of(tx, owner, *api);
    if (!snapshot) return snapshot.error();
    const auto id = new_id(call.kernel.ids, 6);
    tx.query(
        "INSERT INTO rest_deployment (account, region, api_id, id, created_ms, description, snapshot) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        owner.account, owner.region, api_id, id, now, input["description"], to_json(*snapshot));
    if (!stage_name.empty()) {
      auto found = find_stage(tx, owner, api_id, stage_name);
      Value stage = found ? std::move(*found) : new_stage(stage_name, id, now);
      stage.set("deploymentId", id);
      stage.set("lastUpdatedDate", date_of(now));
      if (!input["stageDescription"].is_null()) stage.set("description", input["stageDescription"]);
      if (!is_empty(input["variables"])) stage.set("variables", input["variables"]);
      save_stage(tx, owner, api_id, stage);
    }
    Map answer = picked(input, {"description"});
    answer.set("id", id);
    answer.set("createdDate", date_of(now));
    return Value(std::move(answer));
  });
}

Result<Value> get_deployment(Call& call) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto rows =
        tx.query(std::string(select) + "WHERE account = ? AND region = ? AND api_id = ? AND id = ?", owner.account,
                 owner.region, call.input["restApiId"].string(), call.input["deploymentId"].string());
    if (rows.empty()) return not_found("Invalid Deployment identifier specified");
    return shown(rows.front(), embeds_summary(call.input));
  });
}

Result<Value> get_deployments(Call& call) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["restApiId"].string();
    if (auto found = find_api(tx, owner, api); !found) return found.error();
    Keyed deployments;
    for (const auto& row : tx.query(std::string(select) + "WHERE account = ? AND region = ? AND api_id = ?",
                                    owner.account, owner.region, api)) {
      const auto ms = std::to_string(row["created_ms"].integer());
      deployments.emplace_back(std::string(20 - ms.size(), '0') + ms + row["id"].string(), shown(row, false));
    }
    auto page = page_of(std::move(deployments), call.input["limit"].integer_or(25), call.input["position"]);
    if (!page) return page.error();
    Map answer{{"items", std::move(page->items)}};
    if (!page->next.empty()) answer.set("position", page->next);
    return Value(std::move(answer));
  });
}

Result<Value> delete_deployment(Call& call) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["restApiId"].string();
    const auto& id = call.input["deploymentId"].string();
    if (!has_deployment(tx, owner, api, id)) return not_found("Invalid Deployment identifier specified");
    if (!tx.query("SELECT name FROM rest_stage WHERE account = ? AND region = ? AND api_id = ? AND deployment_id = ?",
                  owner.account, owner.region, api, id)
             .empty())
      return bad_request("Active stages pointing to this deployment must be moved or deleted");
    tx.query("DELETE FROM rest_deployment WHERE account = ? AND region = ? AND api_id = ? AND id = ?", owner.account,
             owner.region, api, id);
    return Value(Map{});
  });
}

}  // namespace moonbase::gateway::rest
