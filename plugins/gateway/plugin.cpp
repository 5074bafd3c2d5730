// Gateway: REST APIs (apigateway), HTTP APIs (apigatewayv2), and the requests to both.
#include <moonbase/plugin.hpp>
#include <utility>

#include "apigateway/rest_api.hpp"
#include "apigatewayv2/http_api.hpp"
#include "runtime/runtime.hpp"

extern "C" {
extern const char apigateway_model_lua[];
extern const char apigatewayv2_model_lua[];
extern const char apigatewaymanagementapi_model_lua[];
extern const char appsync_model_lua[];
extern const char apigateway_schema_sql[];
extern const char apigatewayv2_schema_sql[];
extern const char resources_lua[];
}

namespace moonbase::gateway {
namespace {

struct NamedOperation {
  const char* name;
  Result<Value> (*run)(Call&);
};

class Plugin final : public moonbase::Plugin {
  void load(Registrar& registrar) override {
    registrar.schema(apigateway_schema_sql);
    registrar.schema(apigatewayv2_schema_sql);
    load_rest(registrar);
    load_http(registrar);
    registrar.model(apigatewaymanagementapi_model_lua);
    registrar.model(appsync_model_lua);
    registrar.http(runtime_match(), [this](HttpCall& call) { return serve(apis_, call); });
    registrar.on_reset([this](std::string_view) { apis_.clear(); });
    registrar.resources(resources_lua);
  }

  // An operation after which the API that it names is read anew.
  Operation changing(NamedOperation operation, const char* id_member) {
    return [this, operation, id_member](Call& call) {
      const std::string id = call.input[id_member].string_or("");
      auto answer = operation.run(call);
      apis_.changed(id);
      return answer;
    };
  }

  void load_rest(Registrar& registrar) {
    using namespace rest;
    registrar.model(apigateway_model_lua);
    for (const auto& [name, run] :
         std::initializer_list<NamedOperation>{{"CreateRestApi", create_rest_api},
                                               {"GetRestApi", get_rest_api},
                                               {"GetRestApis", get_rest_apis},
                                               {"CreateResource", create_resource},
                                               {"GetResource", get_resource},
                                               {"GetResources", get_resources},
                                               {"DeleteResource", delete_resource},
                                               {"PutMethod", put_method},
                                               {"GetMethod", get_method},
                                               {"DeleteMethod", delete_method},
                                               {"PutMethodResponse", put_method_response},
                                               {"GetMethodResponse", get_method_response},
                                               {"DeleteMethodResponse", delete_method_response},
                                               {"PutIntegration", put_integration},
                                               {"GetIntegration", get_integration},
                                               {"DeleteIntegration", delete_integration},
                                               {"PutIntegrationResponse", put_integration_response},
                                               {"GetIntegrationResponse", get_integration_response},
                                               {"DeleteIntegrationResponse", delete_integration_response},
                                               {"GetDeployment", get_deployment},
                                               {"GetDeployments", get_deployments},
                                               {"DeleteDeployment", delete_deployment},
                                               {"GetStage", get_stage},
                                               {"GetStages", get_stages},
                                               {"TagResource", tag_resource},
                                               {"UntagResource", untag_resource},
                                               {"GetTags", get_tags}})
      registrar.operation(name, run);
    for (const auto& operation : std::initializer_list<NamedOperation>{{"UpdateRestApi", update_rest_api},
                                                                       {"DeleteRestApi", delete_rest_api},
                                                                       {"CreateDeployment", create_deployment},
                                                                       {"CreateStage", create_stage},
                                                                       {"UpdateStage", update_stage},
                                                                       {"DeleteStage", delete_stage}})
      registrar.operation(operation.name, changing(operation, "restApiId"));
  }

  void load_http(Registrar& registrar) {
    using namespace http;
    registrar.model(apigatewayv2_model_lua);
    for (const auto& [name, run] : std::initializer_list<NamedOperation>{{"CreateApi", create_api},
                                                                         {"GetApi", get_api},
                                                                         {"GetApis", get_apis},
                                                                         {"GetRoute", get_route},
                                                                         {"GetRoutes", get_routes},
                                                                         {"GetIntegration", get_integration},
                                                                         {"GetIntegrations", get_integrations},
                                                                         {"GetStage", get_stage},
                                                                         {"GetStages", get_stages},
                                                                         {"GetDeployment", get_deployment},
                                                                         {"GetDeployments", get_deployments},
                                                                         {"DeleteDeployment", delete_deployment},
                                                                         {"TagResource", tag_resource},
                                                                         {"UntagResource", untag_resource},
                                                                         {"GetTags", get_tags}})
      registrar.operation(name, run);
    for (const auto& operation :
         std::initializer_list<NamedOperation>{{"UpdateApi", update_api},
                                               {"DeleteApi", delete_api},
                                               {"DeleteCorsConfiguration", delete_cors_configuration},
                                               {"CreateRoute", create_route},
                                               {"UpdateRoute", update_route},
                                               {"DeleteRoute", delete_route},
                                               {"CreateIntegration", create_integration},
                                               {"UpdateIntegration", update_integration},
                                               {"DeleteIntegration", delete_integration},
                                               {"CreateStage", create_stage},
                                               {"UpdateStage", update_stage},
                                               {"DeleteStage", delete_stage},
                                               {"CreateDeployment", create_deployment}})
      registrar.operation(operation.name, changing(operation, "ApiId"));
  }

  Apis apis_;
};

}  // namespace
}  // namespace moonbase::gateway

MOONBASE_PLUGIN(moonbase::gateway::Plugin, "gateway", "1.0")
