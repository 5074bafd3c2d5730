#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::gateway::testing;

TEST_CASE("a deployed REST API answers in every form of its address") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  api.function("GET", "/product/{id}", "echo");
  api.deploy();
  const Ask asks[] = {
      {.path = "/_aws/execute-api/" + api.id + "/prod/product/42"},
      {.path = "/restapis/" + api.id + "/prod/_user_request_/product/42"},
      {.path = "/prod/product/42", .host = api.id + ".execute-api.localhost:4566"},
      {.path = "/prod/product/42", .host = api.id + ".execute-api.us-east-1.amazonaws.com"},
      {.path = "/prod/product/42", .host = api.id + ".execute-api.localhost.localstack.cloud:4566"},
  };
  for (const auto& one : asks) {
    CAPTURE(one.path, one.host);
    const auto response = ask(kernel, one);
    REQUIRE(response.status == 200);
    const auto event = json(response.body);
    CHECK(event["pathParameters"]["id"] == "42");
    CHECK(event["path"] == "/product/42");
    CHECK(event["requestContext"]["path"] == "/prod/product/42");
    CHECK(event["requestContext"]["apiId"] == Value(api.id));
    CHECK(event["requestContext"]["stage"] == "prod");
    CHECK(response.headers.get("x-amzn-RequestId") == event["requestContext"]["requestId"].string());
    CHECK(response.headers.get("x-amz-apigw-id") == event["requestContext"]["extendedRequestId"].string());
    CHECK(response.headers.get("X-Amzn-Trace-Id") == event["headers"]["X-Amzn-Trace-Id"].string());
    CHECK(response.headers.get("x-caller") == "000000000000 apigateway.amazonaws.com");
  }
}

TEST_CASE("a REST API keeps the path as it was sent") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  api.function("ANY", "/{proxy+}", "echo");
  api.deploy();
  auto event = json(ask(kernel, {.path = api.path("/a%2Bb/c/")}).body);
  CHECK(event["path"] == "/a%2Bb/c/");
  CHECK(event["pathParameters"]["proxy"] == "a%2Bb/c");
  event = json(ask(kernel, {.path = api.path("//hardcoded")}).body);
  CHECK(event["path"] == "/hardcoded");
  CHECK(event["requestContext"]["path"] == "/prod//hardcoded");
}

TEST_CASE("a request without a route, a stage or an API is refused as AWS refuses it") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  api.function("GET", "/a", "echo");
  api.deploy();
  for (const auto& one : {Ask{.path = api.path("/b")}, Ask{.method = "POST", .path = api.path("/a")}}) {
    const auto response = ask(kernel, one);
    CHECK(response.status == 403);
    CHECK(response.body == R"({"message":"Missing Authentication Token"})");
    CHECK(response.headers.get("x-amzn-ErrorType") == "MissingAuthenticationTokenException");
  }
  for (const auto& path : {api.path("/a", "dev"), std::string("/_aws/execute-api/nothere/prod/a"),
                           std::string("/restapis/nothere/prod/_user_request_/a")}) {
    const auto response = ask(kernel, {.path = path});
    CHECK(response.status == 403);
    CHECK(response.body == R"({"message":"Forbidden"})");
    CHECK(response.headers.get("x-amzn-ErrorType") == "ForbiddenException");
  }
}

