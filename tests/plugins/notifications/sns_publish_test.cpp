#include <openssl/evp.h>
#include <openssl/pem.h>

#include <catch2/catch.hpp>
#include <moonbase/hash.hpp>

#include "sns_support.hpp"

using namespace moonbase;
using namespace moonbase::notifications::testing;

namespace {

// As a subscriber who has OpenSSL would.
bool verifies(const std::string& pem, const std::string& version, const std::string& text,
              const std::string& signature) {
  auto* memory = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  auto* certificate = PEM_read_bio_X509(memory, nullptr, nullptr, nullptr);
  BIO_free(memory);
  if (!certificate) return false;
  auto* key = X509_get_pubkey(certificate);
  auto* digest = EVP_MD_CTX_new();
  const auto bytes = from_base64(signature).value_or("");
  EVP_DigestVerifyInit(digest, nullptr, version == "2" ? EVP_sha256() : EVP_sha1(), nullptr, key);
  const int good = EVP_DigestVerify(digest, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                                    reinterpret_cast<const unsigned char*>(text.data()), text.size());
  EVP_MD_CTX_free(digest);
  EVP_PKEY_free(key);
  X509_free(certificate);
  return good == 1;
}

}  // namespace

TEST_CASE("a queue gets the notification as SNS writes it") {
  Topics kernel;
  kernel.topic();
  const auto subscription = kernel.subscribe(queue_arn("q"));
  const auto id =
      kernel
          .publish(
              "line\n\"two\"",
              {{"Subject", "Hi"},
               {"MessageAttributes",
                Map{{"colour", text_attribute("red")},
                    {"raw", Map{{"DataType", "Binary"}, {"BinaryValue", std::string("\0\xff", 2)}}}}}})["MessageId"]
          .string();
  const auto all = received(kernel);
  REQUIRE(all.size() == 1);
  CHECK(all[0].arn == queue_arn("q"));
  CHECK(all[0].service == "sns.amazonaws.com");
  const auto json = all[0].json();
  CHECK(all[0].payload ==
        "{\n  \"Type\" : \"Notification\",\n  \"MessageId\" : \"" + id + "\",\n  \"TopicArn\" : \"" +
            topic_arn("news") +
            "\",\n  \"Subject\" : \"Hi\",\n  \"Message\" : \"line\\n\\\"two\\\"\",\n  \"Timestamp\" : "
            "\"2027-01-01T00:00:00.000Z\"," +
            "\n  \"SignatureVersion\" : \"1\",\n  \"Signature\" : \"" + json["Signature"].string() +
            "\",\n  \"SigningCertURL\" : \"" + json["SigningCertURL"].string() + "\",\n  \"UnsubscribeURL\" : \"" +
            json["UnsubscribeURL"].string() +
            "\",\n  \"MessageAttributes\" : {\n    \"colour\" : {\"Type\":\"String\",\"Value\":\"red\"},\n" +
            "    \"raw\" : {\"Type\":\"Binary\",\"Value\":\"AP8=\"}\n  }\n}");
  CHECK(json["UnsubscribeURL"].string() ==
        "http://127.0.0.1:4566/_aws/sns/unsubscribe?Action=Unsubscribe&SubscriptionArn=" +
            percent_encode(subscription));
}

TEST_CASE("messages are signed with SHA1 or SHA256, and the certificate is served") {
  Topics kernel;
  kernel.topic("news", {{"SignatureVersion", GENERATE("1", "2")}});
  kernel.subscribe(queue_arn("q"));
  kernel.publish("hello", {{"Subject", "S"}});
  const auto all = received(kernel);
  REQUIRE(all.size() == 1);
  const auto json = all[0].json();
  const auto url = json["SigningCertURL"].string();
  CHECK(url.starts_with("https://127.0.0.1:4566/SimpleNotificationService-"));
  CHECK(url.ends_with(".pem"));
  const auto pem = kernel.get(url.substr(url.rfind('/')))["text"].string();
  std::string text;
  for (const auto* key : {"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"})
    text += std::string(key) + "\n" + json[key].string() + "\n";
  CHECK(verifies(pem, json["SignatureVersion"].string(), text, json["Signature"].string()));
  CHECK_FALSE(verifies(pem, json["SignatureVersion"].string(), text + " ", json["Signature"].string()));
  CHECK(kernel.get("/SimpleNotificationService-0.pem")["status"].integer() == 404);

  // The key stays when the platform starts again.
  kernel.restart();
  kernel.publish("again");
  CHECK(received(kernel).at(0).json()["SigningCertURL"].string() == url);
}

