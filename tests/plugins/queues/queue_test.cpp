// Queues: names, attributes, listing, deletion, purging, tags, permissions.
#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::sqs::testing;

namespace {
constexpr auto good_policy = R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":"SQS:SendMessage"}]})";
}

TEST_CASE("a queue has AWS's defaults") {
  Platform platform;
  CHECK(platform.url == "http://127.0.0.1:4566/000000000000/orders");
  const auto all = platform.on("GetQueueAttributes", {{"AttributeNames", List{"All"}}})["Attributes"];
  const std::pair<const char*, const char*> defaults[] = {{"VisibilityTimeout", "30"},
                                                          {"DelaySeconds", "0"},
                                                          {"MaximumMessageSize", "1048576"},
                                                          {"MessageRetentionPeriod", "345600"},
                                                          {"ReceiveMessageWaitTimeSeconds", "0"},
                                                          {"SqsManagedSseEnabled", "true"},
                                                          {"QueueArn", "arn:aws:sqs:us-east-1:000000000000:orders"},
                                                          {"CreatedTimestamp", "1798761600"},
                                                          {"LastModifiedTimestamp", "1798761600"},
                                                          {"ApproximateNumberOfMessages", "0"}};
  for (const auto& [name, value] : defaults) CHECK(all[name].string_or("missing") == value);
  CHECK(all["FifoQueue"].is_null());
  CHECK(platform.on("GetQueueAttributes")["Attributes"].is_null());
  CHECK(platform.on("GetQueueAttributes", {{"AttributeNames", List{"QueueArn"}}})["Attributes"].map().size() == 1);
  const auto unknown = platform.refused("GetQueueAttributes", {{"AttributeNames", List{"Colour"}}});
  CHECK(unknown.code == "InvalidAttributeName");
  CHECK(unknown.message == "Unknown Attribute Colour.");
}

TEST_CASE("creating a queue again is fine if nothing differs") {
  Platform platform({{"DelaySeconds", "5"}});
  CHECK(platform.create("orders") == platform.url);
  CHECK(platform.create("orders", {{"DelaySeconds", "5"}, {"VisibilityTimeout", "30"}}) == platform.url);
  const auto error =
      platform.error("CreateQueue", {{"QueueName", "orders"}, {"Attributes", Map{{"DelaySeconds", "6"}}}});
  CHECK(error.code == "QueueNameExists");
  CHECK(error.message == "A queue already exists with the same name and a different value for attribute DelaySeconds");
}

TEST_CASE("names and attributes are refused in AWS's words") {
  Platform platform;
  struct Case {
    const char* name;
    Map attributes;
    const char* code;
    const char* message;
  };
  const auto name_rule = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
  const auto fifo_rule =
      "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo "
      "suffix and be 1 to 80 in length.";
  const Case cases[] = {
      {"a b", {}, "InvalidParameterValue", name_rule},
      {"orders.fifo", {}, "InvalidParameterValue", name_rule},
      {"plain", {{"FifoQueue", "true"}}, "InvalidParameterValue", fifo_rule},
      {"x", {{"FifoQueue", "false"}}, "InvalidAttributeName", "Unknown Attribute FifoQueue."},
      {"x", {{"Colour", "1"}}, "InvalidAttributeName", "Unknown Attribute Colour."},
      {"x",
       {{"VisibilityTimeout", "43201"}},
       "InvalidAttributeValue",
       "Invalid value for the parameter VisibilityTimeout."},
      {"x", {{"DelaySeconds", "901"}}, "InvalidAttributeValue", "Invalid value for the parameter DelaySeconds."},
      {"x", {{"DelaySeconds", "1s"}}, "InvalidAttributeValue", "Invalid value for the parameter DelaySeconds."},
      {"x",
       {{"MaximumMessageSize", "1023"}},
       "InvalidAttributeValue",
       "Invalid value for the parameter MaximumMessageSize."},
      {"x",
       {{"MessageRetentionPeriod", "59"}},
       "InvalidAttributeValue",
       "Invalid value for the parameter MessageRetentionPeriod."},
      {"x",
       {{"ReceiveMessageWaitTimeSeconds", "21"}},
       "InvalidAttributeValue",
       "Invalid value for the parameter ReceiveMessageWaitTimeSeconds."},
      {"x", {{"Policy", "no json"}}, "InvalidAttributeValue", "Invalid value for the parameter Policy."},
      {"x",
       {{"ContentBasedDeduplication", "true"}},
       "InvalidAttributeName",
       "Unknown Attribute ContentBasedDeduplication."},
      {"x",
       {{"DeduplicationScope", "queue"}},
       "InvalidAttributeName",
       "You can specify the DeduplicationScope only when FifoQueue is set to true."},
      {"x.fifo",
       {{"FifoQueue", "true"}, {"FifoThroughputLimit", "perMessageGroupId"}},
       "InvalidAttributeValue",
       "Invalid value for the parameter FifoThroughputLimit. Reason: To set FifoThroughputLimit to perMessageGroupId, "
       "the DeduplicationScope must be messageGroup."},
      {"x",
       {{"SqsManagedSseEnabled", "true"}, {"KmsMasterKeyId", "alias/k"}},
       "InvalidAttributeValue",
       "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."},
  };
  for (const auto& one : cases) {
    INFO(one.message);
    const auto error = platform.error("CreateQueue", {{"QueueName", one.name}, {"Attributes", one.attributes}});
    CHECK(error.code == one.code);
    CHECK(error.message == one.message);
  }
  CHECK(platform.error("CreateQueue", {{"QueueName", std::string(81, 'a')}}).message == name_rule);
  CHECK(!platform.create(std::string(80, 'a')).empty());
}

