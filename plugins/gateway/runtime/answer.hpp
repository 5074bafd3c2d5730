// Answers: from what a function returned to what the client gets, as API Gateway does it. What a function
// returns is hostile input.
#pragma once

#include <moonbase/call.hpp>
#include <moonbase/http.hpp>
#include <string>
#include <string_view>

#include "runtime/stage.hpp"

namespace moonbase::gateway {

// API Gateway's own answers.
struct Refusal {
  int status;
  std::string_view body;
  std::string_view error_type;  // x-amzn-ErrorType (REST); empty: none.
};
namespace refusals {
inline constexpr Refusal forbidden{403, R"({"message":"Forbidden"})", "ForbiddenException"};
inline constexpr Refusal missing_token{403, R"({"message":"Missing Authentication Token"})",
                                       "MissingAuthenticationTokenException"};
inline constexpr Refusal rest_too_long{413, R"({"message":"Request Too Long"})", "RequestTooLargeException"};
inline constexpr Refusal rest_bad_gateway{502, R"({"message": "Internal server error"})",
                                          "InternalServerErrorException"};
inline constexpr Refusal rest_internal{500, R"({"message": "Internal server error"})", "InternalServerErrorException"};
inline constexpr Refusal rest_timeout{504, R"({"message": "Endpoint request timed out"})",
                                      "IntegrationTimeoutException"};
inline constexpr Refusal bad_request{400, R"({"message":"Bad Request"})", "BadRequestException"};
inline constexpr Refusal http_not_found{404, R"({"message":"Not Found"})", ""};
inline constexpr Refusal http_too_long{413, R"({"message":"Request Entity Too Large"})", ""};
inline constexpr Refusal http_internal{500, R"({"message":"Internal Server Error"})", ""};
inline constexpr Refusal http_unavailable{503, R"({"message":"Service Unavailable"})", ""};
}  // namespace refusals
void refuse(HttpResponse& response, const Refusal& refusal);
// 501, from not_implemented(what).
void refuse_not_built(HttpResponse& response, const Error& error);

// A function's result. `accept` is the request's Accept header (REST decodes base64 by it).
void answer(EventFormat format, const Stage& stage, const InvocationResult& result, std::string_view accept,
            HttpResponse& response);
// An invoke that failed by itself. `timed_out`: the route's deadline has passed.
void answer(EventFormat format, const Error& error, bool timed_out, HttpResponse& response);

}  // namespace moonbase::gateway
