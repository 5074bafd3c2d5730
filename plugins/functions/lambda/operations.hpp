// The lambda service's operations, as far as they are built. In the model's order within each file.
#pragma once

#include <moonbase/plugin.hpp>

#include "lambda/poller.hpp"
#include "lambda/service.hpp"

namespace moonbase::functions {

void register_concurrency_operations(Registrar& registrar, FunctionService& functions);
void register_event_invoke_operations(Registrar& registrar, FunctionService& functions);
void register_event_source_operations(Registrar& registrar, FunctionService& functions, Pollers& pollers);
void register_function_operations(Registrar& registrar, FunctionService& functions);
void register_invoke_operations(Registrar& registrar, FunctionService& functions);
void register_layer_operations(Registrar& registrar, FunctionService& functions);
void register_runtime_management_operations(Registrar& registrar, FunctionService& functions);
void register_stream_operations(Registrar& registrar, FunctionService& functions);
void register_permission_operations(Registrar& registrar, FunctionService& functions);
void register_tag_operations(Registrar& registrar, FunctionService& functions);
void register_url_operations(Registrar& registrar, FunctionService& functions);
void register_version_operations(Registrar& registrar, FunctionService& functions);

// What a file's operations have in common: `operation("GetAlias", get_alias);` registers a function of the
// Call and of what all of them work on, which lives as long as the plugin.
template <class With>
auto operations_of(Registrar& registrar, With& with) {
  return [&registrar, &with](const char* name, Result<Value> (*run)(Call&, With&)) {
    registrar.operation(name, [run, &with](Call& call) { return run(call, with); });
  };
}

}  // namespace moonbase::functions
