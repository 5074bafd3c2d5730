#include "runtime/answer.hpp"

#include <catch2/catch.hpp>

using namespace moonbase;
using namespace moonbase::gateway;

namespace {

HttpResponse answered(EventFormat format, const std::string& payload, std::string_view accept = "",
                      std::vector<std::string> binary = {}) {
  Stage stage;
  stage.binary_media_types = std::move(binary);
  InvocationResult result;
  result.payload = payload;
  HttpResponse response;
  answer(format, stage, result, accept, response);
  return response;
}
constexpr auto rest = EventFormat::rest;
constexpr auto http_1 = EventFormat::http_1;
constexpr auto http_2 = EventFormat::http_2;

}  // namespace

TEST_CASE("a REST API hands on status, headers and body") {
  const auto response = answered(
      rest,
      R"({"statusCode":201,"headers":{"X-One":"1","X-Yes":true},"multiValueHeaders":{"X-Many":["a","b"]},"body":"{}"})");
  CHECK(response.status == 201);
  CHECK(response.body == "{}");
  CHECK(response.headers.get("X-One") == "1");
  CHECK(response.headers.get("X-Yes") == "true");
  CHECK(response.headers.all("x-many") == std::vector<std::string_view>{"a", "b"});
  CHECK(response.headers.get("Content-Type") == "application/json");
}

TEST_CASE("a header that is in both counts in multiValueHeaders") {
  const auto response =
      answered(rest, R"({"headers":{"X-A":"1","Content-Type":"text/html"},"multiValueHeaders":{"x-a":["2"]}})");
  CHECK(response.headers.all("X-A") == std::vector<std::string_view>{"2"});
  CHECK(response.headers.get("Content-Type") == "text/html");
}

TEST_CASE("a REST API takes a status in quotes, and 200 where there is none") {
  CHECK(answered(rest, R"({"statusCode":"404"})").status == 404);
  CHECK(answered(rest, R"({})").status == 200);
}

TEST_CASE("a malformed answer of a REST function is a 502") {
  const std::string payload = GENERATE(
      R"("text")", "null", "[]", "", "{", R"({"statusCode":"abc"})", R"({"statusCode":42})", R"({"statusCode":200.5})",
      R"({"statusCode":600})", R"({"id":1})", R"({"statusCode":200,"body":{"a":1}})", R"({"headers":{"x":1}})",
      R"({"headers":[]})", R"({"multiValueHeaders":{"x":"1"}})", R"({"headers":{"x":"a\r\nSet-Cookie: b"}})",
      R"({"headers":{"a b":"1"}})", R"({"isBase64Encoded":"yes"})", R"({"statusCode":{}})");
  CAPTURE(payload);
  const auto response = answered(rest, payload);
  CHECK(response.status == 502);
  CHECK(response.body == R"({"message": "Internal server error"})");
  CHECK(response.headers.get("x-amzn-ErrorType") == "InternalServerErrorException");
  CHECK(response.headers.size() == 2);
}

TEST_CASE("a function cannot frame the connection") {
  const auto response = answered(
      rest,
      R"({"headers":{"Content-Length":"9","Transfer-Encoding":"chunked","WWW-Authenticate":"Basic","Connection":"close"}})");
  CHECK_FALSE(response.headers.contains("Content-Length"));
  CHECK_FALSE(response.headers.contains("Transfer-Encoding"));
  CHECK_FALSE(response.headers.contains("Connection"));
  CHECK(response.headers.get("x-amzn-Remapped-WWW-Authenticate") == "Basic");
}

