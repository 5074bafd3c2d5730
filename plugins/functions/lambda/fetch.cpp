#include "lambda/fetch.hpp"

#include <moonbase/json.hpp>

#include <algorithm>
#include <chrono>

#include "environment/frames.hpp"

namespace moonbase::functions {
namespace {

Error invalid(std::string why) { return {"ValidationException", std::move(why)}; }

// A name that is there twice is one entry, as the standard lets lists be joined.
Map headers_of(const HttpHeaders& headers) {
  Map map;
  for (const auto& [name, value] : headers) {
    std::string lower(name);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const auto* before = map.find(lower);
    map.set(lower, before ? before->string() + ", " + value : value);
  }
  return map;
}

}  // namespace

Result<std::string> fetch(HttpClient& client, std::string_view request, std::string_view body, MachineTime deadline) {
  const auto parsed = parse_json(request);
  if (!parsed) return parsed.error();
  const auto& given = *parsed;
  if (!given["url"].is_string()) return invalid("A request needs its url, a text.");
  HttpClientRequest wanted;
  wanted.url = given["url"].string();
  wanted.method = given["method"].string_or("GET");
  if (given["headers"].is_map()) {
    for (const auto& [name, value] : given["headers"].map()) {
      if (!value.is_string()) return invalid("The header " + name + " is not a text.");
      wanted.headers.set(name, value.string());
    }
  }
  wanted.body = body;

  HttpClientLimits limits;
  limits.body_bytes_max = request_bytes_max;
  using std::chrono::milliseconds;
  limits.timeout = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
  if (const auto& timeout = given["timeout_ms"]; timeout.is_integer())
    limits.timeout = std::min(limits.timeout, milliseconds(timeout.integer()));
  limits.timeout = std::max(limits.timeout, milliseconds(1));
  auto response = client.fetch(wanted, limits);
  if (!response) return std::move(response).error();

  auto answer = to_json(Value(Map{{"status", response->status}, {"headers", headers_of(response->headers)}}));
  return std::move(answer.append(1, '\0').append(response->body));
}

}  // namespace moonbase::functions
