// REST APIs in the store, and what their operations share.
#pragma once

#include <moonbase/plugin.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common.hpp"

namespace moonbase::gateway::rest {

Error api_not_found(const Owner& owner, std::string_view api_id);

// The API's document, or api_not_found.
Result<Value> find_api(Transaction& tx, const Owner& owner, std::string_view api_id);
void save_api(Transaction& tx, const Owner& owner, const Value& api);

// Patch operations, as UpdateRestApi and UpdateStage get them.
struct Patch {
  std::string_view op;  // "add", "remove", "replace", …
  std::string_view path;
  const Value& value;
  std::vector<std::string> parts;  // Of the path, unescaped: "/variables/a~1b" gives "variables", "a/b".
};
std::vector<Patch> patches_of(const Value& patch_operations);
Error invalid_path(const Patch& patch);

// The rules of UpdateRestApi and UpdateStage. They change the document.
Result<Done> patch_api(Value& api, const Patch& patch);
Result<Done> patch_stage(Value& stage, const Patch& patch);

// The operations, one file a resource.
Result<Value> create_rest_api(Call& call);
Result<Value> get_rest_api(Call& call);
Result<Value> get_rest_apis(Call& call);
Result<Value> update_rest_api(Call& call);
Result<Value> delete_rest_api(Call& call);

Result<Value> create_resource(Call& call);
Result<Value> get_resource(Call& call);
Result<Value> get_resources(Call& call);
Result<Value> delete_resource(Call& call);

Result<Value> put_method(Call& call);
Result<Value> get_method(Call& call);
Result<Value> delete_method(Call& call);
Result<Value> put_method_response(Call& call);
Result<Value> get_method_response(Call& call);
Result<Value> delete_method_response(Call& call);

Result<Value> put_integration(Call& call);
Result<Value> get_integration(Call& call);
Result<Value> delete_integration(Call& call);
Result<Value> put_integration_response(Call& call);
Result<Value> get_integration_response(Call& call);
Result<Value> delete_integration_response(Call& call);

Result<Value> create_deployment(Call& call);
Result<Value> get_deployment(Call& call);
Result<Value> get_deployments(Call& call);
Result<Value> delete_deployment(Call& call);

Result<Value> create_stage(Call& call);
Result<Value> get_stage(Call& call);
Result<Value> get_stages(Call& call);
Result<Value> update_stage(Call& call);
Result<Value> delete_stage(Call& call);

Result<Value> tag_resource(Call& call);
Result<Value> untag_resource(Call& call);
Result<Value> get_tags(Call& call);

}  // namespace moonbase::gateway::rest
