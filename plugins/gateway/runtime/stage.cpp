#include "runtime/stage.hpp"

#include <algorithm>
#include <moonbase/json.hpp>
#include <utility>

#include "runtime/event.hpp"

namespace moonbase::gateway {
namespace {

constexpr std::int64_t rest_timeout_ms = 29'000;
constexpr std::int64_t http_timeout_ms = 30'000;

bool has_entries(const Value& value) {
  return (value.is_map() && !value.map().empty()) || (value.is_list() && !value.list().empty());
}

std::string with_stage_variables(std::string_view text, const Value& variables) {
  constexpr std::string_view opening = "${stageVariables.";
  std::string filled;
  for (;;) {
    const auto at = text.find(opening);
    const auto end = at == std::string_view::npos ? at : text.find('}', at);
    if (end == std::string_view::npos) break;
    filled += text.substr(0, at);
    filled += variables[text.substr(at + opening.size(), end - at - opening.size())].string_or("");
    text.remove_prefix(end + 1);
  }
  filled += text;
  return filled;
}

std::string json_or_nothing(const Value& variables) { return has_entries(variables) ? to_json(variables) : ""; }

// What a REST method asks for that is not built; empty where there is nothing.
std::string rest_method_not_built(const Value& method) {
  if (const auto type = method["authorizationType"].string_or("NONE"); type != "NONE")
    return "the authorization type " + type + " of REST APIs";
  if (method["apiKeyRequired"].boolean_or(false)) return "API keys";
  if (!method["requestValidatorId"].is_null()) return "request validators";
  return {};
}

std::string rest_integration_not_built(const Value& integration) {
  const auto type = integration["type"].string_or("");
  if (type == "MOCK") return {};
  if (type != "AWS_PROXY") return type + " integrations of REST APIs";
  if (has_entries(integration["requestParameters"])) return "request parameter mappings of AWS_PROXY integrations";
  if (!integration["contentHandling"].is_null()) return "contentHandling of AWS_PROXY integrations";
  if (integration["responseTransferMode"].string_or("BUFFERED") != "BUFFERED") return "streamed responses of REST APIs";
  return {};
}

Route rest_route(const Value& resource, std::string_view method_name, const Value& method, const Value& variables) {
  Route route;
  route.path = resource["path"].string();
  route.key = std::string(method_name) + " " + route.path;
  route.resource_id = resource["id"].string();
  route.variables = path_variable_names(route.path);
  route.not_built = rest_method_not_built(method);
  const auto& integration = method["methodIntegration"];
  if (route.not_built.empty()) route.not_built = rest_integration_not_built(integration);
  route.timeout_ms = integration["timeoutInMillis"].integer_or(rest_timeout_ms);
  if (!route.not_built.empty()) return route;
  if (integration["type"].string_or("") == "MOCK") {
    route.integration = Route::Integration::mock;
    route.mock = std::make_shared<const Mock>(Mock::from(integration));
    return route;
  }
  route.integration = Route::Integration::function;
  route.function = function_of(integration["uri"].string_or(""), variables);
  route.broken = route.function.empty() || integration["httpMethod"].string_or("") != "POST";
  return route;
}

std::string http_route_not_built(const Value& route, const Value& integration) {
  if (const auto type = route["AuthorizationType"].string_or("NONE"); type != "NONE")
    return "the authorization type " + type + " of HTTP APIs";
  if (has_entries(route["RequestParameters"])) return "request parameters of HTTP API routes";
  if (integration.is_null()) return {};
  if (!integration["IntegrationSubtype"].is_null())
    return "the integration subtype " + integration["IntegrationSubtype"].string();
  if (const auto type = integration["IntegrationType"].string_or(""); type != "AWS_PROXY")
    return type + " integrations of HTTP APIs";
  if (has_entries(integration["RequestParameters"]) || has_entries(integration["ResponseParameters"]))
    return "parameter mappings of HTTP APIs";
  return {};
}

Route http_route(const Value& given, const Value& integrations, const Value& variables) {
  Route route;
  route.key = given["RouteKey"].string();
  const auto space = route.key.find(' ');
  route.path = space == std::string::npos ? route.key : route.key.substr(space + 1);
  route.variables = path_variable_names(route.path);
  const auto target = given["Target"].string_or("");
  constexpr std::string_view prefix = "integrations/";
  const auto& integration =
      integrations[std::string_view(target).starts_with(prefix) ? std::string_view(target).substr(prefix.size()) : ""];
  route.not_built = http_route_not_built(given, integration);
  route.format =
      integration["PayloadFormatVersion"].string_or("2.0") == "1.0" ? EventFormat::http_1 : EventFormat::http_2;
  route.timeout_ms = integration["TimeoutInMillis"].integer_or(http_timeout_ms);
  if (!route.not_built.empty()) return route;
  route.integration = Route::Integration::function;
  route.function = function_of(integration["IntegrationUri"].string_or(""), variables);
  route.broken = route.function.empty();
  return route;
}

}  // namespace

const Stage* Api::stage(std::string_view name) const {
  const auto found = std::find_if(stages.begin(), stages.end(), [&](const auto& stage) { return stage->name == name; });
  return found == stages.end() ? nullptr : found->get();
}

std::string function_of(std::string_view uri, const Value& stage_variables) {
  const std::string filled = with_stage_variables(uri, stage_variables);
  std::string_view arn = filled;
  constexpr std::string_view path = ":lambda:path/2015-03-31/functions/", invocations = "/invocations";
  if (const auto at = arn.find(path); arn.starts_with("arn:") && at != std::string_view::npos) {
    arn.remove_prefix(at + path.size());
    if (!arn.ends_with(invocations)) return {};
    arn.remove_suffix(invocations.size());
  }
  // arn:aws:lambda:us-east-1:000000000000:function:name, with or without :qualifier
  const auto is_function = arn.starts_with("arn:") && arn.find(":lambda:") != std::string_view::npos &&
                           arn.find(":function:") != std::string_view::npos;
  return is_function ? std::string(arn) : std::string();
}

std::unique_ptr<const Stage> compile_rest_stage(const ApiOwner& owner, const Value& given, const Value& snapshot) {
  auto stage = std::make_unique<Stage>();
  stage->name = given["stageName"].string();
  stage->deployment_id = given["deploymentId"].string_or("");
  stage->variables_json = json_or_nothing(given["variables"]);
  if (const auto& types = snapshot["binaryMediaTypes"]; types.is_list())
    for (const auto& type : types.list()) stage->binary_media_types.push_back(type.string());
  stage->routes_by_path = RouteTrie(RouteTrie::Rules::rest);
  for (const auto& resource : snapshot["resources"].list()) {
    for (const auto& [name, method] : resource["methods"].map()) {
      auto route = rest_route(resource, name, method, given["variables"]);
      prepare_events(owner, *stage, route);
      stage->routes_by_path.add(name, route.path, static_cast<std::uint32_t>(stage->routes.size()));
      stage->routes.push_back(std::move(route));
    }
  }
  return stage;
}

std::unique_ptr<const Stage> compile_http_stage(const ApiOwner& owner, const Value& given, const Value& snapshot) {
  auto stage = std::make_unique<Stage>();
  stage->name = given["StageName"].string();
  stage->deployment_id = given["DeploymentId"].string_or("");
  stage->variables_json = json_or_nothing(given["StageVariables"]);
  stage->cors = Cors::from(snapshot["cors"]);
  stage->routes_by_path = RouteTrie(RouteTrie::Rules::http);
  std::size_t default_route = std::string::npos;
  for (const auto& known : snapshot["routes"].list()) {
    auto route = http_route(known, snapshot["integrations"], given["StageVariables"]);
    prepare_events(owner, *stage, route);
    const auto space = route.key.find(' ');
    if (space == std::string::npos)
      default_route = stage->routes.size();
    else
      stage->routes_by_path.add(route.key.substr(0, space), route.path,
                                static_cast<std::uint32_t>(stage->routes.size()));
    stage->routes.push_back(std::move(route));
  }
  if (default_route != std::string::npos) stage->default_route = &stage->routes[default_route];
  return stage;
}

}  // namespace moonbase::gateway
