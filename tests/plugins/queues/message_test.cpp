// Messages of standard queues: sending, receiving, visibility, receipt handles, batches, retention.
#include "sqs/message.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <moonbase/hash.hpp>

#include "support.hpp"

using namespace moonbase;
using namespace moonbase::sqs::testing;

namespace {
Value text(const std::string& value, const std::string& type = "String") {
  return Map{{"DataType", type}, {"StringValue", value}};
}
}  // namespace

TEST_CASE("a message comes as it was sent, with its digests and attributes") {
  Platform platform;
  const auto sent = platform.send(
      "hello", {{"MessageAttributes", Map{{"b", Map{{"DataType", "Binary"}, {"BinaryValue", std::string("\0\1", 2)}}},
                                          {"a", text("x")},
                                          {"a.b", text("1.5", "Number.price")}}},
                {"MessageSystemAttributes", Map{{"AWSTraceHeader", text("Root=1-2-3")}}},
                {"MessageGroupId", "tenant-1"}});
  CHECK(sent["MD5OfMessageBody"].string() == "5d41402abc4b2a76b9719d911017c592");
  CHECK(sent["SequenceNumber"].is_null());
  const auto message = platform.receive({{"MessageAttributeNames", List{"All"}}}).at(0);
  CHECK(message["MessageId"] == sent["MessageId"]);
  CHECK(message["MD5OfBody"] == sent["MD5OfMessageBody"]);
  CHECK(message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]);
  CHECK(message["MessageAttributes"]["b"]["BinaryValue"].string() == std::string("\0\1", 2));
  const auto& system = message["Attributes"];
  CHECK(system["SenderId"].string() == "000000000000");
  CHECK(system["SentTimestamp"].string() == "1798761600000");
  CHECK(system["ApproximateReceiveCount"].string() == "1");
  CHECK(system["ApproximateFirstReceiveTimestamp"].string() == "1798761600000");
  CHECK(system["AWSTraceHeader"].string() == "Root=1-2-3");
  CHECK(system["MessageGroupId"].string() == "tenant-1");
}

TEST_CASE("only what was asked for is answered, and its digest is of that") {
  Platform platform({{"VisibilityTimeout", "0"}});
  platform.send("x", {{"MessageAttributes", Map{{"one", text("1")}, {"two.a", text("2")}, {"two.b", text("3")}}}});
  const auto ask = [&](List names) {
    return platform.receive({{"MessageAttributeNames", std::move(names)}, {"MessageSystemAttributeNames", List{}}})
        .at(0);
  };
  CHECK(ask({})["MessageAttributes"].is_null());
  CHECK(ask({})["Attributes"].is_null());
  CHECK(ask({"one"})["MessageAttributes"].map().size() == 1);
  CHECK(ask({"two.*"})["MessageAttributes"].map().size() == 2);
  CHECK(ask({".*"})["MessageAttributes"].map().size() == 3);
  CHECK(ask({"none"})["MD5OfMessageAttributes"].is_null());
  CHECK(ask({"one"})["MD5OfMessageAttributes"].string() == sqs::md5_of_attributes({{"one", text("1")}}));
  const auto few = platform.receive({{"MessageSystemAttributeNames", List{"SentTimestamp"}}}).at(0);
  CHECK(few["Attributes"].map().size() == 1);
  CHECK(platform.refused("ReceiveMessage", {{"AttributeNames", List{"Colour"}}}).code == "InvalidAttributeName");
}

TEST_CASE("a received message returns to the queue when its visibility timeout passes") {
  Platform platform;
  platform.send("one lamp");
  CHECK(platform.bodies() == Texts{"one lamp"});
  CHECK(platform.counts() == Texts{"0", "1", "0"});
  platform.clock.advance_ms(30 * second - 1);
  CHECK(platform.bodies().empty());
  platform.clock.advance_ms(1);
  CHECK(platform.counts() == Texts{"1", "0", "0"});
  const auto again = platform.receive();
  REQUIRE(again.size() == 1);
  CHECK(again[0]["Attributes"]["ApproximateReceiveCount"].string() == "2");
  CHECK(again[0]["Attributes"]["ApproximateFirstReceiveTimestamp"].string() == "1798761600000");
}

