#include <algorithm>

#include "apigatewayv2/deployment.hpp"
#include "apigatewayv2/http_api.hpp"

namespace moonbase::gateway::http {
namespace {

constexpr std::string_view stage_members[] = {"AutoDeploy", "Description", "StageVariables", "Tags"};

// Parameters that change what a stage does, and that are not built.
const char* not_built_parameter(const Value& input) {
  if (!input["AccessLogSettings"].is_null()) return "AccessLogSettings";
  if (!input["ClientCertificateId"].is_null()) return "ClientCertificateId";
  if (!is_empty(input["RouteSettings"])) return "RouteSettings";
  if (const auto& settings = input["DefaultRouteSettings"]; settings.is_map())
    for (const auto& [name, value] : settings.map())
      if (!value.is_null() && value != Value(false)) return "DefaultRouteSettings";
  return nullptr;
}

Result<Done> check_stage_name(std::string_view name) {
  if (name == "$default") return done;
  const bool good = !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  if (good) return done;
  return bad_request("Stage name only allows a-zA-Z0-9_-");
}

// After a change: the deployment that it names, or one of what is there.
Result<Done> deploy(Transaction& tx, Call& call, const Owner& owner, const std::string& api_id, Value& stage) {
  const auto& named = call.input["DeploymentId"];
  const auto now = call.kernel.clock.now();
  if (stage["AutoDeploy"].boolean()) {
    if (!named.is_null()) return bad_request("DeploymentId cannot be specified when AutoDeploy is enabled");
    save_stage(tx, owner, api_id, stage);
    deploy_automatically(tx, owner, api_id, new_id(call.kernel.ids, 6), now);
    stage = *find_stage(tx, owner, api_id, stage["StageName"].string());
    return done;
  }
  if (!named.is_null()) {
    if (!has_deployment(tx, owner, api_id, named.string()))
      return not_found("Invalid deployment identifier specified " + named.string());
    point(stage, named.string(), now);
  }
  save_stage(tx, owner, api_id, stage);
  return done;
}

}  // namespace

Result<Value> create_stage(Call& call) {
  if (const auto* parameter = not_built_parameter(call.input))
    return not_implemented(std::string("apigatewayv2 CreateStage ") + parameter);
  const auto& name = call.input["StageName"].string();
  if (auto good = check_stage_name(name); !good) return good.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["ApiId"].string();
    if (auto found = find_api(tx, owner, api); !found) return found;
    if (find_stage(tx, owner, api, name)) return conflict("Stage already exists");
    auto stage = new_stage(name, call.kernel.clock.now());
    for (auto& [member, value] : picked(call.input, stage_members)) stage.set(member, value);
    if (auto deployed = deploy(tx, call, owner, api, stage); !deployed) return deployed.error();
    return stage;
  });
}

Result<Value> get_stage(Call& call) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["ApiId"].string();
    if (auto found = find_api(tx, owner, api); !found) return found;
    return find_stage(tx, owner, api, call.input["StageName"].string());
  });
}

Result<Value> get_stages(Call& call) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["ApiId"].string();
    if (auto found = find_api(tx, owner, api); !found) return found;
    Keyed stages;
    for (const auto& row : tx.query("SELECT name, document FROM http_stage WHERE account = ? AND region = ? AND "
                                    "api_id = ?",
                                    owner.account, owner.region, api))
      stages.emplace_back(row[0].string(), document(row[1]));
    return answer_page(call, std::move(stages));
  });
}

Result<Value> update_stage(Call& call) {
  if (const auto* parameter = not_built_parameter(call.input))
    return not_implemented(std::string("apigatewayv2 UpdateStage ") + parameter);
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& id = call.input["ApiId"].string();
    auto api = find_api(tx, owner, id);
    if (!api) return api;
    auto stage = find_stage(tx, owner, id, call.input["StageName"].string());
    if (!stage) return stage;
    const bool deployed_itself = (*stage)["AutoDeploy"].boolean();
    for (auto& [member, value] : picked(call.input, stage_members)) stage->set(member, value);
    // From now on changes of the API no longer reach it.
    if (deployed_itself && !(*stage)["AutoDeploy"].boolean())
      freeze(tx, owner, *api, (*stage)["DeploymentId"].string_or(""));
    stage->set("LastUpdatedDate", date_of(call.kernel.clock.now()));
    if (auto deployed = deploy(tx, call, owner, id, *stage); !deployed) return deployed.error();
    return stage;
  });
}

Result<Value> delete_stage(Call& call) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["ApiId"].string();
    const auto& name = call.input["StageName"].string();
    if (auto found = find_api(tx, owner, api); !found) return found;
    if (auto stage = find_stage(tx, owner, api, name); !stage) return stage;
    tx.query("DELETE FROM http_stage WHERE account = ? AND region = ? AND api_id = ? AND name = ?", owner.account,
             owner.region, api, name);
    return Value(Map{});
  });
}

}  // namespace moonbase::gateway::http
