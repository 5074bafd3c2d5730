// Pages of other origins: asks the service that a request means whether it lets them.
#pragma once

#include "dispatch/directory.hpp"

#include <moonbase/http.hpp>
#include <moonbase/result.hpp>

#include <optional>

namespace moonbase::dispatch {

struct PageAnswer {
  plugin::Service* service = nullptr;
  bool preflight = false;
  Result<HttpHeaders> headers;
};

// Nothing where the request comes from no page, or where its service has no rules for pages.
std::optional<PageAnswer> ask_for_page(const Directory& directory, HttpRequest& request, const Scope& scope,
                                       CallContext& context);

// The whole answer to a preflight.
void answer_preflight(const PageAnswer& answer, std::string_view request_id, HttpResponse& response);

}  // namespace moonbase::dispatch
