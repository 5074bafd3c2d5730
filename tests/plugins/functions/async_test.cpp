// Asynchronous events, their destinations, loops, and callers that do not wait.
#include <catch2/catch.hpp>
#include <chrono>

#include "support.hpp"

using namespace support;
using moonbase::List;
using moonbase::Map;
using moonbase::Value;
using moonbase::testing::TestKernel;

namespace {

// Appends what it gets to the item "log" of the table "got".
const std::string keeper = R"lua(function handler(event, ctx)
  ctx.call("dynamodb", "UpdateItem", { TableName = "got", Key = { id = { S = "log" } },
    UpdateExpression = "SET l = list_append(if_not_exists(l, :none), :more)",
    ExpressionAttributeValues = { [":none"] = { L = array {} }, [":more"] = { L = { { S = json.encode(event) } } } } })
end)lua";

std::vector<Value> kept(TestKernel& kernel) {
  std::vector<Value> events;
  const auto item =
      kernel.try_call("dynamodb", "GetItem", {{"TableName", "got"}, {"Key", Map{{"id", Map{{"S", "log"}}}}}});
  const auto& list = (*item)["Item"]["l"]["L"];
  if (list.is_list())
    for (const auto& one : list.list()) events.push_back(*moonbase::parse_json(one["S"].string()));
  return events;
}

const std::string keeper_arn = "arn:aws:lambda:us-east-1:000000000000:function:keeper";

void send(TestKernel& kernel, const std::string& event, const char* qualifier = "$LATEST") {
  kernel.call("Invoke",
              {{"FunctionName", "f"}, {"Qualifier", qualifier}, {"InvocationType", "Event"}, {"Payload", event}});
}

struct Platform {
  TestKernel kernel{"lambda", functions_and_storage};
  Platform() {
    REQUIRE(create_table(kernel, "got"));
    kernel.call("CreateFunction", function("keeper", keeper));
    kernel.call("CreateFunction", function("f", R"(function handler(event, ctx)
      if event.fail then error { code = "Broken", message = "no lamps" } end
      return { got = event.n }
    end)"));
  }
};

}  // namespace