TEST_CASE("delays, of the queue and of a message") {
  Platform platform({{"DelaySeconds", "10"}});
  platform.send("queue");
  platform.send("none", {{"DelaySeconds", 0}});
  platform.send("long", {{"DelaySeconds", 900}});
  CHECK(platform.counts() == Texts{"1", "0", "2"});
  CHECK(platform.bodies() == Texts{"none"});
  platform.clock.advance_ms(10 * second - 1);
  CHECK(platform.bodies().empty());
  platform.clock.advance_ms(1);
  CHECK(platform.bodies() == Texts{"queue"});
  CHECK(platform.refused("SendMessage", {{"MessageBody", "x"}, {"DelaySeconds", 901}}).code == "InvalidParameterValue");
}

TEST_CASE("receipt handles are new with each receive; an old one deletes until then") {
  Platform platform({{"VisibilityTimeout", "5"}});
  platform.send("one");
  const auto first = platform.receive().at(0);
  platform.clock.advance_ms(5 * second);
  const auto second_receive = platform.receive().at(0);
  CHECK(first["ReceiptHandle"] != second_receive["ReceiptHandle"]);
  platform.remove(first);  // Succeeds, but deletes nothing: the message was received anew.
  CHECK(platform.counts() == Texts{"0", "1", "0"});
  platform.clock.advance_ms(5 * second);
  platform.remove(second_receive);  // Visible again, but not received anew.
  CHECK(platform.counts() == Texts{"0", "0", "0"});
  platform.remove(second_receive);
  const auto error = platform.refused("DeleteMessage", {{"ReceiptHandle", "garbage"}});
  CHECK(error.code == "ReceiptHandleIsInvalid");
  CHECK(error.message == "The input receipt handle \"garbage\" is not a valid receipt handle.");
  platform.create("other");
  platform.send("two");
  const auto foreign = platform.receive().at(0)["ReceiptHandle"];
  CHECK(platform.error("DeleteMessage", {{"QueueUrl", "other"}, {"ReceiptHandle", foreign}}).code ==
        "ReceiptHandleIsInvalid");
}

TEST_CASE("visibility can be changed while a message is in flight, up to twelve hours") {
  Platform platform;
  platform.send("one");
  const auto message = platform.receive().at(0);
  const auto change = [&](int seconds) {
    return platform.with_url({{"ReceiptHandle", message["ReceiptHandle"]}, {"VisibilityTimeout", seconds}});
  };
  platform.clock.advance_ms(20 * second);
  platform.call("ChangeMessageVisibility", change(100));
  platform.clock.advance_ms(100 * second - 1);
  CHECK(platform.bodies().empty());
  const auto beyond = platform.error("ChangeMessageVisibility", change(43200));
  CHECK(beyond.code == "InvalidParameterValue");
  CHECK(beyond.message ==
        "Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is "
        "beyond the limit [43200 seconds].");
  CHECK(platform.error("ChangeMessageVisibility", change(43201)).code == "InvalidParameterValue");
  platform.call("ChangeMessageVisibility", change(0));
  CHECK(platform.error("ChangeMessageVisibility", change(1)).code == "MessageNotInflight");
  const auto again = platform.receive();
  REQUIRE(again.size() == 1);
  const auto gone = platform.error("ChangeMessageVisibility", change(1));
  CHECK(gone.code == "InvalidParameterValue");
  CHECK(gone.message.ends_with("Reason: Message does not exist or is not available for visibility timeout change."));
}

