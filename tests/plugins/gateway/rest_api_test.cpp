#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::gateway::testing;

TEST_CASE("a REST API is made with a root resource, and is shown as AWS shows it") {
  TestKernel kernel{"apigateway", with_functions()};
  const auto api = kernel.call("CreateRestApi", {{"name", "shop"}, {"description", "sells lamps"}});
  CHECK(api["id"].string().size() == 10);
  CHECK(api["name"] == "shop");
  CHECK(api["apiKeySource"] == "HEADER");
  CHECK(api["disableExecuteApiEndpoint"] == Value(false));
  CHECK(api["createdDate"] == Value(kernel.clock.now().ms));
  CHECK(api["endpointConfiguration"] == Value(Map{{"types", List{"EDGE"}}, {"ipAddressType", "ipv4"}}));
  CHECK(kernel.call("GetRestApi", {{"restApiId", api["id"]}}) == api);
  const auto resources = kernel.call("GetResources", {{"restApiId", api["id"]}})["items"];
  CHECK(resources == Value(List{Map{{"id", api["rootResourceId"]}, {"path", "/"}}}));
}

TEST_CASE("the tag _custom_id_ pins an API's id") {
  TestKernel kernel{"apigateway", with_functions()};
  const Map pinned{{"name", "shop"}, {"tags", Map{{"_custom_id_", "shop"}}}};
  CHECK(kernel.call("CreateRestApi", pinned)["id"] == "shop");
  CHECK(kernel.error("CreateRestApi", pinned).code == "ConflictException");
  const auto error = kernel.error("CreateRestApi", {{"name", "x"}, {"tags", Map{{"_custom_id_", "a.b"}}}});
  CHECK(error.code == "BadRequestException");
}

TEST_CASE("an API that is not there is named with its account") {
  TestKernel kernel{"apigateway", with_functions()};
  for (const auto* operation : {"GetRestApi", "GetResources", "DeleteRestApi", "GetStages", "GetDeployments"}) {
    const auto error = kernel.error(operation, {{"restApiId", "abc"}});
    CHECK(error.code == "NotFoundException");
    CHECK(error.message == "Invalid API identifier specified 000000000000:abc");
  }
}

TEST_CASE("APIs are listed in the order of their creation, page by page") {
  TestKernel kernel{"apigateway", with_functions()};
  for (const auto* name : {"c", "a", "b"}) {
    kernel.call("CreateRestApi", {{"name", name}});
    kernel.clock.advance_ms(1);
  }
  const auto first = kernel.call("GetRestApis", {{"limit", 2}});
  REQUIRE(first["items"].list().size() == 2);
  CHECK(first["items"][0]["name"] == "c");
  const auto second = kernel.call("GetRestApis", {{"limit", 2}, {"position", first["position"]}});
  REQUIRE(second["items"].list().size() == 1);
  CHECK(second["items"][0]["name"] == "b");
  CHECK(second["position"].is_null());
}

TEST_CASE("accounts do not see each other's APIs") {
  TestKernel kernel{"apigateway", with_functions()};
  const auto api = kernel.call("CreateRestApi", {{"name", "shop"}});
  auto other = kernel.context;
  other.identity.account_id = "111111111111";
  const auto found = kernel.try_call_as(other, "apigateway", "GetRestApi", {{"restApiId", api["id"]}});
  REQUIRE_FALSE(found);
  CHECK(found.error().message == "Invalid API identifier specified 111111111111:" + api["id"].string());
}

TEST_CASE("an API is patched as AWS patches it") {
  TestKernel kernel{"apigateway", with_functions()};
  const auto id = kernel.call("CreateRestApi", {{"name", "shop"}, {"description", "old"}})["id"];
  const auto patched = [&](const char* op, const char* path, Value value = {}) {
    Map operation{{"op", op}, {"path", path}};
    if (!value.is_null()) operation.set("value", std::move(value));
    return Map{{"restApiId", id}, {"patchOperations", List{std::move(operation)}}};
  };
  CHECK(kernel.call("UpdateRestApi", patched("replace", "/name", "shop2"))["name"] == "shop2");
  CHECK(kernel.call("UpdateRestApi", patched("add", "/binaryMediaTypes/image~1png"))["binaryMediaTypes"] ==
        Value(List{"image/png"}));
  CHECK(kernel.call("UpdateRestApi", patched("replace", "/binaryMediaTypes/image~1png",
                                             "image/gif"))["binaryMediaTypes"] == Value(List{"image/gif"}));
  const auto removed = kernel.call("UpdateRestApi", patched("remove", "/binaryMediaTypes/image~1gif"));
  CHECK(removed["binaryMediaTypes"].is_null());
  CHECK(removed["tags"] == Value(Map{}));
  CHECK(kernel.call("UpdateRestApi", patched("remove", "/description"))["description"].is_null());
  CHECK(kernel.error("UpdateRestApi", patched("add", "/binaryMediaTypes", "x/y")).message ==
        "Invalid patch path /binaryMediaTypes");
  CHECK(kernel.error("UpdateRestApi", patched("replace", "/policy", "{}")).code == "NotImplemented");
}

