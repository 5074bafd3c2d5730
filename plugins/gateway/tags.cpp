#include "tags.hpp"

#include <functional>

namespace moonbase::gateway {
namespace {

// The document of what the ARN names: an API or a stage.
Result<Value> tagged(Transaction& tx, const Owner& owner, const TaggedResource& resource, const Tagging& tagging) {
  if (resource.stage.empty()) return tagging.find_api(tx, owner, resource.api_id);
  return tagging.find_stage(tx, owner, resource.api_id, resource.stage);
}

Result<TaggedResource> resource_of(const Value& input, const Tagging& tagging) {
  const auto& arn = input[tagging.arn].string();
  const auto resource = tagged_resource(arn);
  if (!resource || resource->collection != tagging.collection)
    return bad_request("Invalid ARN specified in the request: " + arn);
  return *resource;
}

Result<Value> change_tags(Call& call, const Tagging& tagging, const std::function<void(Map& tags)>& change) {
  const auto resource = resource_of(call.input, tagging);
  if (!resource) return resource.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    auto found = tagged(tx, owner, *resource, tagging);
    if (!found) return found;
    if ((*found)[tagging.tags].is_null()) found->set(std::string(tagging.tags), Map{});
    change(found->map().find(tagging.tags)->map());
    if (resource->stage.empty())
      tagging.save_api(tx, owner, *found);
    else
      tagging.save_stage(tx, owner, resource->api_id, *found);
    return Value(Map{});
  });
}

}  // namespace

Result<Value> tag_resource(Call& call, const Tagging& tagging) {
  return change_tags(call, tagging, [&](Map& tags) {
    if (!is_empty(call.input[tagging.tags]))
      for (const auto& [key, value] : call.input[tagging.tags].map()) tags.set(key, value);
  });
}

Result<Value> untag_resource(Call& call, const Tagging& tagging) {
  return change_tags(call, tagging, [&](Map& tags) {
    for (const auto& key : call.input[tagging.keys].list()) tags.erase(key.string());
  });
}

Result<Value> get_tags(Call& call, const Tagging& tagging) {
  const auto resource = resource_of(call.input, tagging);
  if (!resource) return resource.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto found = tagged(tx, Owner::of(call), *resource, tagging);
    if (!found) return found;
    const auto& tags = (*found)[tagging.tags];
    return Value(Map{{std::string(tagging.tags), tags.is_null() ? Value(Map{}) : tags}});
  });
}

}  // namespace moonbase::gateway
