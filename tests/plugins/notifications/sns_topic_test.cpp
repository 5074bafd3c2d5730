#include <catch2/catch.hpp>
#include <set>

#include "sns_support.hpp"

using namespace moonbase;
using namespace moonbase::notifications::testing;

TEST_CASE("a topic is created once, and again only with the same attributes and tags") {
  Topics kernel;
  const List tags = {Map{{"Key", "team"}, {"Value", "moon"}}};
  const Map input = {{"Name", "news"}, {"Attributes", Map{{"DisplayName", "News"}}}, {"Tags", tags}};
  CHECK(kernel.call("CreateTopic", input)["TopicArn"].string() == topic_arn("news"));
  CHECK(kernel.call("CreateTopic", input)["TopicArn"].string() == topic_arn("news"));
  CHECK(kernel.call("CreateTopic", {{"Name", "news"}})["TopicArn"].string() == topic_arn("news"));
  const auto other = kernel.error("CreateTopic", {{"Name", "news"}, {"Attributes", Map{{"DisplayName", "Olds"}}}});
  CHECK(other.code == "InvalidParameter");
  CHECK(other.message == "Invalid parameter: Attributes Reason: Topic already exists with different attributes");
  CHECK(
      kernel.error("CreateTopic", {{"Name", "news"}, {"Tags", List{Map{{"Key", "team"}, {"Value", "sun"}}}}}).message ==
      "Invalid parameter: Tags Reason: Topic already exists with different tags");
}

TEST_CASE("names of topics are checked, and those of FIFO topics end with .fifo") {
  Topics kernel;
  for (const auto* name : {"", "a b", "a.b", "x.fifo"})
    CHECK(kernel.error("CreateTopic", {{"Name", name}}).message == "Invalid parameter: Topic Name");
  CHECK(kernel.error("CreateTopic", {{"Name", std::string(257, 'a')}}).message == "Invalid parameter: Topic Name");
  CHECK(kernel.topic(std::string(256, 'a')) == topic_arn(std::string(256, 'a')));
  CHECK(kernel.error("CreateTopic", {{"Name", "steps"}, {"Attributes", Map{{"FifoTopic", "true"}}}}).code ==
        "InvalidParameter");
  CHECK(kernel.fifo() == topic_arn("steps.fifo"));
  CHECK(kernel.error("GetTopicAttributes", {{"TopicArn", "news"}}).message ==
        "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1");
  CHECK(kernel.error("GetTopicAttributes", {{"TopicArn", topic_arn("none")}}).code == "NotFound");
  CHECK(kernel.error("GetTopicAttributes", {{"TopicArn", topic_arn("none")}}).message == "Topic does not exist");
}

TEST_CASE("attributes of topics: defaults, changes, refusals") {
  Topics kernel;
  const auto arn = kernel.topic();
  const auto shown = [&](const std::string& of = topic_arn("news")) {
    return kernel.call("GetTopicAttributes", {{"TopicArn", of}})["Attributes"];
  };
  CHECK(shown()["Owner"].string() == "000000000000");
  CHECK(shown()["DisplayName"].string().empty());
  CHECK(shown()["SubscriptionsConfirmed"].string() == "0");
  CHECK(shown()["EffectiveDeliveryPolicy"].string().find(R"("numRetries":3)") != std::string::npos);
  CHECK(shown()["FifoTopic"].is_null());
  const auto set = [&](const char* name, const std::string& value) {
    return Map{{"TopicArn", arn}, {"AttributeName", name}, {"AttributeValue", value}};
  };
  for (const auto& [name, value] : std::initializer_list<std::pair<const char*, const char*>>{
           {"DisplayName", "News"},
           {"KmsMasterKeyId", "alias/aws/sns"},
           {"SignatureVersion", "2"},
           {"TracingConfig", "Active"},
           {"SQSSuccessFeedbackSampleRate", "50"},
           {"DeliveryPolicy", R"({"http":{"defaultHealthyRetryPolicy":{"numRetries":5}}})"}}) {
    kernel.call("SetTopicAttributes", set(name, value));
    CHECK(shown()[name].string() == value);
  }
  CHECK(shown()["EffectiveDeliveryPolicy"].string().find(R"("numRetries":5)") != std::string::npos);
  CHECK(kernel.error("SetTopicAttributes", set("Nonsense", "1")).message == "Invalid parameter: AttributeName");
  CHECK(kernel.error("SetTopicAttributes", set("SignatureVersion", "3")).message ==
        "Invalid parameter: SignatureVersion");
  CHECK(kernel.error("SetTopicAttributes", set("FifoTopic", "true")).message == "Invalid parameter: AttributeName");
  CHECK(kernel.error("SetTopicAttributes", set("ContentBasedDeduplication", "true")).code == "InvalidParameter");
  CHECK(kernel
            .error("SetTopicAttributes",
                   set("DeliveryPolicy", R"({"http":{"defaultHealthyRetryPolicy":{"numRetries":101}}})"))
            .message == "Invalid parameter: DeliveryPolicy: numRetries must be less than or equal to 100");
  const auto fifo = shown(kernel.fifo());
  CHECK(fifo["FifoTopic"].string() == "true");
  CHECK(fifo["ContentBasedDeduplication"].string() == "false");
  CHECK(fifo["FifoThroughputScope"].string() == "Topic");
}