TEST_CASE("a change of a REST API reaches a stage by a deployment, not before") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  api.function("GET", "/a", "echo");
  const auto first = api.deploy();
  REQUIRE(ask(kernel, {.path = api.path("/a")}).status == 200);
  api.function("GET", "/b", "echo");
  kernel.call("DeleteMethod", api.method("GET", "/a"));
  CHECK(ask(kernel, {.path = api.path("/a")}).status == 200);
  CHECK(ask(kernel, {.path = api.path("/b")}).status == 403);
  const auto second = api.deploy();
  CHECK(ask(kernel, {.path = api.path("/a")}).status == 403);
  CHECK(ask(kernel, {.path = api.path("/b")}).status == 200);
  // And back.
  const auto point_to = [&](const std::string& deployment) {
    kernel.call("UpdateStage",
                {{"restApiId", api.id},
                 {"stageName", "prod"},
                 {"patchOperations", List{Map{{"op", "replace"}, {"path", "/deploymentId"}, {"value", deployment}}}}});
  };
  point_to(first);
  CHECK(ask(kernel, {.path = api.path("/a")}).status == 200);
  point_to(second);
  CHECK(ask(kernel, {.path = api.path("/b")}).status == 200);
  kernel.call("DeleteRestApi", {{"restApiId", api.id}});
  CHECK(ask(kernel, {.path = api.path("/b")}).status == 403);
}

TEST_CASE("a deployed REST API answers after a restart") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  api.function("GET", "/a", "echo");
  api.deploy();
  kernel.restart();
  CHECK(ask(kernel, {.path = api.path("/a")}).status == 200);
}

TEST_CASE("stage variables are in the event and choose the function") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  api.function("GET", "/a", "${stageVariables.which}");
  kernel.call("CreateDeployment",
              {{"restApiId", api.id}, {"stageName", "prod"}, {"variables", Map{{"which", "echo"}}}});
  CHECK(json(ask(kernel, {.path = api.path("/a")}).body)["stageVariables"] == Value(Map{{"which", "echo"}}));
  kernel.call("UpdateStage",
              {{"restApiId", api.id},
               {"stageName", "prod"},
               {"patchOperations", List{Map{{"op", "replace"}, {"path", "/variables/which"}, {"value", "fails"}}}}});
  CHECK(ask(kernel, {.path = api.path("/a")}).status == 502);
}

TEST_CASE("a function that fails, or answers nonsense, is a 502 to a REST client") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  api.function("POST", "/fails", "fails");
  api.function("POST", "/answer", "answer");
  api.function("POST", "/throttled", "throttled");
  api.function("POST", "/missing", "missing");
  api.function("POST", "/unbuilt", "unbuilt");
  api.deploy();
  const auto status = [&](const char* path, const std::string& body = {}) {
    return ask(kernel, {.method = "POST", .path = api.path(path), .body = body}).status;
  };
  CHECK(status("/fails") == 502);
  CHECK(status("/answer", "[1]") == 502);
  CHECK(status("/answer", R"({"statusCode":418,"body":"tea"})") == 418);
  CHECK(status("/throttled") == 500);
  CHECK(status("/missing") == 500);
  CHECK(status("/unbuilt") == 501);
}

TEST_CASE("an answer after the integration's timeout is a 504 to a REST client") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  kernel.call("PutMethod", api.method("GET", "/a", {{"authorizationType", "NONE"}}));
  kernel.call("PutIntegration", api.method("GET", "/a",
                                           {{"type", "AWS_PROXY"},
                                            {"integrationHttpMethod", "POST"},
                                            {"uri", invocation_uri("late")},
                                            {"timeoutInMillis", 50}}));
  api.deploy();
  const auto response = ask(kernel, {.path = api.path("/a")});
  CHECK(response.status == 504);
  CHECK(response.body == R"({"message": "Endpoint request timed out"})");
}

TEST_CASE("a body of more than 10 MB is refused before the function sees it") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  api.function("POST", "/a", "answer");
  api.deploy();
  const auto answer = R"({"statusCode":200})" + std::string((10u << 20) - 18, ' ');
  CHECK(ask(kernel, {.method = "POST", .path = api.path("/a"), .body = answer}).status == 200);
  const auto response = ask(kernel, {.method = "POST", .path = api.path("/a"), .body = answer + " "});
  CHECK(response.status == 413);
  CHECK(response.body == R"({"message":"Request Too Long"})");
}

