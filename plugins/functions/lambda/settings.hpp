// Members of a function's configuration that are kept and shown as they are. No I/O.
#pragma once

#include "lambda/function.hpp"

namespace moonbase::functions {

// Changes the settings by what CreateFunction or UpdateFunctionConfiguration says, but for Layers.
// InvalidParameterValueException with AWS's texts, or 501 for what is not built.
Result<Done> change_settings(const Call& call, Function& function);
// Architectures, which UpdateFunctionCode changes.
Result<Done> change_architectures(const Value& architectures, Function& function);
// Tags that are to be set, with those that stay: their number, keys and values.
Result<Done> check_tags(const Map& tags);
// 501 for packages that are not zip files, and other parameters of the code that are not built.
Result<Done> check_code_parameters(const Call& call, const Value& code, const std::string& prefix);

}  // namespace moonbase::functions
