// What a deployed API is while it serves: immutable, compiled once from what the store holds, then
// read by any thread without a lock.
#pragma once

#include <cstdint>
#include <memory>
#include <moonbase/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cors.hpp"
#include "runtime/mock.hpp"
#include "runtime/route_trie.hpp"

namespace moonbase::gateway {

enum class ApiKind : std::uint8_t { rest, http };

// The event that a function gets.
enum class EventFormat : std::uint8_t {
  rest,    // REST APIs.
  http_1,  // HTTP APIs, payload format 1.0.
  http_2,  // HTTP APIs, payload format 2.0.
};

struct Route {
  std::string key;                     // "GET /product/{id}", or "$default".
  std::string path;                    // "/product/{id}", or "$default".
  std::string resource_id;             // REST.
  std::vector<std::string> variables;  // Of the path, from left to right.

  enum class Integration : std::uint8_t { function, mock, none };
  Integration integration = Integration::none;
  std::string function;  // What FunctionInvoker takes.
  EventFormat format = EventFormat::rest;
  std::int64_t timeout_ms = 0;
  std::shared_ptr<const Mock> mock;

  // What the route asks for and we do not have, in words; such a request is answered 501, never let through.
  std::string not_built;
  // The route can never work, as on AWS: 500.
  bool broken = false;

  // JSON text that is the same in every event of the route; see event.cpp.
  std::string event_begin, event_context;
};

struct Stage {
  std::string name;  // "prod", "$default".
  std::string deployment_id;
  std::string variables_json;                   // {"a":"b"}; empty where there are none.
  std::vector<std::string> binary_media_types;  // REST: "image/png", "image/*", "*/*".
  RouteTrie routes_by_path{RouteTrie::Rules::rest};
  std::vector<Route> routes;
  const Route* default_route = nullptr;  // HTTP APIs: "$default".
  Cors cors;                             // HTTP APIs.
};

struct Api {
  ApiKind kind = ApiKind::rest;
  std::string id, account_id, region;
  bool endpoint_disabled = false;  // disableExecuteApiEndpoint
  std::vector<std::unique_ptr<const Stage>> stages;

  const Stage* stage(std::string_view name) const;
};

// Whose API, for what is the same in all its events.
struct ApiOwner {
  std::string account_id, region, api_id;
};

// From a snapshot that a REST deployment stored (see apigateway/deployment.hpp).
std::unique_ptr<const Stage> compile_rest_stage(const ApiOwner& owner, const Value& stage, const Value& snapshot);
// From the routes, integrations and CORS configuration of an HTTP API (see apigatewayv2/deployment.hpp).
std::unique_ptr<const Stage> compile_http_stage(const ApiOwner& owner, const Value& stage, const Value& snapshot);

// The function in an integration's URI: a function's ARN, or the one in
// "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{ARN}/invocations". Stage variables
// ("${stageVariables.name}") are filled in. Empty where there is none.
std::string function_of(std::string_view uri, const Value& stage_variables);

}  // namespace moonbase::gateway
