#include <catch2/catch.hpp>

#include "sns_support.hpp"

using namespace moonbase;
using namespace moonbase::notifications::testing;

TEST_CASE("a delivery that fails is tried again, as AWS documents it") {
  Topics kernel;
  kernel.topic();
  kernel.subscribe(queue_arn("q"), {{"RawMessageDelivery", "true"}});
  fail(kernel, queue_arn("q"), "ServiceUnavailable", 6);
  kernel.publish("a");
  // At once, and three times more without delay.
  CHECK(received(kernel).size() == 4);
  kernel.clock.advance_ms(999);
  CHECK(received(kernel).empty());
  kernel.clock.advance_ms(1);
  CHECK(received(kernel).size() == 1);
  kernel.clock.advance_ms(1'000);
  CHECK(received(kernel).size() == 1);
  kernel.clock.advance_ms(60'000);
  CHECK(received(kernel).size() == 1);  // Taken at last.
}

TEST_CASE("a lasting failure goes to the dead-letter queue at once, or is given up") {
  Topics kernel;
  kernel.topic();
  kernel.subscribe(queue_arn("gone"), {{"RedrivePolicy", R"({"deadLetterTargetArn":")" + queue_arn("dead") + "\"}"}});
  kernel.subscribe(queue_arn("lost"));
  fail(kernel, queue_arn("gone"), "QueueDoesNotExist", 100);
  fail(kernel, queue_arn("lost"), "QueueDoesNotExist", 100);
  kernel.publish("a", {{"Subject", "S"}});
  const auto all = received(kernel);
  REQUIRE(all.size() == 3);
  CHECK(all[2].arn == queue_arn("dead"));
  CHECK(all[2].json()["Message"].string() == "a");
  CHECK(all[2].json()["Signature"].is_string());
  kernel.clock.advance_ms(86'400'000);
  CHECK(received(kernel).empty());
}

TEST_CASE("what was published before a restart is delivered after it") {
  Topics kernel;
  kernel.topic();
  kernel.subscribe(queue_arn("q"), {{"RawMessageDelivery", "true"}});
  fail(kernel, queue_arn("q"), "ServiceUnavailable", 4);
  kernel.publish("a");
  CHECK(received(kernel).size() == 4);
  kernel.restart();
  kernel.clock.advance_ms(1'000);
  const auto all = received(kernel);
  REQUIRE(all.size() == 1);
  CHECK(all[0].payload == "a");
}

namespace {

constexpr auto feedback_role = "arn:aws:iam::000000000000:role/feedback";

// What the log of deliveries of "news" holds; `which` is "" or "/Failure".
std::vector<Value> delivery_log(TestKernel& kernel, const std::string& which) {
  std::vector<Value> lines;
  const auto found =
      kernel.try_call("logs", "FilterLogEvents", {{"logGroupName", "sns/us-east-1/000000000000/news" + which}});
  if (!found) return lines;
  for (const auto& event : (*found)["events"].list()) lines.push_back(parse_json(event["message"].string()).value());
  return lines;
}

}  // namespace

TEST_CASE("deliveries are logged where the topic names roles for the protocol") {
  Topics kernel({.plugins = {"notifications", "queues", "functions"}});
  REQUIRE(kernel.try_call("sqs", "CreateQueue", {{"QueueName", "there"}}).ok());
  kernel.topic("news", {{"SQSSuccessFeedbackRoleArn", feedback_role}, {"SQSFailureFeedbackRoleArn", feedback_role}});
  const auto subscription = kernel.subscribe(queue_arn("there"));
  kernel.subscribe(queue_arn("gone"));
  const auto id = kernel.publish("hello")["MessageId"].string();
  kernel.clock.advance_ms(0);
  const auto good = delivery_log(kernel, "");
  REQUIRE(good.size() == 1);
  CHECK(good[0]["status"].string() == "SUCCESS");
  CHECK(good[0]["notification"]["messageId"].string() == id);
  CHECK(good[0]["notification"]["messageMD5Sum"].string() == "5d41402abc4b2a76b9719d911017c592");
  CHECK(good[0]["notification"]["topicArn"].string() == topic_arn("news"));
  CHECK(good[0]["notification"]["timestamp"].string() == "2027-01-01 00:00:00.000");
  CHECK(good[0]["delivery"]["destination"].string() == queue_arn("there"));
  CHECK(good[0]["delivery"]["attempts"].integer() == 1);
  CHECK(good[0]["delivery"]["statusCode"].integer() == 200);
  CHECK(good[0]["delivery"]["dwellTimeMs"].integer() == 0);
  CHECK(parse_json(good[0]["delivery"]["providerResponse"].string()).value()["MessageId"].is_string());
  const auto bad = delivery_log(kernel, "/Failure");
  REQUIRE(bad.size() == 1);
  CHECK(bad[0]["status"].string() == "FAILURE");
  CHECK(bad[0]["delivery"]["destination"].string() == queue_arn("gone"));
  CHECK(bad[0]["delivery"]["statusCode"].integer() == 400);

  // Of the other protocols nothing, and of successes no more than the rate says.
  const auto set = [&](const char* name, const char* value) {
    kernel.call("SetTopicAttributes",
                {{"TopicArn", topic_arn("news")}, {"AttributeName", name}, {"AttributeValue", value}});
  };
  set("SQSSuccessFeedbackSampleRate", "0");
  kernel.publish("again");
  kernel.clock.advance_ms(0);
  CHECK(delivery_log(kernel, "").size() == 1);
  CHECK(delivery_log(kernel, "/Failure").size() == 2);
  set("SQSSuccessFeedbackSampleRate", "50");
  for (int i = 0; i < 100; ++i) kernel.publish("sampled");
  kernel.clock.advance_ms(0);
  const auto sampled = delivery_log(kernel, "").size() - 1;
  CHECK(sampled > 25);
  CHECK(sampled < 75);
  set("SQSFailureFeedbackRoleArn", "");
  set("HTTPFailureFeedbackRoleArn", feedback_role);
  const auto failures = delivery_log(kernel, "/Failure").size();
  kernel.publish("unheard");
  kernel.clock.advance_ms(0);
  CHECK(delivery_log(kernel, "/Failure").size() == failures);
}

TEST_CASE("one message reaches a hundred queues") {
  Topics kernel;
  kernel.topic();
  for (int i = 0; i < 100; ++i) kernel.subscribe(queue_arn("q" + std::to_string(i)));
  fail(kernel, queue_arn("q42"), "ServiceUnavailable", 1);
  kernel.publish("a");
  CHECK(received(kernel).size() == 101);
}

TEST_CASE("an HTTP endpoint gets the confirmation, and nothing else until it has confirmed") {
  Topics kernel;
  allow_loopback(kernel);
  Endpoint endpoint;
  kernel.topic();
  const Map input = {{"TopicArn", topic_arn("news")}, {"Protocol", "http"}, {"Endpoint", endpoint.url}};
  CHECK(kernel.call("Subscribe", input)["SubscriptionArn"].string() == "pending confirmation");
  kernel.clock.advance_ms(0);
  kernel.publish("too early");
  kernel.clock.advance_ms(1'000);
  auto requests = endpoint.take();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].headers["x-amz-sns-message-type"] == "SubscriptionConfirmation");
  CHECK(requests[0].headers["x-amz-sns-topic-arn"] == topic_arn("news"));
  CHECK(requests[0].headers["content-type"] == "text/plain; charset=UTF-8");
  CHECK(requests[0].headers["user-agent"] == "Amazon Simple Notification Service Agent");
  const auto asked = requests[0].json();
  CHECK(asked["Type"].string() == "SubscriptionConfirmation");
  CHECK(asked["SubscribeURL"].string().find(asked["Token"].string()) != std::string::npos);
  const auto refused = [&](const std::string& topic, const std::string& token) {
    return kernel.error("ConfirmSubscription", {{"TopicArn", topic_arn(topic)}, {"Token", token}}).message;
  };
  CHECK(refused("news", "nonsense") == "Invalid token");
  CHECK(refused("news", "0123abcd") == "Invalid parameter: Token");
  CHECK(refused("nowhere", asked["Token"].string()) == "Invalid parameter: Token");
  const auto arn =
      kernel
          .call("ConfirmSubscription", {{"TopicArn", topic_arn("news")}, {"Token", asked["Token"]}})["SubscriptionArn"]
          .string();

  kernel.publish("hello", {{"Subject", "S"}});
  kernel.clock.advance_ms(0);
  requests = endpoint.take();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].headers["x-amz-sns-message-type"] == "Notification");
  CHECK(requests[0].headers["x-amz-sns-subscription-arn"] == arn);
  CHECK(requests[0].headers["x-amz-sns-message-id"] == requests[0].json()["MessageId"].string());
  CHECK(requests[0].json()["Message"].string() == "hello");

  kernel.call("SetSubscriptionAttributes",
              {{"SubscriptionArn", arn}, {"AttributeName", "RawMessageDelivery"}, {"AttributeValue", "true"}});
  kernel.call("SetSubscriptionAttributes",
              {{"SubscriptionArn", arn},
               {"AttributeName", "DeliveryPolicy"},
               {"AttributeValue", R"({"requestPolicy":{"headerContentType":"application/json"}})"}});
  kernel.publish("{}");
  kernel.clock.advance_ms(0);
  requests = endpoint.take();
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].body == "{}");
  CHECK(requests[0].headers["x-amz-sns-rawdelivery"] == "true");
  CHECK(requests[0].headers["content-type"] == "application/json");
}

