// Deployments of REST APIs: snapshots, and what serves from them.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "common.hpp"
#include "runtime/stage.hpp"

namespace moonbase::gateway {
namespace rest {

// All that serving the API as it is now needs:
//   { binaryMediaTypes = { … }, resources = { { id, path, methods = { GET = { … } } }, … } }
// BadRequestException where it cannot be deployed.
Result<Value> snapshot_of(Transaction& tx, const Owner& owner, const Value& api);

// A stage as GetStage shows it, with what AWS fills in.
Value new_stage(const std::string& name, const std::string& deployment_id, Time now);
Result<Done> check_stage_name(std::string_view name);
bool has_deployment(Transaction& tx, const Owner& owner, std::string_view api_id, std::string_view deployment_id);
Result<Value> find_stage(Transaction& tx, const Owner& owner, std::string_view api_id, std::string_view name);
// Inserts it, or puts it in the place of the one of that name.
void save_stage(Transaction& tx, const Owner& owner, std::string_view api_id, const Value& stage);

}  // namespace rest

// Every REST API with this id, of any account and region, the oldest first, with its deployed stages.
std::vector<std::shared_ptr<const Api>> load_rest_apis(Transaction& tx, std::string_view id);

}  // namespace moonbase::gateway
