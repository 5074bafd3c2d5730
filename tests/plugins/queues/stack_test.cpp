// Queues of a stack: planned, made, changed, and taken away.
#include <catch2/catch.hpp>
#include <moonbase/json.hpp>

#include "stack_file.hpp"
#include "support.hpp"

using namespace moonbase;
using namespace moonbase::sqs::testing;

namespace {

Value attributes(moonbase::testing::TestKernel& kernel, const char* queue) {
  return kernel.call("GetQueueAttributes", {{"QueueUrl", queue}, {"AttributeNames", List{"All"}}})["Attributes"];
}

}  // namespace

TEST_CASE("a stack's queues are made, changed and deleted through ordinary calls") {
  const StackFile stack("shop");
  moonbase::testing::TestKernel kernel{"sqs", {.plugins = {"queues"}}};
  const auto first = stack.with(R"(
    local dead = s.queue "dead" {}
    s.queue "orders" { visibility = 60, dead_letter = { dead, after = 4 }, tags = { team = "moon" } }
    s.queue "steps" { fifo = true, deduplication = "content" })");
  CHECK(steps(kernel.apply(first)) == "create dead, create orders, create steps");
  CHECK(attributes(kernel, "orders")["VisibilityTimeout"].string() == "60");
  const auto policy = parse_json(attributes(kernel, "orders")["RedrivePolicy"].string());
  REQUIRE(policy.ok());
  CHECK((*policy)["deadLetterTargetArn"].string() == Platform::arn("dead"));
  CHECK((*policy)["maxReceiveCount"].integer() == 4);
  CHECK(attributes(kernel, "steps.fifo")["ContentBasedDeduplication"].string() == "true");
  CHECK(kernel.call("ListQueueTags", {{"QueueUrl", "orders"}})["Tags"]["team"].string() == "moon");
  CHECK(steps(kernel.apply(first)) == "keep dead, keep orders, keep steps");

  kernel.call("SendMessage", {{"QueueUrl", "orders"}, {"MessageBody", "stays"}});
  CHECK(steps(kernel.apply(stack.with(R"(
    local dead = s.queue "dead" {}
    s.queue "orders" { delay = 0, wait = 5 }
    s.queue "steps" { fifo = true })"))) == "keep dead, update orders, update steps");
  const auto changed = attributes(kernel, "orders");
  CHECK(changed["VisibilityTimeout"].string() == "30");
  CHECK(changed["ReceiveMessageWaitTimeSeconds"].string() == "5");
  CHECK(changed["RedrivePolicy"].is_null());
  CHECK(changed["ApproximateNumberOfMessages"].string() == "1");
  CHECK(attributes(kernel, "steps.fifo")["ContentBasedDeduplication"].string() == "false");

  CHECK(steps(kernel.down("shop")) == "delete steps, delete orders, delete dead");
  CHECK(kernel.call("ListQueues")["QueueUrls"].is_null());
}

TEST_CASE("on_message plans a function and its event source mapping") {
  const StackFile stack("shop");
  moonbase::testing::TestKernel kernel{"sqs", {.plugins = {"queues", "functions"}}};
  CHECK(steps(kernel.plan(stack.with(R"(
    local orders = s.queue "orders" {}
    orders:on_message({ batch = 5, partial_failures = true, timeout = 10 }, function(msg) print(msg.total) end)
    local audit = s.fn "audit" { handler = function(event) end }
    orders:on_message({ batch = 1 }, audit))"))) ==
        "create orders, create orders-on-message, create orders-orders-on-message, create audit, create orders-audit");
  CHECK(steps(kernel.plan(stack.with(R"(s.queue "orders" {}:on_message({ bath = 5 }, function(msg) end))"))) ==
        "stack.lua:2: on_message of queue \"orders\": there is no option \"bath\"");
}
