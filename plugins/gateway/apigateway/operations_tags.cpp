#include <functional>

#include "apigateway/deployment.hpp"
#include "apigateway/rest_api.hpp"

namespace moonbase::gateway::rest {
namespace {

// The document of what the ARN names: an API or a stage.
Result<Value> tagged(Transaction& tx, const Owner& owner, const TaggedResource& resource) {
  if (resource.stage.empty()) return find_api(tx, owner, resource.api_id);
  return find_stage(tx, owner, resource.api_id, resource.stage);
}

Result<TaggedResource> resource_of(const Value& input) {
  const auto resource = tagged_resource(input["resourceArn"].string());
  if (!resource || resource->collection != "restapis")
    return bad_request("Invalid ARN specified in the request: " + input["resourceArn"].string());
  return *resource;
}

Result<Value> change_tags(Call& call, const std::function<void(Map& tags)>& change) {
  const auto resource = resource_of(call.input);
  if (!resource) return resource.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    auto found = tagged(tx, owner, *resource);
    if (!found) return found.error();
    if ((*found)["tags"].is_null()) found->set("tags", Map{});
    change(found->map().find("tags")->map());
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
    for (const auto& [key, value] : call.input["tags"].map()) tags.set(key, value);
  });
}

Result<Value> untag_resource(Call& call) {
  return change_tags(call, [&](Map& tags) {
    for (const auto& key : call.input["tagKeys"].list()) tags.erase(key.string());
  });
}

Result<Value> get_tags(Call& call) {
  const auto resource = resource_of(call.input);
  if (!resource) return resource.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto found = tagged(tx, Owner::of(call), *resource);
    if (!found) return found.error();
    return Value(Map{{"tags", (*found)["tags"].is_null() ? Value(Map{}) : (*found)["tags"]}});
  });
}

}  // namespace moonbase::gateway::rest
