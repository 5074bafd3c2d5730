#include "runtime/cors.hpp"

#include <array>

namespace moonbase::gateway {
namespace {

std::string joined(const Value& list) {
  std::string text;
  if (list.is_null()) return text;
  for (const auto& item : list.list()) {
    if (!text.empty()) text += ',';
    text += item.string();
  }
  return text;
}

constexpr std::array<std::string_view, 6> cors_headers{
    "access-control-allow-origin",   "access-control-allow-methods",     "access-control-allow-headers",
    "access-control-expose-headers", "access-control-allow-credentials", "access-control-max-age"};

}  // namespace

Cors Cors::from(const Value& configuration) {
  Cors cors;
  if (configuration.is_null()) return cors;
  cors.configured = true;
  if (const auto& origins = configuration["AllowOrigins"]; origins.is_list())
    for (const auto& origin : origins.list()) cors.origins.push_back(origin.string());
  cors.methods = joined(configuration["AllowMethods"]);
  cors.headers = joined(configuration["AllowHeaders"]);
  cors.exposed = joined(configuration["ExposeHeaders"]);
  if (const auto& seconds = configuration["MaxAge"]; seconds.is_integer())
    cors.max_age_seconds = std::to_string(seconds.integer());
  cors.credentials = configuration["AllowCredentials"].boolean_or(false);
  return cors;
}

bool Cors::is_preflight(const HttpRequest& request) {
  return request.method == "OPTIONS" && request.headers.contains("Origin") &&
         request.headers.contains("Access-Control-Request-Method");
}

std::string_view Cors::allowed(std::string_view origin) const {
  for (const std::string_view known : origins) {
    if (known == "*") return "*";
    if (known == origin) return origin;
    // "https://*" allows every origin of that scheme.
    if (known.ends_with("://*") && origin.starts_with(known.substr(0, known.size() - 1))) return origin;
  }
  return {};
}

void Cors::allow(HttpResponse& response, std::string_view origin) const {
  response.headers.set("access-control-allow-origin", std::string(origin));
  if (credentials) response.headers.set("access-control-allow-credentials", "true");
}

void Cors::answer_preflight(const HttpRequest& request, HttpResponse& response) const {
  response.status = 204;
  const auto origin = allowed(request.headers.get("Origin"));
  if (origin.empty()) return;
  allow(response, origin);
  if (!methods.empty()) response.headers.set("access-control-allow-methods", methods);
  if (!headers.empty()) response.headers.set("access-control-allow-headers", headers);
  if (!max_age_seconds.empty()) response.headers.set("access-control-max-age", max_age_seconds);
}

void Cors::mark(const HttpRequest& request, HttpResponse& response) const {
  for (const auto name : cors_headers) response.headers.erase(name);
  const auto origin = allowed(request.headers.get("Origin"));
  if (origin.empty() || !request.headers.contains("Origin")) return;
  allow(response, origin);
  if (!exposed.empty()) response.headers.set("access-control-expose-headers", exposed);
}

}  // namespace moonbase::gateway
