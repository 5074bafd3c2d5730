#include <algorithm>
#include <array>

#include "apigateway/resource.hpp"

namespace moonbase::gateway::rest {
namespace {

Result<Done> check_http_method(const std::string& method) {
  constexpr std::array<std::string_view, 8> methods{"GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "ANY"};
  if (std::find(methods.begin(), methods.end(), method) != methods.end()) return done;
  return bad_request("Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY");
}

Result<Done> check_method(const Value& input) {
  if (auto good = check_http_method(input["httpMethod"].string()); !good) return good;
  const auto& type = input["authorizationType"].string();
  // There are no authorizers yet, so no identifier of one is valid.
  if (type == "CUSTOM" || type == "COGNITO_USER_POOLS")
    return bad_request(
        "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a "
        "valid authorizer.");
  if (type != "NONE" && type != "AWS_IAM")
    return bad_request(
        "Invalid authorization type specified. Valid options are NONE,AWS_IAM,CUSTOM,COGNITO_USER_POOLS");
  if (!input["requestValidatorId"].is_null()) return bad_request("Invalid Request Validator identifier specified");
  if (const auto& models = input["requestModels"]; models.is_map())
    for (const auto& [content_type, model] : models.map())
      if (model.string() != "Empty" && model.string() != "Error")
        return bad_request("Invalid model identifier specified: " + model.string());
  return done;
}

Result<Done> check_status_code(const Value& input) {
  const auto& code = input["statusCode"].string();
  const bool good = code.size() == 3 && code[0] >= '1' && code[0] <= '5' &&
                    std::all_of(code.begin(), code.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (good) return done;
  return bad_request("Invalid response status code specified");
}

Error status_code_not_found() { return not_found("Invalid Response status code specified"); }

// A response of the method ("methodResponses") or of its integration ("integrationResponses").
Result<Value> put_response(Value& holder, const char* collection, const Value& input, Map response) {
  if (auto good = check_status_code(input); !good) return good.error();
  const auto& code = input["statusCode"].string();
  if (holder[collection].is_null()) holder.set(collection, Map{});
  auto& responses = holder.map().find(collection)->map();
  responses.set(code, response);
  return Value(std::move(response));
}

Result<Value> get_response(const Value& holder, const char* collection, const Value& input) {
  const auto& response = holder[collection][std::string_view(input["statusCode"].string())];
  if (response.is_null()) return status_code_not_found();
  return response;
}

Result<Value> erase_response(Value& holder, const char* collection, const Value& input) {
  auto* responses = holder.map().find(collection);
  if (!responses || !responses->map().erase(input["statusCode"].string())) return status_code_not_found();
  if (responses->map().empty()) holder.map().erase(collection);
  return Value(Map{});
}

}  // namespace

Result<Value> put_method(Call& call) {
  if (auto good = check_method(call.input); !good) return good.error();
  return change_methods(call, [&](const Resource&, Map& methods) -> Result<Value> {
    const auto& name = call.input["httpMethod"].string();
    if (methods.contains(name)) return conflict("Method already exists for this resource");
    Map method = picked(call.input, {"httpMethod", "authorizationType", "operationName", "requestParameters",
                                     "requestModels", "authorizationScopes"});
    method.set("apiKeyRequired", call.input["apiKeyRequired"].boolean_or(false));
    methods.set(name, method);
    return Value(std::move(method));
  });
}

Result<Value> get_method(Call& call) {
  return read_methods(call, [&](const Resource&, Map& methods) -> Result<Value> {
    const auto method = method_in(methods, call.input);
    if (!method) return method.error();
    return **method;
  });
}

Result<Value> delete_method(Call& call) {
  return change_methods(call, [&](const Resource&, Map& methods) -> Result<Value> {
    const auto method = method_in(methods, call.input);
    if (!method) return method.error();
    methods.erase(call.input["httpMethod"].string());
    return Value(Map{});
  });
}

Result<Value> put_method_response(Call& call) {
  return change_methods(call, [&](const Resource&, Map& methods) -> Result<Value> {
    const auto method = method_in(methods, call.input);
    if (!method) return method.error();
    if (get_response(**method, "methodResponses", call.input))
      return conflict("Response already exists for this resource");
    return put_response(**method, "methodResponses", call.input,
                        picked(call.input, {"statusCode", "responseParameters", "responseModels"}));
  });
}

Result<Value> get_method_response(Call& call) {
  return read_methods(call, [&](const Resource&, Map& methods) -> Result<Value> {
    const auto method = method_in(methods, call.input);
    if (!method) return method.error();
    return get_response(**method, "methodResponses", call.input);
  });
}

Result<Value> delete_method_response(Call& call) {
  return change_methods(call, [&](const Resource&, Map& methods) -> Result<Value> {
    const auto method = method_in(methods, call.input);
    if (!method) return method.error();
    return erase_response(**method, "methodResponses", call.input);
  });
}

Result<Value> put_integration_response(Call& call) {
  return change_methods(call, [&](const Resource&, Map& methods) -> Result<Value> {
    const auto integration = integration_in(methods, call.input);
    if (!integration) return integration.error();
    return put_response(**integration, "integrationResponses", call.input,
                        picked(call.input, {"statusCode", "selectionPattern", "responseParameters", "responseTemplates",
                                            "contentHandling"}));
  });
}

Result<Value> get_integration_response(Call& call) {
  return read_methods(call, [&](const Resource&, Map& methods) -> Result<Value> {
    const auto integration = integration_in(methods, call.input);
    if (!integration) return integration.error();
    return get_response(**integration, "integrationResponses", call.input);
  });
}

Result<Value> delete_integration_response(Call& call) {
  return change_methods(call, [&](const Resource&, Map& methods) -> Result<Value> {
    // A method that is not there has no integration either.
    auto integration = methods.contains(call.input["httpMethod"].string())
                           ? integration_in(methods, call.input)
                           : Result<Value*>(not_found("Invalid Integration identifier specified"));
    if (!integration) return integration.error();
    return erase_response(**integration, "integrationResponses", call.input);
  });
}

}  // namespace moonbase::gateway::rest