TEST_CASE("what is not built of an API is named and not made") {
  TestKernel kernel{"apigateway", with_functions()};
  const auto error = kernel.error("CreateRestApi", {{"name", "shop"}, {"policy", "{}"}});
  CHECK(error.code == "NotImplemented");
  CHECK(error.message.find("policy") != std::string::npos);
  CHECK(kernel.call("GetRestApis")["items"] == Value(List{}));
  CHECK(kernel.error("CreateApiKey", {{"name", "k"}}).code == "NotImplemented");
}

TEST_CASE("resources form a tree of paths") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  const auto id = api.resource("/product/{id}");
  const auto resource = kernel.call("GetResource", {{"restApiId", api.id}, {"resourceId", id}});
  CHECK(resource["path"] == "/product/{id}");
  CHECK(resource["pathPart"] == "{id}");
  CHECK(resource["parentId"] == Value(api.resource("/product")));
  kernel.call("DeleteResource", {{"restApiId", api.id}, {"resourceId", api.resource("/product")}});
  CHECK(kernel.call("GetResources", {{"restApiId", api.id}})["items"].list().size() == 1);
  CHECK(kernel.error("GetResource", {{"restApiId", api.id}, {"resourceId", id}}).message ==
        "Invalid Resource identifier specified");
}

TEST_CASE("a resource that cannot be is refused in AWS's words") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  const auto error = [&](const std::string& parent, const char* part) {
    return kernel.error("CreateResource", {{"restApiId", api.id}, {"parentId", parent}, {"pathPart", part}});
  };
  const auto greedy = api.resource("/{proxy+}");
  api.resource("/pets");
  CHECK(error(api.resource("/"), "pets").message ==
        "Another resource with the same parent already has this name: pets");
  CHECK(error(api.resource("/"), "pets").code == "ConflictException");
  CHECK(error(api.resource("/"), "{id}").message ==
        "A sibling ({proxy+}) of this resource already has a variable path part -- only one is allowed");
  CHECK(error(greedy, "child").message == "Cannot create a child of a resource with a greedy path variable: {proxy+}");
  CHECK(error("nothere", "x").message == "Invalid Resource identifier specified");
  CHECK(error(api.resource("/"), "a/b").code == "BadRequestException");
  CHECK(error(api.resource("/"), "{}").code == "BadRequestException");
}

TEST_CASE("a path is not deeper than what a request can match") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  std::string path;
  for (int i = 0; i < 64; ++i) path += "/a";
  const auto deepest = api.resource(path);
  CHECK(kernel.error("CreateResource", {{"restApiId", api.id}, {"parentId", deepest}, {"pathPart", "a"}}).code ==
        "BadRequestException");
}

TEST_CASE("a method and its integration are stored and shown") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  const auto put = kernel.call("PutMethod", api.method("GET", "/a", {{"authorizationType", "NONE"}}));
  CHECK(put == Value(Map{{"httpMethod", "GET"}, {"authorizationType", "NONE"}, {"apiKeyRequired", false}}));
  CHECK(kernel.error("PutMethod", api.method("GET", "/a", {{"authorizationType", "NONE"}})).message ==
        "Method already exists for this resource");
  CHECK(kernel.error("GetIntegration", api.method("GET", "/a")).message == "Invalid Integration identifier specified");
  const auto integration = kernel.call(
      "PutIntegration",
      api.method("GET", "/a",
                 {{"type", "AWS_PROXY"}, {"integrationHttpMethod", "POST"}, {"uri", invocation_uri("echo")}}));
  CHECK(integration == Value(Map{{"type", "AWS_PROXY"},
                                 {"httpMethod", "POST"},
                                 {"uri", invocation_uri("echo")},
                                 {"passthroughBehavior", "WHEN_NO_MATCH"},
                                 {"timeoutInMillis", 29000},
                                 {"cacheNamespace", api.resource("/a")},
                                 {"cacheKeyParameters", List{}}}));
  kernel.call("PutMethodResponse", api.method("GET", "/a", {{"statusCode", "200"}}));
  kernel.call("PutIntegrationResponse", api.method("GET", "/a", {{"statusCode", "200"}, {"selectionPattern", ""}}));
  const auto method = kernel.call("GetMethod", api.method("GET", "/a"));
  CHECK(method["methodResponses"]["200"]["statusCode"] == "200");
  CHECK(method["methodIntegration"]["integrationResponses"]["200"]["statusCode"] == "200");
  const auto resources = kernel.call("GetResources", {{"restApiId", api.id}, {"embed", List{"methods"}}});
  CHECK(resources["items"][1]["resourceMethods"]["GET"] == method);
  CHECK(kernel.call("GetResources", {{"restApiId", api.id}})["items"][1]["resourceMethods"] ==
        Value(Map{{"GET", Map{}}}));
  kernel.call("DeleteIntegration", api.method("GET", "/a"));
  CHECK(kernel.error("GetIntegration", api.method("GET", "/a")).code == "NotFoundException");
  kernel.call("DeleteMethod", api.method("GET", "/a"));
  CHECK(kernel.error("GetMethod", api.method("GET", "/a")).message == "Invalid Method identifier specified");
}

