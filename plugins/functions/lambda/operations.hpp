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
void register_stream_operations(Registrar& registrar, FunctionService& functions);
void register_permission_operations(Registrar& registrar, FunctionService& functions);
void register_tag_operations(Registrar& registrar, FunctionService& functions);
void register_url_operations(Registrar& registrar, FunctionService& functions);
void register_version_operations(Registrar& registrar, FunctionService& functions);

}  // namespace moonbase::functions
