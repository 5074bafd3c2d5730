#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::gateway::testing;

TEST_CASE("an HTTP API is shown as AWS shows it, with an endpoint that answers") {
  TestKernel kernel{"apigatewayv2", with_functions()};
  const auto api = kernel.call(
      "CreateApi", {{"Name", "public"}, {"ProtocolType", "HTTP"}, {"Tags", Map{{"_custom_id_", "public"}}}});
  CHECK(api["ApiId"] == "public");
  CHECK(api["ApiEndpoint"] == "http://127.0.0.1:4566/_aws/execute-api/public");
  CHECK(api["RouteSelectionExpression"] == "$request.method $request.path");
  CHECK(api["ApiKeySelectionExpression"] == "$request.header.x-api-key");
  CHECK(api["DisableExecuteApiEndpoint"] == Value(false));
  CHECK(kernel.call("GetApi", {{"ApiId", "public"}}) == api);
  CHECK(kernel.call("GetApis")["Items"] == Value(List{api}));
  CHECK(kernel.error("GetApi", {{"ApiId", "nothere"}}).message ==
        "Invalid API identifier specified 000000000000:nothere");
}

TEST_CASE("WebSocket APIs are not built, and say so") {
  TestKernel kernel{"apigatewayv2", with_functions()};
  const auto error = kernel.error("CreateApi", {{"Name", "x"}, {"ProtocolType", "WEBSOCKET"}});
  CHECK(error.code == "NotImplemented");
  CHECK(error.message.find("WEBSOCKET") != std::string::npos);
}

TEST_CASE("a quick-created API answers at once") {
  TestKernel kernel{"apigatewayv2", with_functions()};
  const auto api =
      kernel.call("CreateApi", {{"Name", "quick"}, {"ProtocolType", "HTTP"}, {"Target", function_arn("echo")}});
  const auto id = api["ApiId"].string();
  CHECK(kernel.call("GetStage", {{"ApiId", id}, {"StageName", "$default"}})["AutoDeploy"] == Value(true));
  const auto routes = kernel.call("GetRoutes", {{"ApiId", id}})["Items"];
  REQUIRE(routes.list().size() == 1);
  CHECK(routes[0]["RouteKey"] == "$default");
  const auto response = ask(kernel, {.path = "/any/thing", .host = id + ".execute-api.localhost"});
  REQUIRE(response.status == 200);
  CHECK(json(response.body)["version"] == "2.0");
  CHECK(json(response.body)["routeKey"] == "$default");
}

TEST_CASE("an HTTP API with a $default stage has no stage in its path") {
  TestKernel kernel{"apigatewayv2", with_functions()};
  HttpApi api(kernel);
  api.route("GET /pets/{id}", "echo");
  for (const auto& one :
       {Ask{.path = "/pets/7", .host = api.host()}, Ask{.path = "/_aws/execute-api/" + api.id + "/pets/7"},
        Ask{.path = "/_aws/execute-api/" + api.id + "/$default/pets/7"},
        Ask{.path = "/restapis/" + api.id + "/$default/_user_request_/pets/7"}}) {
    CAPTURE(one.path);
    const auto response = ask(kernel, one);
    REQUIRE(response.status == 200);
    const auto event = json(response.body);
    CHECK(event["rawPath"] == "/pets/7");
    CHECK(event["routeKey"] == "GET /pets/{id}");
    CHECK(event["pathParameters"]["id"] == "7");
    CHECK(event["requestContext"]["stage"] == "$default");
    CHECK(response.headers.get("apigw-requestid") == event["requestContext"]["requestId"].string());
  }
}

TEST_CASE("a named stage of an HTTP API is in the path that events show") {
  TestKernel kernel{"apigatewayv2", with_functions()};
  HttpApi api(kernel);
  api.route("GET /pets", "echo");
  kernel.call("CreateStage",
              {{"ApiId", api.id}, {"StageName", "dev"}, {"AutoDeploy", true}, {"StageVariables", Map{{"a", "1"}}}});
  const auto event = json(ask(kernel, {.path = "/dev/pets", .host = api.host()}).body);
  CHECK(event["rawPath"] == "/dev/pets");
  CHECK(event["requestContext"]["http"]["path"] == "/dev/pets");
  CHECK(event["stageVariables"] == Value(Map{{"a", "1"}}));
}

