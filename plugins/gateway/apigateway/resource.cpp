#include "apigateway/resource.hpp"

#include <algorithm>
#include <moonbase/json.hpp>

#include "runtime/route_trie.hpp"

namespace moonbase::gateway::rest {
namespace {

bool is_variable(std::string_view part) { return part.size() > 2 && part.front() == '{' && part.back() == '}'; }
bool is_greedy(std::string_view part) { return is_variable(part) && part[part.size() - 2] == '+'; }

constexpr auto columns = "SELECT id, parent_id, path_part, path, methods FROM rest_resource ";

}  // namespace

Error resource_not_found() { return not_found("Invalid Resource identifier specified"); }

Resource resource_from(const Row& row) {
  return {row["id"].string(), row["parent_id"].string(), row["path_part"].string(), row["path"].string(),
          document(row["methods"])};
}

Result<Resource> find_resource(Transaction& tx, const Owner& owner, std::string_view api_id, std::string_view id) {
  const auto rows = tx.query(std::string(columns) + "WHERE account = ? AND region = ? AND api_id = ? AND id = ?",
                             owner.account, owner.region, api_id, id);
  if (rows.empty()) return resource_not_found();
  return resource_from(rows.front());
}

Value shown(const Resource& resource, bool embed_methods) {
  Map map{{"id", resource.id}, {"path", resource.path}};
  if (!resource.parent_id.empty()) {
    map.set("parentId", resource.parent_id);
    map.set("pathPart", resource.path_part);
  }
  if (!is_empty(resource.methods)) {
    Map methods;
    for (const auto& [name, method] : resource.methods.map()) methods.set(name, embed_methods ? method : Value(Map{}));
    map.set("resourceMethods", std::move(methods));
  }
  return Value(std::move(map));
}

Result<Done> check_path_part(std::string_view part) {
  auto name = part;
  if (is_variable(part)) name = part.substr(1, part.size() - (is_greedy(part) ? 3 : 2));
  const bool good = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-:$@,~").find(c) != std::string_view::npos;
  });
  if (good && part.size() <= 1024) return done;
  return bad_request(
      "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the "
      "beginning and the end.");
}

Result<Done> check_sibling(std::string_view part, std::string_view sibling) {
  if (part == sibling)
    return conflict("Another resource with the same parent already has this name: " + std::string(part));
  if (is_variable(part) && is_variable(sibling))
    return bad_request("A sibling (" + std::string(sibling) +
                       ") of this resource already has a variable path part -- only one is allowed");
  return done;
}

Result<Done> check_parent(const Resource& parent) {
  if (is_greedy(parent.path_part))
    return bad_request("Cannot create a child of a resource with a greedy path variable: " + parent.path_part);
  if (path_segments(parent.path) >= path_segments_max)
    return bad_request("A path has at most " + std::to_string(path_segments_max) + " parts");
  return done;
}

std::string child_path(const Resource& parent, std::string_view part) {
  return (parent.path == "/" ? "" : parent.path) + "/" + std::string(part);
}

Result<Value> change_methods(Call& call, const MethodsChange& change) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["restApiId"].string();
    auto resource = find_resource(tx, owner, api, call.input["resourceId"].string());
    if (!resource) return resource.error();
    auto answer = change(*resource, resource->methods.map());
    if (!answer) return answer;
    tx.query("UPDATE rest_resource SET methods = ? WHERE account = ? AND region = ? AND api_id = ? AND id = ?",
             to_json(resource->methods), owner.account, owner.region, api, resource->id);
    return answer;
  });
}

Result<Value> read_methods(Call& call, const MethodsChange& read) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    auto resource =
        find_resource(tx, Owner::of(call), call.input["restApiId"].string(), call.input["resourceId"].string());
    if (!resource) return resource.error();
    return read(*resource, resource->methods.map());
  });
}

Result<Value*> method_in(Map& methods, const Value& input) {
  auto* method = methods.find(input["httpMethod"].string());
  if (!method) return not_found("Invalid Method identifier specified");
  return method;
}

Result<Value*> integration_in(Map& methods, const Value& input) {
  auto method = method_in(methods, input);
  if (!method) return method;
  auto* integration = (*method)->map().find("methodIntegration");
  if (!integration) return not_found("Invalid Integration identifier specified");
  return integration;
}

}  // namespace moonbase::gateway::rest