TEST_CASE("topics and subscriptions are listed in pages of a hundred") {
  Topics kernel;
  for (int i = 0; i < 101; ++i) {
    const auto name = "t" + std::to_string(1000 + i);
    kernel.topic(name);
    kernel.subscribe(queue_arn("q"), {}, "sqs", name);
    kernel.subscribe(queue_arn("q" + std::to_string(i)), {}, "sqs", "t1000");
  }
  const auto first = kernel.call("ListTopics");
  CHECK(first["Topics"].list().size() == 100);
  const auto second = kernel.call("ListTopics", {{"NextToken", first["NextToken"]}});
  CHECK(second["Topics"].list().size() == 1);
  CHECK(second["Topics"][0]["TopicArn"].string() == topic_arn("t1100"));
  CHECK(second["NextToken"].is_null());
  CHECK(kernel.error("ListTopics", {{"NextToken", "?"}}).message == "Invalid parameter: NextToken");

  std::size_t count = 0;
  Value token;
  do {
    Map input;
    if (!token.is_null()) input.set("NextToken", token);
    const auto page = kernel.call("ListSubscriptions", std::move(input));
    count += page["Subscriptions"].list().size();
    token = page["NextToken"];
  } while (!token.is_null());
  CHECK(count == 202);
  const auto of_one = kernel.call("ListSubscriptionsByTopic", {{"TopicArn", topic_arn("t1000")}});
  CHECK(of_one["Subscriptions"].list().size() == 100);
  CHECK(kernel
            .call("ListSubscriptionsByTopic",
                  {{"TopicArn", topic_arn("t1000")}, {"NextToken", of_one["NextToken"]}})["Subscriptions"]
            .list()
            .size() == 2);
}

TEST_CASE("a deleted topic takes its subscriptions along, and may be made anew") {
  Topics kernel;
  const auto arn = kernel.topic();
  const auto subscription = kernel.subscribe(queue_arn("q"));
  kernel.call("DeleteTopic", {{"TopicArn", arn}});
  kernel.call("DeleteTopic", {{"TopicArn", arn}});
  CHECK(kernel.error("Publish", {{"TopicArn", arn}, {"Message", "x"}}).code == "NotFound");
  CHECK(kernel.error("GetSubscriptionAttributes", {{"SubscriptionArn", subscription}}).code == "NotFound");
  CHECK(kernel.call("ListSubscriptions")["Subscriptions"].list().empty());
  kernel.topic();
  kernel.publish("into nothing");
  CHECK(received(kernel).empty());
}