TEST_CASE("messages that cannot be are refused in AWS's words") {
  Platform platform;
  struct Case {
    Map input;
    const char* code;
    std::string message;
  };
  Map eleven;
  for (int i = 0; i < 11; ++i) eleven.set("a" + std::to_string(i), text("x"));
  const auto with = [](std::string name, Value value) {
    return Map{{"MessageBody", "x"}, {"MessageAttributes", Map{{std::move(name), std::move(value)}}}};
  };
  const Case cases[] = {
      {{{"MessageBody", ""}}, "MissingParameter", "The request must contain the parameter MessageBody."},
      {{{"MessageBody", std::string("a\0b", 3)}},
       "InvalidMessageContents",
       "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | "
       "#x10000 to #x10FFFF"},
      {{{"MessageBody", "x"}, {"MessageAttributes", eleven}},
       "InvalidParameterValue",
       "Number of message attributes [11] exceeds the allowed maximum [10]."},
      {with("a", text("", "String")), "InvalidParameterValue",
       "The message attribute 'a' must contain non-empty message attribute value for message attribute type 'String'."},
      {with("a", text("x", "Text")), "InvalidParameterValue",
       "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is Binary, "
       "Number, and String."},
      {with("a", text("1x", "Number")), "InvalidParameterValue",
       "Can't cast the value of message (user) attribute 'a' to a number."},
      {with("AWS.x", text("x")), "InvalidParameterValue",
       "Message (user) attribute name 'AWS.x' is reserved for use by AWS."},
      {with("a", Map{{"DataType", "String"}, {"StringListValues", List{"x"}}}), "UnsupportedOperation",
       "Message attribute list values in SendMessage operation are not supported."},
      {{{"MessageBody", "x"}, {"MessageDeduplicationId", "d"}},
       "InvalidParameterValue",
       "Value d for parameter MessageDeduplicationId is invalid. Reason: The request includes a parameter that is not "
       "valid for this queue type."},
  };
  for (const auto& one : cases) {
    INFO(one.message);
    const auto error = platform.refused("SendMessage", one.input);
    CHECK(error.code == one.code);
    CHECK(error.message == one.message);
  }
  CHECK(platform.counts() == Texts{"0", "0", "0"});
}

TEST_CASE("a message may have one MiB, its attributes counted") {
  Platform platform;
  const std::string most(1024 * 1024, 'x');
  platform.send(most);
  CHECK(platform.receive().at(0)["Body"].string().size() == most.size());
  const auto error = platform.refused("SendMessage", {{"MessageBody", most + "x"}});
  CHECK(error.code == "InvalidParameterValue");
  CHECK(error.message == "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.");
  CHECK(platform.refused("SendMessage", {{"MessageBody", most.substr(1)}, {"MessageAttributes", Map{{"a", text("b")}}}})
            .code == "InvalidParameterValue");
  platform.on("SetQueueAttributes", {{"Attributes", Map{{"MaximumMessageSize", "1024"}}}});
  CHECK(platform.refused("SendMessage", {{"MessageBody", std::string(1025, 'x')}}).code == "InvalidParameterValue");
  platform.send(std::string(1024, 'x'));
}

TEST_CASE("batches work in part") {
  Platform platform;
  const auto entry = [](std::string id, std::string body) {
    return Map{{"Id", std::move(id)}, {"MessageBody", std::move(body)}};
  };
  const auto sent =
      platform.on("SendMessageBatch", {{"Entries", List{entry("a", "one"), entry("b", ""), entry("c", "three")}}});
  CHECK(sent["Successful"].list().size() == 2);
  REQUIRE(sent["Failed"].list().size() == 1);
  CHECK(sent["Failed"][0]["Id"].string() == "b");
  CHECK(sent["Failed"][0]["Code"].string() == "MissingParameter");
  CHECK(sent["Failed"][0]["SenderFault"].boolean());

  const auto messages = platform.receive();
  REQUIRE(messages.size() == 2);
  const auto changed = platform.on(
      "ChangeMessageVisibilityBatch",
      {{"Entries",
        List{Map{{"Id", "1"}, {"ReceiptHandle", messages[0]["ReceiptHandle"]}, {"VisibilityTimeout", 0}},
             Map{{"Id", "2"}, {"ReceiptHandle", "x"}, {"VisibilityTimeout", 0}},
             Map{{"Id", "3"}, {"ReceiptHandle", messages[1]["ReceiptHandle"]}, {"VisibilityTimeout", 43201}}}}});
  CHECK(changed["Successful"].list().size() == 1);
  CHECK(changed["Failed"].list().size() == 2);
  CHECK(platform.counts() == Texts{"1", "1", "0"});
  const auto deleted = platform.on("DeleteMessageBatch",
                                   {{"Entries", List{Map{{"Id", "1"}, {"ReceiptHandle", messages[1]["ReceiptHandle"]}},
                                                     Map{{"Id", "2"}, {"ReceiptHandle", "x"}}}}});
  CHECK(deleted["Successful"].list().size() == 1);
  CHECK(deleted["Failed"][0]["Code"].string() == "ReceiptHandleIsInvalid");
  CHECK(platform.counts() == Texts{"1", "0", "0"});
}

