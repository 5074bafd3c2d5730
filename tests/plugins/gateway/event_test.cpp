#include "runtime/event.hpp"

#include <catch2/catch.hpp>
#include <moonbase/json.hpp>

using namespace moonbase;
using namespace moonbase::gateway;

namespace {

// A route of each format, and events of requests to it.
struct Fixture {
  HttpRequest http;
  Stage stage;
  Route route;
  RouteMatch match;
  std::string path = "/product/42", full_path = "/prod/product/42";

  explicit Fixture(EventFormat format) {
    http.method = "GET";
    http.source_ip = "127.0.0.1";
    http.headers.add("Host", "abc.execute-api.localhost:4566");
    stage.name = "prod";
    stage.deployment_id = "d3p10y";
    route.format = format;
    route.key = "GET /product/{id}";
    route.path = "/product/{id}";
    route.resource_id = "r3s0ur";
    route.variables = {"id"};
    match.values_count = 1;
    match.values[0] = "42";
  }
  std::string text() {
    prepare_events({"000000000000", "us-east-1", "abc"}, stage, route);
    return make_event({http, stage, route, match, path, full_path, "11111111-2222-4333-8444-555555555555",
                       "JKJaXmPLvHcESHA=", "Root=1-1", "abc.execute-api.localhost", "abc", Time{1'795'255'200'000}});
  }
  Value event() { return parse_json(text()).value(); }
};

}  // namespace

TEST_CASE("a REST event has AWS's fields") {
  Fixture fixture(EventFormat::rest);
  fixture.http.headers.add("X-Mine", "1");
  fixture.http.headers.add("x-mine", "2");
  fixture.http.headers.add("user-agent", "test/1");
  fixture.http.headers.add("Connection", "keep-alive");
  fixture.http.headers.add("Content-Length", "0");
  fixture.http.query = "a=1&b=%20x&a=2";
  const auto event = fixture.event();
  CHECK(event["resource"] == "/product/{id}");
  CHECK(event["path"] == "/product/42");
  CHECK(event["httpMethod"] == "GET");
  CHECK(event["headers"] == Value(Map{{"Host", "abc.execute-api.localhost:4566"},
                                      {"User-Agent", "test/1"},
                                      {"X-Mine", "2"},
                                      {"X-Amzn-Trace-Id", "Root=1-1"},
                                      {"X-Forwarded-For", "127.0.0.1"},
                                      {"X-Forwarded-Port", "4566"},
                                      {"X-Forwarded-Proto", "http"}}));
  CHECK(event["multiValueHeaders"]["X-Mine"] == Value(List{"1", "2"}));
  CHECK(event["queryStringParameters"] == Value(Map{{"a", "2"}, {"b", " x"}}));
  CHECK(event["multiValueQueryStringParameters"] == Value(Map{{"a", List{"1", "2"}}, {"b", List{" x"}}}));
  CHECK(event["pathParameters"] == Value(Map{{"id", "42"}}));
  CHECK(event["stageVariables"].is_null());
  CHECK(event["body"].is_null());
  CHECK(event["isBase64Encoded"] == Value(false));
  const auto& context = event["requestContext"];
  CHECK(context["accountId"] == "000000000000");
  CHECK(context["apiId"] == "abc");
  CHECK(context["resourceId"] == "r3s0ur");
  CHECK(context["resourcePath"] == "/product/{id}");
  CHECK(context["stage"] == "prod");
  CHECK(context["deploymentId"] == "d3p10y");
  CHECK(context["path"] == "/prod/product/42");
  CHECK(context["protocol"] == "HTTP/1.1");
  CHECK(context["requestId"] == "11111111-2222-4333-8444-555555555555");
  CHECK(context["extendedRequestId"] == "JKJaXmPLvHcESHA=");
  CHECK(context["requestTime"] == "21/Nov/2026:10:00:00 +0000");
  CHECK(context["requestTimeEpoch"] == Value(1'795'255'200'000));
  CHECK(context["domainName"] == "abc.execute-api.localhost");
  CHECK(context["domainPrefix"] == "abc");
  CHECK(context["identity"]["sourceIp"] == "127.0.0.1");
  CHECK(context["identity"]["userAgent"] == "test/1");
  CHECK(context["identity"].map().size() == 12);
  CHECK(event["version"].is_null());
}

TEST_CASE("a REST event without parameters says null") {
  Fixture fixture(EventFormat::rest);
  fixture.match.values_count = 0;
  const auto text = fixture.text();
  for (const auto* part : {R"("pathParameters":null)", R"("queryStringParameters":null)",
                           R"("multiValueQueryStringParameters":null)", R"("stageVariables":null)", R"("body":null)"})
    CHECK(text.find(part) != std::string::npos);
}

TEST_CASE("a REST body is text unless its type is listed as binary") {
  Fixture fixture(EventFormat::rest);
  fixture.stage.binary_media_types = {"image/*"};
  fixture.http.body = "hello";
  fixture.http.headers.add("Content-Type", "text/plain");
  CHECK(fixture.event()["body"] == "hello");
  fixture.http.headers.set("Content-Type", "image/png");
  CHECK(fixture.event()["body"] == "aGVsbG8=");
  CHECK(fixture.event()["isBase64Encoded"] == Value(true));
}