TEST_CASE("a method or integration that cannot be is refused") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  CHECK(kernel.error("PutMethod", api.method("FETCH", "/a", {{"authorizationType", "NONE"}})).message ==
        "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY");
  CHECK(kernel.error("PutMethod", api.method("GET", "/a", {{"authorizationType", "CUSTOM"}, {"authorizerId", "x"}}))
            .message.starts_with("Invalid authorizer ID specified."));
  CHECK(kernel.error("PutIntegration", api.method("GET", "/a", {{"type", "MOCK"}})).message ==
        "Invalid Method identifier specified");
  kernel.call("PutMethod", api.method("GET", "/a", {{"authorizationType", "NONE"}}));
  const auto error = [&](Map integration) {
    return kernel.error("PutIntegration", api.method("GET", "/a", integration));
  };
  CHECK(error({{"type", "AWS_PROXY"}, {"uri", invocation_uri("echo")}}).message ==
        "Enumeration value for HttpMethod must be non-empty");
  CHECK(error({{"type", "AWS_PROXY"}, {"integrationHttpMethod", "POST"}, {"uri", "echo"}}).message ==
        "Invalid ARN specified in the request");
  CHECK(error({{"type", "HTTP_PROXY"}, {"integrationHttpMethod", "GET"}}).message ==
        "Invalid HTTP endpoint specified for URI");
  CHECK(error({{"type", "MOCK"}, {"timeoutInMillis", 30000}}).message ==
        "Timeout should be between 50 ms and 29000 ms");
}

TEST_CASE("an API without methods or integrations cannot be deployed") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  CHECK(kernel.error("CreateDeployment", {{"restApiId", api.id}}).message ==
        "The REST API doesn't contain any methods");
  kernel.call("PutMethod", api.method("GET", "/a", {{"authorizationType", "NONE"}}));
  CHECK(kernel.error("CreateDeployment", {{"restApiId", api.id}}).message == "No integration defined for method");
}

TEST_CASE("a stage points to a deployment, which cannot be deleted meanwhile") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  api.function("GET", "/a", "echo");
  const auto deployment = kernel.call("CreateDeployment", {{"restApiId", api.id}, {"description", "first"}});
  CHECK(deployment["description"] == "first");
  const Map stage_input{{"restApiId", api.id}, {"stageName", "test"}, {"deploymentId", deployment["id"]}};
  const auto stage = kernel.call("CreateStage", stage_input);
  CHECK(stage["stageName"] == "test");
  CHECK(stage["methodSettings"] == Value(Map{}));
  CHECK(kernel.error("CreateStage", stage_input).message == "Stage already exists");
  const Map of_deployment{{"restApiId", api.id}, {"deploymentId", deployment["id"]}};
  CHECK(kernel.error("DeleteDeployment", of_deployment).message ==
        "Active stages pointing to this deployment must be moved or deleted");
  auto with_summary = of_deployment;
  with_summary.set("embed", List{"apisummary"});
  CHECK(kernel.call("GetDeployment", with_summary)["apiSummary"]["/a"]["GET"]["authorizationType"] == "NONE");
  CHECK(kernel.call("GetStages", {{"restApiId", api.id}})["item"] == Value(List{stage}));
  kernel.call("DeleteStage", {{"restApiId", api.id}, {"stageName", "test"}});
  CHECK(kernel.error("GetStage", {{"restApiId", api.id}, {"stageName", "test"}}).message ==
        "Invalid Stage identifier specified");
  kernel.call("DeleteDeployment", of_deployment);
  CHECK(kernel.error("GetDeployment", of_deployment).message == "Invalid Deployment identifier specified");
  CHECK(kernel.error("CreateStage", stage_input).message == "Deployment id does not exist");
}

TEST_CASE("an API and a stage are tagged by their ARNs") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  api.function("GET", "/", "echo");
  api.deploy("prod");
  for (const auto& arn : {"arn:aws:apigateway:us-east-1::/restapis/" + api.id,
                          "arn:aws:apigateway:us-east-1::/restapis/" + api.id + "/stages/prod"}) {
    kernel.call("TagResource", {{"resourceArn", arn}, {"tags", Map{{"a", "1"}, {"b", "2"}}}});
    kernel.call("UntagResource", {{"resourceArn", arn}, {"tagKeys", List{"a"}}});
    CHECK(kernel.call("GetTags", {{"resourceArn", arn}})["tags"] == Value(Map{{"b", "2"}}));
  }
  CHECK(kernel.error("GetTags", {{"resourceArn", "arn:aws:sqs:us-east-1::/restapis/x"}}).code == "BadRequestException");
  CHECK(kernel.error("GetTags", {{"resourceArn", "arn:aws:apigateway:us-east-1::/restapis/x"}}).code ==
        "NotFoundException");
}