TEST_CASE("a method that asks for authorization lets nobody through") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  const auto deployed = [&](const char* path, Map method) {
    kernel.call("PutMethod", api.method("GET", path, std::move(method)));
    kernel.call(
        "PutIntegration",
        api.method("GET", path,
                   {{"type", "AWS_PROXY"}, {"integrationHttpMethod", "POST"}, {"uri", invocation_uri("echo")}}));
  };
  deployed("/iam", {{"authorizationType", "AWS_IAM"}});
  deployed("/key", {{"authorizationType", "NONE"}, {"apiKeyRequired", true}});
  api.deploy();
  for (const auto* path : {"/iam", "/key"}) {
    const auto response = ask(kernel, {.path = api.path(path)});
    CHECK(response.status == 501);
    CHECK(json(response.body)["message"].string().find("Moonbase has not built") == 0);
  }
  CHECK(ask(kernel, {.path = api.path("/iam")}).body.find("AWS_IAM") != std::string::npos);
}

TEST_CASE("an integration that is not built says so, and one of another method than POST fails as on AWS") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  for (const auto* path : {"/proxy", "/get"})
    kernel.call("PutMethod", api.method("GET", path, {{"authorizationType", "NONE"}}));
  kernel.call("PutIntegration",
              api.method("GET", "/proxy",
                         {{"type", "HTTP_PROXY"}, {"integrationHttpMethod", "GET"}, {"uri", "http://127.0.0.1/"}}));
  kernel.call("PutIntegration",
              api.method("GET", "/get",
                         {{"type", "AWS_PROXY"}, {"integrationHttpMethod", "GET"}, {"uri", invocation_uri("echo")}}));
  api.deploy();
  CHECK(ask(kernel, {.path = api.path("/proxy")}).status == 501);
  const auto response = ask(kernel, {.path = api.path("/get")});
  CHECK(response.status == 500);
  CHECK(response.body == R"({"message": "Internal server error"})");
}

TEST_CASE("a MOCK integration answers a preflight") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  kernel.call("PutMethod", api.method("OPTIONS", "/a", {{"authorizationType", "NONE"}}));
  kernel.call(
      "PutIntegration",
      api.method("OPTIONS", "/a",
                 {{"type", "MOCK"}, {"requestTemplates", Map{{"application/json", R"({"statusCode": 200})"}}}}));
  const Map allow{{"method.response.header.Access-Control-Allow-Origin", "'*'"}};
  kernel.call("PutIntegrationResponse",
              api.method("OPTIONS", "/a", {{"statusCode", "200"}, {"responseParameters", allow}}));
  api.deploy();
  const auto response = ask(kernel, {.method = "OPTIONS", .path = api.path("/a")});
  CHECK(response.status == 200);
  CHECK(response.headers.get("Access-Control-Allow-Origin") == "*");
}

TEST_CASE("an API whose endpoint is disabled answers nobody") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  api.function("GET", "/a", "echo");
  api.deploy();
  REQUIRE(ask(kernel, {.path = api.path("/a")}).status == 200);
  kernel.call(
      "UpdateRestApi",
      {{"restApiId", api.id},
       {"patchOperations", List{Map{{"op", "replace"}, {"path", "/disableExecuteApiEndpoint"}, {"value", "true"}}}}});
  CHECK(ask(kernel, {.path = api.path("/a")}).status == 403);
}

TEST_CASE("the control plane under /restapis/ stays reachable beside requests to APIs") {
  TestKernel kernel{"apigateway", with_functions()};
  RestApi api(kernel);
  api.function("GET", "/a", "echo");
  api.deploy();
  const auto response = ask(kernel, {.path = "/restapis/" + api.id + "/stages/prod",
                                     .headers = {{"Authorization",
                                                  "AWS4-HMAC-SHA256 Credential=test/20270101/us-east-1/apigateway/"
                                                  "aws4_request, SignedHeaders=host, Signature=00"}}});
  CHECK(response.status == 200);
  CHECK(json(response.body)["stageName"] == "prod");
}
