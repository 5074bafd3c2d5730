// Function URLs.
#include <catch2/catch.hpp>

#include "support.hpp"

using namespace support;
using moonbase::HttpRequest;
using moonbase::HttpResponse;
using moonbase::List;
using moonbase::Map;
using moonbase::Value;
using moonbase::testing::TestKernel;

namespace {

struct Platform {
  TestKernel kernel{"lambda", functions};
  std::string path, id;

  Platform() {
    kernel.call("CreateFunction", function("f", R"(function handler(event)
      if event.rawPath == "/plain" then return "hello" end
      if event.rawPath == "/fail" then error "no" end
      if event.rawPath == "/full" then
        return { statusCode = 201, headers = { ["x-mine"] = "yes" }, cookies = { "a=1", "b=2" }, body = "bytes" }
      end
      return event
    end)"));
  }
  void make(const char* auth, Map more = {}) {
    Map input{{"FunctionName", "f"}, {"AuthType", auth}};
    for (auto& [key, value] : more) input.set(key, value);
    const auto url = kernel.call("CreateFunctionUrlConfig", std::move(input))["FunctionUrl"].string();
    path = url.substr(url.find("/_aws/lambda-url/"));
    id = path.substr(17, 32);
    path.pop_back();
  }
  void let_everybody_in() {
    kernel.call("AddPermission", {{"FunctionName", "f"},
                                  {"StatementId", "url"},
                                  {"Action", "lambda:InvokeFunctionUrl"},
                                  {"Principal", "*"},
                                  {"FunctionUrlAuthType", "NONE"}});
  }
  HttpResponse ask(const std::string& where, std::vector<std::pair<std::string, std::string>> headers = {},
                   const std::string& method = "GET", const std::string& body = "") {
    HttpRequest request;
    request.method = method;
    const auto question = where.find('?');
    request.path = path + where.substr(0, question);
    if (question != where.npos) request.query = where.substr(question + 1);
    request.headers.add("Host", "127.0.0.1:4566");
    for (auto& [name, value] : headers) request.headers.add(name, value);
    request.body = body;
    request.source_ip = "127.0.0.1";
    return kernel.http(std::move(request));
  }
};

}  // namespace

TEST_CASE_METHOD(Platform, "a URL invokes its function with an event of format 2.0") {
  make("NONE");
  CHECK(ask("/").status == 403);  // Nobody has been let in.
  let_everybody_in();
  const auto response = ask("/a%20b?x=1&x=2&y=", {{"X-One", "1"}, {"X-One", "2"}, {"Cookie", "a=1; b=2"}});
  REQUIRE(response.status == 200);
  CHECK(response.headers.get("Content-Type") == "application/json");
  const auto event = *moonbase::parse_json(response.body);
  CHECK(event["version"].string() == "2.0");
  CHECK(event["routeKey"].string() == "$default");
  CHECK(event["rawPath"].string() == "/a b");
  CHECK(event["rawQueryString"].string() == "x=1&x=2&y=");
  CHECK(event["queryStringParameters"]["x"].string() == "1,2");
  CHECK(event["headers"]["x-one"].string() == "1,2");
  CHECK(event["cookies"][1].string() == "b=2");
  CHECK(event["requestContext"]["http"]["method"].string() == "GET");
  CHECK(event["requestContext"]["apiId"].string() == id);
  CHECK(event["requestContext"]["accountId"].string() == "anonymous");
  CHECK(event["requestContext"]["time"].string() == "01/Jan/2027:00:00:00 +0000");
  CHECK(event["isBase64Encoded"].boolean() == false);
  const auto binary = *moonbase::parse_json(
      ask("/", {{"Content-Type", "application/octet-stream"}}, "POST", std::string("\x01\x02", 2)).body);
  CHECK(binary["body"].string() == "AQI=");
  CHECK(binary["isBase64Encoded"].boolean());

  // The same by its host.
  HttpRequest by_host;
  by_host.method = "GET";
  by_host.path = "/plain";
  by_host.headers.add("Host", id + ".lambda-url.us-east-1.localhost:4566");
  CHECK(kernel.http(std::move(by_host)).body == "hello");
}

TEST_CASE_METHOD(Platform, "an answer says what the client gets, or is the body itself") {
  make("NONE");
  let_everybody_in();
  CHECK(ask("/plain").body == "hello");
  const auto full = ask("/full");
  CHECK(full.status == 201);
  CHECK(full.body == "bytes");
  CHECK(full.headers.get("x-mine") == "yes");
  CHECK(full.headers.all("Set-Cookie").size() == 2);
  const auto failed = ask("/fail");
  CHECK(failed.status == 502);
  CHECK(failed.body == "Internal Server Error");
  kernel.call("PutFunctionConcurrency", {{"FunctionName", "f"}, {"ReservedConcurrentExecutions", 0}});
  CHECK(ask("/plain").status == 429);
  kernel.call("DeleteFunctionUrlConfig", {{"FunctionName", "f"}});
  CHECK(ask("/plain").status == 403);
}

TEST_CASE_METHOD(Platform, "a URL with AWS_IAM wants a signature") {
  make("AWS_IAM");
  CHECK(ask("/plain").status == 403);
  const auto signed_by = [](const std::string& key) {
    return std::vector<std::pair<std::string, std::string>>{
        {"Authorization", "AWS4-HMAC-SHA256 Credential=" + key +
                              "/20270101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=00"}};
  };
  const auto response = ask("/", signed_by("test"));
  REQUIRE(response.status == 200);
  const auto event = *moonbase::parse_json(response.body);
  CHECK(event["requestContext"]["authorizer"]["iam"]["accountId"].string() == "000000000000");
  CHECK(event["requestContext"]["authorizer"]["iam"]["userArn"].string() == "arn:aws:iam::000000000000:root");
  // Another account needs the policy's word.
  CHECK(ask("/", signed_by("111122223333")).status == 403);
  kernel.call("AddPermission", {{"FunctionName", "f"},
                                {"StatementId", "url"},
                                {"Action", "lambda:InvokeFunctionUrl"},
                                {"Principal", "111122223333"},
                                {"FunctionUrlAuthType", "AWS_IAM"}});
  CHECK(ask("/", signed_by("111122223333")).status == 200);
  // Credentials that the platform issued are verified: this signature is none.
  std::string issued;
  kernel.on_fiber([&](moonbase::KernelServices& services, moonbase::CallContext& context) {
    issued = services.credentials.issue(context.identity, {services.clock.now().ms + 3'600'000}).access_key_id;
  });
  CHECK(ask("/", signed_by(issued)).status == 403);
}

TEST_CASE_METHOD(Platform, "CORS is answered by the platform") {
  make("NONE", {{"Cors", Map{{"AllowOrigins", List{"https://shop.example"}},
                             {"AllowMethods", List{"GET", "POST"}},
                             {"AllowHeaders", List{"x-token"}},
                             {"MaxAge", 60}}}});
  let_everybody_in();
  const auto preflight =
      ask("/", {{"Origin", "https://shop.example"}, {"Access-Control-Request-Method", "POST"}}, "OPTIONS");
  CHECK(preflight.status == 200);
  CHECK(preflight.headers.get("Access-Control-Allow-Methods") == "GET,POST");
  CHECK(preflight.headers.get("Access-Control-Allow-Headers") == "x-token");
  CHECK(preflight.headers.get("Access-Control-Max-Age") == "60");
  CHECK(ask("/plain", {{"Origin", "https://shop.example"}}).headers.get("Access-Control-Allow-Origin") ==
        "https://shop.example");
  CHECK(ask("/plain", {{"Origin", "https://other.example"}}).headers.get("Access-Control-Allow-Origin").empty());
}

TEST_CASE_METHOD(Platform, "URLs belong to functions and aliases, one each") {
  make("NONE");
  CHECK(kernel.error("CreateFunctionUrlConfig", {{"FunctionName", "f"}, {"AuthType", "NONE"}}).code ==
        "ResourceConflictException");
  kernel.call("PublishVersion", {{"FunctionName", "f"}});
  kernel.call("CreateAlias", {{"FunctionName", "f"}, {"Name", "live"}, {"FunctionVersion", "1"}});
  CHECK(
      kernel.error("CreateFunctionUrlConfig", {{"FunctionName", "f"}, {"Qualifier", "1"}, {"AuthType", "NONE"}}).code ==
      "ValidationException");
  kernel.call("CreateFunctionUrlConfig", {{"FunctionName", "f"}, {"Qualifier", "live"}, {"AuthType", "NONE"}});
  CHECK(kernel.call("ListFunctionUrlConfigs", {{"FunctionName", "f"}})["FunctionUrlConfigs"].list().size() == 2);
  auto page = kernel.call("ListFunctionUrlConfigs", {{"FunctionName", "f"}, {"MaxItems", 1}});
  CHECK(page["FunctionUrlConfigs"][0]["FunctionArn"].string() == "arn:aws:lambda:us-east-1:000000000000:function:f");
  page =
      kernel.call("ListFunctionUrlConfigs", {{"FunctionName", "f"}, {"MaxItems", 1}, {"Marker", page["NextMarker"]}});
  CHECK(page["FunctionUrlConfigs"][0]["FunctionArn"].string() ==
        "arn:aws:lambda:us-east-1:000000000000:function:f:live");
  CHECK(page["NextMarker"].is_null());
  CHECK(kernel.call("UpdateFunctionUrlConfig", {{"FunctionName", "f"}, {"AuthType", "AWS_IAM"}})["AuthType"].string() ==
        "AWS_IAM");
  CHECK(kernel.call("UpdateFunctionUrlConfig", {{"FunctionName", "f"}, {"InvokeMode", "RESPONSE_STREAM"}})["InvokeMode"]
            .string() == "RESPONSE_STREAM");
  CHECK(kernel.call("GetFunctionUrlConfig", {{"FunctionName", "f"}})["InvokeMode"].string() == "RESPONSE_STREAM");
  kernel.call("DeleteAlias", {{"FunctionName", "f"}, {"Name", "live"}});
  CHECK(kernel.call("ListFunctionUrlConfigs", {{"FunctionName", "f"}})["FunctionUrlConfigs"].list().size() == 1);
}

TEST_CASE_METHOD(Platform,
                 "a URL that streams passes on what a program streams, with status and headers of its prelude") {
  // Answers as its path says.
  kernel.call("CreateFunction", function("program", "",
                                         {{"Runtime", "provided.al2023"},
                                          {"Timeout", 20},
                                          {"Code", Map{{"ZipFile", zip({{"bootstrap", R"sh(#!/bin/sh
url=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
answer() { # content type; the body comes by pipe
  curl -sS -X POST -H "Transfer-Encoding: chunked" -H "Lambda-Runtime-Function-Response-Mode: streaming" \
    -H "Content-Type: $1" -T - "$url/$id/response" > /dev/null
}
prelude=application/vnd.awslambda.http-integration-response
while true; do
  event=$(curl -sSD /tmp/head "$url/next")
  id=$(sed -n 's/^lambda-runtime-aws-request-id: *\([^\r]*\).*/\1/Ip' /tmp/head)
  case "$event" in
    *'"rawPath":"/head"'*)
      { printf '{"statusCode":201,"headers":{"x-mine":"yes"},"cookies":["a=1"]}\000\000\000'
        printf '\000\000\000\000\000one '; printf two; } | answer $prelude ;;
    *'"rawPath":"/large"'*) { printf '{}\000\000\000\000\000\000\000\000'; head -c 3000000 /dev/zero; } | answer $prelude ;;
    *'"rawPath":"/plain"'*) printf 'text' | answer text/event-stream ;;
    *'"rawPath":"/broken"'*) printf 'no prelude' | answer $prelude ;;
    *) curl -sSd '{"statusCode":202,"body":"whole"}' "$url/$id/response" > /dev/null ;;
  esac
done
)sh"}})}}}}));
  const auto url =
      kernel
          .call("CreateFunctionUrlConfig",
                {{"FunctionName", "program"}, {"AuthType", "NONE"}, {"InvokeMode", "RESPONSE_STREAM"}})["FunctionUrl"]
          .string();
  path = url.substr(url.find("/_aws/lambda-url/"), 17 + 32);
  kernel.call("AddPermission", {{"FunctionName", "program"},
                                {"StatementId", "url"},
                                {"Action", "lambda:InvokeFunctionUrl"},
                                {"Principal", "*"},
                                {"FunctionUrlAuthType", "NONE"}});
  const auto head = ask("/head");
  CHECK(head.status == 201);
  CHECK(head.headers.get("x-mine") == "yes");
  CHECK(head.headers.get("Set-Cookie") == "a=1");
  CHECK(head.headers.get("Content-Type") == "application/octet-stream");
  CHECK(head.body == "one two");
  const auto large = ask("/large");
  CHECK(large.status == 200);
  CHECK(large.body == std::string(3'000'000, '\0'));
  const auto plain = ask("/plain");
  CHECK(plain.body == "text");
  CHECK(plain.headers.get("Content-Type") == "text/event-stream");
  CHECK(ask("/broken").status == 502);
  const auto whole = ask("/whole");
  CHECK(whole.status == 202);
  CHECK(whole.body == "whole");
}

TEST_CASE_METHOD(Platform, "a URL that streams answers in one piece where the runtime does") {
  make("NONE", {{"InvokeMode", "RESPONSE_STREAM"}});
  let_everybody_in();
  CHECK(ask("/plain").body == "hello");
  CHECK(ask("/full").status == 201);
  CHECK(ask("/fail").status == 502);
  kernel.call("PutFunctionConcurrency", {{"FunctionName", "f"}, {"ReservedConcurrentExecutions", 0}});
  CHECK(ask("/plain").status == 429);
}
