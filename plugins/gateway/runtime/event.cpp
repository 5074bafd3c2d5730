#include "runtime/event.hpp"

#include <algorithm>
#include <array>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <utility>
#include <vector>

#include "runtime/text.hpp"

namespace moonbase::gateway {
namespace {

void append_field(std::string& out, std::string_view name, std::string_view text) {
  out += '"';
  out += name;
  out += "\":";
  append_json_string(out, text);
}

// Text of our own making, which needs no escapes.
void append_own(std::string& out, std::string_view name, std::string_view text) {
  out += '"';
  out += name;
  out += "\":\"";
  out += text;
  out += '"';
}

// ── Names with one or more values ───────────────────────────────────────────────────────────────

struct Pair {
  std::string_view name, value;
  std::size_t order;  // As it came in.
};

// Sorted by name, equal names in the order they came in; then `each` gets the run of each name.
template <class Compare, class Each>
void each_name(std::vector<Pair>& pairs, Compare compare, Each each) {
  std::sort(pairs.begin(), pairs.end(), [&](const Pair& a, const Pair& b) {
    const int difference = compare(a.name, b.name);
    return difference != 0 ? difference < 0 : a.order < b.order;
  });
  for (std::size_t begin = 0; begin < pairs.size();) {
    std::size_t end = begin + 1;
    while (end < pairs.size() && compare(pairs[begin].name, pairs[end].name) == 0) ++end;
    each(pairs.data() + begin, pairs.data() + end);
    begin = end;
  }
}

int compare_texts(std::string_view a, std::string_view b) { return a.compare(b); }

// How names and values are written: {"a":"last"}, {"a":["1","2"]}, {"a":"1,2"}.
enum class Values : std::uint8_t { last, all, joined };

template <class Compare, class Name>
void append_values(std::string& out, std::vector<Pair>& pairs, Values values, Compare compare, Name name) {
  out += '{';
  std::string together;
  each_name(pairs, compare, [&](const Pair* begin, const Pair* end) {
    if (out.back() != '{') out += ',';
    name(out, begin->name);
    out += ':';
    if (values == Values::last) return append_json_string(out, (end - 1)->value);
    if (values == Values::joined && end - begin == 1) return append_json_string(out, begin->value);
    if (values == Values::joined) {
      together.clear();
      for (const auto* pair = begin; pair != end; ++pair) {
        if (pair != begin) together += ',';
        together += pair->value;
      }
      return append_json_string(out, together);
    }
    out += '[';
    for (const auto* pair = begin; pair != end; ++pair) {
      if (pair != begin) out += ',';
      append_json_string(out, pair->value);
    }
    out += ']';
  });
  out += '}';
}

// ── Headers ─────────────────────────────────────────────────────────────────────────────────────

// Of the connection, not of the request.
bool is_hop(std::string_view name) {
  constexpr std::array<std::string_view, 6> hops{"connection",       "keep-alive", "transfer-encoding",
                                                 "proxy-connection", "te",         "upgrade"};
  return std::any_of(hops.begin(), hops.end(), [&](std::string_view hop) { return same_name(hop, name); });
}

struct Forwarded {
  std::string forwarded_for;
  std::string_view port, proto;
};

Forwarded forwarded_of(const HttpRequest& http, std::string_view domain) {
  Forwarded forwarded;
  if (const auto before = http.headers.get("X-Forwarded-For"); !before.empty()) {
    forwarded.forwarded_for = before;
    forwarded.forwarded_for += ", ";
  }
  forwarded.forwarded_for += http.source_ip;
  forwarded.proto = http.tls ? "https" : "http";
  const std::string_view host = http.headers.get("Host");
  forwarded.port = host.size() > domain.size() + 1 && host.starts_with(domain) ? host.substr(domain.size() + 1)
                   : http.tls                                                  ? "443"
                                                                               : "80";
  return forwarded;
}

std::vector<Pair> headers_of(const EventRequest& request, const Forwarded& forwarded) {
  std::vector<Pair> headers;
  headers.reserve(request.http.headers.size() + 4);
  const bool rest = request.route.format == EventFormat::rest;
  const bool cookies_apart = request.route.format == EventFormat::http_2;
  for (const auto& [name, value] : request.http.headers) {
    if (is_hop(name) || same_name(name, "X-Forwarded-For") || same_name(name, "X-Forwarded-Port") ||
        same_name(name, "X-Forwarded-Proto") || same_name(name, "X-Amzn-Trace-Id"))
      continue;
    if (rest && same_name(name, "Content-Length")) continue;
    if (cookies_apart && same_name(name, "Cookie")) continue;
    headers.push_back({name, value, headers.size()});
  }
  headers.push_back({"X-Amzn-Trace-Id", request.trace_id, headers.size()});
  headers.push_back({"X-Forwarded-For", forwarded.forwarded_for, headers.size()});
  headers.push_back({"X-Forwarded-Port", forwarded.port, headers.size()});
  headers.push_back({"X-Forwarded-Proto", forwarded.proto, headers.size()});
  return headers;
}

// REST APIs keep a name as it was sent, but for these.
void append_rest_name(std::string& out, std::string_view name) {
  for (const std::string_view known : {"Authorization", "User-Agent", "Host", "Accept"})
    if (same_name(known, name)) return append_json_string(out, known);
  append_json_string(out, name);
}

void append_lower_name(std::string& out, std::string_view name) {
  const auto begin = out.size();
  append_json_string(out, name);
  std::transform(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(),
                 out.begin() + static_cast<std::ptrdiff_t>(begin), [](char c) { return lower(c); });
}

void append_headers(std::string& out, const EventRequest& request) {
  const auto forwarded = forwarded_of(request.http, request.domain);
  auto headers = headers_of(request, forwarded);
  const bool rest = request.route.format == EventFormat::rest;
  const auto write = [&](Values values) {
    if (rest)
      append_values(out, headers, values, compare_names, append_rest_name);
    else
      append_values(out, headers, values, compare_names, append_lower_name);
  };
  out += R"("headers":)";
  if (request.route.format == EventFormat::http_2) return write(Values::joined);
  write(Values::last);
  out += R"(,"multiValueHeaders":)";
  write(Values::all);
}

// ── Query ───────────────────────────────────────────────────────────────────────────────────────

void append_json_name(std::string& out, std::string_view name) { append_json_string(out, name); }

std::vector<Pair> query_pairs(const std::vector<std::pair<std::string, std::string>>& parsed) {
  std::vector<Pair> pairs;
  pairs.reserve(parsed.size());
  for (const auto& [name, value] : parsed) pairs.push_back({name, value, pairs.size()});
  return pairs;
}

void append_query_1(std::string& out, const HttpRequest& http) {
  if (http.query.empty()) {
    out += R"("queryStringParameters":null,"multiValueQueryStringParameters":null)";
    return;
  }
  const auto parsed = parse_query(http.query);
  auto pairs = query_pairs(parsed);
  out += R"("queryStringParameters":)";
  append_values(out, pairs, Values::last, compare_texts, append_json_name);
  out += R"(,"multiValueQueryStringParameters":)";
  append_values(out, pairs, Values::all, compare_texts, append_json_name);
}

// ── Path, body, times ───────────────────────────────────────────────────────────────────────────

void append_path_parameters(std::string& out, const EventRequest& request) {
  const auto& names = request.route.variables;
  out += '{';
  for (std::size_t i = 0; i < names.size() && i < request.match.values_count; ++i) {
    if (i > 0) out += ',';
    append_json_string(out, names[i]);
    out += ':';
    append_json_string(out, request.match.values[i]);
  }
  out += '}';
}

bool is_binary(const EventRequest& request) {
  const auto type = media_type_of(request.http.headers.get("Content-Type"));
  if (request.route.format == EventFormat::rest) {
    const auto& known = request.stage.binary_media_types;
    return std::any_of(known.begin(), known.end(), [&](const std::string& pattern) {
      return media_type_matches(pattern, type.empty() ? std::string_view("application/json") : type);
    });
  }
  constexpr std::array<std::string_view, 3> texts{"application/json", "application/javascript", "application/xml"};
  const auto ends_with = [&](std::string_view end) {
    return type.size() > end.size() && same_name(type.substr(type.size() - end.size()), end);
  };
  const bool text =
      type.empty() || media_type_matches("text/*", type) || ends_with("+json") || ends_with("+xml") ||
      std::any_of(texts.begin(), texts.end(), [&](std::string_view known) { return same_name(known, type); });
  return !text || !is_utf8(request.http.body);
}

void append_body(std::string& out, const EventRequest& request, bool absent_as_null) {
  const auto& body = request.http.body;
  if (body.empty()) {
    if (absent_as_null) out += R"("body":null,)";
    out += R"("isBase64Encoded":false)";
    return;
  }
  const bool binary = is_binary(request);
  out += R"("body":)";
  if (binary) {
    out += '"';
    out += base64(body);
    out += '"';
  } else {
    append_json_string(out, body);
  }
  out += binary ? R"(,"isBase64Encoded":true)" : R"(,"isBase64Encoded":false)";
}

std::string_view protocol_of(const HttpRequest& http) { return http.http_major >= 2 ? "HTTP/2.0" : "HTTP/1.1"; }

// ── The three formats ───────────────────────────────────────────────────────────────────────────

constexpr std::string_view identity_begin =
    R"("identity":{"cognitoIdentityPoolId":null,"accountId":null,"cognitoIdentityId":null,"caller":null,"sourceIp":)";
constexpr std::string_view identity_middle =
    R"(,"principalOrgId":null,"accessKey":null,"cognitoAuthenticationType":null,)"
    R"("cognitoAuthenticationProvider":null,"userArn":null,"userAgent":)";

// REST APIs, and format 1.0 of HTTP APIs.
void append_event_1(std::string& out, const EventRequest& request) {
  const auto& http = request.http;
  const bool rest = request.route.format == EventFormat::rest;
  out += request.route.event_begin;  // {"resource":…,
  append_field(out, "path", rest ? request.path : request.full_path);
  out += ',';
  append_field(out, "httpMethod", http.method);
  out += ',';
  append_headers(out, request);
  out += ',';
  append_query_1(out, http);
  out += R"(,"pathParameters":)";
  if (request.match.values_count == 0)
    out += "null";
  else
    append_path_parameters(out, request);
  out += R"(,"stageVariables":)";
  out += request.stage.variables_json.empty() ? std::string_view("null") : request.stage.variables_json;
  out += ',';
  out += request.route.event_context;  // "requestContext":{…,
  append_field(out, "httpMethod", http.method);
  out += ',';
  append_own(out, "extendedRequestId", request.extended_id);
  out += R"(,"requestTime":")";
  append_request_time(out, request.time);
  out += R"(",)";
  append_field(out, "path", request.full_path);
  out += R"(,"protocol":")";
  out += protocol_of(http);
  out += R"(",)";
  append_own(out, "domainPrefix", request.domain_prefix);
  out += R"(,"requestTimeEpoch":)";
  append_number(out, request.time.ms);
  out += ',';
  append_own(out, "requestId", request.request_id);
  out += ',';
  out += identity_begin;
  append_json_string(out, http.source_ip);
  out += identity_middle;
  const auto* user_agent = http.headers.find("User-Agent");
  if (user_agent)
    append_json_string(out, *user_agent);
  else
    out += "null";
  out += R"(,"user":null},)";
  append_field(out, "domainName", request.domain);
  out += "},";
  append_body(out, request, true);
  out += '}';
}