TEST_CASE("an HTTP endpoint that fails is tried three more times, twenty seconds apart; then the dead letter") {
  Topics kernel;
  allow_loopback(kernel);
  Endpoint endpoint;
  kernel.topic();
  const auto arn = kernel.subscribe(
      endpoint.url, {{"RedrivePolicy", R"({"deadLetterTargetArn":")" + queue_arn("dead") + "\"}"}}, "http");
  kernel.clock.advance_ms(0);
  kernel.call("ConfirmSubscription",
              {{"TopicArn", topic_arn("news")}, {"Token", endpoint.take().at(0).json()["Token"]}});
  endpoint.status = 503;
  kernel.publish("a");
  kernel.clock.advance_ms(0);
  CHECK(endpoint.take().size() == 1);
  for (int retry = 0; retry < 3; ++retry) {
    CHECK(received(kernel).empty());
    kernel.clock.advance_ms(19'999);
    CHECK(endpoint.take().empty());
    kernel.clock.advance_ms(1);
    CHECK(endpoint.take().size() == 1);
  }
  const auto dead = received(kernel);
  REQUIRE(dead.size() == 1);
  CHECK(dead[0].arn == queue_arn("dead"));
  kernel.clock.advance_ms(86'400'000);
  CHECK(endpoint.take().empty());

  // The client's own fault is not tried again.
  endpoint.status = 404;
  kernel.publish("b");
  kernel.clock.advance_ms(86'400'000);
  CHECK(endpoint.take().size() == 1);
  CHECK(received(kernel).size() == 1);
}

TEST_CASE("a redirect is followed nowhere, and is no delivery") {
  Topics kernel;
  allow_loopback(kernel);
  Endpoint endpoint;
  kernel.topic();
  kernel.subscribe(endpoint.url, {{"RedrivePolicy", R"({"deadLetterTargetArn":")" + queue_arn("dead") + "\"}"}},
                   "http");
  kernel.clock.advance_ms(0);
  kernel.call("ConfirmSubscription",
              {{"TopicArn", topic_arn("news")}, {"Token", endpoint.take().at(0).json()["Token"]}});
  endpoint.status = 302;
  kernel.publish("a");
  kernel.clock.advance_ms(86'400'000);
  CHECK(endpoint.take().size() == 1);
  CHECK(received(kernel).size() == 1);
}

TEST_CASE("requests go where the outbound policy lets them") {
  Topics kernel;
  Endpoint endpoint;
  kernel.topic();
  kernel.subscribe(endpoint.url, {}, "http");
  kernel.clock.advance_ms(3'600'000);
  CHECK(endpoint.take().empty());
}
