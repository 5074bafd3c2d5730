// Tags of functions and event source mappings.
#include <algorithm>
#include <functional>

#include "lambda/event_source_mapping.hpp"
#include "lambda/operations.hpp"
#include "lambda/settings.hpp"

namespace moonbase::functions {
namespace {

// What has tags: a function, or the mapping with this UUID.
struct Tagged {
  FunctionName function;
  std::string mapping;
};

Result<Tagged> resource_of(const Call& call) {
  const auto& arn = call.input["Resource"].string();
  // arn:aws:lambda:REGION:ACCOUNT:KIND:ID
  std::vector<std::string> parts;
  for (std::size_t at = 0; parts.size() < 7 && at <= arn.size();) {
    const auto colon = parts.size() == 6 ? arn.npos : arn.find(':', at);
    parts.push_back(arn.substr(at, colon == arn.npos ? arn.npos : colon - at));
    if (colon == arn.npos) break;
    at = colon + 1;
  }
  if (parts.size() == 7 && parts[0] == "arn" && parts[2] == "lambda") {
    const FunctionName owner{parts[4], parts[3], {}, {}};
    if (parts[5] == "event-source-mapping") return Tagged{owner, parts[6]};
    if (parts[5] == "code-signing-config" || parts[5] == "capacity-provider")
      return not_implemented("lambda " + std::string(call.operation) + " of a " + parts[5]);
    if (parts[5] == "function") {
      auto name = parse_function_name(arn, call.context);
      if (!name) return name.error();
      if (!name->qualifier.empty())
        return invalid_parameter(
            "Tags on function aliases and versions are not supported. Please specify a function ARN.");
      return Tagged{std::move(*name), {}};
    }
  }
  return Error{"ValidationException",
               "1 validation error detected: Value '" + arn.substr(0, 200) +
                   "' at 'resource' failed to satisfy constraint: Member must satisfy regular expression pattern: "
                   "arn:(aws[a-zA-Z-]*):lambda:[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:(function:"
                   "[a-zA-Z0-9-_]+(:(\\$LATEST|[a-zA-Z0-9-_]+))?|code-signing-config:csc-[a-z0-9]{17}|"
                   "event-source-mapping:[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12})",
               {{"Type", "User"}},
               400};
}

Error mapping_not_found(const std::string& arn) {
  return {"ResourceNotFoundException", "Event source mapping not found: " + arn, {{"Type", "User"}}, 404};
}

Result<Value> list_tags(Call& call, FunctionService&) {
  const auto resource = resource_of(call);
  if (!resource) return resource.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (!resource->mapping.empty()) {
      const auto mapping = find_mapping(tx, resource->function.account, resource->function.region, resource->mapping);
      if (!mapping) return mapping_not_found(call.input["Resource"].string());
      return Value(Map{{"Tags", mapping->tags}});
    }
    const auto function = require_function(tx, resource->function);
    if (!function) return function.error();
    return Value(Map{{"Tags", function->tags}});
  });
}

using Change = std::function<void(Map& tags)>;

Result<Value> change_mapping_tags(Transaction& tx, const Call& call, const Tagged& resource, const Change& change) {
  auto mapping = find_mapping(tx, resource.function.account, resource.function.region, resource.mapping);
  if (!mapping) return mapping_not_found(call.input["Resource"].string());
  change(mapping->tags);
  if (auto good = check_tags(mapping->tags); !good) return good.error();
  put_mapping(tx, *mapping);
  return Value(Map{});
}

Result<Value> change_function_tags(Transaction& tx, const Tagged& resource, const Change& change) {
  auto function = require_function(tx, resource.function);
  if (!function) return function.error();
  const bool was_inline = function->is_inline();
  change(function->tags);
  if (auto good = check_tags(function->tags); !good) return good.error();
  if (function->is_inline() && !was_inline && function->runtime != "lua")
    return invalid_parameter("Only functions of the runtime lua can be inline.");
  update_function(tx, *function);
  return Value(Map{});
}

Result<Value> change(Call& call, FunctionService& functions, const Change& change) {
  const auto resource = resource_of(call);
  if (!resource) return resource.error();
  const auto& name = resource->function;
  auto changed = call.kernel.store.write([&](Transaction& tx) {
    return resource->mapping.empty() ? change_function_tags(tx, *resource, change)
                                     : change_mapping_tags(tx, call, *resource, change);
  });
  // A tag may say that the function is inline: its next invocation sees so.
  if (changed && resource->mapping.empty()) functions.forget(name.account, name.region, name.name);
  return changed;
}

Result<Value> tag_resource(Call& call, FunctionService& functions) {
  return change(call, functions, [&](Map& tags) {
    for (const auto& [key, value] : call.input["Tags"].map()) tags.set(key, value);
  });
}

Result<Value> untag_resource(Call& call, FunctionService& functions) {
  return change(call, functions, [&](Map& tags) {
    for (const auto& key : call.input["TagKeys"].list()) tags.erase(key.string());
  });
}

}  // namespace

void register_tag_operations(Registrar& registrar, FunctionService& functions) {
  const auto operation = operations_of(registrar, functions);
  operation("ListTags", list_tags);
  operation("TagResource", tag_resource);
  operation("UntagResource", untag_resource);
}

}  // namespace moonbase::functions
