#include <moonbase/json.hpp>

#include "apigatewayv2/deployment.hpp"
#include "apigatewayv2/http_api.hpp"

namespace moonbase::gateway::http {
namespace {

// A route to `Target` and a "$default" stage that deploys by itself, made with the API.
Result<Done> quick_create(Transaction& tx, Call& call, const std::string& api_id) {
  const auto owner = Owner::of(call);
  const auto now = call.kernel.clock.now();
  const auto& target = call.input["Target"].string();
  const bool is_function = target.rfind("arn:", 0) == 0;
  const auto integration_id = new_id(call.kernel.ids, 7);
  Value integration(Map{{"IntegrationId", integration_id},
                        {"ApiGatewayManaged", true},
                        {"IntegrationType", is_function ? "AWS_PROXY" : "HTTP_PROXY"},
                        {"IntegrationUri", target},
                        {"PayloadFormatVersion", is_function ? "2.0" : "1.0"}});
  if (!is_function) integration.set("IntegrationMethod", "ANY");
  if (!call.input["CredentialsArn"].is_null()) integration.set("CredentialsArn", call.input["CredentialsArn"]);
  auto complete = complete_integration(std::move(integration));
  if (!complete) return complete.error();
  insert_integration(tx, owner, api_id, *complete);

  auto route = complete_route(Value(Map{{"RouteId", new_id(call.kernel.ids, 7)},
                                        {"ApiGatewayManaged", true},
                                        {"RouteKey", call.input["RouteKey"].string_or("$default")},
                                        {"Target", "integrations/" + integration_id}}));
  if (!route) return route.error();
  if (auto good = check_route(tx, owner, api_id, *route); !good) return good;
  insert_route(tx, owner, api_id, *route);

  auto stage = new_stage("$default", now);
  stage.set("ApiGatewayManaged", true);
  stage.set("AutoDeploy", true);
  save_stage(tx, owner, api_id, stage);
  deploy_automatically(tx, owner, api_id, new_id(call.kernel.ids, 6), now);
  return done;
}

}  // namespace

Result<Value> create_api(Call& call) {
  const auto& input = call.input;
  if (input["ProtocolType"].string() != "HTTP")
    return not_implemented("apigatewayv2 CreateApi ProtocolType " + input["ProtocolType"].string());
  if (input["DisableSchemaValidation"].boolean_or(false))
    return bad_request("DisableSchemaValidation is only supported for WEBSOCKET protocol type");
  if (!input["RouteKey"].is_null() && input["Target"].is_null())
    return bad_request("A target is required when a route key is specified");
  const auto id = api_id(call, input["Tags"]);
  if (!id) return id.error();

  const auto owner = Owner::of(call);
  const auto now = call.kernel.clock.now();
  Map api = picked(input, {"Name", "ProtocolType", "CorsConfiguration", "Description", "Version"});
  api.set("ApiId", *id);
  api.set("ApiKeySelectionExpression", input["ApiKeySelectionExpression"].string_or("$request.header.x-api-key"));
  api.set("RouteSelectionExpression", input["RouteSelectionExpression"].string_or("$request.method $request.path"));
  api.set("CreatedDate", date_of(now));
  api.set("DisableExecuteApiEndpoint", input["DisableExecuteApiEndpoint"].boolean_or(false));
  api.set("IpAddressType", input["IpAddressType"].string_or("ipv4"));
  api.set("Tags", input["Tags"].is_null() ? Value(Map{}) : input["Tags"]);
  const Value made(std::move(api));

  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (find_api(tx, owner, *id)) return conflict("The API id " + *id + " is taken already");
    tx.query("INSERT INTO http_api (account, region, id, created_ms, document) VALUES (?, ?, ?, ?, ?)", owner.account,
             owner.region, *id, now, to_json(made));
    if (!input["Target"].is_null())
      if (auto ready = quick_create(tx, call, *id); !ready) return ready.error();
    return shown_api(call, made);
  });
}

Result<Value> get_api(Call& call) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    auto api = find_api(tx, Owner::of(call), call.input["ApiId"].string());
    if (!api) return api;
    return shown_api(call, std::move(*api));
  });
}

Result<Value> get_apis(Call& call) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    Keyed apis;
    for (const auto& row : tx.query("SELECT id, created_ms, document FROM http_api WHERE account = ? AND region = ?",
                                    owner.account, owner.region)) {
      const auto ms = std::to_string(row["created_ms"].integer());
      apis.emplace_back(std::string(20 - ms.size(), '0') + ms + row["id"].string(),
                        shown_api(call, document(row["document"])));
    }
    return answer_page(call, std::move(apis));
  });
}

Result<Value> update_api(Call& call) {
  for (const char* name : {"Target", "RouteKey", "CredentialsArn"})
    if (!call.input[name].is_null()) return not_implemented(std::string("apigatewayv2 UpdateApi ") + name);
  return change_api(call, [&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    auto api = find_api(tx, owner, call.input["ApiId"].string());
    if (!api) return api;
    for (auto& [name, value] :
         picked(call.input, {"Name", "Description", "Version", "CorsConfiguration", "DisableExecuteApiEndpoint",
                             "ApiKeySelectionExpression", "RouteSelectionExpression", "IpAddressType"}))
      api->set(name, value);
    save_api(tx, owner, *api);
    return shown_api(call, std::move(*api));
  });
}

Result<Value> delete_cors_configuration(Call& call) {
  return change_api(call, [&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    auto api = find_api(tx, owner, call.input["ApiId"].string());
    if (!api) return api;
    api->map().erase("CorsConfiguration");
    save_api(tx, owner, *api);
    return Value(Map{});
  });
}

Result<Value> delete_api(Call& call) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& id = call.input["ApiId"].string();
    if (auto api = find_api(tx, owner, id); !api) return api;
    for (const char* table : {"http_stage", "http_deployment", "http_route", "http_integration"})
      tx.query(std::string("DELETE FROM ") + table + " WHERE account = ? AND region = ? AND api_id = ?", owner.account,
               owner.region, id);
    tx.query("DELETE FROM http_api WHERE account = ? AND region = ? AND id = ?", owner.account, owner.region, id);
    return Value(Map{});
  });
}

}  // namespace moonbase::gateway::http
