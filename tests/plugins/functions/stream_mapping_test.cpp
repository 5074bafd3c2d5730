// Event source mappings over a stream of several shards, which is a double: what Kinesis will be.
#include <catch2/catch.hpp>
#include <map>

#include "support.hpp"

using namespace support;
using moonbase::List;
using moonbase::Map;
using moonbase::Value;
using moonbase::testing::TestKernel;

namespace {

const std::string stream_arn = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";

// Appends the data of its records to the item of its shard, "poison" fails.
const std::string keeper = R"lua(function handler(event, ctx)
  local texts, poison = {}, false
  for i, record in ipairs(event.Records) do
    texts[i] = json.unbase64(record.kinesis.data)
    poison = poison or texts[i] == "poison"
  end
  ctx.call("dynamodb", "UpdateItem", { TableName = "got", Key = { id = { S = "calls" } },
    UpdateExpression = "SET l = list_append(if_not_exists(l, :none), :more)",
    ExpressionAttributeValues = { [":none"] = { L = array {} },
      [":more"] = { L = { { S = table.concat(texts, " ") } } } } })
  if poison then error "poison" end
  return null
end)lua";

struct Platform {
  TestKernel kernel{"lambda", {.plugins = {"functions", "storage", "test_queue"}}};

  Platform() {
    REQUIRE(create_table(kernel, "got"));
    kernel.call("CreateFunction", function("f", keeper));
  }
  Value map_stream(Map more = {}) {
    Map input{{"FunctionName", "f"}, {"EventSourceArn", stream_arn}, {"StartingPosition", "TRIM_HORIZON"}};
    for (auto& [key, value] : more) input.set(key, value);
    return kernel.call("CreateEventSourceMapping", std::move(input));
  }
  void put(const std::string& data, const std::string& key = "k", const std::string& shard = "shard-0") {
    REQUIRE(kernel.try_call("testqueue", "PutRecord", {{"Shard", shard}, {"Key", key}, {"Data", data}}));
  }
  void settle() { kernel.clock.advance_ms(1); }
  // "a b|c": the records of each call.
  std::string calls() {
    const auto item =
        *kernel.try_call("dynamodb", "GetItem", {{"TableName", "got"}, {"Key", Map{{"id", Map{{"S", "calls"}}}}}});
    std::string text;
    const auto& list = item["Item"]["l"]["L"];
    for (const auto& each : list.is_list() ? list.list() : List{})
      text += (text.empty() ? "" : "|") + each["S"].string();
    return text;
  }
  // What the destination for failures has got.
  Value dead() { return *kernel.try_call("testqueue", "Count"); }
};

const Map to_dead_queue{{"OnFailure", Map{{"Destination", "arn:aws:sqs:us-east-1:000000000000:dead"}}}};

}  // namespace

TEST_CASE_METHOD(Platform, "a shard is read before its children") {
  put("parent", "k", "shard-0");
  REQUIRE(kernel.try_call("testqueue", "BeginShard", {{"Shard", "shard-1"}, {"Parent", "shard-0"}}));
  put("child", "k", "shard-1");
  map_stream();
  settle();
  CHECK(calls() == "parent");
  put("last", "k", "shard-0");
  settle();
  CHECK(calls() == "parent|last");
  REQUIRE(kernel.try_call("testqueue", "CloseShard", {{"Shard", "shard-0"}}));
  settle();
  CHECK(calls() == "parent|last|child");
}

