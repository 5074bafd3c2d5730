// The words for topics, with real functions and queues behind them.
#include <catch2/catch.hpp>

#include "sns_support.hpp"

using namespace moonbase;
using namespace moonbase::notifications::testing;

namespace {

class Stack {
 public:
  explicit Stack(const std::string& lines) {
    std::filesystem::create_directories(folder_);
    std::ofstream(path()) << "local s = require \"stack\" { name = \"shop\" }\n" << lines << "\nreturn s\n";
  }
  ~Stack() { std::filesystem::remove_all(folder_); }
  std::string path() const { return (folder_ / "stack.lua").string(); }

 private:
  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("moonbase-topics-" + std::to_string(::getpid()));
};

TestOptions everything() { return {.plugins = {"notifications", "functions", "storage", "queues"}}; }

std::string steps(const Result<Value>& outcome) {
  if (!outcome) return outcome.error().message;
  std::string text;
  for (const auto& step : (*outcome)["steps"].list())
    text += step["action"].string() + " " + step["name"].string() + "; ";
  return text;
}

constexpr auto news = R"lua(
local seen = s.table "seen" { key = "id:S" }
local dead, jobs = s.queue "dead" {}, s.queue "jobs" {}
local news = s.topic "news" { display_name = "Moon News", tags = { team = "moon" } }
news:subscribe(jobs, { filter = { kind = { "ship" } }, raw = true, dead_letter = dead })
news:subscribe(s.email "ann@moon.example" {})
news:on_message(function(message, meta) seen:put { id = message.id .. "/" .. (meta.subject or "none") .. "/" .. tostring(meta.attributes.count) } end)
s.fn "tell" { handler = function(event)
  news:publish({ id = "a" }, { subject = "S", attributes = { kind = "ship", count = 2 } })
  return news:publish_batch { { id = "b" }, { id = "c" } }
end })lua";

}  // namespace

TEST_CASE("a stack's topic reaches its queues and functions") {
  const Stack stack(news);
  TestKernel kernel{"sns", everything()};
  CHECK(steps(kernel.apply(stack.path())) ==
        "create seen; create dead; create jobs; create news; create news-jobs; create ann@moon.example; "
        "create news-ann@moon.example; create news-on-message; create news-news-on-message; create tell; ");
  const auto told = kernel.try_call("lambda", "Invoke", {{"FunctionName", "tell"}}).value();
  INFO(told["Payload"].string());
  REQUIRE(told["FunctionError"].is_null());
  kernel.clock.advance_ms(10);
  std::vector<std::string> ids;
  const auto scanned = kernel.try_call("dynamodb", "Scan", {{"TableName", "seen"}}).value();
  for (const auto& item : scanned["Items"].list()) ids.push_back(item["id"]["S"].string());
  std::sort(ids.begin(), ids.end());
  CHECK(ids == std::vector<std::string>{"a/S/2", "b/none/nil", "c/none/nil"});
  const auto jobs =
      kernel.try_call("sqs", "ReceiveMessage", {{"QueueUrl", "jobs"}, {"MaxNumberOfMessages", 10}}).value()["Messages"];
  REQUIRE(jobs.list().size() == 1);
  CHECK(jobs[0]["Body"].string() == R"({"id":"a"})");

  CHECK(steps(kernel.plan(stack.path())).find("create") == std::string::npos);
  const auto changed = Stack(R"(
local dead, jobs = s.queue "dead" {}, s.queue "jobs" {}
local news = s.topic "news" { signature = 2 }
news:subscribe(jobs, { dead_letter = dead }))");
  REQUIRE(kernel.apply(changed.path()).ok());
  const auto shown = kernel.call("GetTopicAttributes", {{"TopicArn", topic_arn("news")}})["Attributes"];
  CHECK(shown["DisplayName"].string().empty());
  CHECK(shown["SignatureVersion"].string() == "2");
  CHECK(kernel.call("ListTagsForResource", {{"ResourceArn", topic_arn("news")}})["Tags"].list().empty());
  const auto left = kernel.call("ListSubscriptions")["Subscriptions"];
  REQUIRE(left.list().size() == 1);
  const auto attributes =
      kernel.call("GetSubscriptionAttributes", {{"SubscriptionArn", left[0]["SubscriptionArn"]}})["Attributes"];
  CHECK(attributes["RawMessageDelivery"].string() == "false");
  CHECK(attributes["FilterPolicy"].is_null());
  CHECK(attributes["RedrivePolicy"].string() == R"({"deadLetterTargetArn":")" + queue_arn("dead") + "\"}");
  REQUIRE(kernel.down("shop").ok());
  CHECK(kernel.call("ListTopics")["Topics"].list().empty());
}

TEST_CASE("a FIFO topic of a stack") {
  const Stack stack(R"lua(
local steps = s.topic "steps" { fifo = true, deduplication = "content", throughput = "high", archive = 7 }
steps:subscribe(s.queue "work" { fifo = true }, { raw = true }))lua");
  TestKernel kernel{"sns", everything()};
  REQUIRE(steps(kernel.apply(stack.path())) == "create steps; create work; create steps-work; ");
  kernel.call("Publish", {{"TopicArn", topic_arn("steps.fifo")}, {"Message", "a"}, {"MessageGroupId", "g"}});
  kernel.clock.advance_ms(0);
  CHECK(kernel.try_call("sqs", "ReceiveMessage", {{"QueueUrl", "work.fifo"}}).value()["Messages"][0]["Body"].string() ==
        "a");
}

TEST_CASE("words for topics that cannot be are refused") {
  TestKernel kernel{"sns", everything()};
  const auto refused = [&](const std::string& line) {
    const Stack stack(line);
    return steps(kernel.plan(stack.path()));
  };
  CHECK(refused(R"(s.topic "t" { archive = 3 })").find("for topics with fifo = true") != std::string::npos);
  CHECK(refused(R"(s.topic "t" {}:subscribe(s.queue "q" {}, { filtre = {} }))").find("there is no option \"filtre\"") !=
        std::string::npos);
  CHECK(refused(R"(s.topic "t" {}:subscribe(12))").find("the first word is a function") != std::string::npos);
  CHECK(refused(R"(s.topic "t" {}:subscribe(s.table "x" { key = "id:S" }))").find("subscribed by a queue") !=
        std::string::npos);
}
