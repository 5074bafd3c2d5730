#include <catch2/catch.hpp>

#include "sns_support.hpp"

using namespace moonbase;
using namespace moonbase::notifications::testing;

namespace {

struct Fifo : Topics {
  explicit Fifo(Map attributes = {{"ContentBasedDeduplication", "true"}}, TestOptions options = with_recorder())
      : Topics(std::move(options)) {
    fifo("steps.fifo", std::move(attributes));
  }
  Value put(const std::string& message, const std::string& group = "g", Map more = {}) {
    more.set("MessageGroupId", group);
    return publish(message, std::move(more), "steps.fifo");
  }
  std::string join(const std::string& queue = "a.fifo", Map attributes = {}) {
    attributes.set("RawMessageDelivery", "true");
    return subscribe(queue_arn(queue), std::move(attributes), "sqs", "steps.fifo");
  }
  std::vector<std::string> bodies() {
    std::vector<std::string> all;
    for (const auto& each : received(*this)) all.push_back(each.payload);
    return all;
  }
};
using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a FIFO topic demands a group, and an id where contents do not count") {
  Fifo kernel{Map{}};
  CHECK(kernel.error("Publish", {{"TopicArn", topic_arn("steps.fifo")}, {"Message", "a"}}).message ==
        "Invalid parameter: The MessageGroupId parameter is required for FIFO topics");
  CHECK(kernel.error("Publish", {{"TopicArn", topic_arn("steps.fifo")}, {"Message", "a"}, {"MessageGroupId", "g"}})
            .message ==
        "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId "
        "provided explicitly");
  CHECK(kernel.put("a", "g", {{"MessageDeduplicationId", "1"}})["SequenceNumber"].string() == "10000000000000000000");
  CHECK(kernel.put("b", "g", {{"MessageDeduplicationId", "2"}})["SequenceNumber"].string() == "10000000000000000001");
}

