#include <moonbase/json.hpp>

#include "apigateway/rest_api.hpp"

namespace moonbase::gateway::rest {
namespace {

// Parameters that change what an API does, and that are not built.
const char* not_built_parameter(const Value& input) {
  for (const char* name : {"cloneFrom", "policy", "minimumCompressionSize", "securityPolicy", "endpointAccessMode"})
    if (!input[name].is_null()) return name;
  return nullptr;
}

Result<Value> endpoint_configuration(const Value& given) {
  List types = given["types"].is_list() ? given["types"].list() : List{};
  if (types.empty()) types.emplace_back("EDGE");
  for (const auto& type : types)
    if (type.string() == "PRIVATE") return not_implemented("apigateway CreateRestApi endpointConfiguration PRIVATE");
  return Value(Map{{"types", std::move(types)}, {"ipAddressType", given["ipAddressType"].string_or("ipv4")}});
}

// Keys that order APIs by their creation.
std::string creation_key(const Row& row) {
  const auto ms = std::to_string(row["created_ms"].integer());
  return std::string(20 - ms.size(), '0') + ms + row["id"].string();
}

}  // namespace

Result<Value> create_rest_api(Call& call) {
  const auto& input = call.input;
  if (const auto* parameter = not_built_parameter(input))
    return not_implemented(std::string("apigateway CreateRestApi ") + parameter);
  if (input["description"].is_string() && input["description"].string().empty())
    return bad_request("Description cannot be an empty string");
  const auto endpoint = endpoint_configuration(input["endpointConfiguration"]);
  if (!endpoint) return endpoint.error();
  const auto id = api_id(call, input["tags"]);
  if (!id) return id.error();

  const auto owner = Owner::of(call);
  const auto now = call.kernel.clock.now();
  const auto root_id = new_id(call.kernel.ids, 10);
  Map api = picked(input, {"name", "description", "version"});
  api.set("id", *id);
  api.set("createdDate", date_of(now));
  api.set("apiKeySource", input["apiKeySource"].string_or("HEADER"));
  api.set("endpointConfiguration", *endpoint);
  api.set("disableExecuteApiEndpoint", input["disableExecuteApiEndpoint"].boolean_or(false));
  api.set("rootResourceId", root_id);
  if (!is_empty(input["binaryMediaTypes"])) api.set("binaryMediaTypes", input["binaryMediaTypes"]);
  if (!is_empty(input["tags"])) api.set("tags", input["tags"]);
  const Value answer(std::move(api));

  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (find_api(tx, owner, *id)) return conflict("The API id " + *id + " is taken already");
    tx.query("INSERT INTO rest_api (account, region, id, created_ms, document) VALUES (?, ?, ?, ?, ?)", owner.account,
             owner.region, *id, now, to_json(answer));
    tx.query(
        "INSERT INTO rest_resource (account, region, api_id, id, parent_id, path_part, path, methods) "
        "VALUES (?, ?, ?, ?, '', '', '/', '{}')",
        owner.account, owner.region, *id, root_id);
    return answer;
  });
}

Result<Value> get_rest_api(Call& call) {
  return call.kernel.store.read(
      [&](Transaction& tx) { return find_api(tx, Owner::of(call), call.input["restApiId"].string()); });
}

Result<Value> get_rest_apis(Call& call) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    Keyed apis;
    for (const auto& row : tx.query("SELECT id, created_ms, document FROM rest_api WHERE account = ? AND region = ?",
                                    owner.account, owner.region))
      apis.emplace_back(creation_key(row), document(row["document"]));
    auto page = page_of(std::move(apis), call.input["limit"].integer_or(25), call.input["position"]);
    if (!page) return page.error();
    Map answer{{"items", std::move(page->items)}};
    if (!page->next.empty()) answer.set("position", page->next);
    return Value(std::move(answer));
  });
}

Result<Value> update_rest_api(Call& call) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    auto api = find_api(tx, owner, call.input["restApiId"].string());
    if (!api) return api.error();
    for (const auto& patch : patches_of(call.input["patchOperations"]))
      if (auto patched = patch_api(*api, patch); !patched) return patched.error();
    if ((*api)["tags"].is_null()) api->set("tags", Map{});
    save_api(tx, owner, *api);
    return std::move(*api);
  });
}

Result<Value> delete_rest_api(Call& call) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& id = call.input["restApiId"].string();
    if (auto api = find_api(tx, owner, id); !api) return api.error();
    tx.query("DELETE FROM rest_stage WHERE account = ? AND region = ? AND api_id = ?", owner.account, owner.region, id);
    tx.query("DELETE FROM rest_deployment WHERE account = ? AND region = ? AND api_id = ?", owner.account, owner.region,
             id);
    tx.query("DELETE FROM rest_resource WHERE account = ? AND region = ? AND api_id = ?", owner.account, owner.region,
             id);
    tx.query("DELETE FROM rest_api WHERE account = ? AND region = ? AND id = ?", owner.account, owner.region, id);
    return Value(Map{});
  });
}

}  // namespace moonbase::gateway::rest
