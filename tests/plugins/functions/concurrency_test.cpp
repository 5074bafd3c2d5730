// How many batches of a queue run beside each other. Handlers stop at a gate that the test opens, so that nothing
// depends on how long anything takes.
#include <catch2/catch.hpp>
#include <chrono>

#include "support.hpp"

using namespace support;
using moonbase::Error;
using moonbase::List;
using moonbase::Map;
using moonbase::Value;
using moonbase::testing::TestKernel;

namespace {

constexpr auto patience = std::chrono::seconds(20);  // Of a test that is going to fail.

struct Gate {
  TestKernel kernel{"lambda", {.plugins = {"functions", "queues", "test_gate"}}};

  Gate() {
    kernel.call("CreateFunction",
                function("f", R"(function handler(_, ctx) ctx.call("gate", "Pass", {}) end)", {{"Timeout", 120}}));
  }
  ~Gate() {  // Of a test that has failed: whoever still waits goes.
    [[maybe_unused]] const auto opened = kernel.try_call("gate", "Open", {{"Count", 1000}});
  }

  Value ask(const char* service, const char* operation, Map input = {}) {
    kernel.context.deadline = std::chrono::steady_clock::now() + patience;
    const auto answer = kernel.try_call(service, operation, std::move(input));
    kernel.context.deadline = moonbase::MachineTime::max();
    if (!answer) FAIL(operation << ": " << answer.error().message);
    return *answer;
  }
  std::int64_t state(const char* what) { return ask("gate", "State")[what].integer(); }
  void arrived(int count) { ask("gate", "Await", {{"Arrived", count}}); }
  void open(int count) { ask("gate", "Open", {{"Count", count}}); }

  // A queue of `messages`, each of another group where it is FIFO.
  void queue(const std::string& name, int messages) {
    Map attributes{{"VisibilityTimeout", "900"}};
    const bool fifo = name.ends_with(".fifo");
    if (fifo) attributes.set("FifoQueue", "true");
    ask("sqs", "CreateQueue", {{"QueueName", name}, {"Attributes", attributes}});
    for (int n = 0; n < messages; ++n) {
      Map message{{"QueueUrl", name}, {"MessageBody", std::to_string(n)}};
      if (fifo) {
        message.set("MessageGroupId", "g" + std::to_string(n));
        message.set("MessageDeduplicationId", std::to_string(n));
      }
      ask("sqs", "SendMessage", std::move(message));
    }
  }
  std::string map_queue(const std::string& name, Map more) {
    Map input{
        {"FunctionName", "f"}, {"EventSourceArn", "arn:aws:sqs:us-east-1:000000000000:" + name}, {"BatchSize", 1}};
    for (auto& [key, value] : more) input.set(key, value);
    return kernel.call("CreateEventSourceMapping", std::move(input))["UUID"].string();
  }
  std::string in_flight(const std::string& name) {
    return ask("sqs", "GetQueueAttributes",
               {{"QueueUrl", name},
                {"AttributeNames", List{"All"}}})["Attributes"]["ApproximateNumberOfMessagesNotVisible"]
        .string();
  }

  // Lets all `messages` through, of which `most` may be at the gate at a time.
  void check_most(const std::string& name, int messages, int most) {
    arrived(most);
    CHECK(in_flight(name) == std::to_string(most));
    // Each that leaves makes room for one.
    for (int next = most + 1; next <= messages; ++next) {
      open(1);
      arrived(next);
      CHECK(state("Waiting") == most);
    }
    open(most);
    kernel.clock.advance_ms(1);  // Waits until nothing runs.
    CHECK(state("Arrived") == messages);
    CHECK(state("Most") == most);
    CHECK(in_flight(name) == "0");
  }
};

Map at_most(int count) { return {{"ScalingConfig", Map{{"MaximumConcurrency", count}}}}; }

}  // namespace

TEST_CASE_METHOD(Gate, "as many batches of a queue run beside each other as the mapping says, and no more") {
  queue("work", 9);
  map_queue("work", at_most(3));
  check_most("work", 9, 3);
}

TEST_CASE_METHOD(Gate, "as many groups of a FIFO queue run beside each other as the mapping says, and no more") {
  queue("work.fifo", 7);
  map_queue("work.fifo", at_most(2));
  check_most("work.fifo", 7, 2);
}

TEST_CASE_METHOD(Gate, "more batches than usual run beside each other where the mapping says so") {
  queue("work", 16);
  map_queue("work", at_most(14));
  check_most("work", 16, 14);
}

TEST_CASE_METHOD(Gate, "without a number of its own a mapping runs ten batches beside each other") {
  queue("work", 12);
  map_queue("work", {});
  check_most("work", 12, 10);
}

