// The errors that many of DynamoDB's operations share.
#pragma once

#include <moonbase/result.hpp>
#include <string>
#include <string_view>

namespace moonbase::dynamodb {

inline Error validation(std::string message) { return {"ValidationException", std::move(message)}; }

// "One or more parameter values were invalid: …"
inline Error invalid_parameter(std::string_view what) {
  return validation("One or more parameter values were invalid: " + std::string(what));
}

}  // namespace moonbase::dynamodb
