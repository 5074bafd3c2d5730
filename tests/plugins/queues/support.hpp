// What the tests of SQS share.
#pragma once

#include <algorithm>
#include <moonbase/testing.hpp>
#include <string>
#include <vector>

namespace moonbase::sqs::testing {

inline constexpr std::int64_t second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;

// A kernel with the plugin, and a queue "orders".
struct Platform : moonbase::testing::TestKernel {
  explicit Platform(Map attributes = {}, std::string name = "orders") : TestKernel("sqs", {{"queues"}}) {
    url = create(std::move(name), std::move(attributes));
  }

  std::string create(std::string name, Map attributes = {}) {
    return call("CreateQueue", {{"QueueName", std::move(name)}, {"Attributes", std::move(attributes)}})["QueueUrl"]
        .string();
  }
  static std::string arn(const std::string& name) { return "arn:aws:sqs:us-east-1:000000000000:" + name; }
  static std::string redrive(const std::string& name, int receives) {
    return R"({"deadLetterTargetArn":")" + arn(name) + R"(","maxReceiveCount":)" + std::to_string(receives) + "}";
  }

  Map with_url(Map input) {
    if (!input.contains("QueueUrl")) input.set("QueueUrl", url);
    return input;
  }
  // Calls that name no queue are about the first one.
  Value on(std::string_view operation, Map input = {}) { return call(operation, with_url(std::move(input))); }
  Error refused(std::string_view operation, Map input = {}) { return error(operation, with_url(std::move(input))); }

  Value send(std::string body, Map more = {}) {
    more.set("MessageBody", std::move(body));
    return on("SendMessage", std::move(more));
  }
  List receive(Map more = {}) {
    if (!more.contains("MaxNumberOfMessages")) more.set("MaxNumberOfMessages", 10);
    if (!more.contains("MessageSystemAttributeNames")) more.set("MessageSystemAttributeNames", List{"All"});
    const auto output = on("ReceiveMessage", std::move(more));
    return output["Messages"].is_list() ? output["Messages"].list() : List{};
  }
  std::vector<std::string> bodies(Map more = {}) {
    std::vector<std::string> found;
    for (const auto& message : receive(std::move(more))) found.push_back(message["Body"].string());
    return found;
  }
  void remove(const Value& message) { on("DeleteMessage", {{"ReceiptHandle", message["ReceiptHandle"]}}); }
  Value attribute(const std::string& name, const std::string& queue = "") {
    return call("GetQueueAttributes",
                {{"QueueUrl", queue.empty() ? url : queue}, {"AttributeNames", List{"All"}}})["Attributes"][name];
  }
  // Visible, in flight, delayed.
  std::vector<std::string> counts(const std::string& queue = "") {
    return {attribute("ApproximateNumberOfMessages", queue).string(),
            attribute("ApproximateNumberOfMessagesNotVisible", queue).string(),
            attribute("ApproximateNumberOfMessagesDelayed", queue).string()};
  }

  std::string url;
};
using Texts = std::vector<std::string>;

struct FifoPlatform : Platform {
  explicit FifoPlatform(Map more = {}) : Platform(with_fifo(std::move(more)), "orders.fifo") {}
  static Map with_fifo(Map more) {
    more.set("FifoQueue", "true");
    return more;
  }
  Value put(const std::string& group, const std::string& body, const std::string& id = "") {
    return send(body, {{"MessageGroupId", group}, {"MessageDeduplicationId", id.empty() ? group + "/" + body : id}});
  }
};

}  // namespace moonbase::sqs::testing
