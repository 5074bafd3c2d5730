#include "apigateway/deployment.hpp"
#include "apigateway/rest_api.hpp"

namespace moonbase::gateway::rest {
namespace {

const char* not_built_parameter(const Value& input) {
  if (!input["canarySettings"].is_null()) return "canarySettings";
  if (input["cacheClusterEnabled"].boolean_or(false)) return "cacheClusterEnabled";
  if (input["tracingEnabled"].boolean_or(false)) return "tracingEnabled";
  return nullptr;
}

Error deployment_unknown() { return bad_request("Deployment id does not exist"); }

}  // namespace

Result<Value> create_stage(Call& call) {
  const auto& input = call.input;
  if (const auto* parameter = not_built_parameter(input))
    return not_implemented(std::string("apigateway CreateStage ") + parameter);
  const auto& name = input["stageName"].string();
  if (auto good = check_stage_name(name); !good) return good.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = input["restApiId"].string();
    const auto& deployment = input["deploymentId"].string();
    if (auto found = find_api(tx, owner, api); !found) return found.error();
    if (!has_deployment(tx, owner, api, deployment)) return deployment_unknown();
    if (find_stage(tx, owner, api, name)) return conflict("Stage already exists");
    Value stage = new_stage(name, deployment, call.kernel.clock.now());
    for (auto& [member, value] : picked(input, {"description", "documentationVersion"})) stage.set(member, value);
    if (!is_empty(input["variables"])) stage.set("variables", input["variables"]);
    if (!is_empty(input["tags"])) stage.set("tags", input["tags"]);
    save_stage(tx, owner, api, stage);
    return stage;
  });
}

Result<Value> get_stage(Call& call) {
  return call.kernel.store.read([&](Transaction& tx) {
    return find_stage(tx, Owner::of(call), call.input["restApiId"].string(), call.input["stageName"].string());
  });
}

Result<Value> get_stages(Call& call) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["restApiId"].string();
    if (auto found = find_api(tx, owner, api); !found) return found.error();
    const auto deployment = call.input["deploymentId"].string_or("");
    List stages;
    for (const auto& row : tx.query("SELECT deployment_id, document FROM rest_stage WHERE account = ? AND region = ? "
                                    "AND api_id = ? ORDER BY name",
                                    owner.account, owner.region, api))
      if (deployment.empty() || row["deployment_id"].string() == deployment)
        stages.push_back(document(row["document"]));
    return Value(Map{{"item", std::move(stages)}});
  });
}

Result<Value> update_stage(Call& call) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["restApiId"].string();
    auto stage = find_stage(tx, owner, api, call.input["stageName"].string());
    if (!stage) return stage.error();
    for (const auto& patch : patches_of(call.input["patchOperations"]))
      if (auto patched = patch_stage(*stage, patch); !patched) return patched.error();
    if (!has_deployment(tx, owner, api, (*stage)["deploymentId"].string())) return deployment_unknown();
    stage->set("lastUpdatedDate", date_of(call.kernel.clock.now()));
    save_stage(tx, owner, api, *stage);
    return std::move(*stage);
  });
}

Result<Value> delete_stage(Call& call) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["restApiId"].string();
    const auto& name = call.input["stageName"].string();
    if (auto stage = find_stage(tx, owner, api, name); !stage) return stage.error();
    tx.query("DELETE FROM rest_stage WHERE account = ? AND region = ? AND api_id = ? AND name = ?", owner.account,
             owner.region, api, name);
    return Value(Map{});
  });
}

}  // namespace moonbase::gateway::rest