TEST_CASE("attributes are changed one by one, and an empty text takes one away") {
  Platform platform;
  platform.clock.advance_ms(5 * second);
  platform.on("SetQueueAttributes", {{"Attributes", Map{{"VisibilityTimeout", "7"}, {"Policy", good_policy}}}});
  CHECK(platform.attribute("VisibilityTimeout").string() == "7");
  CHECK(platform.attribute("LastModifiedTimestamp").string() == "1798761605");
  platform.on("SetQueueAttributes", {{"Attributes", Map{{"Policy", ""}}}});
  CHECK(platform.attribute("Policy").is_null());
  CHECK(platform.attribute("VisibilityTimeout").string() == "7");
  platform.on("SetQueueAttributes", {{"Attributes", Map{{"DelaySeconds", "60"}}}});
  platform.on("SetQueueAttributes", {{"Attributes", Map{{"DelaySeconds", "0"}}}});
  platform.send("now");
  CHECK(platform.bodies() == Texts{"now"});
  CHECK(platform.refused("SetQueueAttributes", {{"Attributes", Map{{"FifoQueue", "true"}}}}).code ==
        "InvalidAttributeName");
}

TEST_CASE("redrive policies are checked against the queue that they name") {
  Platform platform;
  platform.create("dead");
  platform.create("dead.fifo", {{"FifoQueue", "true"}});
  const auto refused = [&](const std::string& policy) {
    return platform.refused("SetQueueAttributes", {{"Attributes", Map{{"RedrivePolicy", policy}}}}).message;
  };
  const auto ends = [](const std::string& text, const std::string& end) {
    INFO(text);
    CHECK(text.ends_with(end));
  };
  ends(refused("{}"), "Reason: Redrive policy does not contain mandatory attribute: maxReceiveCount.");
  ends(refused(R"({"maxReceiveCount":3})"),
       "Reason: Redrive policy does not contain mandatory attribute: deadLetterTargetArn.");
  ends(refused(Platform::redrive("dead", 0)),
       "Reason: Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive.");
  ends(refused(Platform::redrive("none", 3)), "Reason: Dead letter target does not exist.");
  ends(refused(Platform::redrive("dead.fifo", 3)),
       "Reason: Dead-letter queue must be same type of queue as the source.");
  ends(refused("[1"), "Reason: Redrive policy is not a valid JSON map.");

  platform.call("SetQueueAttributes",
                {{"QueueUrl", platform.url.substr(0, platform.url.rfind('/')) + "/dead"},
                 {"Attributes", Map{{"RedriveAllowPolicy", R"({"redrivePermission":"denyAll"})"}}}});
  CHECK(refused(Platform::redrive("dead", 3)).find("does not have permission") != std::string::npos);
  platform.call("SetQueueAttributes",
                {{"QueueUrl", "dead"},
                 {"Attributes", Map{{"RedriveAllowPolicy", R"({"redrivePermission":"byQueue","sourceQueueArns":[")" +
                                                               Platform::arn("orders") + R"("]})"}}}});
  platform.on("SetQueueAttributes", {{"Attributes", Map{{"RedrivePolicy", Platform::redrive("dead", 3)}}}});
  CHECK(platform.call("ListDeadLetterSourceQueues", {{"QueueUrl", "dead"}})["queueUrls"] == Value(List{platform.url}));
  platform.on("SetQueueAttributes", {{"Attributes", Map{{"RedrivePolicy", ""}}}});
  CHECK(platform.call("ListDeadLetterSourceQueues", {{"QueueUrl", "dead"}})["queueUrls"].list().empty());
}

TEST_CASE("queues are listed by prefix and in pages") {
  Platform platform;
  for (const auto* name : {"a-1", "a-2", "a-3", "b-1"}) platform.create(name);
  CHECK(platform.call("ListQueues")["QueueUrls"].list().size() == 5);
  const auto first = platform.call("ListQueues", {{"QueueNamePrefix", "a-"}, {"MaxResults", 2}});
  CHECK(first["QueueUrls"].list().size() == 2);
  const auto second =
      platform.call("ListQueues", {{"QueueNamePrefix", "a-"}, {"MaxResults", 2}, {"NextToken", first["NextToken"]}});
  CHECK(second["QueueUrls"] == Value(List{"http://127.0.0.1:4566/000000000000/a-3"}));
  CHECK(second["NextToken"].is_null());
  CHECK(platform.call("ListQueues", {{"QueueNamePrefix", "zzz"}})["QueueUrls"].is_null());
  auto elsewhere = platform.context;
  elsewhere.region = "eu-west-1";
  CHECK((*platform.try_call_as(elsewhere, "sqs", "ListQueues"))["QueueUrls"].is_null());
}

TEST_CASE("every form of a queue's address leads to it") {
  Platform platform;
  for (const std::string url :
       {"http://localhost:4566/000000000000/orders", "https://sqs.us-east-1.amazonaws.com/000000000000/orders",
        "https://us-east-1.queue.amazonaws.com/000000000000/orders", "https://queue.amazonaws.com/000000000000/orders",
        "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/orders",
        "http://localhost:4566/queue/us-east-1/000000000000/orders", "/000000000000/orders", "000000000000/orders",
        "orders"}) {
    INFO(url);
    CHECK(platform.try_call("sqs", "GetQueueAttributes", {{"QueueUrl", url}}).ok());
  }
  CHECK(platform.error("GetQueueAttributes", {{"QueueUrl", "http://localhost/orders"}}).code == "InvalidAddress");
  CHECK(platform.error("GetQueueAttributes", {{"QueueUrl", "http://localhost/x/orders"}}).code == "InvalidAddress");
  const auto gone =
      platform.error("GetQueueAttributes", {{"QueueUrl", "https://sqs.eu-west-1.amazonaws.com/000000000000/orders"}});
  CHECK(gone.code == "QueueDoesNotExist");
  CHECK(gone.message == "The specified queue does not exist.");
  CHECK(platform.call("GetQueueUrl", {{"QueueName", "orders"}})["QueueUrl"].string() == platform.url);
  CHECK(platform.error("GetQueueUrl", {{"QueueName", "none"}}).code == "QueueDoesNotExist");
}

TEST_CASE("a deleted queue is gone with its messages, and its name is free after a minute") {
  Platform platform;
  platform.send("one");
  platform.on("DeleteQueue");
  CHECK(platform.refused("SendMessage", {{"MessageBody", "x"}}).code == "QueueDoesNotExist");
  CHECK(platform.refused("DeleteQueue").code == "QueueDoesNotExist");
  platform.clock.advance_ms(minute - 1);
  // As clients are told: a stack that replaces its queue comes from inside, and need not wait.
  const auto create = [&] {
    HttpRequest request;
    request.method = "POST";
    request.path = "/";
    request.headers.add("Host", "127.0.0.1");
    request.headers.add("Content-Type", "application/x-amz-json-1.0");
    request.headers.add("X-Amz-Target", "AmazonSQS.CreateQueue");
    request.body = R"({"QueueName":"orders"})";
    return platform.http(std::move(request));
  };
  const auto refused = create();
  CHECK(refused.status == 400);
  CHECK(refused.body.find("QueueDeletedRecently") != std::string::npos);
  CHECK(refused.body.find("You must wait 60 seconds after deleting a queue before you can create another with the "
                          "same name.") != std::string::npos);
  platform.clock.advance_ms(1);
  CHECK(create().status == 200);
  CHECK(platform.bodies().empty());
  CHECK(platform.counts() == Texts{"0", "0", "0"});
}

TEST_CASE("a purge empties the queue, once a minute") {
  Platform platform;
  platform.send("one");
  platform.send("two", {{"DelaySeconds", 10}});
  const auto held = platform.receive({{"MaxNumberOfMessages", 1}}).at(0);
  platform.on("PurgeQueue");
  CHECK(platform.counts() == Texts{"0", "0", "0"});
  platform.remove(held);  // Is gone already, which is fine.
  platform.send("three");
  platform.clock.advance_ms(minute - 1);
  const auto error = platform.refused("PurgeQueue");
  CHECK(error.code == "PurgeQueueInProgress");
  CHECK(error.message == "Only one PurgeQueue operation on orders is allowed every 60 seconds.");
  CHECK(platform.bodies() == Texts{"three"});
  platform.clock.advance_ms(1);
  platform.on("PurgeQueue");
  CHECK(platform.counts() == Texts{"0", "0", "0"});
}

TEST_CASE("queues have tags") {
  Platform platform;
  platform.on("TagQueue", {{"Tags", Map{{"team", "moon"}, {"stage", "dev"}}}});
  platform.on("UntagQueue", {{"TagKeys", List{"stage", "none"}}});
  CHECK(platform.on("ListQueueTags")["Tags"] == Value(Map{{"team", "moon"}}));
  platform.call("CreateQueue", {{"QueueName", "tagged"}, {"tags", Map{{"a", "b"}}}});
  CHECK(platform.call("ListQueueTags", {{"QueueUrl", "tagged"}})["Tags"] == Value(Map{{"a", "b"}}));
  CHECK(platform.refused("TagQueue", {{"Tags", Map{{"aws:x", "y"}}}}).code == "InvalidParameterValue");
}

TEST_CASE("policies are checked as SQS checks them") {
  Platform platform;
  const auto refused = [&](const std::string& policy) {
    return platform.refused("SetQueueAttributes", {{"Attributes", Map{{"Policy", policy}}}}).message;
  };
  const auto statement = [](const std::string& action, const std::string& effect = "Allow") {
    return R"({"Statement":[{"Effect":")" + effect + R"(","Principal":"*","Action":)" + action +
           R"(,"Resource":"*"}]})";
  };
  for (const auto* broken : {"{", "[]", "{}", R"({"Statement":[]})", R"({"Statement":["x"]})",
                             R"({"Statement":{"Effect":"Allow","Action":"SQS:SendMessage"}})"})
    CHECK(refused(broken) == "Invalid value for the parameter Policy.");
  CHECK(refused(statement("\"SQS:SendMessage\"", "Perhaps")) == "Invalid value for the parameter Policy.");
  CHECK(refused(statement("[]")) == "Invalid value for the parameter Policy.");
  CHECK(refused(std::string(8193, ' ')) == "Invalid value for the parameter Policy.");
  for (const auto* action : {"\"sns:Publish\"", R"(["sqs:SendMessage","sqs:Dance"])"})
    CHECK(refused(statement(action)) == "Value " + statement(action) +
                                            " for parameter Policy is invalid. Reason: Policy statement action out of "
                                            "service scope!");
  for (const auto* action : {"\"SQS:*\"", "\"*\"", R"(["sqs:SendMessage","SQS:Get*"])"}) {
    platform.on("SetQueueAttributes", {{"Attributes", Map{{"Policy", statement(action)}}}});
    CHECK(platform.attribute("Policy").string() == statement(action));
  }
}

TEST_CASE("permissions are statements of the policy") {
  Platform platform;
  const Map permission = {
      {"Label", "share"}, {"AWSAccountIds", List{"111111111111"}}, {"Actions", List{"SendMessage"}}};
  platform.on("AddPermission", permission);
  CHECK(platform.attribute("Policy").string() ==
        R"({"Version":"2008-10-17","Id":"arn:aws:sqs:us-east-1:000000000000:orders/SQSDefaultPolicy","Statement":[)"
        R"({"Sid":"share","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},)"
        R"("Action":"SQS:SendMessage","Resource":"arn:aws:sqs:us-east-1:000000000000:orders"}]})");
  CHECK(platform.refused("AddPermission", permission).message ==
        "Value share for parameter Label is invalid. Reason: Already exists.");
  CHECK(platform
            .refused("AddPermission",
                     {{"Label", "b"}, {"AWSAccountIds", List{"111111111111"}}, {"Actions", List{"CreateQueue"}}})
            .message ==
        "Value SQS:CreateQueue for parameter ActionName is invalid. Reason: Only the queue owner is allowed to invoke "
        "this action.");
  CHECK(platform.refused("RemovePermission", {{"Label", "none"}}).message ==
        "Value none for parameter Label is invalid. Reason: can't find label on existing policy.");
  platform.on("RemovePermission", {{"Label", "share"}});
  CHECK(platform.attribute("Policy").is_null());
}

TEST_CASE("a restart keeps queues and messages") {
  Platform platform({{"DelaySeconds", "0"}});
  platform.send("one");
  platform.send("two");
  const auto first = platform.receive({{"MaxNumberOfMessages", 1}}).at(0);
  platform.restart();
  CHECK(platform.counts() == Texts{"1", "1", "0"});
  platform.remove(first);
  CHECK(platform.bodies() == Texts{"two"});
}
