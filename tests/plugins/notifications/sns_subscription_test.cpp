#include <catch2/catch.hpp>

#include "sns/filter.hpp"
#include "sns/retries.hpp"
#include "sns_support.hpp"

using namespace moonbase;
using namespace moonbase::notifications::testing;

TEST_CASE("an endpoint is subscribed once, and again only with the same attributes") {
  Topics kernel;
  kernel.topic();
  const auto arn = kernel.subscribe(queue_arn("q"), {{"RawMessageDelivery", "true"}});
  CHECK(arn.starts_with(topic_arn("news") + ":"));
  CHECK(kernel.subscribe(queue_arn("q"), {{"RawMessageDelivery", "true"}}) == arn);
  CHECK(kernel.subscribe(queue_arn("q")) == arn);
  CHECK(kernel.refused_subscribe({{"RawMessageDelivery", "false"}}) ==
        "Invalid parameter: Attributes Reason: Subscription already exists with different attributes");
  CHECK(kernel.attribute(arn, "RawMessageDelivery").string() == "true");
  CHECK(kernel.attribute(arn, "PendingConfirmation").string() == "false");
  kernel.call("Unsubscribe", {{"SubscriptionArn", arn}});
  kernel.call("Unsubscribe", {{"SubscriptionArn", arn}});
  CHECK(kernel.error("GetSubscriptionAttributes", {{"SubscriptionArn", arn}}).message == "Subscription does not exist");
  CHECK(kernel.call("GetTopicAttributes", {{"TopicArn", topic_arn("news")}})["Attributes"]["SubscriptionsDeleted"]
            .string() == "1");
}

TEST_CASE("protocols and endpoints must fit") {
  Topics kernel;
  kernel.topic();
  kernel.fifo();
  const auto refused = [&](const char* protocol, const std::string& endpoint, const char* topic = "news") {
    return kernel.refused_subscribe({}, protocol, endpoint, topic);
  };
  CHECK(refused("carrier-pigeon", "x") ==
        "Invalid parameter: Amazon SNS does not support this protocol string: carrier-pigeon");
  CHECK(refused("http", "https://a.example") == "Invalid parameter: Endpoint must match the specified protocol");
  CHECK(refused("sqs", "http://a.example") == "Invalid parameter: SQS endpoint ARN");
  CHECK(refused("lambda", "x") == "Invalid parameter: Lambda endpoint ARN");
  CHECK(refused("email", "nobody") == "Invalid parameter: Email address");
  CHECK(refused("sms", "abc") == "Invalid SMS endpoint: abc");
  CHECK(refused("sqs", queue_arn("q.fifo")) ==
        "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS "
        "topics");
  CHECK(refused("email", "a@b.example", "steps.fifo")
            .starts_with("Invalid parameter: Invalid parameter: Protocol Reason: FIFO topics"));
  CHECK(kernel.error("Subscribe", {{"TopicArn", topic_arn("none")}, {"Protocol", "sqs"}, {"Endpoint", queue_arn("q")}})
            .code == "NotFound");
}