TEST_CASE("the headers of an answer have 10,240 bytes together") {
  const auto with = [](std::size_t bytes) {
    return R"({"statusCode":200,"headers":{"x":")" + std::string(bytes - 1, 'a') + R"("}})";
  };
  CHECK(answered(rest, with(10'240)).status == 200);
  CHECK(answered(rest, with(10'241)).status == 502);
  CHECK(answered(http_2, with(10'241)).status == 500);
  std::string many = R"({"statusCode":200,"cookies":["")";
  for (int i = 0; i < 2'000; ++i) many += R"(,"")";
  CHECK(answered(http_2, many + "]}").status == 500);
}

TEST_CASE("a REST API decodes only what it lists as binary") {
  const std::string payload = R"({"headers":{"Content-Type":"image/png"},"body":"aGVsbG8=","isBase64Encoded":true})";
  CHECK(answered(rest, payload).body == "aGVsbG8=");
  CHECK(answered(rest, payload, "", {"image/png"}).body == "hello");
  CHECK(answered(rest, payload, "image/webp,*/*", {"image/webp"}).body == "hello");
  CHECK(answered(rest, payload, "", {"*/*"}).body == "hello");
  CHECK(answered(rest, R"({"body":"%","isBase64Encoded":true})", "", {"*/*"}).status == 502);
}

TEST_CASE("an HTTP API takes JSON without a status for the body") {
  const auto object = answered(http_2, R"({"id":1})");
  CHECK(object.status == 200);
  CHECK(object.body == R"({"id":1})");
  CHECK(object.headers.get("Content-Type") == "application/json");
  CHECK(answered(http_2, R"("hello")").body == "hello");
  CHECK(answered(http_2, "[1,2]").body == "[1,2]");
}

TEST_CASE("an HTTP API hands on status, headers, cookies and bytes") {
  const auto response = answered(
      http_2,
      R"({"statusCode":201,"headers":{"X-N":5},"cookies":["a=1","b=2"],"body":"aGVsbG8=","isBase64Encoded":true})");
  CHECK(response.status == 201);
  CHECK(response.body == "hello");
  CHECK(response.headers.get("x-n") == "5");
  CHECK(response.headers.all("set-cookie") == std::vector<std::string_view>{"a=1", "b=2"});
  CHECK(answered(http_2, R"({"statusCode":"204"})").status == 204);
}

TEST_CASE("format 1.0 has multiValueHeaders and no inference") {
  CHECK(answered(http_1, R"({"statusCode":200,"multiValueHeaders":{"x":["1","2"]}})").headers.all("x").size() == 2);
  CHECK(answered(http_1, R"({"id":1})").status == 500);
  CHECK_FALSE(answered(http_2, R"({"statusCode":200,"multiValueHeaders":{"x":["1"]}})").headers.contains("x"));
}

TEST_CASE("a malformed answer of an HTTP function is a 500") {
  const std::string payload =
      GENERATE("", "{", R"({"statusCode":"x"})", R"({"statusCode":200,"body":{}})",
               R"({"statusCode":200,"headers":[]})", R"({"statusCode":200,"cookies":"a=1"})",
               R"({"statusCode":200,"cookies":["a\nb"]})", R"({"statusCode":200,"body":"%","isBase64Encoded":true})");
  CAPTURE(payload);
  const auto response = answered(http_2, payload);
  CHECK(response.status == 500);
  CHECK(response.body == R"({"message":"Internal Server Error"})");
}

TEST_CASE("an invoke that fails is told as API Gateway tells it") {
  const auto told = [](EventFormat format, const char* code, bool timed_out = false) {
    HttpResponse response;
    answer(format, Error{code, "why"}, timed_out, response);
    return response;
  };
  CHECK(told(rest, "TooManyRequestsException").status == 500);
  CHECK(told(http_2, "TooManyRequestsException").status == 503);
  CHECK(told(rest, "ResourceNotFoundException").body == R"({"message": "Internal server error"})");
  CHECK(told(rest, "Anything", true).status == 504);
  CHECK(told(rest, "Anything", true).body == R"({"message": "Endpoint request timed out"})");
  CHECK(told(http_2, "Anything", true).body == R"({"message":"Service Unavailable"})");
  CHECK(told(rest, "RequestTooLargeException").status == 413);
  CHECK(told(http_2, "NotImplemented").status == 501);
}