TEST_CASE("batches that cannot be are refused whole") {
  Platform platform;
  const auto refused = [&](List entries) {
    return platform.refused("SendMessageBatch", {{"Entries", std::move(entries)}});
  };
  const auto entry = [](std::string id, std::string body = "x") {
    return Map{{"Id", std::move(id)}, {"MessageBody", std::move(body)}};
  };
  CHECK(refused({}).code == "EmptyBatchRequest");
  List eleven;
  for (int i = 0; i < 11; ++i) eleven.push_back(entry(std::to_string(i)));
  CHECK(refused(eleven).message == "Maximum number of entries per request are 10. You have sent 11.");
  CHECK(refused({entry("a"), entry("a")}).message == "Id a repeated.");
  CHECK(refused({entry("a b")}).code == "InvalidBatchEntryId");
  const auto half = std::string(512 * 1024, 'x');
  const auto long_batch = refused({entry("a", half), entry("b", half), entry("c", "y")});
  CHECK(long_batch.code == "BatchRequestTooLong");
  CHECK(long_batch.message == "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.");
  CHECK(platform.on("SendMessageBatch", {{"Entries", List{entry("a", half), entry("b", half)}}})["Successful"]
            .list()
            .size() == 2);
}

TEST_CASE("messages are kept as long as the queue says, also when nobody looks") {
  Platform platform({{"MessageRetentionPeriod", "120"}});
  platform.send("old");
  platform.clock.advance_ms(60 * second);
  platform.send("new");
  platform.clock.advance_ms(60 * second - 1);
  CHECK(platform.counts() == Texts{"2", "0", "0"});
  platform.clock.advance_ms(1);
  CHECK(platform.counts() == Texts{"1", "0", "0"});
  CHECK(platform.bodies() == Texts{"new"});
  platform.on("SetQueueAttributes", {{"Attributes", Map{{"MessageRetentionPeriod", "60"}}}});
  platform.clock.advance_ms(1);
  CHECK(platform.counts() == Texts{"0", "0", "0"});
  platform.send("last");
  platform.clock.advance_ms(60 * second);
  CHECK(platform.counts() == Texts{"0", "0", "0"});
}