TEST_CASE("duplicates are dropped for five minutes") {
  Fifo kernel;
  kernel.join();
  const auto first = kernel.put("a");
  kernel.clock.advance_ms(299'999);
  const auto second = kernel.put("a");
  CHECK(second["MessageId"].string() == first["MessageId"].string());
  CHECK(second["SequenceNumber"].string() == first["SequenceNumber"].string());
  kernel.clock.advance_ms(1);
  CHECK(kernel.put("a")["MessageId"].string() != first["MessageId"].string());
  CHECK(kernel.bodies() == Texts{"a", "a"});
}

TEST_CASE("the scope of deduplication may be the message group") {
  Fifo kernel{{{"ContentBasedDeduplication", "true"}, {"FifoThroughputScope", "MessageGroup"}}};
  kernel.join();
  kernel.put("a", "one");
  kernel.put("a", "two");
  kernel.put("a", "two");
  CHECK(kernel.bodies() == Texts{"a", "a"});
}

TEST_CASE("messages reach a queue in order, with their group and id, unsigned") {
  Fifo kernel;
  kernel.join();
  kernel.subscribe(queue_arn("wrapped"), {}, "sqs", "steps.fifo");
  for (const auto* text : {"1", "2", "3", "4", "5"}) kernel.put(text);
  Texts raw, wrapped;
  for (const auto& each : received(kernel)) {
    CHECK(each.options["MessageGroupId"].string() == "g");
    if (each.arn == queue_arn("a.fifo")) {
      raw.push_back(each.payload);
      CHECK(each.options["MessageDeduplicationId"].string().size() == 64);
      continue;
    }
    wrapped.push_back(each.json()["Message"].string());
    CHECK(each.options["MessageDeduplicationId"].is_null());
    CHECK(each.json()["Signature"].is_null());
    CHECK(each.json()["SequenceNumber"].string().size() == 20);
  }
  CHECK(raw == Texts{"1", "2", "3", "4", "5"});
  CHECK(wrapped == raw);
}

TEST_CASE("what comes behind a message that failed waits for it, in this subscription only") {
  Fifo kernel;
  kernel.join("a.fifo");
  kernel.join("b.fifo");
  // Three retries at once fail, too; the fourth comes a second later.
  fail(kernel, queue_arn("a.fifo"), "ServiceUnavailable", 5);
  kernel.put("1");
  kernel.clock.advance_ms(0);
  kernel.put("2");
  kernel.put("3");
  Texts other;
  int tries = 0;
  for (const auto& each : received(kernel)) {
    if (each.arn == queue_arn("b.fifo"))
      other.push_back(each.payload);
    else {
      ++tries;
      CHECK(each.payload == "1");
    }
  }
  CHECK(other == Texts{"1", "2", "3"});
  CHECK(tries == 4);
  kernel.clock.advance_ms(999);
  CHECK(kernel.bodies().empty());
  kernel.clock.advance_ms(1);
  CHECK(kernel.bodies() == Texts{"1"});  // The fifth failure.
  kernel.clock.advance_ms(1'000);
  CHECK(kernel.bodies() == Texts{"1", "2", "3"});
  kernel.put("4");
  CHECK(kernel.bodies() == Texts{"4", "4"});
}

TEST_CASE("a backlog survives a restart") {
  Fifo kernel;
  kernel.join("a.fifo");
  fail(kernel, queue_arn("a.fifo"), "ServiceUnavailable", 4);
  kernel.put("1");
  kernel.put("2");
  kernel.clock.advance_ms(0);
  kernel.restart();
  kernel.clock.advance_ms(1'000);
  CHECK(kernel.bodies() == Texts{"1", "2"});
}

TEST_CASE("a FIFO topic's archive is replayed from a point in time") {
  Fifo kernel{{{"ContentBasedDeduplication", "true"}, {"ArchivePolicy", R"({"MessageRetentionPeriod":"30"})"}}};
  kernel.put("before");
  kernel.clock.advance_ms(3'600'000);
  kernel.put("red", "g", {{"MessageAttributes", Map{{"colour", text_attribute("red")}}}});
  kernel.put("blue", "g", {{"MessageAttributes", Map{{"colour", text_attribute("blue")}}}});
  const auto arn = kernel.join(
      "late.fifo", {{"FilterPolicy", R"({"colour":[{"exists":true}]})"},
                    {"ReplayPolicy", R"({"PointType":"Timestamp","StartingPoint":"2027-01-01T00:30:00.000Z"})"}});
  CHECK(kernel.bodies() == Texts{"red", "blue"});
  CHECK(kernel.attribute(arn, "ReplayStatus").string() == "Completed");
  kernel.put("live", "g", {{"MessageAttributes", Map{{"colour", text_attribute("green")}}}});
  CHECK(kernel.bodies() == Texts{"live"});
  CHECK(kernel.call("GetTopicAttributes", {{"TopicArn", topic_arn("steps.fifo")}})["Attributes"]["BeginningArchiveTime"]
            .string() == "2027-01-01T00:00:00.000Z");
  // A topic that is made anew has an archive of its own.
  kernel.call("DeleteTopic", {{"TopicArn", topic_arn("steps.fifo")}});
  kernel.fifo("steps.fifo",
              {{"ContentBasedDeduplication", "true"}, {"ArchivePolicy", R"({"MessageRetentionPeriod":"30"})"}});
  CHECK(kernel.put("before")["SequenceNumber"].string() == "10000000000000000000");
  CHECK(kernel.error("CreateTopic", {{"Name", "a"}, {"Attributes", Map{{"ArchivePolicy", "{}"}}}}).code ==
        "InvalidParameter");
}

TEST_CASE("what is replayed says so, and what is too old is gone from the archive") {
  Fifo kernel{{{"ContentBasedDeduplication", "true"}, {"ArchivePolicy", R"({"MessageRetentionPeriod":"365"})"}}};
  kernel.put("old");
  kernel.clock.advance_ms(365 * 86'400'000LL);
  kernel.put("new");
  kernel.clock.advance_ms(86'400'000);
  const auto replayed = [&](const std::string& queue) {
    kernel.subscribe(queue_arn(queue), {{"ReplayPolicy", R"({"PointType":"Timestamp","StartingPoint":"2026-01-01"})"}},
                     "sqs", "steps.fifo");
    return received(kernel);
  };
  const auto all = replayed("late.fifo");
  REQUIRE(all.size() == 1);
  CHECK(all[0].json()["Message"].string() == "new");
  CHECK(all[0].json()["Replayed"].string() == "true");
  CHECK(all[0].json()["Timestamp"].string() == "2028-01-01T00:00:00.000Z");
  kernel.put("live");
  for (const auto& each : received(kernel)) CHECK(each.json()["Replayed"].is_null());
  kernel.clock.advance_ms(365 * 86'400'000LL + 1);
  CHECK(replayed("later.fifo").empty());
  CHECK(kernel.call("GetTopicAttributes", {{"TopicArn", topic_arn("steps.fifo")}})["Attributes"]["BeginningArchiveTime"]
            .is_null());
}

TEST_CASE("a FIFO topic and a FIFO queue together") {
  TestKernel kernel{"sns", {.plugins = {"notifications", "queues"}}};
  const auto queue =
      kernel.try_call("sqs", "CreateQueue", {{"QueueName", "q.fifo"}, {"Attributes", Map{{"FifoQueue", "true"}}}})
          .value()["QueueUrl"];
  const auto topic = kernel.call(
      "CreateTopic", {{"Name", "t.fifo"},
                      {"Attributes", Map{{"FifoTopic", "true"}, {"ContentBasedDeduplication", "true"}}}})["TopicArn"];
  kernel.call("Subscribe", {{"TopicArn", topic},
                            {"Protocol", "sqs"},
                            {"Endpoint", queue_arn("q.fifo")},
                            {"Attributes", Map{{"RawMessageDelivery", "true"}}}});
  for (int i = 0; i < 10; ++i)
    kernel.call("Publish", {{"TopicArn", topic}, {"Message", std::to_string(i)}, {"MessageGroupId", "g"}});
  kernel.clock.advance_ms(0);
  const auto messages =
      kernel.try_call("sqs", "ReceiveMessage", {{"QueueUrl", queue}, {"MaxNumberOfMessages", 10}}).value()["Messages"];
  REQUIRE(messages.list().size() == 10);
  for (int i = 0; i < 10; ++i) CHECK(messages[i]["Body"].string() == std::to_string(i));
}