TEST_CASE("an HTTP API decodes the path") {
  TestKernel kernel{"apigatewayv2", with_functions()};
  HttpApi api(kernel);
  api.route("GET /pets/{name}", "echo");
  const auto event = json(ask(kernel, {.path = "/pets/a%20b%2Bc", .host = api.host()}).body);
  CHECK(event["rawPath"] == "/pets/a b+c");
  CHECK(event["pathParameters"]["name"] == "a b+c");
}

TEST_CASE("a request without a route of an HTTP API is not found") {
  TestKernel kernel{"apigatewayv2", with_functions()};
  HttpApi api(kernel);
  api.route("GET /pets", "echo");
  for (const auto& one :
       {Ask{.path = "/cats", .host = api.host()}, Ask{.method = "POST", .path = "/pets", .host = api.host()}}) {
    const auto response = ask(kernel, one);
    CHECK(response.status == 404);
    CHECK(response.body == R"({"message":"Not Found"})");
    CHECK(response.headers.contains("apigw-requestid"));
  }
  CHECK(ask(kernel, {.path = "/", .host = "nothere.execute-api.localhost"}).status == 403);
}

TEST_CASE("changes reach a stage that deploys by itself at once, and others by a deployment") {
  TestKernel kernel{"apigatewayv2", with_functions()};
  HttpApi api(kernel);
  kernel.call("CreateStage", {{"ApiId", api.id}, {"StageName", "dev"}});
  const auto status = [&](const char* path) { return ask(kernel, {.path = path, .host = api.host()}).status; };
  CHECK(status("/a") == 404);
  const auto first = kernel.call("GetStage", {{"ApiId", api.id}, {"StageName", "$default"}})["DeploymentId"];
  const auto route = api.route("GET /a", "echo");
  CHECK(status("/a") == 200);
  CHECK(status("/dev/a") == 404);
  const auto stage = kernel.call("GetStage", {{"ApiId", api.id}, {"StageName", "$default"}});
  CHECK_FALSE(stage["DeploymentId"] == first);
  CHECK(stage["LastDeploymentStatusMessage"] ==
        Value("Successfully deployed stage with deployment ID '" + stage["DeploymentId"].string() + "'"));
  kernel.call("CreateDeployment", {{"ApiId", api.id}, {"StageName", "dev"}});
  CHECK(status("/dev/a") == 200);
  kernel.call("UpdateRoute", {{"ApiId", api.id}, {"RouteId", route}, {"RouteKey", "GET /b"}});
  CHECK(status("/a") == 404);
  CHECK(status("/b") == 200);
  CHECK(status("/dev/a") == 200);
  kernel.restart();
  CHECK(status("/b") == 200);
  CHECK(status("/dev/a") == 200);
  kernel.call("DeleteRoute", {{"ApiId", api.id}, {"RouteId", route}});
  CHECK(status("/b") == 404);
}

TEST_CASE("a stage that stops deploying by itself keeps what it had") {
  TestKernel kernel{"apigatewayv2", with_functions()};
  HttpApi api(kernel);
  api.route("GET /a", "echo");
  kernel.call("UpdateStage", {{"ApiId", api.id}, {"StageName", "$default"}, {"AutoDeploy", false}});
  api.route("GET /b", "echo");
  const auto status = [&](const char* path) { return ask(kernel, {.path = path, .host = api.host()}).status; };
  CHECK(status("/a") == 200);
  CHECK(status("/b") == 404);
  kernel.call("UpdateStage", {{"ApiId", api.id}, {"StageName", "$default"}, {"AutoDeploy", true}});
  CHECK(status("/b") == 200);
}

