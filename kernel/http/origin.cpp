#include "http/origin.hpp"

#include <arpa/inet.h>

#include <algorithm>

#include "http/characters.hpp"

namespace moonbase::http {
namespace {

constexpr std::string_view aws_and_local_names[] = {
    "localhost",       "*.localhost",          "localhost.localstack.cloud", "*.localhost.localstack.cloud",
    "*.amazonaws.com", "host.docker.internal",
};
// Pages may come from these: their names lead to this machine only.
constexpr std::string_view local_origins[] = {
    "localhost",
    "*.localhost",
    "localhost.localstack.cloud",
    "*.localhost.localstack.cloud",
};

std::string lower(std::string_view text) {
  std::string result(text);
  for (auto& c : result) c = lower_case(c);
  return result;
}

// Without port, brackets and final dot, in lower case.
std::string name_of(std::string_view host) {
  if (host.starts_with('[')) {
    const auto close = host.find(']');
    return lower(host.substr(1, close == std::string_view::npos ? host.size() : close - 1));
  }
  auto name = lower(host.substr(0, host.find(':')));
  if (name.ends_with('.')) name.pop_back();
  return name;
}

bool matches(std::string_view name, std::string_view pattern) {
  if (!pattern.starts_with("*.")) return name == pattern;
  return name.size() > pattern.size() - 1 && name.ends_with(pattern.substr(1));
}

template <class Patterns>
bool matches_any(std::string_view name, const Patterns& patterns) {
  return std::any_of(std::begin(patterns), std::end(patterns),
                     [&](std::string_view pattern) { return matches(name, lower(pattern)); });
}

bool is_v4(const std::string& name) {
  in_addr address{};
  return inet_pton(AF_INET, name.c_str(), &address) == 1;
}

bool is_v6(const std::string& name) {
  in6_addr address{};
  return inet_pton(AF_INET6, name.c_str(), &address) == 1;
}

bool is_loopback(const std::string& name) { return (is_v4(name) && name.starts_with("127.")) || name == "::1"; }

bool is_local_origin(std::string_view origin, std::string_view own_host, const OriginPolicy& policy) {
  if (std::find(policy.origins.begin(), policy.origins.end(), origin) != policy.origins.end()) return true;
  const auto scheme_end = origin.find("://");
  if (scheme_end == std::string_view::npos) return false;  // "null" above all: sandboxed frames, files.
  const auto scheme = origin.substr(0, scheme_end);
  if (scheme != "http" && scheme != "https") return false;  // A browser extension is nobody we know.
  const auto host = origin.substr(scheme_end + 3);
  if (lower(host) == lower(own_host)) return true;  // A page of ours; our own name was checked before.
  const auto name = name_of(host);
  return is_loopback(name) || matches_any(name, local_origins);
}

// What a page can make a browser do without asking: loading things. Query's Action acts by GET too.
bool only_reads(const HttpRequest& request) {
  if (request.method != "GET" && request.method != "HEAD" && request.method != "OPTIONS") return false;
  if (!request.headers.get("x-amz-target").empty() || !request.headers.get("upgrade").empty()) return false;
  const auto parameters = parse_query(request.query);
  return std::none_of(parameters.begin(), parameters.end(),
                      [](const auto& parameter) { return parameter.first == "Action"; });
}

Error denied(std::string message) { return {.code = "AccessDenied", .message = std::move(message), .status = 403}; }

}  // namespace

bool is_local_host(std::string_view host, const OriginPolicy& policy) {
  const auto name = name_of(host);
  if (name.empty() || name.find('.') == std::string::npos) return true;  // Includes IPv6 in brackets.
  return is_v4(name) || is_v6(name) || matches_any(name, aws_and_local_names) || matches_any(name, policy.hosts);
}

std::optional<Error> refuse_foreign(const HttpRequest& request, const OriginPolicy& policy, Surface surface,
                                    bool signature_is_valid) {
  if (signature_is_valid) return std::nullopt;
  const auto host = request.headers.get("host");
  if (!is_local_host(host, policy)) {
    return denied("This is not a name of the local cloud: " + std::string(host) +
                  ". If it should be, allow it with --allow-host.");
  }
  if (surface == Surface::application) return std::nullopt;
  const auto* origin = request.headers.find("origin");
  // Browsers tell addresses like localhost where a request comes from even where they send no Origin.
  const bool foreign =
      origin ? !is_local_origin(*origin, host, policy) : request.headers.get("sec-fetch-site") == "cross-site";
  if (!foreign || (surface == Surface::service && only_reads(request))) return std::nullopt;
  return denied("A web page" + (origin ? " of " + origin->substr(0, 256) : std::string()) +
                " may not do this. If it should, allow it with --allow-origin.");
}

}  // namespace moonbase::http
