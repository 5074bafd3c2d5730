// Dead letter queues, message move tasks, deliveries, the event source, the look from outside.
#include <catch2/catch.hpp>
#include <moonbase/json.hpp>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::sqs::testing;

namespace {

struct WithDeadLetters : Platform {
  explicit WithDeadLetters(int receives = 2) {
    dead = create("dead");
    on("SetQueueAttributes",
       {{"Attributes", Map{{"RedrivePolicy", redrive("dead", receives)}, {"VisibilityTimeout", "1"}}}});
  }
  // Receives and lets the visibility timeout pass.
  std::vector<std::string> fail() {
    auto found = bodies();
    clock.advance_ms(second);
    return found;
  }
  std::string dead;
};

}  // namespace

TEST_CASE("a message moves at the receive that would be one too many, and keeps its id") {
  WithDeadLetters platform;
  const auto sent = platform.send("poison");
  CHECK(platform.fail() == Texts{"poison"});
  CHECK(platform.fail() == Texts{"poison"});
  CHECK(platform.counts() == Texts{"1", "0", "0"});  // Nobody has asked for it since.
  CHECK(platform.bodies().empty());
  CHECK(platform.counts() == Texts{"0", "0", "0"});
  const auto moved = platform.receive({{"QueueUrl", platform.dead}});
  REQUIRE(moved.size() == 1);
  CHECK(moved[0]["MessageId"] == sent["MessageId"]);
  CHECK(moved[0]["Attributes"]["DeadLetterQueueSourceArn"].string() == Platform::arn("orders"));
  CHECK(moved[0]["Attributes"]["SentTimestamp"].string() == "1798761600000");
}

TEST_CASE("healthy messages are received past those that move") {
  WithDeadLetters platform(1);
  for (int i = 0; i < 25; ++i) platform.send("poison");
  for (int i = 0; i < 3; ++i) platform.receive();
  platform.clock.advance_ms(second);
  platform.send("healthy");
  CHECK(platform.bodies() == Texts{"healthy"});
  CHECK(platform.counts(platform.dead) == Texts{"25", "0", "0"});
}

TEST_CASE("retention goes on in the dead letter queue") {
  WithDeadLetters platform(1);
  platform.call("SetQueueAttributes",
                {{"QueueUrl", platform.dead}, {"Attributes", Map{{"MessageRetentionPeriod", "60"}}}});
  platform.send("poison");
  platform.fail();
  platform.clock.advance_ms(39 * second);
  CHECK(platform.bodies().empty());
  CHECK(platform.counts(platform.dead) == Texts{"1", "0", "0"});
  platform.clock.advance_ms(20 * second);
  CHECK(platform.counts(platform.dead) == Texts{"0", "0", "0"});
}

TEST_CASE("a move task brings messages back as new ones") {
  WithDeadLetters platform(1);
  const auto old_id = platform.send("poison")["MessageId"];
  platform.fail();
  CHECK(platform.bodies().empty());
  CHECK(platform.error("StartMessageMoveTask", {{"SourceArn", Platform::arn("orders")}}).message ==
        "Source queue must be configured as a Dead Letter Queue.");
  CHECK(platform.error("StartMessageMoveTask", {{"SourceArn", Platform::arn("none")}}).code ==
        "ResourceNotFoundException");
  const auto started = platform.call("StartMessageMoveTask", {{"SourceArn", Platform::arn("dead")}});
  CHECK(started["TaskHandle"].is_string());
  platform.clock.advance_ms(1);
  const auto task = platform.call("ListMessageMoveTasks", {{"SourceArn", Platform::arn("dead")}})["Results"][0];
  CHECK(task["Status"].string() == "COMPLETED");
  CHECK(task["ApproximateNumberOfMessagesMoved"].integer() == 1);
  CHECK(task["ApproximateNumberOfMessagesToMove"].integer() == 1);
  CHECK(task["TaskHandle"].is_null());
  const auto back = platform.receive();
  REQUIRE(back.size() == 1);
  CHECK(back[0]["MessageId"] != old_id);
  CHECK(back[0]["Attributes"]["ApproximateReceiveCount"].string() == "1");
  CHECK(back[0]["Attributes"]["DeadLetterQueueSourceArn"].is_null());
  CHECK(platform.counts(platform.dead) == Texts{"0", "0", "0"});
}

