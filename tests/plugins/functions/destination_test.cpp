// Where records of asynchronous events and of failed batches go: queues, topics, buses, buckets.
#include <catch2/catch.hpp>
#include <regex>

#include "support.hpp"

using namespace support;
using moonbase::List;
using moonbase::Map;
using moonbase::Value;
using moonbase::testing::TestKernel;

namespace {

const std::string queue_arn = "arn:aws:sqs:us-east-1:000000000000:records";

struct Platform {
  TestKernel kernel{"lambda", {.plugins = {"functions", "queues", "notifications", "storage"}}};

  Platform() {
    ask("sqs", "CreateQueue", {{"QueueName", "records"}});
    ask("s3", "CreateBucket", {{"Bucket", "failures"}});
    kernel.call("CreateFunction", function("f", R"(function handler(event)
      if event.fail then error { code = "Broken", message = "no lamps" } end
      return { got = event.n }
    end)"));
  }
  Value ask(const char* service, const char* operation, Map input = {}) {
    const auto answer = kernel.try_call(service, operation, std::move(input));
    if (!answer) FAIL(service << " " << operation << ": " << answer.error().message);
    return *answer;
  }
  void destinations(Map config) {
    kernel.call("PutFunctionEventInvokeConfig",
                {{"FunctionName", "f"}, {"MaximumRetryAttempts", 0}, {"DestinationConfig", std::move(config)}});
  }
  static Map to(const std::string& arn) { return {{"Destination", arn}}; }
  void send(const std::string& event) {
    kernel.call("Invoke", {{"FunctionName", "f"}, {"InvocationType", "Event"}, {"Payload", event}});
    kernel.clock.advance_ms(1'000);
  }
  // The bodies in the queue, which is empty then.
  std::vector<Value> received() {
    std::vector<Value> bodies;
    const auto answer = ask("sqs", "ReceiveMessage", {{"QueueUrl", "records"}, {"MaxNumberOfMessages", 10}});
    if (!answer["Messages"].is_list()) return bodies;
    for (const auto& message : answer["Messages"].list()) {
      bodies.push_back(*moonbase::parse_json(message["Body"].string()));
      ask("sqs", "DeleteMessage", {{"QueueUrl", "records"}, {"ReceiptHandle", message["ReceiptHandle"]}});
    }
    return bodies;
  }
  Texts keys() { return keys_in(kernel, "failures"); }
  Value object(const std::string& key) {
    return *moonbase::parse_json(ask("s3", "GetObject", {{"Bucket", "failures"}, {"Key", key}})["Body"].string());
  }
};

}  // namespace

TEST_CASE_METHOD(Platform, "a queue gets the record of what became of an event") {
  destinations({{"OnSuccess", to(queue_arn)}, {"OnFailure", to(queue_arn)}});
  send(R"({"n":1})");
  auto got = received();
  REQUIRE(got.size() == 1);
  CHECK(got[0]["requestContext"]["condition"].string() == "Success");
  CHECK(got[0]["responsePayload"]["got"].integer() == 1);
  send(R"({"fail":true})");
  got = received();
  REQUIRE(got.size() == 1);
  CHECK(got[0]["requestContext"]["condition"].string() == "RetriesExhausted");
  CHECK(got[0]["responsePayload"]["errorMessage"].string() == "no lamps");
}

TEST_CASE_METHOD(Platform, "a topic gets the record, and one that is too large for it without what was sent") {
  const auto topic = ask("sns", "CreateTopic", {{"Name", "records"}})["TopicArn"].string();
  ask("sns", "Subscribe",
      {{"TopicArn", topic},
       {"Protocol", "sqs"},
       {"Endpoint", queue_arn},
       {"Attributes", Map{{"RawMessageDelivery", "true"}}}});
  destinations({{"OnSuccess", to(topic)}});
  send(R"({"n":1})");
  auto got = received();
  REQUIRE(got.size() == 1);
  CHECK(got[0]["requestPayload"]["n"].integer() == 1);
  send(R"({"n":2,"more":")" + std::string(300'000, 'x') + "\"}");
  got = received();
  REQUIRE(got.size() == 1);
  CHECK(got[0]["requestContext"]["condition"].string() == "Success");
  CHECK(got[0]["requestPayload"].is_null());
}

TEST_CASE_METHOD(Platform, "a bus gets the record as an event of Lambda's") {
  ask("events", "PutRule", {{"Name", "all"}, {"EventPattern", R"({"source":["lambda"]})"}});
  ask("events", "PutTargets", {{"Rule", "all"}, {"Targets", List{Map{{"Id", "1"}, {"Arn", queue_arn}}}}});
  ask("sqs", "SetQueueAttributes",
      {{"QueueUrl", "records"},
       {"Attributes",
        Map{{"Policy",
             R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}]})"}}}});
  const std::string bus = "arn:aws:events:us-east-1:000000000000:event-bus/default";
  destinations({{"OnSuccess", to(bus)}, {"OnFailure", to(bus)}});
  send(R"({"fail":true})");
  const auto got = received();
  REQUIRE(got.size() == 1);
  CHECK(got[0]["source"].string() == "lambda");
  CHECK(got[0]["detail-type"].string() == "Lambda Function Invocation Result - Failure");
  CHECK(got[0]["resources"][0].string() == "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST");
  CHECK(got[0]["resources"][1].string() == bus);
  CHECK(got[0]["detail"]["responsePayload"]["errorMessage"].string() == "no lamps");
}

TEST_CASE_METHOD(Platform, "a bucket gets the record of a failure as an object, by day and moment") {
  destinations({{"OnFailure", to("arn:aws:s3:::failures")}});
  send(R"({"n":1})");
  CHECK(keys().empty());
  send(R"({"fail":true})");
  REQUIRE(keys().size() == 1);
  const auto key = keys()[0];
  CHECK(std::regex_match(key, std::regex(R"(aws/lambda/async/f/2027/01/01/2027-01-01T00\.00\.01-[0-9a-f-]{36})")));
  const auto record = object(key);
  CHECK(record["requestContext"]["condition"].string() == "RetriesExhausted");
  CHECK(record["requestPayload"]["fail"].boolean());
  CHECK(record["responsePayload"]["errorMessage"].string() == "no lamps");
}

TEST_CASE_METHOD(Platform,
                 "what became of an event well does not go to a bucket, and a bucket that is gone gets nothing") {
  CHECK(kernel
            .error("PutFunctionEventInvokeConfig",
                   {{"FunctionName", "f"}, {"DestinationConfig", Map{{"OnSuccess", to("arn:aws:s3:::failures")}}}})
            .code == "InvalidParameterValueException");
  CHECK(kernel
            .error("PutFunctionEventInvokeConfig",
                   {{"FunctionName", "f"}, {"DestinationConfig", Map{{"OnFailure", to("arn:aws:dynamodb:::t")}}}})
            .code == "InvalidParameterValueException");
  destinations({{"OnFailure", to("arn:aws:s3:::nowhere")}});
  send(R"({"fail":true})");
  kernel.clock.advance_ms(24 * 3'600'000);
  ask("s3", "CreateBucket", {{"Bucket", "nowhere"}});
  kernel.clock.advance_ms(24 * 3'600'000);
  CHECK(keys_in(kernel, "nowhere").empty());
}

TEST_CASE("a stream's records that are given up are in a bucket, with their event") {
  TestKernel kernel{"lambda", {.plugins = {"functions", "test_queue", "storage"}}};
  REQUIRE(kernel.try_call("s3", "CreateBucket", {{"Bucket", "failures"}}));
  kernel.call("CreateFunction", function("f", "function handler() error 'no lamps' end"));
  const std::string stream = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";
  REQUIRE(kernel.try_call("testqueue", "PutRecord", {{"Shard", "shard-0"}, {"Key", "k"}, {"Data", "lamp"}}));
  const auto uuid =
      kernel
          .call("CreateEventSourceMapping",
                {{"FunctionName", "f"},
                 {"EventSourceArn", stream},
                 {"StartingPosition", "TRIM_HORIZON"},
                 {"MaximumRetryAttempts", 0},
                 {"DestinationConfig", Map{{"OnFailure", Map{{"Destination", "arn:aws:s3:::failures"}}}}}})["UUID"]
          .string();
  kernel.clock.advance_ms(1);  // Its batch;
  kernel.clock.advance_ms(1);  // what it leads to.
  const auto keys = keys_in(kernel, "failures");
  REQUIRE(keys.size() == 1);
  CHECK(keys[0].starts_with("aws/lambda/" + uuid + "/shard-0/2027/01/01/2027-01-01T00.00.0"));
  const auto object = *kernel.try_call("s3", "GetObject", {{"Bucket", "failures"}, {"Key", keys[0]}});
  const auto record = *moonbase::parse_json(object["Body"].string());
  CHECK(record["KinesisBatchInfo"]["streamArn"].string() == stream);
  const auto event = *moonbase::parse_json(record["payload"].string());
  CHECK(event["Records"][0]["kinesis"]["data"].string() == "bGFtcA==");
}
