#include "apigateway/resource.hpp"

namespace moonbase::gateway::rest {
namespace {

constexpr std::int64_t timeout_ms_min = 50, timeout_ms_max = 29'000;

Result<Done> check_integration(const Value& input) {
  const auto& type = input["type"].string();
  if (const auto timeout_ms = input["timeoutInMillis"].integer_or(timeout_ms_max);
      timeout_ms < timeout_ms_min || timeout_ms > timeout_ms_max)
    return bad_request("Timeout should be between 50 ms and 29000 ms");
  if (type == "MOCK") return done;
  if (input["integrationHttpMethod"].string_or("").empty())
    return bad_request("Enumeration value for HttpMethod must be non-empty");
  const auto uri = input["uri"].string_or("");
  if (type == "HTTP" || type == "HTTP_PROXY") {
    if (uri.empty()) return bad_request("Invalid HTTP endpoint specified for URI");
    return done;
  }
  if (!std::string_view(uri).starts_with("arn:")) return bad_request("Invalid ARN specified in the request");
  const bool names_action = uri.find(":path/") != std::string::npos || uri.find(":action/") != std::string::npos;
  if (!names_action) return bad_request("AWS ARN for integration must contain path or action");
  if (type == "AWS_PROXY" && uri.find(":lambda:path/") == std::string::npos)
    return bad_request(
        "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream "
        "invocations.");
  return done;
}

}  // namespace

Result<Value> put_integration(Call& call) {
  const auto& input = call.input;
  if (auto good = check_integration(input); !good) return good.error();
  return change_methods(call, [&](const Resource& resource, Map& methods) -> Result<Value> {
    const auto method = method_in(methods, input);
    if (!method) return method.error();
    Map integration = picked(
        input, {"type", "uri", "connectionType", "connectionId", "credentials", "requestParameters", "requestTemplates",
                "contentHandling", "tlsConfig", "responseTransferMode", "integrationTarget"});
    if (!input["integrationHttpMethod"].is_null()) integration.set("httpMethod", input["integrationHttpMethod"]);
    integration.set("passthroughBehavior", input["passthroughBehavior"].string_or("WHEN_NO_MATCH"));
    integration.set("timeoutInMillis", input["timeoutInMillis"].integer_or(timeout_ms_max));
    integration.set("cacheNamespace", input["cacheNamespace"].string_or(resource.id));
    integration.set("cacheKeyParameters",
                    input["cacheKeyParameters"].is_list() ? input["cacheKeyParameters"] : Value(List{}));
    (*method)->set("methodIntegration", integration);
    return Value(std::move(integration));
  });
}

Result<Value> get_integration(Call& call) {
  return read_methods(call, [&](const Resource&, Map& methods) -> Result<Value> {
    const auto integration = integration_in(methods, call.input);
    if (!integration) return integration.error();
    return **integration;
  });
}

Result<Value> delete_integration(Call& call) {
  return change_methods(call, [&](const Resource&, Map& methods) -> Result<Value> {
    if (const auto integration = integration_in(methods, call.input); !integration) return integration.error();
    (*method_in(methods, call.input))->map().erase("methodIntegration");
    return Value(Map{});
  });
}

}  // namespace moonbase::gateway::rest
