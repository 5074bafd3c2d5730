#include <algorithm>
#include <map>

#include "apigateway/resource.hpp"

namespace moonbase::gateway::rest {
namespace {

std::vector<Resource> all_resources(Transaction& tx, const Owner& owner, const std::string& api_id) {
  std::vector<Resource> resources;
  for (const auto& row : tx.query("SELECT id, parent_id, path_part, path, methods FROM rest_resource "
                                  "WHERE account = ? AND region = ? AND api_id = ? ORDER BY path",
                                  owner.account, owner.region, api_id))
    resources.push_back(resource_from(row));
  return resources;
}

bool embeds_methods(const Value& input) {
  const auto& embed = input["embed"];
  return embed.is_list() && std::find(embed.list().begin(), embed.list().end(), Value("methods")) != embed.list().end();
}

}  // namespace

Result<Value> create_resource(Call& call) {
  const auto& part = call.input["pathPart"].string();
  if (auto good = check_path_part(part); !good) return good.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["restApiId"].string();
    if (auto found = find_api(tx, owner, api); !found) return found.error();
    const auto parent = find_resource(tx, owner, api, call.input["parentId"].string());
    if (!parent) return parent.error();
    if (auto good = check_parent(*parent); !good) return good.error();
    for (const auto& row : tx.query("SELECT path_part FROM rest_resource WHERE account = ? AND region = ? AND "
                                    "api_id = ? AND parent_id = ?",
                                    owner.account, owner.region, api, parent->id))
      if (auto good = check_sibling(part, row[0].string()); !good) return good.error();
    const Resource made{new_id(call.kernel.ids, 6), parent->id, part, child_path(*parent, part), Value(Map{})};
    tx.query(
        "INSERT INTO rest_resource (account, region, api_id, id, parent_id, path_part, path, methods) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, '{}')",
        owner.account, owner.region, api, made.id, made.parent_id, made.path_part, made.path);
    return shown(made, false);
  });
}

Result<Value> get_resource(Call& call) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto found =
        find_resource(tx, Owner::of(call), call.input["restApiId"].string(), call.input["resourceId"].string());
    if (!found) return found.error();
    return shown(*found, embeds_methods(call.input));
  });
}

Result<Value> get_resources(Call& call) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["restApiId"].string();
    if (auto found = find_api(tx, owner, api); !found) return found.error();
    Keyed resources;
    for (const auto& resource : all_resources(tx, owner, api))
      resources.emplace_back(resource.path, shown(resource, embeds_methods(call.input)));
    auto page = page_of(std::move(resources), call.input["limit"].integer_or(25), call.input["position"]);
    if (!page) return page.error();
    Map answer{{"items", std::move(page->items)}};
    if (!page->next.empty()) answer.set("position", page->next);
    return Value(std::move(answer));
  });
}

Result<Value> delete_resource(Call& call) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["restApiId"].string();
    const auto resource = find_resource(tx, owner, api, call.input["resourceId"].string());
    if (!resource) return resource.error();
    if (resource->parent_id.empty()) return bad_request("Root resource cannot be deleted");
    // With everything below it.
    std::multimap<std::string, std::string> children;
    for (const auto& other : all_resources(tx, owner, api)) children.emplace(other.parent_id, other.id);
    std::vector<std::string> doomed{resource->id};
    for (std::size_t i = 0; i < doomed.size(); ++i) {
      const auto [begin, end] = children.equal_range(doomed[i]);
      for (auto child = begin; child != end; ++child) doomed.push_back(child->second);
    }
    for (const auto& id : doomed)
      tx.query("DELETE FROM rest_resource WHERE account = ? AND region = ? AND api_id = ? AND id = ?", owner.account,
               owner.region, api, id);
    return Value(Map{});
  });
}

}  // namespace moonbase::gateway::rest