TEST_CASE("tags, and what has none") {
  Topics kernel;
  const auto arn = kernel.topic();
  const Map tags = {{"ResourceArn", arn},
                    {"Tags", List{Map{{"Key", "a"}, {"Value", "1"}}, Map{{"Key", "b"}, {"Value", "2"}}}}};
  kernel.call("TagResource", tags);
  kernel.call("UntagResource", {{"ResourceArn", arn}, {"TagKeys", List{"a"}}});
  const auto left = kernel.call("ListTagsForResource", {{"ResourceArn", arn}})["Tags"];
  REQUIRE(left.list().size() == 1);
  CHECK(left[0]["Key"].string() == "b");
  CHECK(kernel.error("ListTagsForResource", {{"ResourceArn", topic_arn("none")}}).code == "ResourceNotFound");
  const Map twice = {{"ResourceArn", arn},
                     {"Tags", List{Map{{"Key", "a"}, {"Value", "1"}}, Map{{"Key", "a"}, {"Value", "2"}}}}};
  CHECK(kernel.error("TagResource", twice).message == "Invalid parameter: Duplicated keys are not allowed.");
  List many;
  for (int i = 0; i < 51; ++i) many.push_back(Map{{"Key", std::to_string(i)}, {"Value", "x"}});
  CHECK(kernel.error("TagResource", {{"ResourceArn", arn}, {"Tags", many}}).code == "TagLimitExceeded");
}

TEST_CASE("AddPermission and RemovePermission edit the policy") {
  Topics kernel;
  const auto arn = kernel.topic();
  const Map input = {
      {"TopicArn", arn}, {"Label", "friends"}, {"AWSAccountId", List{"111111111111"}}, {"ActionName", List{"Publish"}}};
  kernel.call("AddPermission", input);
  const auto policy = [&] {
    return kernel.call("GetTopicAttributes", {{"TopicArn", arn}})["Attributes"]["Policy"].string();
  };
  CHECK(policy().find(R"({"Sid":"friends","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},)"
                      R"("Action":"SNS:Publish","Resource":")" +
                      arn + "\"}") != std::string::npos);
  CHECK(kernel.error("AddPermission", input).message == "Invalid parameter: Statement already exists");
  auto wrong = input;
  wrong.set("Label", "others");
  wrong.set("ActionName", List{"Dance"});
  CHECK(kernel.error("AddPermission", wrong).message ==
        "Invalid parameter: Policy statement action out of service scope!");
  kernel.call("RemovePermission", {{"TopicArn", arn}, {"Label", "friends"}});
  CHECK(policy().find("friends") == std::string::npos);
}

TEST_CASE("policies are checked as SNS checks them") {
  Topics kernel;
  const auto arn = kernel.topic();
  const auto set = [&](const std::string& policy) {
    return Map{{"TopicArn", arn}, {"AttributeName", "Policy"}, {"AttributeValue", policy}};
  };
  const auto refused = [&](const std::string& policy) {
    return kernel.error("SetTopicAttributes", set(policy)).message;
  };
  const auto statement = [](const std::string& action, const std::string& effect = "Allow") {
    return R"({"Statement":[{"Effect":")" + effect + R"(","Principal":"*","Action":)" + action +
           R"(,"Resource":"*"}]})";
  };
  for (const auto* broken : {"{", "[]", "{}", R"({"Statement":[]})", R"({"Statement":["x"]})",
                             R"({"Statement":{"Effect":"Allow","Action":"SNS:Publish"}})"})
    CHECK(refused(broken) == "Invalid parameter: Policy Error: null");
  CHECK(refused(statement("\"SNS:Publish\"", "Perhaps")) == "Invalid parameter: Policy Error: null");
  CHECK(refused(statement("[]")) == "Invalid parameter: Policy Error: null");
  for (const auto* action : {"\"sns:*\"", "\"*\"", "\"sqs:SendMessage\"", R"(["sns:Publish","sns:CreateTopic"])"})
    CHECK(refused(statement(action)) == "Invalid parameter: Policy statement action out of service scope!");
  for (const auto* action : {"\"sns:Publish\"", R"(["SNS:Subscribe","SNS:Receive"])"}) {
    kernel.call("SetTopicAttributes", set(statement(action)));
    CHECK(kernel.call("GetTopicAttributes", {{"TopicArn", arn}})["Attributes"]["Policy"].string() == statement(action));
  }
  CHECK(kernel.error("CreateTopic", {{"Name", "b"}, {"Attributes", Map{{"Policy", "{}"}}}}).code == "InvalidParameter");
}

