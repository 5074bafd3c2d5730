// Requests to function URLs as events, and answers as responses. No I/O.
#include <algorithm>
#include <charconv>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>

#include "lambda/text.hpp"
#include "lambda/url.hpp"

namespace moonbase::functions {
namespace {

bool is_text(std::string_view content_type) {
  const auto type = lower_case(content_type.substr(0, content_type.find(';')));
  for (const char* known : {"application/json", "application/javascript", "application/xml", "application/graphql"})
    if (type == known) return true;
  return type.empty() || type.starts_with("text/") || type.ends_with("+json") || type.ends_with("+xml");
}

// "21/Nov/2026:10:00:00 +0000"
std::string common_log_time(Time time) {
  const auto text = http_date(time);  // "Sat, 21 Nov 2026 10:00:00 GMT"
  return text.substr(5, 2) + "/" + text.substr(8, 3) + "/" + text.substr(12, 4) + ":" + text.substr(17, 8) + " +0000";
}

Map headers_of(const HttpRequest& request, List& cookies) {
  Map headers;
  for (const auto& [name, value] : request.headers) {
    const auto key = lower_case(name);
    if (key == "cookie") {
      for (std::size_t at = 0; at < value.size();) {
        auto end = value.find(';', at);
        if (end == value.npos) end = value.size();
        while (at < end && value[at] == ' ') ++at;
        if (at < end) cookies.push_back(value.substr(at, end - at));
        at = end + 1;
      }
      continue;
    }
    auto& known = headers[key];
    known = known.is_string() ? Value(known.string() + "," + value) : Value(value);
  }
  headers.set("x-forwarded-for", request.source_ip);
  headers.set("x-forwarded-proto", request.tls ? "https" : "http");
  return headers;
}

bool has(const Value& list, std::string_view wanted) {
  return list.is_list() && std::any_of(list.list().begin(), list.list().end(), [&](const Value& each) {
           return each.is_string() && lower_case(each.string()) == lower_case(wanted);
         });
}

std::string joined(const Value& list) {
  std::string out;
  for (const auto& each : list.is_list() ? list.list() : List{}) out += (out.empty() ? "" : ",") + each.string();
  return out;
}

std::string text_of(const Value& value) { return value.is_string() ? value.string() : to_json(value); }

bool is_header(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= 0x20 || c == '\t'; });
}

}  // namespace

std::string url_event(const FunctionUrl& url, const HttpRequest& request, std::string_view path,
                      const CallContext& context, const UrlCaller& caller, Time now) {
  List cookies;
  auto headers = headers_of(request, cookies);
  const auto domain = std::string(request.headers.get("Host").substr(0, request.headers.get("Host").find(':')));
  Map http{{"method", request.method},
           {"path", percent_decode(path)},
           {"protocol", "HTTP/" + std::to_string(request.http_major) + "." + std::to_string(request.http_minor)},
           {"sourceIp", request.source_ip},
           {"userAgent", request.headers.get("User-Agent")}};
  Map surroundings{{"accountId", "anonymous"}, {"apiId", url.id},         {"domainName", domain},
                   {"domainPrefix", url.id},   {"http", std::move(http)}, {"requestId", context.request_id},
                   {"routeKey", "$default"},   {"stage", "$default"},     {"time", common_log_time(now)},
                   {"timeEpoch", now.ms}};
  if (url.auth_type == "AWS_IAM") {
    const auto& identity = caller.identity;
    const auto user_id = identity.user_id.empty() ? identity.account_id : identity.user_id;
    surroundings.set("accountId", identity.account_id);
    surroundings.set("authorizer", Map{{"iam", Map{{"accessKey", identity.access_key_id},
                                                   {"accountId", identity.account_id},
                                                   {"callerId", user_id},
                                                   {"cognitoIdentity", nullptr},
                                                   {"principalOrgId", nullptr},
                                                   {"userArn", identity.arn},
                                                   {"userId", user_id}}}});
  }
  Map event{{"version", "2.0"},
            {"routeKey", "$default"},
            {"rawPath", percent_decode(path)},
            {"rawQueryString", request.query}};
  if (!cookies.empty()) event.set("cookies", std::move(cookies));
  event.set("headers", std::move(headers));
  if (!request.query.empty()) {
    Map parameters;
    for (auto& [name, value] : parse_query(request.query)) {
      auto& known = parameters[name];
      known = known.is_string() ? Value(known.string() + "," + value) : Value(std::move(value));
    }
    event.set("queryStringParameters", std::move(parameters));
  }
  event.set("requestContext", std::move(surroundings));
  const bool text = is_text(request.headers.get("Content-Type"));
  if (!request.body.empty()) event.set("body", text ? request.body : base64(request.body));
  event.set("isBase64Encoded", !request.body.empty() && !text);
  return to_json(Value(std::move(event)));
}