TEST_CASE_METHOD(Platform, "destinations get a record of what became of an event") {
  kernel.call("PutFunctionEventInvokeConfig",
              {{"FunctionName", "f"},
               {"MaximumRetryAttempts", 1},
               {"DestinationConfig", Map{{"OnSuccess", Map{{"Destination", keeper_arn}}},
                                         {"OnFailure", Map{{"Destination", keeper_arn}}}}}});
  send(kernel, R"({"n":7})");
  kernel.clock.advance_ms(10);
  REQUIRE(kept(kernel).size() == 1);
  auto record = kept(kernel)[0];
  CHECK(record["version"].string() == "1.0");
  CHECK(record["requestContext"]["condition"].string() == "Success");
  CHECK(record["requestContext"]["functionArn"].string() == "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST");
  CHECK(record["requestContext"]["approximateInvokeCount"].integer() == 1);
  CHECK(record["requestPayload"]["n"].integer() == 7);
  CHECK(record["responseContext"]["statusCode"].integer() == 200);
  CHECK(record["responsePayload"]["got"].integer() == 7);

  send(kernel, R"({"fail":true})");
  kernel.clock.advance_ms(59'000);
  CHECK(kept(kernel).size() == 1);
  kernel.clock.advance_ms(2'000);
  REQUIRE(kept(kernel).size() == 2);
  record = kept(kernel)[1];
  CHECK(record["requestContext"]["condition"].string() == "RetriesExhausted");
  CHECK(record["requestContext"]["approximateInvokeCount"].integer() == 2);
  CHECK(record["responseContext"]["functionError"].string() == "Unhandled");
  CHECK(record["responsePayload"]["errorMessage"].string() == "no lamps");
  kernel.clock.advance_ms(24 * 3'600'000);
  CHECK(kept(kernel).size() == 2);
}

TEST_CASE_METHOD(Platform, "an event that is older than it may become goes to the destination") {
  kernel.call("PutFunctionEventInvokeConfig",
              {{"FunctionName", "f"},
               {"MaximumEventAgeInSeconds", 60},
               {"DestinationConfig", Map{{"OnFailure", Map{{"Destination", keeper_arn}}}}}});
  send(kernel, R"({"fail":true})");
  kernel.clock.advance_ms(61'000);
  REQUIRE(kept(kernel).size() == 1);
  CHECK(kept(kernel)[0]["requestContext"]["condition"].string() == "EventAgeExceeded");
  CHECK(kept(kernel)[0]["requestContext"]["approximateInvokeCount"].integer() == 1);
}

TEST_CASE_METHOD(Platform, "without concurrency an event goes to the destination at once") {
  kernel.call("PutFunctionEventInvokeConfig",
              {{"FunctionName", "f"}, {"DestinationConfig", Map{{"OnFailure", Map{{"Destination", keeper_arn}}}}}});
  kernel.call("PutFunctionConcurrency", {{"FunctionName", "f"}, {"ReservedConcurrentExecutions", 0}});
  send(kernel, "{}");
  kernel.clock.advance_ms(10);
  REQUIRE(kept(kernel).size() == 1);
  CHECK(kept(kernel)[0]["requestContext"]["condition"].string() == "ZeroReservedConcurrency");
}

TEST_CASE_METHOD(Platform, "settings of events are per version and alias, and checked") {
  kernel.call("PublishVersion", {{"FunctionName", "f"}});
  kernel.call("CreateAlias", {{"FunctionName", "f"}, {"Name", "live"}, {"FunctionVersion", "1"}});
  CHECK(kernel.error("GetFunctionEventInvokeConfig", {{"FunctionName", "f"}}).message ==
        "The function arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST doesn't have an EventInvokeConfig");
  CHECK(kernel.error("PutFunctionEventInvokeConfig", {{"FunctionName", "f"}}).code == "InvalidParameterValueException");
  CHECK(kernel
            .error("PutFunctionEventInvokeConfig",
                   {{"FunctionName", "f"},
                    {"DestinationConfig",
                     Map{{"OnFailure", Map{{"Destination", "arn:aws:lambda:us-east-1:000000000000:function:f"}}}}}})
            .message == "You can't specify the function as a destination for itself.");
  kernel.call("PutFunctionEventInvokeConfig",
              {{"FunctionName", "f"}, {"Qualifier", "live"}, {"MaximumRetryAttempts", 0}});
  const auto config = kernel.call("UpdateFunctionEventInvokeConfig",
                                  {{"FunctionName", "f"}, {"Qualifier", "live"}, {"MaximumEventAgeInSeconds", 600}});
  CHECK(config["MaximumRetryAttempts"].integer() == 0);
  CHECK(config["MaximumEventAgeInSeconds"].integer() == 600);
  CHECK(kernel.call("ListFunctionEventInvokeConfigs", {{"FunctionName", "f"}})["FunctionEventInvokeConfigs"]
            .list()
            .size() == 1);
  kernel.call("DeleteFunctionEventInvokeConfig", {{"FunctionName", "f"}, {"Qualifier", "live"}});
  CHECK(kernel.call("ListFunctionEventInvokeConfigs", {{"FunctionName", "f"}})["FunctionEventInvokeConfigs"]
            .list()
            .empty());
}

TEST_CASE_METHOD(Platform, "a function that invokes itself without end is stopped") {
  kernel.call("CreateFunction", function("loop", R"lua(function handler(event, ctx)
    ctx.call("dynamodb", "UpdateItem", { TableName = "got", Key = { id = { S = "turns" } },
      UpdateExpression = "ADD n :one", ExpressionAttributeValues = { [":one"] = { N = "1" } } })
    ctx.call("lambda", "Invoke", { FunctionName = "loop", InvocationType = "Event", Payload = json.base64("{}") })
  end)lua"));
  const auto turns = [&] {
    const auto item =
        kernel.try_call("dynamodb", "GetItem", {{"TableName", "got"}, {"Key", Map{{"id", Map{{"S", "turns"}}}}}});
    return (*item)["Item"]["n"]["N"].string();
  };
  kernel.call("Invoke", {{"FunctionName", "loop"}, {"InvocationType", "Event"}});
  kernel.clock.advance_ms(600'000);
  CHECK(turns() == "16");
  CHECK(kernel.call("GetFunctionRecursionConfig", {{"FunctionName", "loop"}})["RecursiveLoop"].string() == "Terminate");
  CHECK(kernel.error("PutFunctionRecursionConfig", {{"FunctionName", "loop"}, {"RecursiveLoop", "Never"}}).code ==
        "ValidationException");
}

TEST_CASE("a caller that gives up gets its answer then, and the function goes on") {
  TestKernel kernel{"lambda", functions_and_storage};
  REQUIRE(create_table(kernel, "got"));
  kernel.call("CreateFunction", function("slow", R"(function handler(event, ctx)
    local ends = os.clock() + 0.4
    while os.clock() < ends do end
    ctx.call("dynamodb", "PutItem", { TableName = "got", Item = { id = { S = "ended" } } })
    return "late"
  end)",
                                         {{"Timeout", 5}}));
  moonbase::Result<moonbase::InvocationResult> result = moonbase::Error{};
  kernel.on_fiber([&](moonbase::KernelServices& services, moonbase::CallContext& context) {
    auto impatient = context;
    impatient.deadline = moonbase::MachineTime::clock::now() + std::chrono::milliseconds(50);
    moonbase::Invocation invocation;
    invocation.function = "slow";
    invocation.payload = "{}";
    result = services.functions.invoke(impatient, invocation);
  });
  REQUIRE(!result);
  CHECK(result.error().code == "TimeoutError");
  // A second invocation waits for nothing of the first; when it ends, the first has ended too.
  CHECK(invoke(kernel, "slow").string() == "late");
  const auto item =
      kernel.try_call("dynamodb", "GetItem", {{"TableName", "got"}, {"Key", Map{{"id", Map{{"S", "ended"}}}}}});
  CHECK((*item)["Item"]["id"]["S"].string() == "ended");
}