TEST_CASE("attributes of subscriptions are checked with AWS's texts") {
  Topics kernel;
  kernel.topic();
  const auto refused = [&](const char* name, const std::string& value) {
    return kernel.refused_subscribe({{name, value}});
  };
  const std::string begin = "Invalid parameter: Attributes Reason: ";
  CHECK(refused("Nonsense", "1") == begin + "AttributeName");
  CHECK(refused("RawMessageDelivery", "yes") ==
        begin + "RawMessageDelivery: Invalid value [yes]. Must be true or false.");
  CHECK(refused("FilterPolicyScope", "Body") ==
        begin + "FilterPolicyScope: Invalid value [Body]. Please use either MessageBody or MessageAttributes");
  CHECK(refused("RedrivePolicy", R"({"deadLetterTargetArn":"x"})") ==
        begin + "RedrivePolicy: deadLetterTargetArn is an invalid arn");
  CHECK(refused("FilterPolicy", "{") == begin + "FilterPolicy: failed to parse JSON.");
  CHECK(refused("FilterPolicy", R"({"store":"a"})")
            .starts_with(begin + "FilterPolicy: \"store\" must be an object or an array\n at [Source: "));
  CHECK(refused("FilterPolicy", R"({"store":[{"preefix":"a"}]})")
            .starts_with(begin + "FilterPolicy: Unrecognized match type preefix"));
  CHECK(refused("FilterPolicy", R"({"a":["1"],"b":["1"],"c":["1"],"d":["1"],"e":["1"],"f":["1"]})") ==
        begin + "FilterPolicy: Filter policy can not have more than 5 keys");
  CHECK(refused("FilterPolicy", R"({"a":{"b":["c"]}})") ==
        begin + "Filter policy scope MessageAttributes does not support nested filter policy");
  std::string many;
  for (int i = 0; i < 151; ++i) many += (i ? ",\"" : "\"") + std::to_string(i) + "\"";
  CHECK(refused("FilterPolicy", "{\"a\":[" + many + "]}") == begin + "FilterPolicy: Filter policy is too complex");

  const auto arn = kernel.subscribe(queue_arn("q"),
                                    {{"FilterPolicy", R"({"a":{"b":["c"]}})"}, {"FilterPolicyScope", "MessageBody"}});
  const auto set = [&](const char* name, const char* value) {
    return Map{{"SubscriptionArn", arn}, {"AttributeName", name}, {"AttributeValue", value}};
  };
  CHECK(kernel.error("SetSubscriptionAttributes", set("FilterPolicyScope", "MessageAttributes")).message ==
        "Invalid parameter: Filter policy scope MessageAttributes does not support nested filter policy");
  CHECK(kernel.error("SetSubscriptionAttributes", set("FilterPolicy", "[]")).message ==
        "Invalid parameter: FilterPolicy: failed to parse JSON.");
  kernel.call("SetSubscriptionAttributes", set("FilterPolicy", ""));
  CHECK(kernel.attribute(arn, "FilterPolicy").is_null());
}

TEST_CASE("filter policies over attributes and bodies") {
  using notifications::sns::FilterPolicy;
  const Value attributes = Map{{"store", text_attribute("example_corp")},
                               {"price", text_attribute("99.5", "Number")},
                               {"ip", text_attribute("10.0.0.7")},
                               {"tags", text_attribute(R"(["red","blue",7])", "String.Array")}};
  const auto by_attributes = [&](const char* policy) { return FilterPolicy(policy, false).matches("{}", attributes); };
  for (const auto* policy :
       {"", "{}", R"({"store":["example_corp"]})", R"({"store":[{"prefix":"example"}]})",
        R"({"store":[{"suffix":"corp"}]})", R"({"store":[{"anything-but":["a","b"]}]})",
        R"({"store":[{"anything-but":{"prefix":"order"}}]})", R"({"store":[{"anything-but":{"suffix":"inc"}}]})",
        R"({"store":[{"anything-but":{"wildcard":"*inc"}}]})", R"({"store":[{"equals-ignore-case":"EXAMPLE_corp"}]})",
        R"({"store":[{"wildcard":"ex*c*p"}]})", R"({"store":[{"exists":true}]})", R"({"none":[{"exists":false}]})",
        R"({"price":[{"numeric":["=",99.5]}]})", R"({"price":[{"numeric":[">",0,"<=",100]}]})",
        R"({"ip":[{"cidr":"10.0.0.0/24"}]})", R"({"tags":["blue"]})", R"({"tags":[7]})",
        R"({"$or":[{"store":["x"]},{"price":[{"numeric":["<",100]}]}]})"}) {
    INFO(policy);
    CHECK(by_attributes(policy));
  }
  for (const auto* policy :
       {R"({"store":["other"]})", R"({"store":[{"anything-but":"example_corp"}]})", R"({"store":[{"exists":false}]})",
        R"({"price":[{"numeric":["<",99.5]}]})", R"({"price":["99.5"]})", R"({"ip":[{"cidr":"10.0.1.0/24"}]})",
        R"({"tags":["green"]})", R"({"none":["x"]})", R"({"store":["example_corp"],"none":["x"]})"}) {
    INFO(policy);
    CHECK_FALSE(by_attributes(policy));
  }
  const FilterPolicy by_body(R"({"order":{"state":["paid"],"total":[{"numeric":[">",10]}]}})", true);
  CHECK(by_body.matches(R"({"order":{"state":"paid","total":11}})", Value()));
  CHECK_FALSE(by_body.matches(R"({"order":{"state":"paid","total":10}})", Value()));
  CHECK_FALSE(by_body.matches("paid", Value()));
}

