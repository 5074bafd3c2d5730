// Resources of a REST API: the tree of its paths, with the methods of each.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "apigateway/rest_api.hpp"

namespace moonbase::gateway::rest {

struct Resource {
  std::string id, parent_id, path_part, path;
  Value methods;  // By HTTP method, as GetMethod shows them.
};
Error resource_not_found();
Result<Resource> find_resource(Transaction& tx, const Owner& owner, std::string_view api_id, std::string_view id);
Resource resource_from(const Row& row);

// As GetResource shows it; `embed_methods`: with all that the methods are.
Value shown(const Resource& resource, bool embed_methods);

// Whether a path part is one: letters, digits, ".", "_", "-", ":" and a few more, or a variable.
Result<Done> check_path_part(std::string_view path_part);
// What a new resource may not be beside its siblings, or below its parent.
Result<Done> check_sibling(std::string_view path_part, std::string_view sibling);
Result<Done> check_parent(const Resource& parent);
std::string child_path(const Resource& parent, std::string_view path_part);

// Runs `change` on the methods of the input's resource, and saves them if it answers a value.
using MethodsChange = std::function<Result<Value>(const Resource& resource, Map& methods)>;
Result<Value> change_methods(Call& call, const MethodsChange& change);
// The same without saving.
Result<Value> read_methods(Call& call, const MethodsChange& read);

// The method that the input names, or NotFoundException.
Result<Value*> method_in(Map& methods, const Value& input);
// Its integration.
Result<Value*> integration_in(Map& methods, const Value& input);

}  // namespace moonbase::gateway::rest
