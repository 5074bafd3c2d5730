// Event source mappings over a table's stream, which is real, and a queue, which is a double.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>

#include "support.hpp"

using namespace support;
using moonbase::List;
using moonbase::Map;
using moonbase::Value;
using moonbase::testing::TestKernel;

namespace {

// Writes what it gets to the table "got": one item a call, by number.
const std::string keeper = R"lua(function handler(event, ctx)
  local n = ctx.call("dynamodb", "UpdateItem", { TableName = "got", Key = { id = { S = "count" } },
    UpdateExpression = "ADD n :one", ExpressionAttributeValues = { [":one"] = { N = "1" } },
    ReturnValues = "ALL_NEW" }).Attributes.n.N
  ctx.call("dynamodb", "PutItem", { TableName = "got", Item = { id = { S = n }, event = { S = json.encode(event) } } })
  for _, record in ipairs(event.Records) do
    local key = record.dynamodb and record.dynamodb.Keys.id.S or record.body
    if key and key:find("poison") then error { code = "Poison", message = key } end
  end
  return null
end)lua";

struct Platform {
  TestKernel kernel{"lambda", {.plugins = {"functions", "storage", "test_queue"}}};
  std::string stream_arn;

  Platform() {
    REQUIRE(create_table(kernel, "got"));
    auto table = kernel.try_call(
        "dynamodb", "CreateTable",
        {{"TableName", "orders"},
         {"BillingMode", "PAY_PER_REQUEST"},
         {"KeySchema", List{Map{{"AttributeName", "id"}, {"KeyType", "HASH"}}}},
         {"AttributeDefinitions", List{Map{{"AttributeName", "id"}, {"AttributeType", "S"}}}},
         {"StreamSpecification", Map{{"StreamEnabled", true}, {"StreamViewType", "NEW_AND_OLD_IMAGES"}}}});
    REQUIRE(table);
    stream_arn = (*table)["TableDescription"]["LatestStreamArn"].string();
    kernel.call("CreateFunction", function("f", keeper));
  }

  Value map_stream(Map more = {}) {
    Map input{{"FunctionName", "f"}, {"EventSourceArn", stream_arn}, {"StartingPosition", "LATEST"}};
    for (auto& [key, value] : more) input.set(key, value);
    return kernel.call("CreateEventSourceMapping", std::move(input));
  }
  void put(const std::string& id, Map more = {}) {
    Map item{{"id", Map{{"S", id}}}};
    for (auto& [key, value] : more) item.set(key, value);
    REQUIRE(kernel.try_call("dynamodb", "PutItem", {{"TableName", "orders"}, {"Item", std::move(item)}}));
  }
  void settle() { kernel.clock.advance_ms(1); }

  // The events of all calls so far.
  std::vector<Value> events() {
    std::vector<Value> found;
    for (int n = 1;; ++n) {
      const auto item = kernel.try_call("dynamodb", "GetItem",
                                        {{"TableName", "got"}, {"Key", Map{{"id", Map{{"S", std::to_string(n)}}}}}});
      if ((*item)["Item"].is_null()) return found;
      found.push_back(*moonbase::parse_json((*item)["Item"]["event"]["S"].string()));
    }
  }
  // "a b|c": the keys of each call's records.
  std::string calls() {
    std::string text;
    for (const auto& event : events()) {
      if (!text.empty()) text += "|";
      for (const auto& record : event["Records"].list())
        text += (text.empty() || text.back() == '|' ? "" : " ") +
                (record["body"].is_string() ? record["body"].string() : record["dynamodb"]["Keys"]["id"]["S"].string());
    }
    return text;
  }
};

const std::string queue_arn = "arn:aws:sqs:us-east-1:000000000000:work";

}  // namespace