TEST_CASE("the mailbox and the outbox keep the newest thousand") {
  Topics kernel;
  const auto application =
      kernel.call("CreatePlatformApplication", {{"Name", "phones"}, {"Platform", "GCM"}, {"Attributes", Map{}}});
  const auto endpoint =
      kernel
          .call("CreatePlatformEndpoint",
                {{"PlatformApplicationArn", application["PlatformApplicationArn"]}, {"Token", "t"}})["EndpointArn"]
          .string();
  for (int i = 0; i < 1003; ++i) {
    kernel.call("Publish", {{"PhoneNumber", "+4915112345678"}, {"Message", std::to_string(i)}});
    kernel.call("Publish", {{"TargetArn", endpoint}, {"Message", std::to_string(i)}});
    if (i % 3 == 0) kernel.clock.advance_ms(1);
  }
  const auto letters = kernel.get("/_aws/sns/mailbox")["json"]["Messages"];
  REQUIRE(letters.list().size() == 1000);
  std::set<std::string> texts, pushed;
  for (const auto& letter : letters.list()) texts.insert(letter["Body"].string());
  const auto outbox =
      kernel.get("/_aws/sns/platform-endpoint-messages")["json"]["platform_endpoint_messages"][endpoint];
  REQUIRE(outbox.list().size() == 1000);
  for (const auto& each : outbox.list()) pushed.insert(each["Message"].string());
  for (const auto* kept : {&texts, &pushed}) {
    CHECK(kept->size() == 1000);
    CHECK_FALSE(kept->contains("0"));
    CHECK(kept->contains("4"));
    CHECK(kept->contains("1002"));
  }
}

TEST_CASE("platform endpoints keep what was pushed in an outbox") {
  Topics kernel;
  const auto application = kernel
                               .call("CreatePlatformApplication",
                                     {{"Name", "phones"},
                                      {"Platform", "GCM"},
                                      {"Attributes", Map{{"PlatformCredential", "key"}}}})["PlatformApplicationArn"]
                               .string();
  CHECK(application == "arn:aws:sns:us-east-1:000000000000:app/GCM/phones");
  CHECK(kernel
            .call("GetPlatformApplicationAttributes",
                  {{"PlatformApplicationArn", application}})["Attributes"]["PlatformCredential"]
            .is_null());
  const Map wanted = {{"PlatformApplicationArn", application}, {"Token", "t1"}};
  const auto endpoint = kernel.call("CreatePlatformEndpoint", wanted)["EndpointArn"].string();
  CHECK(kernel.call("CreatePlatformEndpoint", wanted)["EndpointArn"].string() == endpoint);
  auto other = wanted;
  other.set("CustomUserData", "x");
  CHECK(kernel.error("CreatePlatformEndpoint", other).message ==
        "Invalid parameter: Token Reason: Endpoint " + endpoint +
            " already exists with the same Token, but different attributes.");
  kernel.call("Publish",
              {{"TargetArn", endpoint}, {"Message", R"({"default":"d","GCM":"g"})"}, {"MessageStructure", "json"}});
  kernel.topic();
  kernel.subscribe(endpoint, {}, "application");
  kernel.publish("to all");
  kernel.clock.advance_ms(0);
  const auto outbox =
      kernel.get("/_aws/sns/platform-endpoint-messages",
                 "endpointArn=" + percent_encode(endpoint))["json"]["platform_endpoint_messages"][endpoint];
  REQUIRE(outbox.list().size() == 2);
  std::vector<std::string> texts = {outbox[0]["Message"].string(), outbox[1]["Message"].string()};
  std::sort(texts.begin(), texts.end());
  CHECK(texts == std::vector<std::string>{"g", "to all"});

  kernel.call("SetEndpointAttributes", {{"EndpointArn", endpoint}, {"Attributes", Map{{"Enabled", "false"}}}});
  CHECK(kernel.error("Publish", {{"TargetArn", endpoint}, {"Message", "x"}}).code == "EndpointDisabled");
  CHECK(kernel.call("ListEndpointsByPlatformApplication", {{"PlatformApplicationArn", application}})["Endpoints"]
            .list()
            .size() == 1);
  kernel.call("DeleteEndpoint", {{"EndpointArn", endpoint}});
  CHECK(kernel.error("GetEndpointAttributes", {{"EndpointArn", endpoint}}).message == "Endpoint does not exist");
  kernel.call("DeletePlatformApplication", {{"PlatformApplicationArn", application}});
  CHECK(kernel.call("ListPlatformApplications")["PlatformApplications"].list().empty());
}

