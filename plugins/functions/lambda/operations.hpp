// The lambda service's operations, as far as they are built. In the model's order within each file.
#pragma once

#include "lambda/service.hpp"

#include <moonbase/plugin.hpp>

namespace moonbase::functions {

void register_function_operations(Registrar& registrar, FunctionService& functions);
void register_invoke_operations(Registrar& registrar, FunctionService& functions);
void register_stream_operations(Registrar& registrar, FunctionService& functions);
void register_permission_operations(Registrar& registrar, FunctionService& functions);
void register_tag_operations(Registrar& registrar, FunctionService& functions);

}  // namespace moonbase::functions
