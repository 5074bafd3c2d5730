#include <catch2/catch.hpp>
#include <map>

#include "pipes/pipe.hpp"
#include "support.hpp"

using namespace moonbase;
using namespace moonbase::notifications::testing;

namespace {

Map pipe(const std::string& source, const std::string& target, Map more = {}) {
  Map input{{"Name", "p"},
            {"RoleArn", "arn:aws:iam::000000000000:role/pipe"},
            {"Source", recorder_arn(source)},
            {"Target", target}};
  for (auto& [name, value] : more) input.set(name, value);
  return input;
}
Value message(const std::string& body, const std::string& group = "") {
  return Map{{"messageId", body}, {"body", body}, {"eventSource", "aws:sqs"}, {"group", group}};
}
void fill(TestKernel& kernel, const std::string& source, List records) {
  REQUIRE(kernel.try_call("recorder", "Fill", {{"Arn", recorder_arn(source)}, {"Records", std::move(records)}}).ok());
}
std::int64_t held(TestKernel& kernel, const std::string& source) {
  return kernel.try_call("recorder", "Held", {{"Arn", recorder_arn(source)}}).value()["Count"].integer();
}
void answer(TestKernel& kernel, const std::string& arn, Map answer) {
  REQUIRE(kernel.try_call("recorder", "Answer", {{"Arn", arn}, {"Answer", std::move(answer)}}).ok());
}
const std::string function_arn = "arn:aws:lambda:us-east-1:000000000000:function:f";
const std::string enrichment_arn = "arn:aws:lambda:us-east-1:000000000000:function:enrich";

}  // namespace

TEST_CASE("a pipe takes records from a queue, chooses, shapes and delivers them") {
  TestKernel kernel{"pipes", with_recorder()};
  const auto created = kernel.call(
      "CreatePipe",
      pipe("queue-a", recorder_arn("t"),
           {{"SourceParameters",
             Map{{"FilterCriteria",
                  Map{{"Filters", List{Map{{"Pattern", R"({"body":{"n":[{"numeric":[">",1]}]}})"}}}}}}}},
            {"TargetParameters", Map{{"InputTemplate", R"({"n":<$.body.n>,"text":"from <aws.pipes.pipe-name>"})"}}}}));
  CHECK(created["CurrentState"].string() == "CREATING");
  CHECK(created["Arn"].string() == "arn:aws:pipes:us-east-1:000000000000:pipe/p");
  fill(kernel, "queue-a", {message(R"({"n":1})"), message(R"({"n":2})"), message("text")});
  const auto all = received(kernel);
  REQUIRE(all.size() == 1);
  CHECK(all[0].payload == R"({"n":2,"text":"from p"})");
  CHECK(all[0].service.empty());  // Under its role.
  CHECK(held(kernel, "queue-a") == 0);
  CHECK(kernel.call("DescribePipe", {{"Name", "p"}})["CurrentState"].string() == "RUNNING");
}

