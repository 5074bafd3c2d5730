// FIFO queues: order, groups, deduplication, receive request attempts.
#include <catch2/catch.hpp>
#include <map>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::sqs::testing;

TEST_CASE("the order of a group holds, and one receive holds the group") {
  FifoPlatform platform;
  for (const auto* body : {"1", "2", "3"}) platform.put("a", body);
  platform.put("b", "x");
  const auto first = platform.receive({{"MaxNumberOfMessages", 2}});
  REQUIRE(first.size() == 2);
  CHECK(first[0]["Body"].string() == "1");
  CHECK(first[1]["Body"].string() == "2");
  CHECK(first[0]["Attributes"]["MessageGroupId"].string() == "a");
  CHECK(first[0]["Attributes"]["SequenceNumber"].string() < first[1]["Attributes"]["SequenceNumber"].string());
  CHECK(platform.bodies() == Texts{"x"});  // Group a waits.
  platform.remove(first[0]);
  CHECK(platform.bodies().empty());
  platform.remove(first[1]);
  CHECK(platform.bodies() == Texts{"3"});
}

TEST_CASE("what was not deleted comes again before what follows") {
  FifoPlatform platform;
  for (const auto* body : {"1", "2", "3"}) platform.put("a", body);
  const auto first = platform.receive({{"MaxNumberOfMessages", 2}});
  platform.remove(first[0]);
  platform.clock.advance_ms(30 * second);
  CHECK(platform.bodies() == Texts{"2", "3"});
}

TEST_CASE("a handle of a FIFO queue ends with its visibility timeout") {
  FifoPlatform platform;
  platform.put("a", "1");
  const auto message = platform.receive().at(0);
  platform.clock.advance_ms(30 * second);
  const auto error = platform.refused("DeleteMessage", {{"ReceiptHandle", message["ReceiptHandle"]}});
  CHECK(error.code == "InvalidParameterValue");
  CHECK(error.message.ends_with("Reason: The receipt handle has expired."));
  CHECK(platform.counts() == Texts{"1", "0", "0"});
}

TEST_CASE("a duplicate within five minutes is taken and not kept, also when the first was deleted") {
  FifoPlatform platform;
  const auto first = platform.put("a", "one", "id");
  platform.remove(platform.receive().at(0));
  platform.clock.advance_ms(5 * minute - 1);
  platform.restart();
  const auto second_send = platform.put("b", "two", "id");
  CHECK(second_send["MessageId"] == first["MessageId"]);
  CHECK(second_send["SequenceNumber"] == first["SequenceNumber"]);
  CHECK(platform.bodies().empty());
  platform.clock.advance_ms(1);
  CHECK(platform.put("b", "two", "id")["MessageId"] != first["MessageId"]);
  CHECK(platform.bodies() == Texts{"two"});
}

TEST_CASE("content can be the deduplication id; with a scope of its own in each group") {
  FifoPlatform platform({{"ContentBasedDeduplication", "true"}});
  platform.send("same", {{"MessageGroupId", "a"}});
  platform.send("same", {{"MessageGroupId", "b"}});
  CHECK(platform.counts()[0] == "1");
  CHECK(platform.receive().at(0)["Attributes"]["MessageDeduplicationId"].string() ==
        "0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5");
  platform.on(
      "SetQueueAttributes",
      {{"Attributes", Map{{"DeduplicationScope", "messageGroup"}, {"FifoThroughputLimit", "perMessageGroupId"}}}});
  platform.send("more", {{"MessageGroupId", "c"}});
  platform.send("more", {{"MessageGroupId", "d"}});
  platform.send("more", {{"MessageGroupId", "d"}});
  CHECK(platform.counts()[0] == "2");
}

