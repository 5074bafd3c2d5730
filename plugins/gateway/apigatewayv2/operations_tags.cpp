#include <functional>

#include "apigatewayv2/deployment.hpp"
#include "apigatewayv2/http_api.hpp"

namespace moonbase::gateway::http {
namespace {

// The document of what the ARN names: an API or a stage.
Result<Value> tagged(Transaction& tx, const Owner& owner, const TaggedResource& resource) {
  if (resource.stage.empty()) return find_api(tx, owner, resource.api_id);
  return find_stage(tx, owner, resource.api_id, resource.stage);
}

Result<TaggedResource> resource_of(const Value& input) {
  const auto resource = tagged_resource(input["ResourceArn"].string());
  if (!resource || resource->collection != "apis")
    return bad_request("Invalid ARN specified in the request: " + input["ResourceArn"].string());
  return *resource;
}

Result<Value> change_tags(Call& call, const std::function<void(Map& tags)>& change) {
  const auto resource = resource_of(call.input);
  if (!resource) return resource.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    auto found = tagged(tx, owner, *resource);
    if (!found) return found;
    if ((*found)["Tags"].is_null()) found->set("Tags", Map{});
    change(found->map().find("Tags")->map());
    if (resource->stage.empty())
      save_api(tx, owner, *found);
    else
      save_stage(tx, owner, resource->api_id, *found);
    return Value(Map{});
  });
}

}  // namespace

Result<Value> tag_resource(Call& call) {
  return change_tags(call, [&](Map& tags) {
    if (!is_empty(call.input["Tags"]))
      for (const auto& [key, value] : call.input["Tags"].map()) tags.set(key, value);
  });
}

Result<Value> untag_resource(Call& call) {
  return change_tags(call, [&](Map& tags) {
    for (const auto& key : call.input["TagKeys"].list()) tags.erase(key.string());
  });
}

Result<Value> get_tags(Call& call) {
  const auto resource = resource_of(call.input);
  if (!resource) return resource.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto found = tagged(tx, Owner::of(call), *resource);
    if (!found) return found;
    return Value(Map{{"Tags", (*found)["Tags"].is_null() ? Value(Map{}) : (*found)["Tags"]}});
  });
}

}  // namespace moonbase::gateway::http
