#include <moonbase/json.hpp>

#include "apigatewayv2/http_api.hpp"

namespace moonbase::gateway::http {
namespace {

constexpr std::string_view route_members[] = {
    "ApiKeyRequired", "AuthorizationScopes", "AuthorizationType", "AuthorizerId",
    "OperationName",  "RequestParameters",   "RouteKey",          "Target"};

// What only WebSocket APIs have.
Result<Done> check_members(const Value& input) {
  for (const char* name : {"ModelSelectionExpression", "RequestModels", "RouteResponseSelectionExpression"})
    if (!is_empty(input[name]) || input[name].is_string())
      return bad_request(std::string(name) + " is only supported for WEBSOCKET protocol type");
  if (input["ApiKeyRequired"].boolean_or(false))
    return bad_request("ApiKeyRequired is only supported for WEBSOCKET protocol type");
  return done;
}

bool is_taken(Transaction& tx, const Owner& owner, const std::string& api_id, const std::string& key,
              const std::string& id) {
  return !tx.query(
                "SELECT id FROM http_route WHERE account = ? AND region = ? AND api_id = ? AND route_key = ? AND "
                "id <> ?",
                owner.account, owner.region, api_id, key, id)
              .empty();
}

Error key_taken(const std::string& key) { return conflict("Route with key " + key + " already exists for this API"); }

}  // namespace

Result<Value> create_route(Call& call) {
  if (auto good = check_members(call.input); !good) return good.error();
  return change_api(call, [&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["ApiId"].string();
    Value given(picked(call.input, route_members));
    given.set("RouteId", new_id(call.kernel.ids, 7));
    auto route = complete_route(std::move(given));
    if (!route) return route;
    if (auto good = check_route(tx, owner, api, *route); !good) return good.error();
    const auto& key = (*route)["RouteKey"].string();
    if (is_taken(tx, owner, api, key, "")) return key_taken(key);
    insert_route(tx, owner, api, *route);
    return route;
  });
}

Result<Value> get_route(Call& call) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["ApiId"].string();
    if (auto found = find_api(tx, owner, api); !found) return found;
    return find_in(tx, owner, "http_route", api, call.input["RouteId"].string(), "Route");
  });
}

Result<Value> get_routes(Call& call) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["ApiId"].string();
    if (auto found = find_api(tx, owner, api); !found) return found;
    Keyed routes;
    for (const auto& row : tx.query("SELECT route_key, document FROM http_route WHERE account = ? AND region = ? AND "
                                    "api_id = ?",
                                    owner.account, owner.region, api))
      routes.emplace_back(row[0].string(), document(row[1]));
    return answer_page(call, std::move(routes));
  });
}

Result<Value> update_route(Call& call) {
  if (auto good = check_members(call.input); !good) return good.error();
  return change_api(call, [&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["ApiId"].string();
    const auto& id = call.input["RouteId"].string();
    auto route = find_in(tx, owner, "http_route", api, id, "Route");
    if (!route) return route;
    for (auto& [name, value] : picked(call.input, route_members)) route->set(name, value);
    if (auto good = check_route(tx, owner, api, *route); !good) return good.error();
    const auto& key = (*route)["RouteKey"].string();
    if (is_taken(tx, owner, api, key, id)) return key_taken(key);
    tx.query(
        "UPDATE http_route SET route_key = ?, target = ?, document = ? WHERE account = ? AND region = ? AND "
        "api_id = ? AND id = ?",
        key, (*route)["Target"].string_or(""), to_json(*route), owner.account, owner.region, api, id);
    return route;
  });
}

Result<Value> delete_route(Call& call) {
  return change_api(call, [&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto& api = call.input["ApiId"].string();
    const auto& id = call.input["RouteId"].string();
    if (auto route = find_in(tx, owner, "http_route", api, id, "Route"); !route) return route;
    tx.query("DELETE FROM http_route WHERE account = ? AND region = ? AND api_id = ? AND id = ?", owner.account,
             owner.region, api, id);
    return Value(Map{});
  });
}

}  // namespace moonbase::gateway::http