TEST_CASE("what FIFO queues need and do not take") {
  FifoPlatform platform;
  CHECK(platform.refused("SendMessage", {{"MessageBody", "x"}, {"MessageDeduplicationId", "d"}}).message ==
        "The request must contain the parameter MessageGroupId.");
  CHECK(platform.refused("SendMessage", {{"MessageBody", "x"}, {"MessageGroupId", "a"}}).message ==
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly");
  CHECK(platform
            .refused(
                "SendMessage",
                {{"MessageBody", "x"}, {"MessageGroupId", "a"}, {"MessageDeduplicationId", "d"}, {"DelaySeconds", 1}})
            .message ==
        "Value 1 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for "
        "this queue type.");
  CHECK(platform
            .refused("SendMessage", {{"MessageBody", "x"}, {"MessageGroupId", "a b"}, {"MessageDeduplicationId", "d"}})
            .code == "InvalidParameterValue");
}

TEST_CASE("the queue's delay holds the group's messages back, in order") {
  FifoPlatform platform({{"DelaySeconds", "10"}});
  platform.put("a", "1");
  platform.clock.advance_ms(5 * second);
  platform.put("a", "2");
  platform.clock.advance_ms(5 * second);
  CHECK(platform.bodies({{"VisibilityTimeout", 0}}) == Texts{"1"});
  platform.clock.advance_ms(5 * second);
  CHECK(platform.bodies() == Texts{"1", "2"});
}

TEST_CASE("a receive that is tried again gets the same messages") {
  FifoPlatform platform;
  for (const auto* body : {"1", "2"}) platform.put("a", body);
  platform.put("b", "x");
  const auto ask = [&](const char* attempt) {
    return platform.receive({{"ReceiveRequestAttemptId", attempt}, {"MaxNumberOfMessages", 2}});
  };
  const auto first = ask("try");
  platform.clock.advance_ms(20 * second);
  const auto again = ask("try");
  REQUIRE(again.size() == first.size());
  for (std::size_t i = 0; i < first.size(); ++i) CHECK(again[i]["ReceiptHandle"] == first[i]["ReceiptHandle"]);
  CHECK(again[0]["Attributes"]["ApproximateReceiveCount"].string() == "1");
  platform.clock.advance_ms(20 * second);  // The second try has set the timeout anew.
  CHECK(platform.counts()[1] == "2");
  CHECK(ask("another").at(0)["Body"].string() == "x");
  platform.remove(first[0]);
  CHECK(ask("try").empty());  // One of them is gone: this is a receive of its own.
  Platform standard;
  CHECK(standard.refused("ReceiveMessage", {{"ReceiveRequestAttemptId", "x"}}).code == "InvalidParameterValue");
}

TEST_CASE("a visibility timeout changed to nothing lets the group go on") {
  FifoPlatform platform;
  platform.put("a", "1");
  platform.put("a", "2");
  const auto message = platform.receive({{"MaxNumberOfMessages", 1}}).at(0);
  CHECK(platform.bodies().empty());
  platform.on("ChangeMessageVisibility", {{"ReceiptHandle", message["ReceiptHandle"]}, {"VisibilityTimeout", 0}});
  CHECK(platform.bodies() == Texts{"1", "2"});
}

TEST_CASE("many groups, many messages: each group in order") {
  FifoPlatform platform;
  constexpr int groups = 20, each = 15;
  for (int i = 0; i < each; ++i)
    for (int g = 0; g < groups; ++g) platform.put("g" + std::to_string(g), std::to_string(i));
  std::map<std::string, int> next;
  int received = 0;
  while (received < groups * each) {
    const auto messages = platform.receive();
    REQUIRE(!messages.empty());
    for (const auto& message : messages) {
      CHECK(message["Body"].string() == std::to_string(next[message["Attributes"]["MessageGroupId"].string()]++));
      platform.remove(message);
      ++received;
    }
  }
  CHECK(platform.counts() == Texts{"0", "0", "0"});
}

TEST_CASE("no more than 20,000 messages of a FIFO queue are in flight, and that is no error") {
  FifoPlatform platform({{"VisibilityTimeout", "600"}});
  constexpr int most = 20'000;
  platform.on_fiber([&](KernelServices& kernel, CallContext& context) {
    const auto call = [&](const char* operation, Map input) {
      input.set("QueueUrl", "orders.fifo");
      const auto output = kernel.services.call(context, "sqs", operation, std::move(input));
      REQUIRE(output.ok());
      return *output;
    };
    for (int sent = 0; sent < most + 10;) {
      List entries;
      for (int i = 0; i < 10; ++i, ++sent) {
        const auto id = std::to_string(sent);
        entries.push_back(
            Map{{"Id", id}, {"MessageBody", "x"}, {"MessageGroupId", "g" + id}, {"MessageDeduplicationId", id}});
      }
      REQUIRE(call("SendMessageBatch", {{"Entries", std::move(entries)}})["Successful"].list().size() == 10);
    }
    std::string handle;
    for (int received = 0; received < most;) {
      const auto messages = call("ReceiveMessage", {{"MaxNumberOfMessages", 10}})["Messages"];
      REQUIRE(messages.is_list());
      received += static_cast<int>(messages.list().size());
      handle = messages[0]["ReceiptHandle"].string();
    }
    CHECK(call("ReceiveMessage", {})["Messages"].is_null());
    call("DeleteMessage", {{"ReceiptHandle", handle}});
    CHECK(call("ReceiveMessage", {{"MaxNumberOfMessages", 10}})["Messages"].list().size() == 1);
    CHECK(call("ReceiveMessage", {})["Messages"].is_null());
  });
}
