#include "apigatewayv2/http_api.hpp"

#include <algorithm>
#include <array>
#include <moonbase/json.hpp>

#include "apigatewayv2/deployment.hpp"
#include "runtime/route_trie.hpp"

namespace moonbase::gateway::http {
namespace {

constexpr std::size_t route_key_bytes_max = 1024;
constexpr std::int64_t timeout_ms_min = 50, timeout_ms_max = 30'000;

bool is_method(std::string_view text) {
  constexpr std::array<std::string_view, 8> methods{"ANY", "DELETE", "GET", "HEAD", "POST", "OPTIONS", "PATCH", "PUT"};
  return std::find(methods.begin(), methods.end(), text) != methods.end();
}

// Variables are whole segments, and "{name+}" is the last one.
bool is_path(std::string_view path) {
  if (path.empty() || path.front() != '/' || path_segments(path) > path_segments_max) return false;
  bool greedy = false;
  for (auto rest = path.substr(1); !rest.empty();) {
    const auto slash = rest.find('/');
    const auto segment = rest.substr(0, slash);
    rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
    if (segment.empty() || greedy) return false;
    const bool opens = segment.front() == '{', closes = segment.back() == '}';
    if (opens != closes || (opens && segment.size() < 3)) return false;
    if (segment.substr(1).find('{') != std::string_view::npos) return false;
    greedy = opens && segment[segment.size() - 2] == '+';
  }
  return true;
}

}  // namespace

Result<Value> find_api(Transaction& tx, const Owner& owner, std::string_view api_id) {
  const auto rows = tx.query("SELECT document FROM http_api WHERE account = ? AND region = ? AND id = ?", owner.account,
                             owner.region, api_id);
  if (rows.empty())
    return not_found("Invalid API identifier specified " + std::string(owner.account) + ":" + std::string(api_id));
  return document(rows.front()[0]);
}

void save_api(Transaction& tx, const Owner& owner, const Value& api) {
  tx.query("UPDATE http_api SET document = ? WHERE account = ? AND region = ? AND id = ?", to_json(api), owner.account,
           owner.region, api["ApiId"].string());
}

Value shown_api(const Call& call, Value api) {
  api.set("ApiEndpoint", call.context.base_url + "/_aws/execute-api/" + api["ApiId"].string());
  return api;
}

Result<Value> find_in(Transaction& tx, const Owner& owner, const char* table, std::string_view api_id,
                      std::string_view id, std::string_view what) {
  const auto rows = tx.query(
      std::string("SELECT document FROM ") + table + " WHERE account = ? AND region = ? AND api_id = ? AND id = ?",
      owner.account, owner.region, api_id, id);
  if (rows.empty()) return not_found("Invalid " + std::string(what) + " identifier specified " + std::string(id));
  return document(rows.front()[0]);
}

Result<Done> check_route_key(std::string_view key) {
  if (key == "$default") return done;
  const auto space = key.find(' ');
  const bool good = key.size() <= route_key_bytes_max && space != std::string_view::npos &&
                    is_method(key.substr(0, space)) && is_path(key.substr(space + 1));
  if (good) return done;
  return bad_request(
      "The provided route key is not formatted properly for HTTP protocol. Format should be "
      "\"<HTTP METHOD> /<RESOURCE PATH>\" or \"$default\"");
}

Result<Done> check_route(Transaction& tx, const Owner& owner, std::string_view api_id, const Value& route) {
  if (auto good = check_route_key(route["RouteKey"].string()); !good) return good;
  // There are no authorizers yet, so no identifier of one is valid.
  if (const auto type = route["AuthorizationType"].string_or("NONE"); type == "JWT" || type == "CUSTOM")
    return bad_request("Invalid Authorizer identifier specified " + route["AuthorizerId"].string_or(""));
  const auto target = route["Target"].string_or("");
  constexpr std::string_view prefix = "integrations/";
  if (target.empty()) return done;
  if (!std::string_view(target).starts_with(prefix))
    return bad_request("Invalid target specified. Format should be \"integrations/<INTEGRATION ID>\"");
  auto integration =
      find_in(tx, owner, "http_integration", api_id, std::string_view(target).substr(prefix.size()), "Integration");
  if (!integration) return integration.error();
  return done;
}

Result<Value> complete_route(Value route) {
  const auto set_default = [&](const char* name, Value value) {
    if (route[name].is_null()) route.set(name, std::move(value));
  };
  set_default("AuthorizationType", "NONE");
  set_default("ApiKeyRequired", false);
  return route;
}

Result<Value> complete_integration(Value integration) {
  const auto set_default = [&](const char* name, Value value) {
    if (integration[name].is_null()) integration.set(name, std::move(value));
  };
  const auto type = integration["IntegrationType"].string();
  if (type != "AWS_PROXY" && type != "HTTP_PROXY")
    return bad_request("HTTP APIs support only AWS_PROXY and HTTP_PROXY integrations");
  if (integration["IntegrationSubtype"].is_null() && integration["IntegrationUri"].is_null())
    return bad_request("IntegrationUri is required for " + type + " integrations");
  if (integration["ConnectionType"].string_or("") == "VPC_LINK")
    return not_implemented("apigatewayv2 CreateIntegration ConnectionType VPC_LINK");
  set_default("ConnectionType", "INTERNET");
  if (type == "AWS_PROXY") set_default("IntegrationMethod", "POST");
  set_default("PayloadFormatVersion", "1.0");
  set_default("TimeoutInMillis", timeout_ms_max);
  if (const auto version = integration["PayloadFormatVersion"].string(); version != "1.0" && version != "2.0")
    return bad_request("Invalid PayloadFormatVersion " + version + ". Supported values are 1.0 and 2.0");
  if (const auto timeout_ms = integration["TimeoutInMillis"].integer();
      timeout_ms < timeout_ms_min || timeout_ms > timeout_ms_max)
    return bad_request("Timeout should be between 50 ms and 30000 ms");
  return integration;
}

void insert_route(Transaction& tx, const Owner& owner, std::string_view api_id, const Value& route) {
  tx.query(
      "INSERT INTO http_route (account, region, api_id, id, route_key, target, document) "
      "VALUES (?, ?, ?, ?, ?, ?, ?)",
      owner.account, owner.region, api_id, route["RouteId"].string(), route["RouteKey"].string(),
      route["Target"].string_or(""), to_json(route));
}

void insert_integration(Transaction& tx, const Owner& owner, std::string_view api_id, const Value& integration) {
  tx.query("INSERT INTO http_integration (account, region, api_id, id, document) VALUES (?, ?, ?, ?, ?)", owner.account,
           owner.region, api_id, integration["IntegrationId"].string(), to_json(integration));
}

Result<Value> change_api(Call& call, const Store::Body& change) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& id = call.input["ApiId"].string();
    if (auto api = find_api(tx, owner, id); !api) return api.error();
    auto answer = change(tx);
    if (answer) deploy_automatically(tx, owner, id, new_id(call.kernel.ids, 6), call.kernel.clock.now());
    return answer;
  });
}

Result<Value> answer_page(const Call& call, Keyed items) {
  std::int64_t most = 100;
  if (const auto& given = call.input["MaxResults"]; given.is_string()) {
    const auto& text = given.string();
    const bool is_number = !text.empty() && text.size() <= 4 &&
                           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!is_number || std::stoll(text) < 1) return bad_request("Invalid maxResults parameter specified");
    most = std::stoll(text);
  }
  auto page = page_of(std::move(items), most, call.input["NextToken"]);
  if (!page) return page.error();
  Map answer{{"Items", std::move(page->items)}};
  if (!page->next.empty()) answer.set("NextToken", page->next);
  return Value(std::move(answer));
}

}  // namespace moonbase::gateway::http
