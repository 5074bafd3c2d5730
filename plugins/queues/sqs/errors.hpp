// Errors that several of SQS's operations share.
#pragma once

#include <moonbase/result.hpp>
#include <string>
#include <string_view>

namespace moonbase::sqs {

inline Error invalid_parameter(std::string message) { return {"InvalidParameterValue", std::move(message)}; }

// "Value … for parameter … is invalid. Reason: …"
inline Error invalid_parameter(std::string_view parameter, std::string_view value, std::string_view reason) {
  return invalid_parameter("Value " + std::string(value) + " for parameter " + std::string(parameter) +
                           " is invalid. Reason: " + std::string(reason));
}

inline Error missing_parameter(std::string_view parameter) {
  return {"MissingParameter", "The request must contain the parameter " + std::string(parameter) + "."};
}

inline Error no_such_queue() { return {"QueueDoesNotExist", "The specified queue does not exist."}; }

}  // namespace moonbase::sqs