TEST_CASE_METHOD(Gate, "pollers of its own give a mapping ten batches each") {
  queue("work", 22);
  map_queue("work", {{"ProvisionedPollerConfig", Map{{"MinimumPollers", 2}, {"MaximumPollers", 2}}}});
  check_most("work", 22, 20);
}

TEST_CASE_METHOD(Gate, "pollers have bounds, and what says nothing to pollers is not built") {
  queue("work", 0);
  const auto refused = [&](Map more) {
    Map input{{"FunctionName", "f"}, {"EventSourceArn", "arn:aws:sqs:us-east-1:000000000000:work"}};
    for (auto& [key, value] : more) input.set(key, value);
    return kernel.error("CreateEventSourceMapping", std::move(input));
  };
  const auto pollers = [](Map config) { return Map{{"ProvisionedPollerConfig", std::move(config)}}; };
  for (const auto& config :
       {Map{{"MinimumPollers", 1}}, Map{{"MinimumPollers", 201}, {"MaximumPollers", 300}}, Map{{"MaximumPollers", 1}},
        Map{{"MaximumPollers", 2001}}, Map{{"MinimumPollers", 9}, {"MaximumPollers", 8}}})
    CHECK(refused(pollers(config)).code == "InvalidParameterValueException");
  auto both = pollers({{"MaximumPollers", 5}});
  both.set("ScalingConfig", Map{{"MaximumConcurrency", 5}});
  CHECK(refused(both).code == "InvalidParameterValueException");
  CHECK(refused({{"MetricsConfig", Map{{"Metrics", List{"EventCount"}}}}}).status == 501);
  CHECK(refused({{"LoggingConfig", Map{{"SystemLogLevel", "INFO"}}}}).status == 501);
  const auto uuid = map_queue("work", pollers({{"MaximumPollers", 5}}));
  const auto shown = [&] { return kernel.call("GetEventSourceMapping", {{"UUID", uuid}}); };
  CHECK(shown()["ProvisionedPollerConfig"]["MaximumPollers"].integer() == 5);
  kernel.call("UpdateEventSourceMapping", {{"UUID", uuid}, {"ProvisionedPollerConfig", Map{}}});
  CHECK(shown()["ProvisionedPollerConfig"].is_null());
}

TEST_CASE_METHOD(Gate, "a mapping whose number changes keeps to the new one") {
  queue("work", 8);
  const auto uuid = map_queue("work", at_most(4));
  arrived(4);
  kernel.call("UpdateEventSourceMapping", {{"UUID", uuid}, {"ScalingConfig", Map{{"MaximumConcurrency", 2}}}});
  open(4);
  // What ran ends first; then two at a time.
  arrived(6);
  CHECK(state("Waiting") == 2);
  CHECK(in_flight("work") == "2");
  open(1);
  arrived(7);
  CHECK(state("Waiting") == 2);
  open(3);
  kernel.clock.advance_ms(1);
  CHECK(state("Arrived") == 8);
}

TEST_CASE_METHOD(Gate, "the number is between 2 and 1,000, and goes when it is emptied") {
  queue("work", 0);
  const auto refused = [&](int count) {
    Map input{{"FunctionName", "f"}, {"EventSourceArn", "arn:aws:sqs:us-east-1:000000000000:work"}};
    for (auto& [key, value] : at_most(count)) input.set(key, value);
    return kernel.error("CreateEventSourceMapping", std::move(input));
  };
  CHECK(refused(1).code == "ValidationException");
  CHECK(refused(1).message ==
        "1 validation error detected: Value '1' at 'scalingConfig.maximumConcurrency' failed to satisfy constraint: "
        "Member must have value greater than or equal to 2");
  CHECK(refused(1001).message ==
        "1 validation error detected: Value '1001' at 'scalingConfig.maximumConcurrency' failed to satisfy constraint: "
        "Member must have value less than or equal to 1000");
  const auto uuid = map_queue("work", at_most(1000));
  const auto shown = [&] { return kernel.call("GetEventSourceMapping", {{"UUID", uuid}})["ScalingConfig"]; };
  CHECK(shown() == Value(Map{{"MaximumConcurrency", 1000}}));
  CHECK(kernel.error("UpdateEventSourceMapping", {{"UUID", uuid}, {"ScalingConfig", Map{{"MaximumConcurrency", 1}}}})
            .code == "ValidationException");
  kernel.call("UpdateEventSourceMapping", {{"UUID", uuid}, {"BatchSize", 2}});
  CHECK(shown() == Value(Map{{"MaximumConcurrency", 1000}}));
  kernel.call("UpdateEventSourceMapping", {{"UUID", uuid}, {"ScalingConfig", Map{}}});
  CHECK(shown().is_null());
}