TEST_CASE("retries follow the four phases of a delivery policy") {
  using namespace notifications::sns;
  const auto managed = managed_retries();
  std::int64_t total = 0, count = 0;
  for (std::int64_t tries = 1; const auto delay = managed.delay_ms(tries); ++tries) {
    ++count;
    total += *delay;
    if (tries <= 3) CHECK(*delay == 0);
    if (tries == 4 || tries == 5) CHECK(*delay == 1'000);
    if (tries > 15) {
      if (*delay != 20'000) FAIL("a late retry comes after " << *delay);
    }
  }
  CHECK(count == 100'015);
  CHECK(total / 86'400'000 == 23);
  const auto by_default = http_retries("", "");
  for (const int tries : {1, 2, 3}) CHECK(by_default.delay_ms(tries) == 20'000);
  CHECK_FALSE(by_default.delay_ms(4));
  CHECK(by_default.duration_ms_max == 3'600'000);
  const auto own = http_retries(
      R"({"http":{"defaultHealthyRetryPolicy":{"numRetries":1}}})",
      R"({"healthyRetryPolicy":{"numRetries":6,"numNoDelayRetries":1,"numMinDelayRetries":1,"numMaxDelayRetries":1,"minDelayTarget":1,"maxDelayTarget":9}})");
  std::vector<std::int64_t> delays;
  for (std::int64_t tries = 1; const auto delay = own.delay_ms(tries); ++tries) delays.push_back(*delay);
  CHECK(delays == std::vector<std::int64_t>{0, 1'000, 1'000, 5'000, 9'000, 9'000});
  CHECK(http_retries(R"({"http":{"disableSubscriptionOverrides":true}})", R"({"healthyRetryPolicy":{"numRetries":9}})")
            .growing == 3);
}

TEST_CASE("an email address confirms by the link in the mailbox, and unsubscribes by another") {
  Topics kernel;
  kernel.topic();
  const Map input = {{"TopicArn", topic_arn("news")}, {"Protocol", "email"}, {"Endpoint", "ann@moon.example"}};
  CHECK(kernel.call("Subscribe", input)["SubscriptionArn"].string() == "pending confirmation");
  CHECK(kernel.call("ListSubscriptions")["Subscriptions"][0]["SubscriptionArn"].string() == "PendingConfirmation");
  kernel.publish("too early");
  kernel.clock.advance_ms(1);
  const auto mail = [&] { return kernel.get("/_aws/sns/mailbox", "address=ann%40moon.example")["json"]["Messages"]; };
  REQUIRE(mail().list().size() == 1);
  CHECK(mail()[0]["Subject"].string() == "AWS Notification - Subscription Confirmation");
  const auto follow = [&](const std::string& link) {
    const auto path = link.substr(link.find("/_aws"));
    return kernel.get(path.substr(0, path.find('?')), path.substr(path.find('?') + 1))["status"].integer();
  };
  CHECK(follow("/_aws/sns/confirm?TopicArn=" + percent_encode(topic_arn("news")) + "&Token=wrong") == 400);
  CHECK(follow(mail()[0]["Links"]["Confirm"].string()) == 200);
  kernel.publish("hello", {{"Subject", "Good news"}});
  kernel.clock.advance_ms(1);
  REQUIRE(mail().list().size() == 2);
  CHECK(mail()[0]["Subject"].string() == "Good news");
  CHECK(mail()[0]["Body"].string().starts_with("hello\n"));
  CHECK(kernel.get("/_aws/sns/mailbox.html")["text"].string().find("<h2>Good news</h2>") != std::string::npos);
  CHECK(follow(mail()[0]["Links"]["Unsubscribe"].string()) == 200);
  CHECK(kernel.call("ListSubscriptions")["Subscriptions"].list().empty());
}