namespace {

// A long poll on a fiber of its own, while the test moves the clock.
struct Poll {
  std::vector<std::string> found;
  std::string error;
  Time began, ended;
  std::atomic<bool> finished = false;
};
std::shared_ptr<Poll> start_poll(Platform& platform, int seconds, const std::string& queue = "orders") {
  auto poll = std::make_shared<Poll>();
  platform.on_fiber([&](KernelServices& kernel, CallContext& context) {
    kernel.io.spawn([poll, &kernel, context, seconds, queue] {
      poll->began = kernel.clock.now();
      const auto output = kernel.services.call(context, "sqs", "ReceiveMessage",
                                               Map{{"QueueUrl", queue}, {"WaitTimeSeconds", seconds}});
      if (!output)
        poll->error = output.error().code;
      else if ((*output)["Messages"].is_list())
        for (const auto& message : (*output)["Messages"].list()) poll->found.push_back(message["Body"].string());
      poll->ended = kernel.clock.now();
      poll->finished = true;
    });
  });
  return poll;
}
// On the machine's own time: whatever ends the poll has happened.
void wait_until_finished(Platform& platform, const Poll& poll) {
  platform.on_fiber([&](KernelServices& kernel, CallContext&) {
    for (int tries = 0; tries < 10'000 && !poll.finished; ++tries)
      kernel.io.sleep_until(MachineTime::clock::now() + std::chrono::milliseconds(1));
  });
  REQUIRE(poll.finished);
}
void advance_until_finished(Platform& platform, const Poll& poll) {
  for (int steps = 0; steps < 1000 && !poll.finished; ++steps) platform.clock.advance_ms(100);
  REQUIRE(poll.finished);
}

}  // namespace

TEST_CASE("a long poll ends at its end, with nothing") {
  Platform platform;
  const auto poll = start_poll(platform, 20);
  advance_until_finished(platform, *poll);
  CHECK(poll->found.empty());
  CHECK(poll->ended.ms - poll->began.ms >= 20 * second);
}

TEST_CASE("a long poll ends when a message becomes visible") {
  Platform platform({{"VisibilityTimeout", "5"}});
  platform.send("held");
  CHECK(platform.bodies() == Texts{"held"});
  const auto poll = start_poll(platform, 20);
  platform.clock.advance_ms(5 * second - 1);
  CHECK(!poll->finished);
  platform.clock.advance_ms(1);  // Long before the poll's own end.
  wait_until_finished(platform, *poll);
  CHECK(poll->found == Texts{"held"});
}

TEST_CASE("a long poll at a FIFO queue ends when its group goes on, also after a restart") {
  FifoPlatform platform;
  platform.put("a", "1");
  platform.put("a", "2");
  const auto first = platform.receive({{"MaxNumberOfMessages", 1}}).at(0);
  platform.restart();
  const auto poll = start_poll(platform, 20, "orders.fifo");
  platform.remove(first);
  wait_until_finished(platform, *poll);
  CHECK(poll->found == Texts{"2"});
}

TEST_CASE("a long poll ends when a message is sent, and when its queue is deleted") {
  Platform platform({{"ReceiveMessageWaitTimeSeconds", "20"}});
  auto poll = start_poll(platform, 20);
  platform.send("now");
  wait_until_finished(platform, *poll);
  CHECK(poll->found == Texts{"now"});
  poll = start_poll(platform, 20);
  platform.on("DeleteQueue");
  wait_until_finished(platform, *poll);
  CHECK(poll->error == "QueueDoesNotExist");
}

TEST_CASE("a long poll ends with nothing when the platform is about to stop, and none begins") {
  Platform platform;
  const auto before = start_poll(platform, 20);
  platform.on_fiber([](KernelServices& kernel, CallContext&) { kernel.activity.end_waits(); });
  wait_until_finished(platform, *before);
  const auto behind = start_poll(platform, 20);
  wait_until_finished(platform, *behind);
  for (const auto& poll : {before, behind}) {
    CHECK(poll->error.empty());
    CHECK(poll->found.empty());
    CHECK(poll->ended == poll->began);
  }
}

TEST_CASE("no more than 120,000 messages are in flight") {
  Platform platform;
  constexpr int most = 120'000;
  platform.on_fiber([&](KernelServices& kernel, CallContext& context) {
    auto* source = kernel.sources.source_of(Platform::arn("orders"));
    REQUIRE(source);
    int sent = 0;
    while (sent < most + 10) {
      List entries;
      for (int i = 0; i < 10; ++i, ++sent) entries.push_back(Map{{"Id", std::to_string(i)}, {"MessageBody", "x"}});
      REQUIRE(
          kernel.services
              .call(context, "sqs", "SendMessageBatch", Map{{"QueueUrl", "orders"}, {"Entries", std::move(entries)}})
              .ok());
    }
    int received = 0;
    std::string handle;
    while (received < most) {
      SourceRead read;
      read.records_max = 10'000;
      const auto batch = source->read(context, Platform::arn("orders"), read);
      REQUIRE(batch.ok());
      REQUIRE(!batch->records.empty());
      received += static_cast<int>(batch->records.size());
      handle = batch->records.front().id;
    }
    CHECK(received == most);
    const auto ask = [&] {
      return kernel.services.call(context, "sqs", "ReceiveMessage", Map{{"QueueUrl", "orders"}});
    };
    const auto refused = ask();
    REQUIRE(!refused.ok());
    CHECK(refused.error().code == "OverLimit");
    REQUIRE(source->finish(context, Platform::arn("orders"), {handle}).ok());
    const auto one = ask();
    REQUIRE(one.ok());
    CHECK((*one)["Messages"].list().size() == 1);
  });
}

TEST_CASE("receipt handles survive no change, and any bytes can be asked about") {
  const sqs::Receipt receipt{7, 1'000'000, -42};
  const auto handle = sqs::receipt_handle(receipt);
  const auto parsed = sqs::parse_receipt_handle(handle);
  REQUIRE(parsed);
  CHECK(parsed->queue == 7);
  CHECK(parsed->sequence == 1'000'000);
  CHECK(parsed->receipt == -42);
  std::uint32_t state = 1;
  const auto next = [&] { return state = state * 1'664'525u + 1'013'904'223u, state >> 16; };
  for (int i = 0; i < 20'000; ++i) {
    auto changed = handle;
    for (auto count = 1 + next() % 3; count > 0; --count) {
      const auto at = next() % changed.size();
      if (next() % 4 == 0)
        changed.erase(at, 1);
      else
        changed[at] = static_cast<char>(next());
    }
    if (changed != handle) CHECK(!sqs::parse_receipt_handle(changed));
  }
}

TEST_CASE("attributes of any bytes are refused or kept, never changed") {
  std::uint32_t state = 7;
  const auto next = [&] { return state = state * 1'664'525u + 1'013'904'223u, state >> 16; };
  const auto bytes = [&](std::size_t most) {
    std::string made(next() % most, ' ');
    for (auto& byte : made) byte = static_cast<char>(next() % 3 == 0 ? next() : 'a' + next() % 26);
    return made;
  };
  const auto queue = sqs::make_queue({});
  int kept = 0;
  for (int i = 0; i < 20'000; ++i) {
    const char* types[] = {"String", "Number", "Binary", "Binary.gif", "String.", "Other"};
    Map value = {{"DataType", next() % 8 == 0 ? bytes(9) : std::string(types[next() % 6])}};
    if (next() % 2 == 0) value.set("StringValue", bytes(12));
    if (next() % 2 == 0) value.set("BinaryValue", bytes(12));
    const Map attributes = {{next() % 8 == 0 ? bytes(9) : std::string("name"), std::move(value)}};
    const Value input = Map{{"MessageBody", "x"}, {"MessageAttributes", attributes}};
    const auto message = sqs::read_outgoing(input, *queue, CallContext{});
    if (!message) continue;
    ++kept;
    CHECK(sqs::md5_of_attributes(sqs::kept_attributes(message->attributes)) == message->md5_of_attributes);
  }
  CHECK(kept > 100);
}

TEST_CASE("who holds a queue's signal hears of messages after a purge, and after the queue was made anew") {
  Platform platform;
  std::shared_ptr<Signal> signal;
  platform.on_fiber([&](KernelServices& kernel, CallContext& context) {
    signal = kernel.sources.source_of(Platform::arn("orders"))->changed(context, Platform::arn("orders"));
  });
  REQUIRE(signal);
  const auto heard = [&](const std::function<void()>& change) {
    const auto seen = signal->version();
    change();
    return signal->version() != seen;
  };
  CHECK(heard([&] { platform.send("1"); }));
  CHECK(heard([&] { platform.on("PurgeQueue"); }));
  CHECK(heard([&] { platform.send("2"); }));
  CHECK(heard([&] { platform.on("DeleteQueue"); }));
  platform.clock.advance_ms(minute);
  CHECK(heard([&] { platform.create("orders"); }));
  CHECK(heard([&] { platform.send("3"); }));
  CHECK(platform.bodies() == Texts{"3"});
}
