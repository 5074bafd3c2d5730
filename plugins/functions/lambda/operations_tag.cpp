#include "lambda/operations.hpp"

namespace moonbase::functions {
namespace {

constexpr std::size_t tags_max = 50;

Result<FunctionName> resource_of(const Call& call) {
  return parse_function_name(call.input["Resource"].string(), call.context);
}

Result<Value> list_tags(Call& call, FunctionService&) {
  const auto name = resource_of(call);
  if (!name) return name.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto function = require_function(tx, *name);
    if (!function) return function.error();
    return Value(Map{{"Tags", function->tags}});
  });
}

// Changes the tags of the function and lets its next invocation see them.
template <class Change>
Result<Value> change(Call& call, FunctionService& functions, Change change) {
  const auto name = resource_of(call);
  if (!name) return name.error();
  auto changed = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto function = require_function(tx, *name);
    if (!function) return function.error();
    const bool was_inline = function->is_inline();
    change(function->tags);
    if (function->tags.size() > tags_max) return invalid_parameter("A function has at most 50 tags.");
    if (function->is_inline() && !was_inline && function->runtime != "lua")
      return invalid_parameter("Only functions of the runtime lua can be inline.");
    update_function(tx, *function);
    return Value(Map{});
  });
  if (changed) functions.forget(name->account, name->region, name->name);
  return changed;
}

Result<Value> tag_resource(Call& call, FunctionService& functions) {
  for (const auto& [key, value] : call.input["Tags"].map())
    if (key.empty() || key.size() > 128 || key.starts_with("aws:"))
      return invalid_parameter("System tags cannot be added or changed: " + key);
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
  const auto operation = [&](const char* name, Result<Value> (*run)(Call&, FunctionService&)) {
    registrar.operation(name, [run, &functions](Call& call) { return run(call, functions); });
  };
  operation("ListTags", list_tags);
  operation("TagResource", tag_resource);
  operation("UntagResource", untag_resource);
}

}  // namespace moonbase::functions