TEST_CASE_METHOD(Platform, "a change of a table reaches the function, in Lambda's shape") {
  put("before");
  const auto made = map_stream();
  CHECK(made["State"].string() == "Creating");
  CHECK(made["BatchSize"].integer() == 100);
  put("a", {{"n", Map{{"N", "1"}}}, {"raw", Map{{"B", "\x01\x02"}}}});
  settle();
  REQUIRE(events().size() == 1);
  const auto record = events()[0]["Records"][0];
  CHECK(record["eventName"].string() == "INSERT");
  CHECK(record["eventSource"].string() == "aws:dynamodb");
  CHECK(record["eventVersion"].string() == "1.1");
  CHECK(record["awsRegion"].string() == "us-east-1");
  CHECK(record["eventSourceARN"].string() == stream_arn);
  CHECK(record["dynamodb"]["NewImage"]["n"]["N"].string() == "1");
  CHECK(record["dynamodb"]["NewImage"]["raw"]["B"].string() == "AQI=");
  CHECK(record["dynamodb"]["ApproximateCreationDateTime"].integer() == 1'798'761'600);
  CHECK(record["dynamodb"]["StreamViewType"].string() == "NEW_AND_OLD_IMAGES");
  const auto shown = kernel.call("GetEventSourceMapping", {{"UUID", made["UUID"]}});
  CHECK(shown["State"].string() == "Enabled");
  CHECK(shown["LastProcessingResult"].string() == "OK");
}

TEST_CASE_METHOD(Platform, "reading goes on where it was after a restart, and from the beginning if asked") {
  put("old");
  const auto made = map_stream({{"StartingPosition", "TRIM_HORIZON"}});
  settle();
  INFO(moonbase::to_json(kernel.call("GetEventSourceMapping", {{"UUID", made["UUID"]}})));
  CHECK(calls() == "old");
  kernel.restart();
  put("new");
  settle();
  CHECK(calls() == "old|new");
  kernel.call("UpdateEventSourceMapping", {{"UUID", made["UUID"]}, {"Enabled", false}});
  put("while-disabled");
  settle();
  CHECK(calls() == "old|new");
  kernel.call("UpdateEventSourceMapping", {{"UUID", made["UUID"]}, {"Enabled", true}});
  settle();
  CHECK(calls() == "old|new|while-disabled");
  kernel.call("DeleteEventSourceMapping", {{"UUID", made["UUID"]}});
  put("gone");
  settle();
  CHECK(calls() == "old|new|while-disabled");
  CHECK(kernel.error("GetEventSourceMapping", {{"UUID", made["UUID"]}}).code == "ResourceNotFoundException");
}

TEST_CASE_METHOD(Platform, "batches are as large as they may be, and wait for their window") {
  put("1");
  put("2");
  put("3");
  map_stream({{"StartingPosition", "TRIM_HORIZON"}, {"BatchSize", 2}, {"MaximumBatchingWindowInSeconds", 10}});
  settle();
  CHECK(calls() == "1 2");
  kernel.clock.advance_ms(9'000);
  CHECK(calls() == "1 2");
  kernel.clock.advance_ms(1'000);
  CHECK(calls() == "1 2|3");
}

TEST_CASE_METHOD(Platform, "only what a filter lets through reaches the function") {
  map_stream(
      {{"FilterCriteria",
        Map{{"Filters",
             List{Map{{"Pattern",
                       R"p({"eventName":["INSERT"],"dynamodb":{"NewImage":{"kind":{"S":[{"prefix":"a"}]}}}})p"}}}}}}});
  put("x", {{"kind", Map{{"S", "beta"}}}});
  put("y", {{"kind", Map{{"S", "alpha"}}}});
  put("y", {{"kind", Map{{"S", "alpine"}}}});  // A change, no insertion.
  settle();
  CHECK(calls() == "y");
  CHECK(kernel
            .error("CreateEventSourceMapping",
                   {{"FunctionName", "f"},
                    {"EventSourceArn", stream_arn},
                    {"StartingPosition", "LATEST"},
                    {"FilterCriteria", Map{{"Filters", List{Map{{"Pattern", R"({"a":[]})"}}}}}}})
            .message == "Invalid filter pattern definition.");
}

TEST_CASE_METHOD(Platform, "a batch that fails is tried as often as the mapping says, then goes to the destination") {
  put("poison");
  put("good");
  map_stream(
      {{"StartingPosition", "TRIM_HORIZON"},
       {"MaximumRetryAttempts", 2},
       {"DestinationConfig", Map{{"OnFailure", Map{{"Destination", "arn:aws:sqs:us-east-1:000000000000:dead"}}}}}});
  settle();
  CHECK(calls() == "poison good");
  kernel.clock.advance_ms(1'000);
  CHECK(calls() == "poison good|poison good");
  CHECK((*kernel.try_call("testqueue", "Count"))["Messages"].integer() == 0);
  kernel.clock.advance_ms(2'000);
  CHECK(calls() == "poison good|poison good|poison good");
  REQUIRE((*kernel.try_call("testqueue", "Count"))["Messages"].integer() == 1);
  const auto record = *moonbase::parse_json((*kernel.try_call("testqueue", "Count"))["Last"].string());
  CHECK(record["requestContext"]["condition"].string() == "RetryAttemptsExhausted");
  CHECK(record["requestContext"]["approximateInvokeCount"].integer() == 3);
  CHECK(record["responseContext"]["functionError"].string() == "Unhandled");
  CHECK(record["DDBStreamBatchInfo"]["batchSize"].integer() == 2);
  CHECK(record["DDBStreamBatchInfo"]["streamArn"].string() == stream_arn);
  put("next");
  settle();
  CHECK(calls() == "poison good|poison good|poison good|next");
}

TEST_CASE_METHOD(Platform, "a failing batch is split until what fails is alone") {
  for (const char* id : {"1", "2", "poison", "4"}) put(id);
  map_stream({{"StartingPosition", "TRIM_HORIZON"}, {"BisectBatchOnFunctionError", true}, {"MaximumRetryAttempts", 1}});
  settle();
  CHECK(calls() == "1 2 poison 4|1 2|poison 4|poison");
  kernel.clock.advance_ms(1'000);
  CHECK(calls() == "1 2 poison 4|1 2|poison 4|poison|poison|4");
}

TEST_CASE_METHOD(Platform, "records that are too old are skipped") {
  put("old");
  kernel.clock.advance_ms(61'000);
  put("young");
  map_stream({{"StartingPosition", "TRIM_HORIZON"}, {"MaximumRecordAgeInSeconds", 60}});
  settle();
  CHECK(calls() == "young");
}

TEST_CASE_METHOD(Platform, "what the function reports as failed is tried again, what came before is not") {
  kernel.call("UpdateFunctionCode", {{"FunctionName", "f"}, {"ZipFile", zip({{"main.lua", R"lua(
    function handler(event, ctx)
      local n = ctx.call("dynamodb", "UpdateItem", { TableName = "got", Key = { id = { S = "count" } },
        UpdateExpression = "ADD n :one", ExpressionAttributeValues = { [":one"] = { N = "1" } },
        ReturnValues = "ALL_NEW" }).Attributes.n.N
      ctx.call("dynamodb", "PutItem", { TableName = "got", Item = { id = { S = n }, event = { S = json.encode(event) } } })
      if n ~= "1" then return { batchItemFailures = array {} } end
      return { batchItemFailures = { { itemIdentifier = event.Records[2].dynamodb.SequenceNumber } } }
    end)lua"}})}});
  for (const char* id : {"1", "2", "3"}) put(id);
  map_stream({{"StartingPosition", "TRIM_HORIZON"}, {"FunctionResponseTypes", List{"ReportBatchItemFailures"}}});
  settle();
  CHECK(calls() == "1 2 3");
  kernel.clock.advance_ms(1'000);
  CHECK(calls() == "1 2 3|2 3");
}

TEST_CASE_METHOD(Platform, "lanes keep the order of each key") {
  for (int round = 0; round < 3; ++round)
    for (const char* id : {"a", "b", "c"}) put(id, {{"round", Map{{"N", std::to_string(round)}}}});
  map_stream({{"StartingPosition", "TRIM_HORIZON"}, {"ParallelizationFactor", 4}, {"BatchSize", 2}});
  settle();
  std::map<std::string, std::string> rounds;
  for (const auto& event : events())
    for (const auto& record : event["Records"].list())
      rounds[record["dynamodb"]["Keys"]["id"]["S"].string()] += record["dynamodb"]["NewImage"]["round"]["N"].string();
  CHECK(rounds == std::map<std::string, std::string>{{"a", "012"}, {"b", "012"}, {"c", "012"}});
}

TEST_CASE_METHOD(Platform, "a tumbling window hands its state on, and ends with a last call") {
  kernel.call("UpdateFunctionCode", {{"FunctionName", "f"}, {"ZipFile", zip({{"main.lua", R"lua(
    function handler(event, ctx)
      local sum = (event.state.sum or 0) + #event.Records
      if event.isFinalInvokeForWindow then
        ctx.call("dynamodb", "PutItem", { TableName = "got", Item = { id = { S = event.window.start },
          sum = { N = tostring(sum) } } })
      end
      return { state = { sum = sum } }
    end)lua"}})}});
  map_stream({{"TumblingWindowInSeconds", 60}});
  put("1");
  put("2");
  settle();
  kernel.clock.advance_ms(10'000);
  put("3");
  kernel.clock.advance_ms(60'000);
  const auto item = *kernel.try_call(
      "dynamodb", "GetItem", {{"TableName", "got"}, {"Key", Map{{"id", Map{{"S", "2027-01-01T00:00:00.000Z"}}}}}});
  CHECK(item["Item"]["sum"]["N"].string_or("") == "3");
}

TEST_CASE_METHOD(Platform, "a mapping has tags of its own") {
  const auto made = map_stream({{"Tags", Map{{"team", "moon"}}}});
  const auto arn = made["EventSourceMappingArn"];
  CHECK(made["Tags"].is_null());
  kernel.call("TagResource", {{"Resource", arn}, {"Tags", Map{{"stage", "test"}}}});
  kernel.call("UntagResource", {{"Resource", arn}, {"TagKeys", List{"team"}}});
  kernel.call("UpdateEventSourceMapping", {{"UUID", made["UUID"]}, {"BatchSize", 7}});
  CHECK(kernel.call("ListTags", {{"Resource", arn}})["Tags"] == Value(Map{{"stage", "test"}}));
  CHECK(kernel.error("ListTags", {{"Resource", arn.string() + "0"}}).code == "ResourceNotFoundException");
  CHECK(kernel
            .error("CreateEventSourceMapping",
                   {{"FunctionName", "f"}, {"EventSourceArn", queue_arn}, {"Tags", Map{{"aws:x", "1"}}}})
            .code == "InvalidParameterValueException");
}

TEST_CASE_METHOD(Platform, "what AWS refuses of a mapping is refused in its words") {
  const auto refused = [&](Map input) {
    if (!input.contains("FunctionName")) input.set("FunctionName", "f");
    return kernel.error("CreateEventSourceMapping", std::move(input));
  };
  CHECK(refused({{"EventSourceArn", stream_arn}}).code == "ValidationException");
  CHECK(refused({{"EventSourceArn", stream_arn}, {"StartingPosition", "AT_TIMESTAMP"}}).message ==
        "Unsupported starting position for arn type: " + stream_arn);
  CHECK(refused({{"EventSourceArn", stream_arn + "x"}, {"StartingPosition", "LATEST"}}).message ==
        "Stream not found: " + stream_arn + "x");
  CHECK(refused({{"EventSourceArn", stream_arn}, {"StartingPosition", "LATEST"}, {"FunctionName", "none"}}).message ==
        "Function does not exist");
  CHECK(refused({{"EventSourceArn", queue_arn}, {"StartingPosition", "LATEST"}}).message ==
        "StartingPosition is not valid for SQS event sources.");
  CHECK(refused({{"EventSourceArn", queue_arn}, {"BatchSize", 11}}).message ==
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10");
  CHECK(refused({{"EventSourceArn", queue_arn + ".fifo"}, {"BatchSize", 11}}).code == "InvalidParameterValueException");
  CHECK(refused({{"EventSourceArn", "arn:aws:kafka:us-east-1:000000000000:cluster/x"}}).status == 501);
  map_stream();
  CHECK(refused({{"EventSourceArn", stream_arn}, {"StartingPosition", "LATEST"}}).code == "ResourceConflictException");
}

TEST_CASE_METHOD(Platform, "messages of a queue are removed when the function is done with them") {
  const auto send = [&](const std::string& body) { REQUIRE(kernel.try_call("testqueue", "Send", {{"Body", body}})); };
  const auto left = [&] { return (*kernel.try_call("testqueue", "Count"))["Messages"].integer(); };
  send("first");
  const auto made = kernel.call(
      "CreateEventSourceMapping",
      {{"FunctionName", "f"},
       {"EventSourceArn", queue_arn},
       {"FilterCriteria", Map{{"Filters", List{Map{{"Pattern", R"({"body":[{"anything-but":"skip"}]})"}}}}}}});
  settle();
  CHECK(calls() == "first");
  CHECK(left() == 0);
  send("skip");
  settle();
  CHECK(calls() == "first");
  CHECK(left() == 0);
  send("poison");
  settle();
  CHECK(calls() == "first|poison");
  CHECK(left() == 1);
  kernel.clock.advance_ms(30'000);  // It comes back when its visibility timeout ends.
  CHECK(calls() == "first|poison|poison");
  kernel.call("DeleteEventSourceMapping", {{"UUID", made["UUID"]}});
  kernel.clock.advance_ms(60'000);
  CHECK(calls() == "first|poison|poison");
  CHECK(left() == 1);
}

TEST_CASE_METHOD(Platform, "a mapping goes on when its queue is there again, also one that was missing at the start") {
  const auto send = [&](const std::string& body) { REQUIRE(kernel.try_call("testqueue", "Send", {{"Body", body}})); };
  const auto made = kernel.call("CreateEventSourceMapping", {{"FunctionName", "f"}, {"EventSourceArn", queue_arn}});
  send("first");
  settle();
  CHECK(calls() == "first");
  // Deleted and made again at once.
  REQUIRE(kernel.try_call("testqueue", "Remove"));
  REQUIRE(kernel.try_call("testqueue", "Restore"));
  kernel.clock.advance_ms(1'000);
  send("second");
  settle();
  CHECK(calls() == "first|second");
  REQUIRE(kernel.try_call("testqueue", "Remove"));
  kernel.clock.advance_ms(3'600'000);
  CHECK(kernel.call("GetEventSourceMapping", {{"UUID", made["UUID"]}})["State"].string() == "Enabled");
  REQUIRE(kernel.try_call("testqueue", "Restore"));
  send("third");
  kernel.clock.advance_ms(300'000);  // The longest it waits before it looks again.
  CHECK(calls() == "first|second|third");
}

TEST_CASE("a mapping of a queue survives the queue") {
  TestKernel kernel{"lambda", {.plugins = {"functions", "storage", "queues"}}};
  REQUIRE(create_table(kernel, "got"));
  kernel.call("CreateFunction", function("f", R"lua(function handler(event, ctx)
    for _, record in ipairs(event.Records) do
      ctx.call("dynamodb", "PutItem", { TableName = "got", Item = { id = { S = record.body } } })
    end
  end)lua"));
  const auto sqs = [&](const char* operation, Map input) {
    auto answer = kernel.try_call("sqs", operation, std::move(input));
    if (!answer) FAIL(operation << ": " << answer.error().message);
    return *answer;
  };
  const auto arrived = [&](const char* body) {
    const auto item =
        kernel.try_call("dynamodb", "GetItem", {{"TableName", "got"}, {"Key", Map{{"id", Map{{"S", body}}}}}});
    return !(*item)["Item"].is_null();
  };
  sqs("CreateQueue", {{"QueueName", "work"}});
  kernel.call("CreateEventSourceMapping", {{"FunctionName", "f"}, {"EventSourceArn", queue_arn}});
  sqs("DeleteQueue", {{"QueueUrl", "work"}});
  kernel.restart();  // Its queue is not there when it begins.
  kernel.clock.advance_ms(60'000);
  sqs("CreateQueue", {{"QueueName", "work"}});
  sqs("SendMessage", {{"QueueUrl", "work"}, {"MessageBody", "late"}});
  kernel.clock.advance_ms(300'000);
  CHECK(arrived("late"));
  sqs("SendMessage", {{"QueueUrl", "work"}, {"MessageBody", "at-once"}});
  kernel.clock.advance_ms(1);
  CHECK(arrived("at-once"));
}

TEST_CASE("messages of one group reach the function in order, whatever fails") {
  TestKernel kernel{"lambda", {.plugins = {"functions", "storage", "queues"}}};
  REQUIRE(create_table(kernel, "got"));
  kernel.call("CreateFunction", function("f", R"lua(function handler(event, ctx)
    for _, record in ipairs(event.Records) do
      local group = record.attributes.MessageGroupId
      local tries = ctx.call("dynamodb", "UpdateItem", { TableName = "got", Key = { id = { S = record.body } },
        UpdateExpression = "ADD n :one", ExpressionAttributeValues = { [":one"] = { N = "1" } },
        ReturnValues = "ALL_NEW" }).Attributes.n.N
      if record.body == "a2" and tries == "1" then error "once more" end
      ctx.call("dynamodb", "UpdateItem", { TableName = "got", Key = { id = { S = "group-" .. group } },
        UpdateExpression = "SET l = list_append(if_not_exists(l, :none), :more)",
        ExpressionAttributeValues = { [":none"] = { L = array {} }, [":more"] = { L = { { S = record.body } } } } })
    end
  end)lua"));
  const auto sqs = [&](const char* operation, Map input) {
    auto answer = kernel.try_call("sqs", operation, std::move(input));
    if (!answer) FAIL(operation << ": " << answer.error().message);
  };
  sqs("CreateQueue",
      {{"QueueName", "work.fifo"}, {"Attributes", Map{{"FifoQueue", "true"}, {"VisibilityTimeout", "30"}}}});
  for (int n = 1; n <= 4; ++n)
    for (const std::string group : {"a", "b", "c"})
      sqs("SendMessage", {{"QueueUrl", "work.fifo"},
                          {"MessageBody", group + std::to_string(n)},
                          {"MessageGroupId", group},
                          {"MessageDeduplicationId", group + std::to_string(n)}});
  kernel.call("CreateEventSourceMapping",
              {{"FunctionName", "f"}, {"EventSourceArn", queue_arn + ".fifo"}, {"BatchSize", 1}});
  const auto order = [&](const std::string& group) {
    const auto item = kernel.try_call("dynamodb", "GetItem",
                                      {{"TableName", "got"}, {"Key", Map{{"id", Map{{"S", "group-" + group}}}}}});
    std::string text;
    const auto& list = (*item)["Item"]["l"]["L"];
    for (const auto& each : list.is_list() ? list.list() : List{}) text += each["S"].string() + " ";
    return text;
  };
  kernel.clock.advance_ms(1'000);
  CHECK(order("a") == "a1 ");
  CHECK(order("b") == "b1 b2 b3 b4 ");
  kernel.clock.advance_ms(60'000);
  CHECK(order("a") == "a1 a2 a3 a4 ");
  CHECK(order("c") == "c1 c2 c3 c4 ");
}

TEST_CASE_METHOD(Platform, "of a queue's batch only the messages that the function names come back") {
  for (const char* body : {"a", "b", "c"}) REQUIRE(kernel.try_call("testqueue", "Send", {{"Body", body}}));
  kernel.call("UpdateFunctionCode", {{"FunctionName", "f"}, {"ZipFile", zip({{"main.lua", R"lua(
    function handler(event, ctx)
      local failures = array {}
      for _, record in ipairs(event.Records) do
        if record.body == "b" then failures[1] = { itemIdentifier = record.messageId } end
      end
      return { batchItemFailures = failures }
    end)lua"}})}});
  kernel.call("CreateEventSourceMapping", {{"FunctionName", "f"},
                                           {"EventSourceArn", queue_arn},
                                           {"ScalingConfig", Map{{"MaximumConcurrency", 2}}},
                                           {"FunctionResponseTypes", List{"ReportBatchItemFailures"}}});
  settle();
  const auto left = *kernel.try_call("testqueue", "Count");
  CHECK(left["Messages"].integer() == 1);
  CHECK(left["Last"].string() == "b");
}

TEST_CASE_METHOD(Platform, "a function that feeds its own queue is stopped") {
  kernel.call("CreateFunction", function("loop", R"lua(function handler(event, ctx)
    ctx.call("dynamodb", "UpdateItem", { TableName = "got", Key = { id = { S = "turns" } },
      UpdateExpression = "ADD n :one", ExpressionAttributeValues = { [":one"] = { N = "1" } } })
    ctx.call("testqueue", "Send", { Body = "again" })
  end)lua"));
  kernel.call("CreateEventSourceMapping", {{"FunctionName", "loop"}, {"EventSourceArn", queue_arn}});
  REQUIRE(kernel.try_call("testqueue", "Send", {{"Body", "once"}}));
  kernel.clock.advance_ms(600'000);
  const auto item =
      *kernel.try_call("dynamodb", "GetItem", {{"TableName", "got"}, {"Key", Map{{"id", Map{{"S", "turns"}}}}}});
  CHECK(item["Item"]["n"]["N"].string() == "16");
  CHECK((*kernel.try_call("testqueue", "Count"))["Messages"].integer() == 0);
}

TEST_CASE_METHOD(Platform, "a dead-letter queue gets the event, and what went wrong beside it") {
  kernel.call("CreateFunction",
              function("fails", "function handler() error { code = 'Broken', message = 'no lamps' } end",
                       {{"DeadLetterConfig", Map{{"TargetArn", "arn:aws:sqs:us-east-1:000000000000:dead"}}}}));
  kernel.call("PutFunctionEventInvokeConfig", {{"FunctionName", "fails"}, {"MaximumRetryAttempts", 0}});
  kernel.call("Invoke", {{"FunctionName", "fails"}, {"InvocationType", "Event"}, {"Payload", R"({"n":7})"}});
  settle();
  const auto dead = *kernel.try_call("testqueue", "Count");
  REQUIRE(dead["Messages"].integer() == 1);
  CHECK(dead["Last"].string() == R"({"n":7})");
  const auto attributes = (*moonbase::parse_json(dead["Options"].string()))["MessageAttributes"];
  CHECK(attributes["ErrorCode"]["StringValue"].string() == "200");
  CHECK(attributes["ErrorCode"]["DataType"].string() == "Number");
  CHECK(attributes["ErrorMessage"]["StringValue"].string() == "no lamps");
  CHECK(attributes["RequestID"]["StringValue"].string().size() == 36);
}

TEST_CASE("a stack says what happens when a table changes") {
  TestKernel kernel{"lambda", functions_and_storage};
  const auto file = (std::filesystem::temp_directory_path() / "moonbase-on-change.lua").string();
  std::ofstream(file) << R"lua(
    local s = require "stack" { name = "changes" }
    local seen = s.table "seen" { key = "id:S" }
    local orders = s.table "orders" { key = "id:S" }
    orders:on_change({ batch = 10, filter = { eventName = { "INSERT" } } }, function(event)
      for _, record in ipairs(event.Records) do seen:put { id = record.dynamodb.Keys.id.S } end
    end)
    return s
  )lua";
  for (int round = 0; round < 2; ++round) {  // Applied again, nothing changes.
    const auto applied = kernel.apply(file);
    INFO((applied ? "" : applied.error().message));
    REQUIRE(applied);
  }
  REQUIRE(kernel.call("ListEventSourceMappings", {{"FunctionName", "orders-changes"}})["EventSourceMappings"]
              .list()
              .size() == 1);
  REQUIRE(kernel.try_call("dynamodb", "PutItem", {{"TableName", "orders"}, {"Item", Map{{"id", Map{{"S", "1"}}}}}}));
  kernel.clock.advance_ms(1);
  const auto item =
      *kernel.try_call("dynamodb", "GetItem", {{"TableName", "seen"}, {"Key", Map{{"id", Map{{"S", "1"}}}}}});
  CHECK(item["Item"]["id"]["S"].string_or("") == "1");
  REQUIRE(kernel.down("changes"));
  CHECK(kernel.call("ListEventSourceMappings")["EventSourceMappings"].list().empty());
  std::filesystem::remove(file);
}

TEST_CASE("a function and a queue that feed each other are stopped after sixteen rounds") {
  TestKernel kernel{"lambda", {.plugins = {"functions", "queues"}}};
  kernel.call("CreateFunction", function("again", R"(function handler(event, ctx)
    ctx.call("sqs", "SendMessage", { QueueUrl = "rounds", MessageBody = "again" })
    ctx.call("sqs", "SendMessage", { QueueUrl = "count", MessageBody = "one" })
  end)"));
  const auto sqs = [&](const char* operation, Map input) {
    auto answer = kernel.try_call("sqs", operation, std::move(input));
    if (!answer) FAIL(operation << ": " << answer.error().message);
    return *answer;
  };
  for (const auto* queue : {"rounds", "count"}) sqs("CreateQueue", {{"QueueName", queue}});
  kernel.call(
      "CreateEventSourceMapping",
      {{"FunctionName", "again"}, {"EventSourceArn", "arn:aws:sqs:us-east-1:000000000000:rounds"}, {"BatchSize", 1}});
  sqs("SendMessage", {{"QueueUrl", "rounds"}, {"MessageBody", "first"}});
  kernel.clock.advance_ms(1000);
  const auto attributes = sqs("GetQueueAttributes", {{"QueueUrl", "count"}, {"AttributeNames", List{"All"}}});
  CHECK(attributes["Attributes"]["ApproximateNumberOfMessages"].string() == "16");
}