TEST_CASE("format 2.0 joins what is repeated and leaves out what is not there") {
  Fixture fixture(EventFormat::http_2);
  fixture.http.headers.add("X-Mine", "1");
  fixture.http.headers.add("X-MINE", "2");
  fixture.http.headers.add("Cookie", "a=1; b=2");
  fixture.http.headers.add("Content-Length", "0");
  fixture.http.query = "a=1&a=2&b=%20x";
  const auto event = fixture.event();
  CHECK(event["version"] == "2.0");
  CHECK(event["routeKey"] == "GET /product/{id}");
  CHECK(event["rawPath"] == "/prod/product/42");
  CHECK(event["rawQueryString"] == "a=1&a=2&b=%20x");
  CHECK(event["cookies"] == Value(List{"a=1", "b=2"}));
  CHECK(event["headers"] == Value(Map{{"host", "abc.execute-api.localhost:4566"},
                                      {"x-mine", "1,2"},
                                      {"content-length", "0"},
                                      {"x-amzn-trace-id", "Root=1-1"},
                                      {"x-forwarded-for", "127.0.0.1"},
                                      {"x-forwarded-port", "4566"},
                                      {"x-forwarded-proto", "http"}}));
  CHECK(event["queryStringParameters"] == Value(Map{{"a", "1,2"}, {"b", " x"}}));
  CHECK(event["pathParameters"] == Value(Map{{"id", "42"}}));
  const auto& context = event["requestContext"];
  CHECK(context["http"] == Value(Map{{"method", "GET"},
                                     {"path", "/prod/product/42"},
                                     {"protocol", "HTTP/1.1"},
                                     {"sourceIp", "127.0.0.1"},
                                     {"userAgent", ""}}));
  CHECK(context["time"] == "21/Nov/2026:10:00:00 +0000");
  CHECK(context["timeEpoch"] == Value(1'795'255'200'000));
  CHECK(context["routeKey"] == "GET /product/{id}");
  CHECK(context["stage"] == "prod");
  for (const auto* absent : {"body", "stageVariables", "multiValueHeaders", "resource", "path"})
    CHECK_FALSE(event.map().contains(absent));
}

TEST_CASE("an event without query, cookies or path parameters has none in format 2.0") {
  Fixture fixture(EventFormat::http_2);
  fixture.match.values_count = 0;
  const auto event = fixture.event();
  CHECK(event["rawQueryString"] == "");
  for (const auto* absent : {"queryStringParameters", "cookies", "pathParameters"})
    CHECK_FALSE(event.map().contains(absent));
}

TEST_CASE("an HTTP API encodes what is not text") {
  Fixture fixture(EventFormat::http_2);
  fixture.http.body = "hello";
  const auto encoded = [&](const std::string& type) {
    if (type.empty())
      fixture.http.headers.erase("Content-Type");
    else
      fixture.http.headers.set("Content-Type", type);
    return fixture.event()["isBase64Encoded"].boolean();
  };
  for (const auto* text :
       {"", "text/html", "application/json; charset=utf-8", "application/problem+json", "application/xml"})
    CHECK_FALSE(encoded(text));
  for (const auto* bytes : {"application/octet-stream", "image/png", "application/x-www-form-urlencoded"})
    CHECK(encoded(bytes));
  fixture.http.body = "\xff";
  CHECK(encoded("text/plain"));
}

TEST_CASE("format 1.0 of an HTTP API has lower-case headers, a version and a stage in its path") {
  Fixture fixture(EventFormat::http_1);
  fixture.http.headers.add("X-Mine", "1");
  fixture.stage.variables_json = R"({"color":"blue"})";
  const auto event = fixture.event();
  CHECK(event["version"] == "1.0");
  CHECK(event["resource"] == "/product/{id}");
  CHECK(event["path"] == "/prod/product/42");
  CHECK(event["headers"]["x-mine"] == "1");
  CHECK(event["multiValueHeaders"]["x-mine"] == Value(List{"1"}));
  CHECK(event["stageVariables"] == Value(Map{{"color", "blue"}}));
  CHECK(event["requestContext"]["resourceId"] == "GET /product/{id}");
  CHECK_FALSE(event["requestContext"].map().contains("deploymentId"));
}

TEST_CASE("hostile headers and queries stay text") {
  Fixture fixture(EventFormat::http_2);
  fixture.http.headers.add("X-Quote", "a\"b\\c");
  fixture.http.query = "%22%7D=%00&&=";
  fixture.match.values[0] = "\"},{\"";
  const auto event = fixture.event();
  CHECK(event["headers"]["x-quote"] == "a\"b\\c");
  CHECK(event["queryStringParameters"]["\"}"] == Value(std::string(1, '\0')));
  CHECK(event["pathParameters"]["id"] == "\"},{\"");
}
