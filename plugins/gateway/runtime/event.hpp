// Events: what a function gets for a request, as JSON text, field by field as AWS documents it:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
#pragma once

#include <moonbase/clock.hpp>
#include <moonbase/http.hpp>
#include <string>
#include <string_view>

#include "runtime/stage.hpp"

namespace moonbase::gateway {

// Writes the parts of a route's events that are always the same into `route`. Called once, when a stage
// is compiled and the route is otherwise complete.
void prepare_events(const ApiOwner& owner, const Stage& stage, Route& route);

// One request on its way. Views into the request.
struct EventRequest {
  const HttpRequest& http;
  const Stage& stage;
  const Route& route;
  const RouteMatch& match;  // The route's variables.
  // Behind the stage. REST: as sent, with one leading slash. HTTP APIs: decoded.
  std::string_view path;
  // With the stage before it, as events show it.
  std::string_view full_path;
  std::string_view request_id;  // REST: a UUID. HTTP APIs: the extended one.
  std::string_view extended_id;
  std::string_view trace_id;
  std::string_view domain, domain_prefix;
  Time time;
};

// The event, in the route's format. The body has been read.
std::string make_event(const EventRequest& request);

}  // namespace moonbase::gateway