HttpResponse refusal(int status, std::string_view message) {
  HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", "application/json");
  response.body = to_json(Value(Map{{"Message", message}}));
  return response;
}

namespace {

HttpResponse internal_error() {
  HttpResponse response;
  response.status = 502;
  response.headers.set("Content-Type", "text/plain;charset=UTF-8");
  response.body = "Internal Server Error";
  return response;
}

// Status, headers and cookies; false where they make no response.
bool take_head(const Value& answer, HttpResponse& response) {
  const auto& status = answer["statusCode"];
  std::int64_t code = status.is_integer() ? status.integer() : 0;
  if (status.is_string())
    std::from_chars(status.string().data(), status.string().data() + status.string().size(), code);
  if (code < 100 || code > 599) return false;
  response.status = static_cast<int>(code);
  if (answer["headers"].is_map())
    for (const auto& [name, value] : answer["headers"].map())
      if (!value.is_null() && is_header(name) && is_header(text_of(value))) response.headers.set(name, text_of(value));
  if (answer["cookies"].is_list())
    for (const auto& cookie : answer["cookies"].list())
      if (cookie.is_string() && is_header(cookie.string())) response.headers.add("Set-Cookie", cookie.string());
  return true;
}

}  // namespace

void answer_from(const Result<InvocationResult>& result, HttpResponse& response) {
  if (!result) {
    const auto& error = result.error();
    response =
        error.status == 429 ? refusal(429, "Rate Exceeded.") : refusal(error.status == 501 ? 501 : 502, error.message);
    return;
  }
  if (!result->function_error.empty()) {
    response = internal_error();
    return;
  }
  const auto answer = parse_json(result->payload);
  response.headers.set("Content-Type", "application/json");
  if (!answer || !answer->is_map() || (*answer)["statusCode"].is_null()) {
    response.body = answer && answer->is_string() ? answer->string() : result->payload;
    return;
  }
  if (!take_head(*answer, response)) {
    response = internal_error();
    return;
  }
  const auto& body = (*answer)["body"];
  if (body.is_null()) return;
  response.body = text_of(body);
  if (!(*answer)["isBase64Encoded"].is_boolean() || !(*answer)["isBase64Encoded"].boolean()) return;
  if (auto bytes = from_base64(response.body)) response.body = std::move(*bytes);
}

bool answer_from_prelude(std::string_view prelude, HttpResponse& response) {
  auto answer = parse_json(prelude);
  if (!answer || !answer->is_map()) return false;
  if ((*answer)["statusCode"].is_null()) answer->set("statusCode", 200);
  response.headers.set("Content-Type", "application/octet-stream");
  return take_head(*answer, response);
}

bool is_preflight(const HttpRequest& request) {
  return request.method == "OPTIONS" && request.headers.contains("Origin") &&
         request.headers.contains("Access-Control-Request-Method");
}

void apply_cors(const Map& settings, const HttpRequest& request, bool preflight, HttpResponse& response) {
  const Value cors(settings);
  const auto origin = request.headers.get("Origin");
  if (origin.empty()) return;
  const bool anyone = has(cors["AllowOrigins"], "*");
  if (!anyone && !has(cors["AllowOrigins"], origin)) return;
  const bool with_credentials = cors["AllowCredentials"].boolean_or(false);
  response.headers.set("Access-Control-Allow-Origin", anyone && !with_credentials ? "*" : std::string(origin));
  response.headers.add("Vary", "Origin");
  if (with_credentials) response.headers.set("Access-Control-Allow-Credentials", "true");
  if (!is_empty(cors["ExposeHeaders"]))
    response.headers.set("Access-Control-Expose-Headers", joined(cors["ExposeHeaders"]));
  if (!preflight) return;
  if (!is_empty(cors["AllowMethods"]))
    response.headers.set("Access-Control-Allow-Methods", joined(cors["AllowMethods"]));
  if (!is_empty(cors["AllowHeaders"]))
    response.headers.set("Access-Control-Allow-Headers", joined(cors["AllowHeaders"]));
  if (cors["MaxAge"].is_integer())
    response.headers.set("Access-Control-Max-Age", std::to_string(cors["MaxAge"].integer()));
}

}  // namespace moonbase::functions