void append_cookies(std::string& out, const HttpRequest& http) {
  bool first = true;
  for (const auto& [name, value] : http.headers) {
    if (!same_name(name, "Cookie")) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const auto end = rest.find(';');
      auto cookie = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      while (!cookie.empty() && cookie.front() == ' ') cookie.remove_prefix(1);
      if (cookie.empty()) continue;
      out += first ? R"("cookies":[)" : ",";
      first = false;
      append_json_string(out, cookie);
    }
  }
  if (!first) out += "],";
}

void append_event_2(std::string& out, const EventRequest& request) {
  const auto& http = request.http;
  out += request.route.event_begin;  // {"version":"2.0","routeKey":…,
  append_field(out, "rawPath", request.full_path);
  out += ',';
  append_field(out, "rawQueryString", http.query);
  out += ',';
  append_cookies(out, http);
  append_headers(out, request);
  if (!http.query.empty()) {
    const auto parsed = parse_query(http.query);
    auto pairs = query_pairs(parsed);
    out += R"(,"queryStringParameters":)";
    append_values(out, pairs, Values::joined, compare_texts, append_json_name);
  }
  out += ',';
  out += request.route.event_context;  // "requestContext":{"accountId":…,"stage":…,
  append_field(out, "domainName", request.domain);
  out += ',';
  append_own(out, "domainPrefix", request.domain_prefix);
  out += R"(,"http":{)";
  append_field(out, "method", http.method);
  out += ',';
  append_field(out, "path", request.full_path);
  out += R"(,"protocol":")";
  out += protocol_of(http);
  out += R"(",)";
  append_field(out, "sourceIp", http.source_ip);
  out += ',';
  append_field(out, "userAgent", http.headers.get("User-Agent"));
  out += "},";
  append_own(out, "requestId", request.request_id);
  out += R"(,"time":")";
  append_request_time(out, request.time);
  out += R"(","timeEpoch":)";
  append_number(out, request.time.ms);
  out += '}';
  if (request.match.values_count > 0) {
    out += R"(,"pathParameters":)";
    append_path_parameters(out, request);
  }
  if (!request.stage.variables_json.empty()) {
    out += R"(,"stageVariables":)";
    out += request.stage.variables_json;
  }
  out += ',';
  append_body(out, request, false);
  out += '}';
}

}  // namespace

