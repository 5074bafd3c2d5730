// MOCK integrations: answers made from templates, without a backend. Templates are constant here; one
// that holds expressions (VTL: "$" or "#") is not built and said so.
#pragma once

#include <moonbase/http.hpp>
#include <moonbase/value.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moonbase::gateway {

struct Mock {
  // By content type; the status that the template's "statusCode" says, 0 where it says none.
  struct Request {
    std::string content_type;
    int status = 0;
    std::string not_built;
  };
  struct Response {
    std::string pattern;                                         // Empty: the default. Else the status it is for.
    int status = 200;                                            // Of the method's response.
    std::vector<std::pair<std::string, std::string>> headers;    // Names and constant values.
    std::vector<std::pair<std::string, std::string>> templates;  // Content type and body.
    std::string not_built;
  };
  std::vector<Request> requests;
  std::vector<Response> responses;
  bool passes_through = true;  // passthroughBehavior: a request without a template is its own template.

  // From a methodIntegration as GetIntegration shows it.
  static Mock from(const Value& integration);
};

// Answers; `not_built` is written instead where the templates need what we do not have. False where
// AWS would answer an internal server error.
bool answer_mock(const Mock& mock, const HttpRequest& request, HttpResponse& response, std::string& not_built);

}  // namespace moonbase::gateway
