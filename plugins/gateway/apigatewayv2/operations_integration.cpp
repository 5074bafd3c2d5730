#include <moonbase/json.hpp>

#include "apigatewayv2/http_api.hpp"

namespace moonbase::gateway::http {
namespace {

constexpr std::string_view integration_members[] = {
    "ConnectionId",         "ConnectionType",  "CredentialsArn", "Description",       "IntegrationMethod",
    "IntegrationSubtype",   "IntegrationType", "IntegrationUri", "RequestParameters", "ResponseParameters",
    "PayloadFormatVersion", "TimeoutInMillis", "TlsConfig"};

// What only WebSocket APIs have.
Result<Done> check_members(const Value& input) {
  for (const char* name :
       {"ContentHandlingStrategy", "PassthroughBehavior", "RequestTemplates", "TemplateSelectionExpression"})
    if (!input[name].is_null())
      return bad_request(std::string(name) + " is only supported for WEBSOCKET protocol type");
  return done;
}

}  // namespace

Result<Value> create_integration(Call& call) {
  if (auto good = check_members(call.input); !good) return good.error();
  return change_api(call, [&](Transaction& tx) -> Result<Value> {
    Value given(picked(call.input, integration_members));
    given.set("IntegrationId", new_id(call.kernel.ids, 7));
    auto integration = complete_integration(std::move(given));
    if (integration) insert_integration(tx, Owner::of(call), call.input["ApiId"].string(), *integration);
    return integration;
  });
}

Result<Value> get_integration(Call& call) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["ApiId"].string();
    if (auto found = find_api(tx, owner, api); !found) return found;
    return find_in(tx, owner, "http_integration", api, call.input["IntegrationId"].string(), "Integration");
  });
}

Result<Value> get_integrations(Call& call) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["ApiId"].string();
    if (auto found = find_api(tx, owner, api); !found) return found;
    Keyed integrations;
    for (const auto& row : tx.query("SELECT id, document FROM http_integration WHERE account = ? AND region = ? AND "
                                    "api_id = ?",
                                    owner.account, owner.region, api))
      integrations.emplace_back(row[0].string(), document(row[1]));
    return answer_page(call, std::move(integrations));
  });
}

Result<Value> update_integration(Call& call) {
  if (auto good = check_members(call.input); !good) return good.error();
  return change_api(call, [&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["ApiId"].string();
    const auto& id = call.input["IntegrationId"].string();
    auto found = find_in(tx, owner, "http_integration", api, id, "Integration");
    if (!found) return found;
    for (auto& [name, value] : picked(call.input, integration_members)) found->set(name, value);
    auto integration = complete_integration(std::move(*found));
    if (!integration) return integration;
    tx.query("UPDATE http_integration SET document = ? WHERE account = ? AND region = ? AND api_id = ? AND id = ?",
             to_json(*integration), owner.account, owner.region, api, id);
    return integration;
  });
}

Result<Value> delete_integration(Call& call) {
  return change_api(call, [&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["ApiId"].string();
    const auto& id = call.input["IntegrationId"].string();
    if (auto found = find_in(tx, owner, "http_integration", api, id, "Integration"); !found) return found;
    if (!tx.query("SELECT id FROM http_route WHERE account = ? AND region = ? AND api_id = ? AND target = ?",
                  owner.account, owner.region, api, "integrations/" + id)
             .empty())
      return conflict("Cannot delete Integration " + id + " because it is referenced by a route");
    tx.query("DELETE FROM http_integration WHERE account = ? AND region = ? AND api_id = ? AND id = ?", owner.account,
             owner.region, api, id);
    return Value(Map{});
  });
}

}  // namespace moonbase::gateway::http
