// What the gateway's tests share: APIs in a few words, and requests to them.
#pragma once

#include <initializer_list>
#include <map>
#include <moonbase/json.hpp>
#include <moonbase/testing.hpp>
#include <string>
#include <utility>

namespace moonbase::gateway::testing {

using moonbase::testing::TestKernel;
using moonbase::testing::TestOptions;

inline TestOptions with_functions() { return {.plugins = {"gateway", "echo_functions"}}; }

inline std::string function_arn(const std::string& name) {
  return "arn:aws:lambda:us-east-1:000000000000:function:" + name;
}
inline std::string invocation_uri(const std::string& name) {
  return "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/" + function_arn(name) + "/invocations";
}

// A request through the door.
struct Ask {
  std::string method = "GET", path = "/", query = {}, host = "127.0.0.1:4566", body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
};
inline HttpResponse ask(TestKernel& kernel, const Ask& ask) {
  HttpRequest request;
  request.method = ask.method;
  request.path = ask.path;
  request.query = ask.query;
  request.body = ask.body;
  request.source_ip = "127.0.0.1";
  request.headers.add("Host", ask.host);
  for (const auto& [name, value] : ask.headers) request.headers.add(name, value);
  return kernel.http(std::move(request));
}
inline Value json(const std::string& text) { return parse_json(text).value(); }

// A REST API whose resources and methods are made as they are asked for.
class RestApi {
 public:
  explicit RestApi(TestKernel& kernel, Map more = {}) : kernel_(kernel) {
    more.set("name", "shop");
    const auto api = kernel.call("CreateRestApi", std::move(more));
    id = api["id"].string();
    resources_["/"] = api["rootResourceId"].string();
  }
  // The resource with this path, and those above it.
  std::string resource(const std::string& path) {
    if (const auto found = resources_.find(path); found != resources_.end()) return found->second;
    const auto slash = path.rfind('/');
    const auto parent = resource(slash == 0 ? "/" : path.substr(0, slash));
    const auto made =
        kernel_.call("CreateResource", {{"restApiId", id}, {"parentId", parent}, {"pathPart", path.substr(slash + 1)}});
    return resources_[path] = made["id"].string();
  }
  Map method(const std::string& http_method, const std::string& path, Map more = {}) {
    more.set("restApiId", id);
    more.set("resourceId", resource(path));
    more.set("httpMethod", http_method);
    return more;
  }
  void function(const std::string& http_method, const std::string& path, const std::string& name) {
    kernel_.call("PutMethod", method(http_method, path, {{"authorizationType", "NONE"}}));
    kernel_.call("PutIntegration",
                 method(http_method, path,
                        {{"type", "AWS_PROXY"}, {"integrationHttpMethod", "POST"}, {"uri", invocation_uri(name)}}));
  }
  std::string deploy(const std::string& stage = "prod") {
    return kernel_.call("CreateDeployment", {{"restApiId", id}, {"stageName", stage}})["id"].string();
  }
  std::string path(const std::string& rest, const std::string& stage = "prod") const {
    return "/_aws/execute-api/" + id + "/" + stage + rest;
  }
  std::string id;

 private:
  TestKernel& kernel_;
  std::map<std::string, std::string> resources_;
};

// An HTTP API with a "$default" stage that deploys by itself.
class HttpApi {
 public:
  explicit HttpApi(TestKernel& kernel, Map more = {}) : kernel_(kernel) {
    more.set("Name", "public");
    more.set("ProtocolType", "HTTP");
    id = kernel.call("CreateApi", std::move(more))["ApiId"].string();
    kernel.call("CreateStage", {{"ApiId", id}, {"StageName", "$default"}, {"AutoDeploy", true}});
  }
  std::string integration(const std::string& function, const std::string& format = "2.0") {
    return kernel_
        .call("CreateIntegration", {{"ApiId", id},
                                    {"IntegrationType", "AWS_PROXY"},
                                    {"IntegrationUri", function_arn(function)},
                                    {"PayloadFormatVersion", format}})["IntegrationId"]
        .string();
  }
  std::string route(const std::string& key, const std::string& function, const std::string& format = "2.0") {
    return kernel_
        .call(
            "CreateRoute",
            {{"ApiId", id}, {"RouteKey", key}, {"Target", "integrations/" + integration(function, format)}})["RouteId"]
        .string();
  }
  std::string host() const { return id + ".execute-api.localhost:4566"; }
  std::string id;

 private:
  TestKernel& kernel_;
};

}  // namespace moonbase::gateway::testing