TEST_CASE("routes and integrations that cannot be are refused") {
  TestKernel kernel{"apigatewayv2", with_functions()};
  HttpApi api(kernel);
  api.route("GET /a", "echo");
  const auto error = [&](Map route) {
    route.set("ApiId", api.id);
    return kernel.error("CreateRoute", std::move(route));
  };
  CHECK(error({{"RouteKey", "GET /a"}}).message == "Route with key GET /a already exists for this API");
  for (const auto* key : {"GET", "GET a", "get /a", "GET /a/{b+}/c", "GET /{a", "GET /a//b", "/a", "FETCH /a"})
    CHECK(error({{"RouteKey", key}}).code == "BadRequestException");
  CHECK(error({{"RouteKey", "GET /b"}, {"Target", "integrations/nothere"}}).code == "NotFoundException");
  CHECK(error({{"RouteKey", "GET /b"}, {"AuthorizationType", "JWT"}, {"AuthorizerId", "x"}}).code ==
        "BadRequestException");
  const auto integration = api.integration("echo");
  kernel.call("CreateRoute", {{"ApiId", api.id}, {"RouteKey", "GET /c"}, {"Target", "integrations/" + integration}});
  CHECK(kernel.error("DeleteIntegration", {{"ApiId", api.id}, {"IntegrationId", integration}}).code ==
        "ConflictException");
  CHECK(kernel.error("CreateIntegration", {{"ApiId", api.id}, {"IntegrationType", "AWS_PROXY"}}).code ==
        "BadRequestException");
  CHECK(kernel.error("GetRoute", {{"ApiId", api.id}, {"RouteId", "x"}}).message ==
        "Invalid Route identifier specified x");
}

TEST_CASE("a route that asks for authorization lets nobody through") {
  TestKernel kernel{"apigatewayv2", with_functions()};
  HttpApi api(kernel);
  kernel.call("CreateRoute", {{"ApiId", api.id},
                              {"RouteKey", "GET /a"},
                              {"AuthorizationType", "AWS_IAM"},
                              {"Target", "integrations/" + api.integration("echo")}});
  const auto response = ask(kernel, {.path = "/a", .host = api.host()});
  CHECK(response.status == 501);
  CHECK(response.body.find("AWS_IAM") != std::string::npos);
}

TEST_CASE("a route without an integration is an internal error") {
  TestKernel kernel{"apigatewayv2", with_functions()};
  HttpApi api(kernel);
  kernel.call("CreateRoute", {{"ApiId", api.id}, {"RouteKey", "GET /a"}});
  CHECK(ask(kernel, {.path = "/a", .host = api.host()}).status == 500);
}

TEST_CASE("functions answer an HTTP API in both payload formats") {
  TestKernel kernel{"apigatewayv2", with_functions()};
  HttpApi api(kernel);
  api.route("GET /1", "answer", "1.0");
  api.route("GET /2", "answer", "2.0");
  api.route("GET /fails", "fails");
  api.route("GET /throttled", "throttled");
  const auto answered = [&](const char* path, const std::string& answer) {
    return ask(kernel, {.path = path, .host = api.host(), .headers = {{"X-Answer", answer}}});
  };
  CHECK(answered("/2", R"({"id":1})").body == R"({"id":1})");
  CHECK(answered("/1", R"({"id":1})").status == 500);
  CHECK(answered("/1", R"({"statusCode":201,"body":"x"})").status == 201);
  CHECK(answered("/2", R"({"statusCode":201,"cookies":["a=1"]})").headers.get("set-cookie") == "a=1");
  CHECK(answered("/fails", "").body == R"({"message":"Internal Server Error"})");
  CHECK(answered("/throttled", "").status == 503);
}

TEST_CASE("an answer after the integration's timeout is a 503 to an HTTP client") {
  TestKernel kernel{"apigatewayv2", with_functions()};
  HttpApi api(kernel);
  const auto integration = kernel.call("CreateIntegration", {{"ApiId", api.id},
                                                             {"IntegrationType", "AWS_PROXY"},
                                                             {"IntegrationUri", function_arn("late")},
                                                             {"PayloadFormatVersion", "2.0"},
                                                             {"TimeoutInMillis", 50}});
  kernel.call(
      "CreateRoute",
      {{"ApiId", api.id}, {"RouteKey", "GET /a"}, {"Target", "integrations/" + integration["IntegrationId"].string()}});
  const auto response = ask(kernel, {.path = "/a", .host = api.host()});
  CHECK(response.status == 503);
  CHECK(response.body == R"({"message":"Service Unavailable"})");
}