TEST_CASE("a move task keeps its rate, goes on after a restart and can be cancelled") {
  WithDeadLetters platform(1);
  platform.create("elsewhere");
  for (int i = 0; i < 10; ++i) platform.send("poison");
  platform.fail();
  CHECK(platform.bodies().empty());
  const auto handle = platform.call("StartMessageMoveTask", {{"SourceArn", Platform::arn("dead")},
                                                             {"DestinationArn", Platform::arn("elsewhere")},
                                                             {"MaxNumberOfMessagesPerSecond", 2}})["TaskHandle"];
  CHECK(platform.error("StartMessageMoveTask", {{"SourceArn", Platform::arn("dead")}}).message ==
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time.");
  platform.clock.advance_ms(1);
  CHECK(platform.counts("elsewhere")[0] == "2");
  platform.restart();
  platform.clock.advance_ms(2 * second);
  CHECK(platform.counts("elsewhere")[0] == "6");
  CHECK(
      platform.call("CancelMessageMoveTask", {{"TaskHandle", handle}})["ApproximateNumberOfMessagesMoved"].integer() ==
      6);
  platform.clock.advance_ms(10 * second);
  CHECK(platform.counts("elsewhere")[0] == "6");
  CHECK(platform.counts(platform.dead)[0] == "4");
  CHECK(
      platform.call("ListMessageMoveTasks", {{"SourceArn", Platform::arn("dead")}})["Results"][0]["Status"].string() ==
      "CANCELLED");
  CHECK(platform.error("CancelMessageMoveTask", {{"TaskHandle", handle}}).code == "InvalidParameterValue");
}

TEST_CASE("a move task moves messages of any size") {
  WithDeadLetters platform(1);
  constexpr int messages = 20;
  for (int i = 0; i < messages; ++i) platform.send(std::string(1024 * 1024, 'x'));
  for (int i = 0; i < 2; ++i) platform.receive();
  platform.clock.advance_ms(second);
  for (int i = 0; i < 2; ++i) CHECK(platform.receive().empty());
  CHECK(platform.counts(platform.dead)[0] == std::to_string(messages));
  platform.call("StartMessageMoveTask", {{"SourceArn", Platform::arn("dead")}});
  platform.clock.advance_ms(1);
  CHECK(platform.counts(platform.dead)[0] == "0");
  CHECK(platform.counts()[0] == std::to_string(messages));
  platform.on("SetQueueAttributes", {{"Attributes", Map{{"MessageRetentionPeriod", "60"}}}});
  platform.clock.advance_ms(minute);
  CHECK(platform.counts() == Texts{"0", "0", "0"});
}

TEST_CASE("a move task that cannot tell where a message came from fails") {
  WithDeadLetters platform;
  platform.call("SendMessage", {{"QueueUrl", platform.dead}, {"MessageBody", "direct"}});
  platform.call("StartMessageMoveTask", {{"SourceArn", Platform::arn("dead")}});
  platform.clock.advance_ms(1);
  const auto task = platform.call("ListMessageMoveTasks", {{"SourceArn", Platform::arn("dead")}})["Results"][0];
  CHECK(task["Status"].string() == "FAILED");
  CHECK(task["FailureReason"].string() == "CouldNotDetermineMessageSource");
  CHECK(platform.counts(platform.dead)[0] == "1");
}

TEST_CASE("FIFO messages move with their group, and the group goes on") {
  FifoPlatform platform({{"VisibilityTimeout", "1"}});
  platform.create("dead.fifo", {{"FifoQueue", "true"}});
  platform.on("SetQueueAttributes", {{"Attributes", Map{{"RedrivePolicy", Platform::redrive("dead.fifo", 1)}}}});
  platform.put("a", "1");
  platform.put("a", "2");
  CHECK(platform.bodies({{"MaxNumberOfMessages", 1}}) == Texts{"1"});
  platform.clock.advance_ms(second);
  CHECK(platform.bodies() == Texts{"2"});
  const auto moved = platform.receive({{"QueueUrl", "dead.fifo"}});
  REQUIRE(moved.size() == 1);
  CHECK(moved[0]["Attributes"]["MessageGroupId"].string() == "a");
}

TEST_CASE("other services deliver into queues") {
  FifoPlatform platform({{"ContentBasedDeduplication", "true"}});
  platform.on_fiber([&](KernelServices& kernel, CallContext& context) {
    const auto sent = kernel.targets.deliver(
        context, Platform::arn("orders.fifo"), "hello",
        Map{{"MessageGroupId", "g"},
            {"MessageAttributes", Map{{"a", Map{{"DataType", "String"}, {"StringValue", "b"}}}}}});
    REQUIRE(sent.ok());
    CHECK((*sent)["MessageId"].is_string());
    const auto refused = kernel.targets.deliver(context, Platform::arn("none"), "hello");
    REQUIRE(!refused.ok());
    CHECK(refused.error().code == "QueueDoesNotExist");
  });
  const auto message = platform.receive({{"MessageAttributeNames", List{"All"}}}).at(0);
  CHECK(message["Body"].string() == "hello");
  CHECK(message["Attributes"]["MessageGroupId"].string() == "g");
  CHECK(message["MessageAttributes"]["a"]["StringValue"].string() == "b");
}

TEST_CASE("a queue is an event source") {
  Platform platform;
  platform.on_fiber([&](KernelServices& kernel, CallContext& context) {
    const auto arn = Platform::arn("orders");
    auto* source = kernel.sources.source_of(arn);
    REQUIRE(source);
    CHECK(source->is_queue(context, arn).ok());
    CHECK(!source->is_queue(context, Platform::arn("none")).ok());
    CHECK(!source->changed(context, Platform::arn("none")));
    const auto changed = source->changed(context, arn);
    REQUIRE(changed);
    const auto seen = changed->version();
    const auto send = [&](const char* body, int delay) {
      REQUIRE(kernel.services
                  .call(context, "sqs", "SendMessage",
                        Map{{"QueueUrl", "orders"},
                            {"MessageBody", body},
                            {"DelaySeconds", delay},
                            {"MessageAttributes", Map{{"a", Map{{"DataType", "Binary"}, {"BinaryValue", "b"}}}}}})
                  .ok());
    };
    send("one", 0);
    CHECK(changed->version() != seen);
    send("later", 60);
    const auto batch = source->read(context, arn, {});
    REQUIRE(batch.ok());
    REQUIRE(batch->records.size() == 1);
    const auto& record = batch->records[0];
    CHECK(record.event["body"].string() == "one");
    CHECK(record.event["eventSource"].string() == "aws:sqs");
    CHECK(record.event["eventSourceARN"].string() == arn);
    CHECK(record.event["awsRegion"].string() == "us-east-1");
    CHECK(record.event["receiptHandle"].string() == record.id);
    CHECK(record.event["messageId"].string() == record.item_id);
    CHECK(record.event["attributes"]["ApproximateReceiveCount"].string() == "1");
    CHECK(record.event["messageAttributes"]["a"]["binaryValue"].string() == "Yg==");
    CHECK(record.event["messageAttributes"]["a"]["dataType"].string() == "Binary");
    CHECK(record.event["md5OfBody"].string() == "f97c5d29941bfb1b2fdab0874906ab82");
    CHECK(record.group.empty());
    CHECK(record.arrived == kernel.clock.now());
    const auto none = source->read(context, arn, {});
    REQUIRE(none.ok());
    CHECK(none->records.empty());
    CHECK(none->next == Time{kernel.clock.now().ms + 30 * second});  // Its visibility timeout.
    REQUIRE(source->release(context, arn, {record.id}, 0).ok());
    const auto again = source->read(context, arn, {});
    REQUIRE(again.ok());
    REQUIRE(again->records.size() == 1);
    REQUIRE(source->finish(context, arn, {again->records[0].id}).ok());
    const auto left = source->read(context, arn, {});
    REQUIRE(left.ok());
    CHECK(left->next == Time{kernel.clock.now().ms + minute});
  });
}

TEST_CASE("an event source stops before its payload is too large, and knows groups") {
  FifoPlatform platform({{"ContentBasedDeduplication", "true"}});
  for (int i = 0; i < 3; ++i) platform.put("a", std::string(1000, 'x'), std::to_string(i));
  platform.on_fiber([&](KernelServices& kernel, CallContext& context) {
    auto* source = kernel.sources.source_of(Platform::arn("orders.fifo"));
    REQUIRE(source);
    SourceRead read;
    read.bytes_max = 2500;
    const auto batch = source->read(context, Platform::arn("orders.fifo"), read);
    REQUIRE(batch.ok());
    REQUIRE(batch->records.size() == 2);
    CHECK(batch->records[0].group == "a");
  });
}

TEST_CASE("a queue can be looked at without receiving") {
  Platform platform;
  platform.send("one & only");
  platform.send("later", {{"DelaySeconds", 60}});
  const auto look = [&](std::string query, std::string accept, std::string path = "/_aws/sqs/messages") {
    HttpRequest request;
    request.method = "GET";
    request.path = std::move(path);
    request.query = std::move(query);
    request.headers.add("Host", "localhost:4566");
    request.headers.add("Accept", std::move(accept));
    return platform.http(std::move(request));
  };
  const auto json = look("QueueUrl=http%3A%2F%2Flocalhost%3A4566%2F000000000000%2Forders", "application/json");
  CHECK(json.status == 200);
  const auto parsed = parse_json(json.body);
  REQUIRE(parsed.ok());
  const auto& message = (*parsed)["ReceiveMessageResponse"]["ReceiveMessageResult"]["Message"];
  CHECK(message["Body"].string() == "one & only");
  CHECK(message["ReceiptHandle"].string() == "SQS/BACKDOOR/ACCESS");
  const auto both = parse_json(look("QueueUrl=orders&ShowDelayed=true", "application/json").body);
  CHECK((*both)["ReceiveMessageResponse"]["ReceiveMessageResult"]["Message"].list().size() == 2);
  const auto xml = look("", "*/*", "/_aws/sqs/messages/us-east-1/000000000000/orders");
  CHECK(xml.body.find("<Body>one &amp; only</Body>") != std::string::npos);
  CHECK(look("QueueUrl=none", "*/*").status == 400);
  CHECK(platform.counts() == Texts{"1", "0", "1"});
  HttpRequest request;
  request.method = "POST";
  request.path = "/_aws/sqs/messages";
  request.headers.add("Host", "localhost:4566");
  request.headers.add("Content-Type", "application/x-amz-json-1.0");
  request.body = R"({"QueueUrl":"orders"})";
  const auto posted = parse_json(platform.http(std::move(request)).body);
  CHECK((*posted)["Messages"][0]["Attributes"]["ApproximateReceiveCount"].string() == "0");
}
