// Patterns of models: RE2, because what they are matched against comes from outside.
#pragma once

#include <memory>
#include <model/model.hpp>
#include <string>

namespace moonbase::model {

// Throws std::runtime_error where RE2 does not know the syntax (look-around, back-references).
std::shared_ptr<const Pattern> compile_pattern(const std::string& text);

}  // namespace moonbase::model