TEST_CASE("text messages: settings, opting out, the sandbox") {
  Topics kernel;
  kernel.call("SetSMSAttributes", {{"attributes", Map{{"DefaultSMSType", "Transactional"}}}});
  CHECK(kernel.call("GetSMSAttributes", {{"attributes", List{"DefaultSMSType"}}})["attributes"]["DefaultSMSType"]
            .string() == "Transactional");
  CHECK(kernel.error("SetSMSAttributes", {{"attributes", Map{{"Nonsense", "1"}}}}).code == "InvalidParameter");
  const auto texts = [&] {
    const auto all =
        kernel.get("/_aws/sns/sms-messages", "phoneNumber=%2B4915112345678")["json"]["sms_messages"]["+4915112345678"];
    return all.is_null() ? std::size_t(0) : all.list().size();
  };
  kernel.call("Publish", {{"PhoneNumber", "+4915112345678"}, {"Message", "hi"}});
  CHECK(texts() == 1);
  CHECK(kernel.error("Publish", {{"PhoneNumber", "12"}, {"Message", "hi"}}).message ==
        "Invalid parameter: PhoneNumber Reason: 12 is not valid to publish to");
  HttpRequest stop;
  stop.method = "POST";
  stop.path = "/_aws/sns/opt-out";
  stop.query = "phoneNumber=%2B4915112345678";
  stop.headers.set("Host", "127.0.0.1:4566");
  CHECK(kernel.http(std::move(stop)).status == 200);
  CHECK(kernel.call("CheckIfPhoneNumberIsOptedOut", {{"phoneNumber", "+4915112345678"}})["isOptedOut"].boolean());
  CHECK(kernel.call("ListPhoneNumbersOptedOut")["phoneNumbers"][0].string() == "+4915112345678");
  kernel.call("Publish", {{"PhoneNumber", "+4915112345678"}, {"Message", "unwanted"}});
  CHECK(texts() == 1);
  kernel.call("OptInPhoneNumber", {{"phoneNumber", "+4915112345678"}});
  CHECK_FALSE(kernel.call("CheckIfPhoneNumberIsOptedOut", {{"phoneNumber", "+4915112345678"}})["isOptedOut"].boolean());

  kernel.call("CreateSMSSandboxPhoneNumber", {{"PhoneNumber", "+4930111"}});
  const auto letter = kernel.get("/_aws/sns/mailbox", "address=%2B4930111")["json"]["Messages"][0]["Body"].string();
  const auto code = letter.substr(letter.size() - 6);
  CHECK(kernel.error("VerifySMSSandboxPhoneNumber", {{"PhoneNumber", "+4930111"}, {"OneTimePassword", code + "0"}})
            .code == "VerificationException");
  kernel.call("VerifySMSSandboxPhoneNumber", {{"PhoneNumber", "+4930111"}, {"OneTimePassword", code}});
  CHECK(kernel.call("ListSMSSandboxPhoneNumbers")["PhoneNumbers"][0]["Status"].string() == "Verified");
  kernel.call("DeleteSMSSandboxPhoneNumber", {{"PhoneNumber", "+4930111"}});
  CHECK(kernel.error("DeleteSMSSandboxPhoneNumber", {{"PhoneNumber", "+4930111"}}).code == "ResourceNotFound");
}

TEST_CASE("what is not built says so") {
  Topics kernel;
  const auto arn = kernel.topic();
  CHECK(kernel.error("GetDataProtectionPolicy", {{"ResourceArn", arn}}).code == "NotImplemented");
  CHECK(kernel.error("CreateTopic", {{"Name", "a"}, {"DataProtectionPolicy", "{}"}}).code == "NotImplemented");
}
