#include "models.hpp"

#include <catch2/catch.hpp>
#include <wire/wire.hpp>

using namespace moonbase;
using namespace moonbase::wire;

namespace {

class FixedIds final : public Ids {
 public:
  std::string random_bytes(std::size_t count) override { return std::string(count, '\x11'); }
};

HttpRequest json_request(std::string target, std::string body) {
  HttpRequest request;
  request.method = "POST";
  request.path = "/";
  request.headers.add("Content-Type", "application/x-amz-json-1.0");
  request.headers.add("X-Amz-Target", std::move(target));
  request.body = std::move(body);
  return request;
}

}  // namespace

TEST_CASE("a JSON request finds its operation, its input and its answer") {
  const auto service = model::read_service(wire_test::coupons);
  const auto request = json_request("Coupons.CreateCoupon", R"({"Code":"SUMMER","Percent":20,"Unknown":{"a":[1]}})");
  REQUIRE(detect_protocol(*service, request) == Protocol::json_1_0);
  const auto operation = find_operation(*service, Protocol::json_1_0, request);
  REQUIRE(operation);
  auto input = decode_request(*service, **operation, Protocol::json_1_0, request);
  REQUIRE(input);
  CHECK(*input == Value(Map{{"Code", "SUMMER"}, {"Percent", 20}}));
  FixedIds ids;
  REQUIRE(validate(*service, **operation, *input, ids));
  CHECK((*input)["Lifetime"].integer() == 86400);

  HttpResponse response;
  encode_response(*service, *operation, Protocol::json_1_0, "id-1", Value(Map{}), response);
  CHECK(response.status == 200);
  CHECK(response.body == "{}");
  CHECK(response.headers.get("content-type") == "application/x-amz-json-1.0");
  CHECK(response.headers.get("x-amzn-requestid") == "id-1");
}