TEST_CASE("raw delivery sends the message and its attributes") {
  Topics kernel;
  kernel.topic();
  kernel.subscribe(queue_arn("q"), {{"RawMessageDelivery", "true"}});
  kernel.publish("plain", {{"MessageGroupId", "g"},
                           {"MessageAttributes", Map{{"n", text_attribute("7", "Number")},
                                                     {"b", Map{{"DataType", "Binary"}, {"BinaryValue", "xy"}}}}}});
  const auto all = received(kernel);
  REQUIRE(all.size() == 1);
  CHECK(all[0].payload == "plain");
  CHECK(all[0].attribute("n") == "7");
  CHECK(all[0].options["MessageAttributes"]["b"]["BinaryValue"].string() == "xy");
  CHECK(all[0].options["MessageGroupId"].string() == "g");

  // A queue takes ten attributes; a message with more is lost, as on AWS.
  Map many;
  for (int i = 0; i < 11; ++i) many.set("a" + std::to_string(i), text_attribute("x"));
  kernel.publish("too many", {{"MessageAttributes", many}});
  CHECK(received(kernel).empty());
}

TEST_CASE("a function gets the event of SNS") {
  Topics kernel;
  kernel.topic();
  const auto function = "arn:aws:lambda:us-east-1:000000000000:function:f";
  const auto subscription = kernel.subscribe(function, {}, "lambda");
  const auto id =
      kernel.publish("hello", {{"MessageAttributes", Map{{"a", text_attribute("x")}}}})["MessageId"].string();
  const auto all = received(kernel);
  REQUIRE(all.size() == 1);
  CHECK(all[0].arn == function);
  const auto record = all[0].json()["Records"][0];
  CHECK(record["EventSource"].string() == "aws:sns");
  CHECK(record["EventVersion"].string() == "1.0");
  CHECK(record["EventSubscriptionArn"].string() == subscription);
  const auto sns = record["Sns"];
  CHECK(sns["Type"].string() == "Notification");
  CHECK(sns["MessageId"].string() == id);
  CHECK(sns.map().contains("Subject"));
  CHECK(sns["Subject"].is_null());
  CHECK(sns["Message"].string() == "hello");
  CHECK(sns["Timestamp"].string() == "2027-01-01T00:00:00.000Z");
  CHECK(sns["MessageAttributes"]["a"] == Value(Map{{"Type", "String"}, {"Value", "x"}}));
  CHECK(sns["SigningCertUrl"].string().ends_with(".pem"));
}

TEST_CASE("each protocol gets its own text of a JSON message") {
  Topics kernel;
  kernel.topic();
  kernel.subscribe(queue_arn("q"));
  kernel.subscribe("+4915112345678", {}, "sms");
  kernel.publish(R"({"default":"d","sqs":"for queues"})", {{"MessageStructure", "json"}});
  CHECK(received(kernel).at(0).json()["Message"].string() == "for queues");
  CHECK(kernel.get("/_aws/sns/mailbox", "protocol=sms")["json"]["Messages"][0]["Body"].string() == "d");
  const auto refused = [&](const char* text) {
    return kernel.error("Publish", {{"TopicArn", topic_arn("news")}, {"Message", text}, {"MessageStructure", "json"}})
        .message;
  };
  CHECK(refused("{") == "Invalid parameter: Message Structure - JSON message body failed to parse");
  CHECK(refused("{}") == "Invalid parameter: Message Structure - No default entry in JSON message body");
}

