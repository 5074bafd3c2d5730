#include "runtime/mock.hpp"

#include <catch2/catch.hpp>
#include <moonbase/json.hpp>

using namespace moonbase;
using namespace moonbase::gateway;

namespace {

struct Mocked {
  bool good = false;
  std::string not_built;
  HttpResponse response;
};
Mocked mocked(const char* integration, const std::string& content_type = "", const std::string& body = "") {
  const auto mock = Mock::from(parse_json(integration).value());
  HttpRequest request;
  request.method = "GET";
  request.body = body;
  if (!content_type.empty()) request.headers.add("Content-Type", content_type);
  Mocked result;
  result.good = answer_mock(mock, request, result.response, result.not_built);
  return result;
}

}  // namespace

TEST_CASE("a mock answers the template of the status that its request template says") {
  constexpr auto integration = R"({"requestTemplates":{"application/json":"{ statusCode: 204 }"},
    "integrationResponses":{
      "200":{"statusCode":"200","responseTemplates":{"application/json":"{\"ok\":true}"}},
      "204":{"statusCode":"204","selectionPattern":"204",
             "responseParameters":{"method.response.header.Access-Control-Allow-Origin":"'*'"}}}})";
  const auto result = mocked(integration);
  REQUIRE(result.good);
  CHECK(result.not_built.empty());
  CHECK(result.response.status == 204);
  CHECK(result.response.body.empty());
  CHECK(result.response.headers.get("Access-Control-Allow-Origin") == "*");
}

TEST_CASE("a mock without a matching pattern answers the default response") {
  const auto result = mocked(R"({"requestTemplates":{"application/json":"{\"statusCode\": 200}"},
    "integrationResponses":{"201":{"statusCode":"201","responseTemplates":{"application/json":"{\"ok\":true}"}}}})");
  CHECK(result.response.status == 201);
  CHECK(result.response.body == R"({"ok":true})");
  CHECK(result.response.headers.get("Content-Type") == "application/json");
}

TEST_CASE("a mock without a status is an internal error") {
  CHECK_FALSE(
      mocked(R"({"requestTemplates":{"application/json":"{}"},"integrationResponses":{"200":{"statusCode":"200"}}})")
          .good);
  CHECK_FALSE(mocked(R"({"requestTemplates":{"application/json":"{\"statusCode\":200}"}})").good);
}

TEST_CASE("a mock that never passes requests on refuses another content type") {
  const auto result =
      mocked(R"({"passthroughBehavior":"NEVER","requestTemplates":{"application/json":"{\"statusCode\":200}"}})",
             "text/plain");
  CHECK(result.response.status == 415);
}

TEST_CASE("templates with expressions are not built, and say so") {
  CHECK(mocked(R"({"requestTemplates":{"application/json":"#set($a = 1){\"statusCode\": 200}"}})").not_built ==
        "a request template with expressions");
  CHECK(mocked(R"({"requestTemplates":{"application/json":"{\"statusCode\": 200}"},
    "integrationResponses":{"200":{"statusCode":"200","responseTemplates":{"application/json":"$input.body"}}}})")
            .not_built == "a response template with expressions");
  CHECK(mocked(R"({"requestTemplates":{"application/json":"{\"statusCode\": 200}"},
    "integrationResponses":{"200":{"statusCode":"200","selectionPattern":"2\\d{2}"}}})")
            .not_built == "the selection pattern 2\\d{2}");
}
