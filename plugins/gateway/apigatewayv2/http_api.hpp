// HTTP APIs in the store, and what their operations share.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common.hpp"

namespace moonbase::gateway::http {

// The API's document as it is stored, or NotFoundException.
Result<Value> find_api(Transaction& tx, const Owner& owner, std::string_view api_id);
void save_api(Transaction& tx, const Owner& owner, const Value& api);
// As GetApi shows it: with the endpoint under which this client reaches it.
Value shown_api(const Call& call, Value api);

// Rows of one API by id: "http_route", "http_integration".
Result<Value> find_in(Transaction& tx, const Owner& owner, const char* table, std::string_view api_id,
                      std::string_view id, std::string_view what);

// "GET /pets/{id}" or "$default", as AWS wants it.
Result<Done> check_route_key(std::string_view key);
// What a route may say of its authorization, and of its target.
Result<Done> check_route(Transaction& tx, const Owner& owner, std::string_view api_id, const Value& route);

// Gives the members that are not there their defaults, and refuses what cannot be.
Result<Value> complete_integration(Value integration);
Result<Value> complete_route(Value route);

void insert_route(Transaction& tx, const Owner& owner, std::string_view api_id, const Value& route);
void insert_integration(Transaction& tx, const Owner& owner, std::string_view api_id, const Value& integration);

// Runs `change` in a transaction on an API that exists, then deploys to the stages that deploy by themselves.
Result<Value> change_api(Call& call, const Store::Body& change);

// The operations, one file a resource.
Result<Value> create_api(Call& call);
Result<Value> get_api(Call& call);
Result<Value> get_apis(Call& call);
Result<Value> update_api(Call& call);
Result<Value> delete_api(Call& call);
Result<Value> delete_cors_configuration(Call& call);

Result<Value> create_route(Call& call);
Result<Value> get_route(Call& call);
Result<Value> get_routes(Call& call);
Result<Value> update_route(Call& call);
Result<Value> delete_route(Call& call);

Result<Value> create_integration(Call& call);
Result<Value> get_integration(Call& call);
Result<Value> get_integrations(Call& call);
Result<Value> update_integration(Call& call);
Result<Value> delete_integration(Call& call);

Result<Value> create_stage(Call& call);
Result<Value> get_stage(Call& call);
Result<Value> get_stages(Call& call);
Result<Value> update_stage(Call& call);
Result<Value> delete_stage(Call& call);

Result<Value> create_deployment(Call& call);
Result<Value> get_deployment(Call& call);
Result<Value> get_deployments(Call& call);
Result<Value> delete_deployment(Call& call);

Result<Value> tag_resource(Call& call);
Result<Value> untag_resource(Call& call);
Result<Value> get_tags(Call& call);

// The items of a Get…s operation: `MaxResults` and `NextToken` of the input.
Result<Value> answer_page(const Call& call, Keyed items);

}  // namespace moonbase::gateway::http