void prepare_events(const ApiOwner& owner, const Stage& stage, Route& route) {
  auto& begin = route.event_begin;
  auto& context = route.event_context;
  if (route.format == EventFormat::http_2) {
    begin = R"({"version":"2.0",)";
    append_field(begin, "routeKey", route.key);
    begin += ',';
    context = R"("requestContext":{)";
    append_field(context, "accountId", owner.account_id);
    context += ',';
    append_field(context, "apiId", owner.api_id);
    context += ',';
    append_field(context, "routeKey", route.key);
    context += ',';
    append_field(context, "stage", stage.name);
    context += ',';
    return;
  }
  const bool rest = route.format == EventFormat::rest;
  begin = rest ? "{" : R"({"version":"1.0",)";
  append_field(begin, "resource", route.path);
  begin += ',';
  context = R"("requestContext":{)";
  append_field(context, "accountId", owner.account_id);
  context += ',';
  append_field(context, "apiId", owner.api_id);
  context += ',';
  append_field(context, "resourceId", rest ? route.resource_id : route.key);
  context += ',';
  append_field(context, "resourcePath", route.path);
  context += ',';
  append_field(context, "stage", stage.name);
  context += ',';
  if (rest) {
    append_field(context, "deploymentId", stage.deployment_id);
    context += ',';
  }
}

std::string make_event(const EventRequest& request) {
  std::string out;
  out.reserve(2048 + request.http.body.size() + request.http.body.size() / 3);
  if (request.route.format == EventFormat::http_2)
    append_event_2(out, request);
  else
    append_event_1(out, request);
  return out;
}

}  // namespace moonbase::gateway
