// Deployments of HTTP APIs: snapshots, stages that deploy by themselves, and what serves from them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common.hpp"
#include "runtime/stage.hpp"

namespace moonbase::gateway {
namespace http {

// All that serving the API as it is now needs:
//   { cors = CorsConfiguration or nothing, routes = { … }, integrations = { id = { … } } }
Value snapshot_of(Transaction& tx, const Owner& owner, const Value& api);

// Gives every stage of the API that deploys by itself a new deployment of what is there.
void deploy_automatically(Transaction& tx, const Owner& owner, std::string_view api_id,
                          const std::string& deployment_id, Time now);
// Writes the API as it is into a deployment that stood for it.
void freeze(Transaction& tx, const Owner& owner, const Value& api, std::string_view deployment_id);

bool has_deployment(Transaction& tx, const Owner& owner, std::string_view api_id, std::string_view deployment_id);
Result<Value> find_stage(Transaction& tx, const Owner& owner, std::string_view api_id, std::string_view name);
// Inserts it, or puts it in the place of the one of that name.
void save_stage(Transaction& tx, const Owner& owner, std::string_view api_id, const Value& stage);
Value new_stage(const std::string& name, Time now);
// Points a stage to a deployment, with AWS's words for it.
void point(Value& stage, const std::string& deployment_id, Time now);

}  // namespace http

// Every HTTP API with this id, of any account and region, the oldest first, with its deployed stages.
std::vector<std::shared_ptr<const Api>> load_http_apis(Transaction& tx, std::string_view id);

}  // namespace moonbase::gateway