TEST_CASE("functions get batches, and may fail in part") {
  TestKernel kernel{"pipes", with_recorder()};
  kernel.call("CreatePipe", pipe("queue-a", function_arn));
  answer(kernel, function_arn, {{"Payload", R"({"batchItemFailures":[{"itemIdentifier":"2"}]})"}});
  fill(kernel, "queue-a", {message("a"), message("b"), message("c")});
  auto all = received(kernel);
  REQUIRE(all.size() == 1);
  CHECK(all[0].json().list().size() == 3);
  CHECK(all[0].options["InvocationType"].string() == "RequestResponse");
  CHECK(held(kernel, "queue-a") == 1);
  // What failed comes again when its visibility timeout ends.
  answer(kernel, function_arn, {{"Payload", "null"}});
  kernel.clock.advance_ms(29'999);
  CHECK(received(kernel).empty());
  kernel.clock.advance_ms(1);
  CHECK(received(kernel).size() == 1);
  CHECK(held(kernel, "queue-a") == 0);

  answer(kernel, function_arn, {{"Payload", "{}"}, {"FunctionError", "Unhandled"}});
  fill(kernel, "queue-a", {message("d")});
  CHECK(received(kernel).size() == 1);
  CHECK(held(kernel, "queue-a") == 1);
}

TEST_CASE("an enrichment's answer is what the target gets") {
  TestKernel kernel{"pipes", with_recorder()};
  kernel.call("CreatePipe", pipe("queue-a", recorder_arn("t"), {{"Enrichment", enrichment_arn}}));
  answer(kernel, enrichment_arn, {{"Payload", R"([{"x":1},{"x":2},{"x":3}])"}});
  fill(kernel, "queue-a", {message("a"), message("b")});
  const auto all = received(kernel);
  REQUIRE(all.size() == 4);
  CHECK(all[0].json().list().size() == 2);
  CHECK(all[1].payload == R"({"x":1})");
  CHECK(all[3].payload == R"({"x":3})");
  answer(kernel, enrichment_arn, {{"Payload", "[]"}});
  fill(kernel, "queue-a", {message("c")});
  CHECK(received(kernel).size() == 1);
  CHECK(held(kernel, "queue-a") == 0);
}

TEST_CASE("within a group nothing overtakes what has failed") {
  TestKernel kernel{"pipes", with_recorder()};
  fail(kernel, recorder_arn("t"), "ServiceUnavailable", 1);
  fill(kernel, "queue-a", {message("a1", "a"), message("a2", "a"), message("b1", "b")});
  kernel.call("CreatePipe", pipe("queue-a", recorder_arn("t")));
  const auto all = received(kernel);
  REQUIRE(all.size() == 2);
  CHECK(all[0].json()["body"].string() == "a1");
  CHECK(all[1].json()["body"].string() == "b1");
  CHECK(held(kernel, "queue-a") == 2);
  kernel.clock.advance_ms(30'000);
  const auto again = received(kernel);
  REQUIRE(again.size() == 2);
  CHECK(again[0].json()["body"].string() == "a1");
  CHECK(again[1].json()["body"].string() == "a2");
}

TEST_CASE("a batch gathers for as long as its window says") {
  TestKernel kernel{"pipes", with_recorder()};
  kernel.call("CreatePipe",
              pipe("queue-a", function_arn,
                   {{"SourceParameters",
                     Map{{"SqsQueueParameters", Map{{"BatchSize", 3}, {"MaximumBatchingWindowInSeconds", 20}}}}}}));
  fill(kernel, "queue-a", {message("a")});
  kernel.clock.advance_ms(10'000);
  fill(kernel, "queue-a", {message("b")});
  kernel.clock.advance_ms(9'999);
  CHECK(received(kernel).empty());
  kernel.clock.advance_ms(1);
  const auto all = received(kernel);
  REQUIRE(all.size() == 1);
  CHECK(all[0].json().list().size() == 2);
  fill(kernel, "queue-a", {message("c"), message("d"), message("e")});
  CHECK(received(kernel).size() == 1);
}

TEST_CASE("a stream is read on from where the pipe was, also after a restart and a stop") {
  TestKernel kernel{"pipes", with_recorder()};
  fill(kernel, "stream-a", {message("old")});
  kernel.call("CreatePipe", pipe("stream-a", recorder_arn("t")));
  CHECK(received(kernel).size() == 1);
  kernel.call("StopPipe", {{"Name", "p"}});
  CHECK(kernel.call("DescribePipe", {{"Name", "p"}})["CurrentState"].string() == "STOPPED");
  fill(kernel, "stream-a", {message("while stopped")});
  CHECK(received(kernel).empty());
  kernel.call("StartPipe", {{"Name", "p"}});
  auto all = received(kernel);
  REQUIRE(all.size() == 1);
  CHECK(all[0].json()["body"].string() == "while stopped");
  kernel.call("DeletePipe", {{"Name", "p"}});
  fill(kernel, "stream-a", {message("after")});
  CHECK(received(kernel).empty());
  CHECK(kernel.error("DescribePipe", {{"Name", "p"}}).code == "NotFoundException");
}

TEST_CASE("pipes go on after a restart") {
  TestKernel kernel{"pipes", with_recorder()};
  kernel.call("CreatePipe", pipe("queue-a", recorder_arn("t")));
  kernel.restart();
  fill(kernel, "queue-a", {message("a")});
  CHECK(received(kernel).size() == 1);
}

TEST_CASE("what a stream's target refuses is tried again in order, and then put aside") {
  TestKernel kernel{"pipes", with_recorder()};
  fail(kernel, function_arn, "ServiceUnavailable", 3);
  kernel.call("CreatePipe",
              pipe("stream-a", function_arn,
                   {{"SourceParameters",
                     Map{{"KinesisStreamParameters", Map{{"StartingPosition", "TRIM_HORIZON"},
                                                         {"MaximumRetryAttempts", 1},
                                                         {"DeadLetterConfig", Map{{"Arn", queue_arn("dead")}}}}}}}}));
  fill(kernel, "stream-a", {message("a"), message("b")});
  kernel.clock.advance_ms(10'000);
  const auto all = received(kernel);
  REQUIRE(all.size() == 3);
  CHECK(all[0].payload == all[1].payload);
  CHECK(all[2].arn == queue_arn("dead"));
  CHECK(all[2].json()["context"]["condition"].string() == "RetryAttemptsExhausted");
  CHECK(all[2].json()["KinesisBatchInfo"]["startSequenceNumber"].string() == "1");
  CHECK(all[2].json()["KinesisBatchInfo"]["endSequenceNumber"].string() == "2");
  CHECK(all[2].json()["KinesisBatchInfo"]["batchSize"].integer() == 2);
  fill(kernel, "stream-a", {message("c")});
  kernel.clock.advance_ms(10'000);
  const auto later = received(kernel);
  REQUIRE(later.size() == 2);
  CHECK(later[1].json()[0]["body"].string() == "c");
}

TEST_CASE("a batch that fails is halved until what fails is alone") {
  TestKernel kernel{"pipes", with_recorder()};
  fail(kernel, function_arn, "ServiceUnavailable", 2);
  kernel.call("CreatePipe",
              pipe("stream-a", function_arn,
                   {{"SourceParameters",
                     Map{{"KinesisStreamParameters", Map{{"StartingPosition", "TRIM_HORIZON"},
                                                         {"OnPartialBatchItemFailure", "AUTOMATIC_BISECT"}}}}}}));
  fill(kernel, "stream-a", {message("a"), message("b"), message("c"), message("d")});
  kernel.clock.advance_ms(1000);
  std::vector<std::size_t> sizes;
  for (const auto& each : received(kernel)) sizes.push_back(each.json().list().size());
  CHECK(sizes == std::vector<std::size_t>{4, 2, 1, 1, 2});
}

TEST_CASE("several batches of a shard are under way at once, and each key stays in order") {
  TestKernel kernel{"pipes", with_recorder()};
  fail(kernel, function_arn, "ServiceUnavailable", 1);
  List records;
  for (const auto* n : {"1", "2"})
    for (const auto* key : {"a", "b", "c", "d", "e", "f"}) records.push_back(message(std::string(key) + n, key));
  fill(kernel, "stream-a", records);
  kernel.call(
      "CreatePipe",
      pipe("stream-a", function_arn,
           {{"SourceParameters",
             Map{{"KinesisStreamParameters",
                  Map{{"StartingPosition", "TRIM_HORIZON"}, {"BatchSize", 4}, {"ParallelizationFactor", 10}}}}}}));
  // The lane that failed is tried again, while the others are done.
  const auto at_once = received(kernel);
  CHECK(at_once.size() > 1);
  kernel.clock.advance_ms(1000);
  const auto later = received(kernel);
  REQUIRE_FALSE(later.empty());
  CHECK(later[0].payload == at_once[0].payload);
  std::map<std::string, std::string> order;
  std::size_t delivered = 0;
  const auto note = [&](const Received& each) {
    const auto batch = each.json();
    CHECK(batch.list().size() <= 4);
    for (const auto& record : batch.list()) order[record["group"].string()] += record["body"].string();
    delivered += batch.list().size();
  };
  for (std::size_t i = 1; i < at_once.size(); ++i) note(at_once[i]);
  for (const auto& each : later) note(each);
  CHECK(delivered == 12);
  for (const auto* key : {"a", "b", "c", "d", "e", "f"})
    CHECK(order[key] == std::string(key) + "1" + std::string(key) + "2");
  fill(kernel, "stream-a", {message("next", "a")});
  CHECK(received(kernel).size() == 1);
  kernel.restart();
  CHECK(received(kernel).empty());  // It was written down how far the pipe is.
}

TEST_CASE("a pipe is changed while it works, and goes on as it is then") {
  TestKernel kernel{"pipes", with_recorder()};
  kernel.call("CreatePipe", pipe("stream-a", recorder_arn("t")));
  fill(kernel, "stream-a", {message("a")});
  CHECK(received(kernel).size() == 1);
  const auto update = [&](const std::string& target, const char* state) {
    kernel.call("UpdatePipe", {{"Name", "p"},
                               {"RoleArn", "arn:aws:iam::000000000000:role/pipe"},
                               {"Target", recorder_arn(target)},
                               {"DesiredState", state}});
  };
  for (const auto* target : {"u", "v", "w"}) update(target, "RUNNING");
  fill(kernel, "stream-a", {message("b")});
  auto all = received(kernel);
  REQUIRE(all.size() == 1);
  CHECK(all[0].arn == recorder_arn("w"));
  update("x", "STOPPED");
  update("x", "RUNNING");
  fill(kernel, "stream-a", {message("c")});
  all = received(kernel);
  REQUIRE(all.size() == 1);
  CHECK(all[0].arn == recorder_arn("x"));
}

TEST_CASE("a queue that is purged, or made anew, goes on feeding its pipe") {
  TestKernel kernel{"pipes", {.plugins = {"notifications", "queues"}}};
  const auto on_queue = [&](const char* operation, Map input = {}) {
    input.set("QueueUrl", "http://127.0.0.1:4566/000000000000/jobs");
    return kernel.try_call("sqs", operation, std::move(input));
  };
  const auto arrived = [&] {
    kernel.clock.advance_ms(0);
    const auto messages = kernel.try_call("sqs", "ReceiveMessage", {{"QueueUrl", "done"}, {"MaxNumberOfMessages", 10}});
    return messages.value()["Messages"].is_list() ? messages.value()["Messages"].list().size() : std::size_t(0);
  };
  for (const auto* name : {"jobs", "done"}) REQUIRE(kernel.try_call("sqs", "CreateQueue", {{"QueueName", name}}).ok());
  auto input = pipe("", queue_arn("done"));
  input.set("Source", queue_arn("jobs"));
  kernel.call("CreatePipe", std::move(input));
  REQUIRE(on_queue("SendMessage", {{"MessageBody", "1"}}).ok());
  CHECK(arrived() == 1);
  REQUIRE(on_queue("PurgeQueue").ok());
  CHECK(arrived() == 0);
  REQUIRE(on_queue("SendMessage", {{"MessageBody", "2"}}).ok());
  CHECK(arrived() == 1);
  REQUIRE(on_queue("DeleteQueue").ok());
  kernel.clock.advance_ms(90'000);
  REQUIRE(kernel.try_call("sqs", "CreateQueue", {{"QueueName", "jobs"}}).ok());
  REQUIRE(on_queue("SendMessage", {{"MessageBody", "3"}}).ok());
  kernel.clock.advance_ms(60'000);
  CHECK(arrived() == 3);  // The first two are visible again.
}

TEST_CASE("whatever functions answer, a pipe goes on") {
  TestKernel kernel{"pipes", with_recorder()};
  kernel.call("CreatePipe", pipe("queue-a", function_arn));
  // An item without a name: all have failed.
  for (const auto* text : {R"({"batchItemFailures":[{"itemIdentifier":5}]})", R"({"batchItemFailures":[7]})"}) {
    answer(kernel, function_arn, {{"Payload", text}});
    fill(kernel, "queue-a", {message("x")});
    CHECK(received(kernel).size() == 1);
    CHECK(held(kernel, "queue-a") == 1);
    answer(kernel, function_arn, {{"Payload", R"({"batchItemFailures":"none"})"}});
    kernel.clock.advance_ms(30'000);
    CHECK(received(kernel).size() == 1);
    CHECK(held(kernel, "queue-a") == 0);
  }
  // An enrichment makes anything of records, also for a bus.
  auto input =
      pipe("queue-b", "arn:aws:events:us-east-1:000000000000:event-bus/default", {{"Enrichment", enrichment_arn}});
  input.set("Name", "b");
  kernel.call("CreatePipe", std::move(input));
  REQUIRE(kernel.try_call("events", "PutRule", {{"Name", "all"}, {"EventPattern", R"({"source":["Pipe b"]})"}}).ok());
  REQUIRE(kernel
              .try_call("events", "PutTargets",
                        {{"Rule", "all"}, {"Targets", List{Map{{"Id", "1"}, {"Arn", recorder_arn("t")}}}}})
              .ok());
  answer(kernel, enrichment_arn, {{"Payload", R"([{"eventSource":5}])"}});
  fill(kernel, "queue-b", {message("x")});
  const auto all = received(kernel);
  REQUIRE(all.size() == 2);
  CHECK(all[1].json()["detail-type"].string() == "Event from pipe");
  CHECK(held(kernel, "queue-b") == 0);
}

TEST_CASE("pipes that cannot be are refused") {
  TestKernel kernel{"pipes", with_recorder()};
  const auto code = [&](Map input) { return kernel.error("CreatePipe", std::move(input)).code; };
  CHECK(code(pipe("queue-a", "nonsense")) == "ValidationException");
  Map unknown = pipe("queue-a", function_arn);
  unknown.set("Source", "arn:aws:nothing:us-east-1:000000000000:x");
  CHECK(code(unknown) == "NotImplemented");
  CHECK(code(pipe("queue-a", function_arn, {{"LogConfiguration", Map{{"Level", "INFO"}}}})) == "NotImplemented");
  CHECK(code(pipe("queue-a", function_arn,
                  {{"SourceParameters", Map{{"FilterCriteria", Map{{"Filters", List{Map{{"Pattern", "{"}}}}}}}}})) ==
        "ValidationException");
  kernel.call("CreatePipe", pipe("queue-a", function_arn, {{"Tags", Map{{"k", "v"}}}, {"DesiredState", "STOPPED"}}));
  CHECK(code(pipe("queue-a", function_arn)) == "ConflictException");
  CHECK(kernel.call("ListPipes")["Pipes"].list().size() == 1);
  CHECK(
      kernel.call("ListTagsForResource", {{"resourceArn", "arn:aws:pipes:us-east-1:000000000000:pipe/p"}})["tags"]["k"]
          .string() == "v");
  kernel.call("UpdatePipe", {{"Name", "p"},
                             {"RoleArn", "arn:aws:iam::000000000000:role/pipe"},
                             {"Target", recorder_arn("t")},
                             {"DesiredState", "RUNNING"}});
  fill(kernel, "queue-a", {message("a")});
  CHECK(received(kernel).size() == 1);
}

TEST_CASE("a record of a data stream is flat, and its data can be looked into") {
  const auto event = notifications::pipes::event_of(
      Map{{"kinesis", Map{{"partitionKey", "p"}, {"data", "eyJuIjo1fQ=="}}}, {"eventSource", "aws:kinesis"}});
  CHECK(event.shown["data"].string() == "eyJuIjo1fQ==");
  CHECK(event.shown["partitionKey"].string() == "p");
  CHECK(event.parsed["data"]["n"].integer() == 5);
}