TEST_CASE("an HTTP API with CORS answers preflights by itself and marks other answers") {
  TestKernel kernel{"apigatewayv2", with_functions()};
  HttpApi api(kernel, {{"CorsConfiguration", Map{{"AllowOrigins", List{"https://shop.example"}},
                                                 {"AllowMethods", List{"GET", "POST"}},
                                                 {"AllowHeaders", List{"content-type"}},
                                                 {"ExposeHeaders", List{"x-total"}},
                                                 {"MaxAge", 300},
                                                 {"AllowCredentials", true}}}});
  api.route("GET /a", "answer");
  const auto preflight = [&](const char* origin) {
    return ask(kernel, {.method = "OPTIONS",
                        .path = "/a",
                        .host = api.host(),
                        .headers = {{"Origin", origin}, {"Access-Control-Request-Method", "GET"}}});
  };
  const auto allowed = preflight("https://shop.example");
  CHECK(allowed.status == 204);
  CHECK(allowed.headers.get("access-control-allow-origin") == "https://shop.example");
  CHECK(allowed.headers.get("access-control-allow-methods") == "GET,POST");
  CHECK(allowed.headers.get("access-control-allow-headers") == "content-type");
  CHECK(allowed.headers.get("access-control-max-age") == "300");
  CHECK(allowed.headers.get("access-control-allow-credentials") == "true");
  CHECK_FALSE(preflight("https://evil.example").headers.contains("access-control-allow-origin"));

  const auto answered = [&](const char* origin) {
    return ask(kernel,
               {.path = "/a",
                .host = api.host(),
                .headers = {{"Origin", origin},
                            {"X-Answer", R"({"statusCode":200,"headers":{"Access-Control-Allow-Origin":"*"}})"}}});
  };
  CHECK(answered("https://shop.example").headers.all("access-control-allow-origin") ==
        std::vector<std::string_view>{"https://shop.example"});
  CHECK(answered("https://shop.example").headers.get("access-control-expose-headers") == "x-total");
  CHECK_FALSE(answered("https://evil.example").headers.contains("access-control-allow-origin"));

  kernel.call("DeleteCorsConfiguration", {{"ApiId", api.id}});
  CHECK(preflight("https://shop.example").status == 404);
}

TEST_CASE("two accounts may pin the same id, and each reaches its own API") {
  TestKernel kernel{"apigatewayv2", with_functions()};
  const Map input{{"Name", "x"},
                  {"ProtocolType", "HTTP"},
                  {"Target", function_arn("echo")},
                  {"Tags", Map{{"_custom_id_", "same"}}}};
  kernel.call("CreateApi", input);
  auto other = kernel.context;
  other.identity.account_id = "111111111111";
  REQUIRE(kernel.try_call_as(other, "apigatewayv2", "CreateApi", input));
  const auto account = [&](const std::vector<std::pair<std::string, std::string>>& headers) {
    return json(ask(kernel, {.path = "/x", .host = "same.execute-api.localhost", .headers = headers})
                    .body)["requestContext"]["accountId"];
  };
  CHECK(account({}) == "000000000000");
  CHECK(account({{"Authorization",
                  "AWS4-HMAC-SHA256 Credential=111111111111/20270101/us-east-1/execute-api/aws4_request, "
                  "SignedHeaders=host, Signature=00"}}) == "111111111111");
}

TEST_CASE("an HTTP API is deleted with all that belongs to it") {
  TestKernel kernel{"apigatewayv2", with_functions()};
  HttpApi api(kernel);
  api.route("GET /a", "echo");
  REQUIRE(ask(kernel, {.path = "/a", .host = api.host()}).status == 200);
  kernel.call("DeleteApi", {{"ApiId", api.id}});
  CHECK(ask(kernel, {.path = "/a", .host = api.host()}).status == 403);
  CHECK(kernel.error("GetRoutes", {{"ApiId", api.id}}).code == "NotFoundException");
}

TEST_CASE("an HTTP API and its stage are tagged by their ARNs") {
  TestKernel kernel{"apigatewayv2", with_functions()};
  HttpApi api(kernel);
  for (const auto& arn : {"arn:aws:apigateway:us-east-1::/apis/" + api.id,
                          "arn:aws:apigateway:us-east-1::/apis/" + api.id + "/stages/$default"}) {
    kernel.call("TagResource", {{"ResourceArn", arn}, {"Tags", Map{{"a", "1"}, {"b", "2"}}}});
    kernel.call("UntagResource", {{"ResourceArn", arn}, {"TagKeys", List{"a"}}});
    CHECK(kernel.call("GetTags", {{"ResourceArn", arn}})["Tags"] == Value(Map{{"b", "2"}}));
  }
}
