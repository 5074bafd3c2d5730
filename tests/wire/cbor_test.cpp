// RPC v2 CBOR, to the byte.
#include <moonbase/cbor.hpp>

#include "helpers.hpp"
#include "models.hpp"

using namespace wire_test;

namespace {

HttpRequest cbor_request(const std::string& operation, const std::string& digits) {
  return request_of("POST", "/service/GraniteServiceVersion20100801/operation/" + operation,
                    {{"Content-Type", "application/cbor"}, {"smithy-protocol", "rpc-v2-cbor"}}, *from_hex(digits));
}

Result<Value> echo(const std::string& digits) {
  static const auto service = model::read_service(everything);
  const auto request =
      request_of("POST", "/service/X/operation/Echo", {{"smithy-protocol", "rpc-v2-cbor"}}, *from_hex(digits));
  return wire::decode_request(*service, *service->operation("Echo"), Protocol::rpc_v2_cbor, request);
}

}  // namespace

TEST_CASE("CBOR: a metric arrives and its answer leaves") {
  const auto service = plugin_model("observability/cloudwatch");
  // {"Namespace": "N", "MetricData": [{"MetricName": "m", "Value": 1.5, "Timestamp": 1(1363896240.5)}]}
  const auto asked = ask(*service, cbor_request("PutMetricData",
                                                "a2694e616d657370616365614e6a4d657472696344617461"
                                                "81a36a4d65747269634e616d65616d6556616c7565f93e00"
                                                "6954696d657374616d70c1fb41d452d9ec200000"));
  CHECK(asked.protocol == Protocol::rpc_v2_cbor);
  REQUIRE(asked.input);
  CHECK(*asked.input ==
        Value(Map{{"Namespace", "N"},
                  {"MetricData", List{Map{{"MetricName", "m"}, {"Value", 1.5}, {"Timestamp", 1363896240500}}}}}));
  const auto response = answer(*service, "GetMetricStatistics", Protocol::rpc_v2_cbor,
                               Value(Map{{"Label", "m"}, {"Datapoints", List{Map{{"Sum", 2}, {"Timestamp", 1000}}}}}));
  CHECK(response.headers.get("content-type") == "application/cbor");
  CHECK(response.headers.get("smithy-protocol") == "rpc-v2-cbor");
  CHECK(hex(response.body) ==
        "a2654c6162656c616d6a44617461706f696e747381a26353756dfb4000000000000000"
        "6954696d657374616d70c1fb3ff0000000000000");
  const auto error = answer(*service, "GetMetricStatistics", Protocol::rpc_v2_cbor, Error{"ResourceNotFound", "None."});
  CHECK(error.status == 404);
  const auto body = parse_cbor(error.body);
  REQUIRE(body);
  CHECK((*body)["__type"].string() == "com.amazonaws.cloudwatch#ResourceNotFound");
}

TEST_CASE("CBOR: kinds must fit, unknown members and nulls go") {
  CHECK(*echo("a165436f756e7418"
              "2a") == Value(Map{{"Count", 42}}));
  CHECK(*echo("bf65436f756e74182aff") == Value(Map{{"Count", 42}}));
  CHECK(*echo("a165436f756e74fb4045000000000000") == Value(Map{{"Count", 42}}));  // 42.0
  CHECK(*echo("a2645768617481a1613101"
              "65436f756e741801") == Value(Map{{"Count", 1}}));  // {"What": [{"1": 1}], …}
  CHECK(*echo("a165436f756e74f6") == Value(Map{}));
  CHECK(*echo("") == Value(Map{}));
  for (const auto* digits : {"a165436f756e746161",                // text for an integer
                             "a165436f756e74fb4045400000000000",  // 42.5
                             "a16442797465736161",                // truncated name
                             "a1654279746573"
                             "6161",  // text for bytes
                             "a16454657874"
                             "4161",  // bytes for text
                             "a1624174"
                             "01",  // a number for a time
                             "a1624174"
                             "c16161",  // a time that is text
                             "80", "01", "a1", "a10101",
                             "a165436f756e7401"
                             "00",
                             "ff", "bf"}) {
    INFO(digits);
    const auto refused = echo(digits);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == "SerializationException");
  }
  std::string deep = "a16454726565";
  for (int i = 0; i < 10'000; ++i) deep += "a1644c656674";
  CHECK_FALSE(echo(deep + "a0"));
  CHECK_FALSE(echo("a15768617400"));
}
