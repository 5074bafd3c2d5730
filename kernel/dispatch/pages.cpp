#include "dispatch/pages.hpp"

#include "wire/wire.hpp"

#include <utility>

namespace moonbase::dispatch {
namespace {

constexpr auto asked_method = "Access-Control-Request-Method";

bool is_rest(model::Protocol protocol) {
  return protocol == model::Protocol::rest_json || protocol == model::Protocol::rest_xml;
}

// The service that the door is going to choose, as far as the request's head tells: others have no rules for pages.
plugin::Service* rest_service(const Directory& directory, const HttpRequest& request, const Scope& scope) {
  for (auto* service : directory.candidates(request, scope)) {
    const auto protocol = wire::detect_protocol(service->model.header(), request);
    if (!protocol) continue;
    if (!is_rest(*protocol)) return nullptr;
    if (wire::find_operation(service->model.service(), *protocol, request)) return service;
  }
  return nullptr;
}

// A preflight stands for the request that it announces.
class AsAnnounced {
 public:
  AsAnnounced(HttpRequest& request, bool preflight) : request_(request), method_(request.method) {
    if (preflight) request_.method = request.headers.get(asked_method);
  }
  ~AsAnnounced() { request_.method = std::move(method_); }
  AsAnnounced(const AsAnnounced&) = delete;
  AsAnnounced& operator=(const AsAnnounced&) = delete;

 private:
  HttpRequest& request_;
  std::string method_;
};

}  // namespace

std::optional<PageAnswer> ask_for_page(const Directory& directory, HttpRequest& request, const Scope& scope,
                                       CallContext& context) {
  if (!request.headers.contains("Origin")) return std::nullopt;
  const bool preflight = request.method == "OPTIONS" && request.headers.contains(asked_method);
  const AsAnnounced announced(request, preflight);
  auto* service = rest_service(directory, request, scope);
  if (!service || !service->pages) return std::nullopt;
  const auto path = wire::routed_path(service->model.header(), request);
  PageCall call{request, path, preflight, context, *service->member->kernel};
  return PageAnswer{service, preflight, service->pages(call)};
}

void answer_preflight(const PageAnswer& answer, std::string_view request_id, HttpResponse& response) {
  const auto& header = answer.service->model.header();
  if (!answer.headers)
    return wire::encode_error(header, header.protocols.front(), request_id, answer.headers.error(), response);
  response.status = 200;
  for (const auto& [name, value] : *answer.headers) response.headers.set(name, value);
}

}  // namespace moonbase::dispatch