TEST_CASE("what cannot be published is refused with AWS's texts") {
  Topics kernel;
  kernel.topic();
  const auto refused = [&](Map input) {
    if (!input.contains("Message")) input.set("Message", "x");
    if (!input.contains("TopicArn")) input.set("TopicArn", topic_arn("news"));
    return kernel.error("Publish", std::move(input)).message;
  };
  CHECK(kernel.error("Publish", {{"Message", "x"}}).message ==
        "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter");
  for (const auto* arn : {"", "news"})
    CHECK(refused({{"TopicArn", arn}}) ==
          "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1");
  CHECK(refused({{"TopicArn", topic_arn("nowhere")}}) == "Topic does not exist");
  CHECK(kernel.error("Publish", {{"TargetArn", topic_arn("endpoint/GCM/phones/none")}, {"Message", "x"}}).message ==
        "Invalid parameter: TargetArn Reason: No endpoint found for the target arn specified");
  CHECK(refused({{"Message", ""}}) == "Invalid parameter: Empty message");
  CHECK(refused({{"Subject", ""}}) == "Invalid parameter: Subject");
  CHECK(refused({{"Subject", std::string(101, 'a')}}) == "Invalid parameter: Subject");
  CHECK(refused({{"Message", std::string(262'145, 'a')}}) == "Invalid parameter: Message too long");
  CHECK(kernel.publish(std::string(262'144, 'a'))["MessageId"].is_string());
  CHECK(refused({{"MessageDeduplicationId", "a"}}).starts_with("Invalid parameter: MessageDeduplicationId Reason: "));
  CHECK(refused({{"MessageAttributes", Map{{"a", text_attribute("x", "Strong")}}}}) ==
        "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is "
        "Binary, Number, and String.");
  CHECK(
      refused({{"MessageAttributes", Map{{"a", text_attribute("")}}}}) ==
      "The message attribute 'a' must contain non-empty message attribute value for message attribute type 'String'.");
  CHECK(refused({{"MessageAttributes", Map{{"a", text_attribute("seven", "Number")}}}}) ==
        "Could not cast message attribute 'a' value to number.");
  CHECK(refused({{"MessageAttributes", Map{{"a", Map{{"DataType", "Binary"}, {"StringValue", "x"}}}}}}) ==
        "The message attribute 'a' with type 'Binary' must use field 'Binary'.");
  const auto refused_name = [&](const std::string& name) {
    return refused({{"MessageAttributes", Map{{name, text_attribute("x")}}}});
  };
  CHECK(refused_name(".a") == "Invalid message attribute name starting with character '.' was found.");
  CHECK(refused_name("a.") == "Invalid message attribute name ending with character '.' was found.");
  CHECK(refused_name("a..b") == "Message attribute name can not have successive '.' character.");
  CHECK(refused_name("a/b") ==
        "Invalid non-alphanumeric character '#x2F' was found in the message attribute name. Can only include "
        "alphanumeric characters, hyphens, underscores, or dots.");
  CHECK(refused_name(std::string(257, 'a')) == "Length of message attribute name must be less than 256 bytes.");
}

TEST_CASE("entries of a batch fail one by one, and a batch as a whole") {
  Topics kernel;
  kernel.topic();
  kernel.subscribe(queue_arn("q"), {{"RawMessageDelivery", "true"}});
  const auto batch = [&](List entries) {
    return Map{{"TopicArn", topic_arn("news")}, {"PublishBatchRequestEntries", std::move(entries)}};
  };
  const auto entry = [](const std::string& id, const std::string& message) {
    return Map{{"Id", id}, {"Message", message}};
  };
  const auto answer = kernel.call("PublishBatch", batch({entry("1", "a"), entry("2", ""), entry("3", "c")}));
  REQUIRE(answer["Successful"].list().size() == 2);
  REQUIRE(answer["Failed"].list().size() == 1);
  CHECK(answer["Failed"][0]["Id"].string() == "2");
  CHECK(answer["Failed"][0]["Code"].string() == "InvalidParameter");
  CHECK(answer["Failed"][0]["SenderFault"].boolean());
  CHECK(received(kernel).size() == 2);
  CHECK(kernel.error("PublishBatch", batch({})).code == "EmptyBatchRequest");
  CHECK(kernel.error("PublishBatch", batch({entry("1", "a"), entry("1", "b")})).code == "BatchEntryIdsNotDistinct");
  CHECK(kernel.error("PublishBatch", batch({entry("1 2", "a")})).code == "InvalidBatchEntryId");
  CHECK(kernel.error("PublishBatch", batch(List(11, Value(entry("1", "a"))))).code == "TooManyEntriesInBatchRequest");
  CHECK(
      kernel
          .error("PublishBatch", batch({entry("1", std::string(200'000, 'a')), entry("2", std::string(100'000, 'a'))}))
          .code == "BatchRequestTooLong");
  // Attributes count, too.
  auto heavy = entry("1", std::string(200'000, 'a'));
  heavy.set("MessageAttributes", Map{{"a", text_attribute(std::string(60'000, 'x'))}});
  CHECK(kernel.error("PublishBatch", batch({heavy, entry("2", std::string(3'000, 'a'))})).code ==
        "BatchRequestTooLong");
  CHECK(kernel.call("PublishBatch", batch({heavy, entry("2", "a")}))["Failed"].list().empty());
}

TEST_CASE("a topic may take messages of up to a mebibyte, and then serves those who can") {
  Topics kernel;
  kernel.topic();
  const auto set = [&](const std::string& bytes) {
    return Map{{"TopicArn", topic_arn("news")}, {"AttributeName", "MaximumMessageSize"}, {"AttributeValue", bytes}};
  };
  for (const auto* wrong : {"1023", "1048577", "many"})
    CHECK(kernel.error("SetTopicAttributes", set(wrong)).message ==
          "Invalid parameter: MaximumMessageSize: " + std::string(wrong) +
              " is not an integer between 1024 and 1048576 bytes");
  const auto mail = kernel.subscribe("ann@moon.example", {}, "email");
  CHECK(kernel.error("SetTopicAttributes", set("1048576")).code == "InvalidParameter");
  kernel.call("SetTopicAttributes", set("2000"));
  CHECK(kernel.error("Publish", {{"TopicArn", topic_arn("news")}, {"Message", std::string(2001, 'a')}}).message ==
        "Invalid parameter: Message too long");
  kernel.call("Unsubscribe", {{"SubscriptionArn", mail}});
  kernel.call("SetTopicAttributes", set("1048576"));
  kernel.subscribe(queue_arn("q"), {{"RawMessageDelivery", "true"}});
  kernel.publish(std::string(1'048'576, 'a'));
  REQUIRE(received(kernel).size() == 1);
  CHECK(kernel.error("Publish", {{"TopicArn", topic_arn("news")}, {"Message", std::string(1'048'577, 'a')}}).message ==
        "Invalid parameter: Message too long");
  CHECK(kernel.refused_subscribe({}, "email", "ann@moon.example").find("do not support email") != std::string::npos);
  for (int i = 1; i < 100; ++i) kernel.subscribe(queue_arn("q" + std::to_string(i)));
  CHECK(kernel.refused_subscribe({}, "sqs", queue_arn("q100")).find("at most 100") != std::string::npos);
}

TEST_CASE("filter policies choose who gets a message") {
  Topics kernel;
  kernel.topic();
  kernel.subscribe(queue_arn("red"), {{"FilterPolicy", R"({"colour":["red"]})"}});
  kernel.subscribe(queue_arn("big"),
                   {{"FilterPolicy", R"({"total":[{"numeric":[">",100]}]})"}, {"FilterPolicyScope", "MessageBody"}});
  kernel.subscribe(queue_arn("all"));
  const auto who = [&] {
    std::string names;
    for (const auto& each : received(kernel)) names += each.arn.substr(each.arn.rfind(':') + 1) + " ";
    return names;
  };
  kernel.publish(R"({"total":5})", {{"MessageAttributes", Map{{"colour", text_attribute("red")}}}});
  const auto red = who();
  CHECK((red == "red all " || red == "all red "));
  kernel.publish(R"({"total":500})");
  const auto big = who();
  CHECK((big == "big all " || big == "all big "));
}

TEST_CASE("a topic is a target for others: rules, alarms") {
  Topics kernel;
  kernel.topic();
  kernel.subscribe(queue_arn("q"));
  kernel.on_fiber([](KernelServices& services, CallContext& context) {
    const auto answer = services.targets.deliver(context, topic_arn("news"), "from elsewhere", Map{{"Subject", "S"}});
    CHECK(answer.value()["MessageId"].is_string());
    CHECK(services.targets.deliver(context, topic_arn("none"), "x").error().code == "NotFound");
  });
  const auto all = received(kernel);
  REQUIRE(all.size() == 1);
  CHECK(all[0].json()["Message"].string() == "from elsewhere");
  CHECK(all[0].json()["Subject"].string() == "S");
}