TEST_CASE_METHOD(Platform, "reading begins where the mapping says") {
  put("old");
  kernel.clock.advance_ms(10'000);
  put("new");
  map_stream({{"StartingPosition", "AT_TIMESTAMP"}, {"StartingPositionTimestamp", 1'798'761'605'000}});
  settle();
  CHECK(calls() == "new");
}

TEST_CASE_METHOD(Platform, "lanes run beside each other, and a key stays in its lane") {
  for (int n = 1; n <= 3; ++n)
    for (const char* key : {"a", "b", "c", "d"}) put(key + std::to_string(n), key);
  map_stream({{"ParallelizationFactor", 10}, {"BatchSize", 2}});
  settle();
  std::map<char, std::string> order;
  for (const char c : calls())
    if (c >= '1' && c <= '3') order[0] += c;
  const auto text = calls();
  for (std::size_t at = 0; at + 1 < text.size(); ++at)
    if (text[at] >= 'a' && text[at] <= 'd') order[text[at]] += text[at + 1];
  for (const char key : {'a', 'b', 'c', 'd'}) CHECK(order[key] == "123");
  CHECK(order[0].size() == 12);
}

TEST_CASE_METHOD(Platform, "what fails again and again is split off, given up and told to the destination") {
  for (const char* data : {"1", "2", "poison", "4"}) put(data);
  map_stream({{"BisectBatchOnFunctionError", true}, {"MaximumRetryAttempts", 1}, {"DestinationConfig", to_dead_queue}});
  kernel.clock.advance_ms(60'000);
  CHECK(calls() == "1 2 poison 4|1 2|poison 4|poison|poison|4");
  REQUIRE(dead()["Messages"].integer() == 1);
  const auto record = *moonbase::parse_json(dead()["Last"].string());
  CHECK(record["requestContext"]["condition"].string() == "RetryAttemptsExhausted");
  CHECK(record["KinesisBatchInfo"]["shardId"].string() == "shard-0");
  CHECK(record["KinesisBatchInfo"]["startSequenceNumber"].string() == "2");
  CHECK(record["KinesisBatchInfo"]["endSequenceNumber"].string() == "2");
  CHECK(record["KinesisBatchInfo"]["batchSize"].integer() == 1);
  CHECK(record["KinesisBatchInfo"]["streamArn"].string() == stream_arn);
}

TEST_CASE_METHOD(Platform, "records that grow too old while they fail are given up") {
  put("poison");
  map_stream({{"MaximumRecordAgeInSeconds", 60}, {"DestinationConfig", to_dead_queue}});
  kernel.clock.advance_ms(59'000);
  CHECK(dead()["Messages"].integer() == 0);
  kernel.clock.advance_ms(60'000);
  REQUIRE(dead()["Messages"].integer() == 1);
  CHECK((*moonbase::parse_json(dead()["Last"].string()))["requestContext"]["condition"].string() ==
        "RecordAgeExceeded");
  put("next");
  settle();
  CHECK(calls().ends_with("|next"));
}

TEST_CASE_METHOD(Platform, "while nothing comes nobody looks, also with a window") {
  put("first");
  map_stream({{"MaximumBatchingWindowInSeconds", 5}});
  kernel.call("CreateEventSourceMapping",
              {{"FunctionName", "f"}, {"EventSourceArn", "arn:aws:sqs:us-east-1:000000000000:work"}});
  kernel.clock.advance_ms(10'000);
  CHECK(calls() == "first");
  const auto reads = [&] { return dead()["Reads"].integer(); };
  const auto before = reads();
  for (int hour = 0; hour < 24; ++hour) kernel.clock.advance_ms(3'600'000);
  CHECK(reads() == before);
  put("second");
  kernel.clock.advance_ms(10'000);
  CHECK(calls() == "first|second");
  CHECK(reads() > before);
}

TEST_CASE_METHOD(Platform, "each shard has a tumbling window of its own") {
  kernel.call("UpdateFunctionCode", {{"FunctionName", "f"}, {"ZipFile", zip({{"main.lua", R"lua(
    function handler(event, ctx)
      local sum = (event.state.sum or 0) + #event.Records
      if event.isFinalInvokeForWindow then
        ctx.call("dynamodb", "PutItem", { TableName = "got",
          Item = { id = { S = event.shardId .. " " .. event.window.start }, sum = { N = tostring(sum) } } })
      end
      return { state = { sum = sum } }
    end)lua"}})}});
  put("1", "k", "shard-0");
  put("2", "k", "shard-0");
  put("3", "k", "shard-1");
  map_stream({{"TumblingWindowInSeconds", 60}});
  settle();
  kernel.clock.advance_ms(90'000);
  const auto sum = [&](const std::string& id) {
    const auto item =
        *kernel.try_call("dynamodb", "GetItem", {{"TableName", "got"}, {"Key", Map{{"id", Map{{"S", id}}}}}});
    return item["Item"]["sum"]["N"].string_or("none");
  };
  CHECK(sum("shard-0 2027-01-01T00:00:00.000Z") == "2");
  CHECK(sum("shard-1 2027-01-01T00:00:00.000Z") == "1");
  put("4", "k", "shard-0");
  kernel.clock.advance_ms(60'000);
  CHECK(sum("shard-0 2027-01-01T00:01:00.000Z") == "1");
}
