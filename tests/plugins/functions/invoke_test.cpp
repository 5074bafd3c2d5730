#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <moonbase/hash.hpp>
#include <sstream>

#include "support.hpp"

using namespace support;
using moonbase::Map;
using moonbase::Value;
using moonbase::testing::TestKernel;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("invoking answers as Lambda does: status, version, error, log tail") {
  TestKernel kernel{"lambda", functions};
  kernel.call("CreateFunction", function("f", R"(function handler(event, ctx)
    print("working on " .. tostring(event.name))
    if event.fail then error { code = "OutOfStock", message = "no lamps" } end
    return ctx.client_context and ctx.client_context.custom or "ok"
  end)"));
  auto output = kernel.call("Invoke", {{"FunctionName", "f"}, {"LogType", "Tail"}, {"Payload", R"({"name":"x"})"}});
  CHECK(output["StatusCode"].integer() == 200);
  CHECK(output["ExecutedVersion"].string() == "$LATEST");
  CHECK(output["FunctionError"].is_null());
  const auto lines = lines_of(*moonbase::from_base64(output["LogResult"].string()));
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].substr(0, 17) == "START RequestId: ");
  CHECK(lines[0].substr(53) == " Version: $LATEST");
  const auto id = lines[0].substr(17, 36);
  CHECK(lines[1] == "working on x");
  CHECK(lines[2] == "END RequestId: " + id);
  CHECK(lines[3].find("REPORT RequestId: " + id + "\tDuration: ") == 0);
  for (const char* part :
       {" ms\tBilled Duration: ", " ms\tMemory Size: 128 MB\tMax Memory Used: ", " MB\tInit Duration: "})
    CHECK(lines[3].find(part) != std::string::npos);
  // Warm now: no Init Duration.
  output = kernel.call("Invoke", {{"FunctionName", "f"}, {"LogType", "Tail"}});
  CHECK(moonbase::from_base64(output["LogResult"].string())->find("Init Duration") == std::string::npos);

  output = kernel.call("Invoke", {{"FunctionName", "f"}, {"Payload", R"({"fail":true})"}});
  CHECK(output["StatusCode"].integer() == 200);
  CHECK(output["FunctionError"].string() == "Unhandled");
  CHECK(payload(output)["errorType"].string() == "OutOfStock");
  CHECK(payload(output)["errorMessage"].string() == "no lamps");
  output = kernel.call("Invoke", {{"FunctionName", "f"}, {"Payload", R"({"fail":true})"}, {"LogType", "Tail"}});
  CHECK(lines_of(*moonbase::from_base64(output["LogResult"].string())).at(2) == "[ERROR] OutOfStock: no lamps");

  output = kernel.call("Invoke", {{"FunctionName", "f"}, {"ClientContext", moonbase::base64(R"({"custom":{"a":1}})")}});
  CHECK(payload(output)["a"].integer() == 1);

  CHECK(kernel.call("Invoke", {{"FunctionName", "f"}, {"InvocationType", "DryRun"}})["StatusCode"].integer() == 204);
  CHECK(kernel.error("Invoke", {{"FunctionName", "f"}, {"Payload", "{bad"}}).code == "InvalidRequestContentException");
  CHECK(kernel.error("Invoke", {{"FunctionName", "f"}, {"ClientContext", "%%%"}}).code ==
        "InvalidRequestContentException");
  CHECK(kernel.error("Invoke", {{"FunctionName", "f"}, {"Qualifier", "7"}}).code == "ResourceNotFoundException");
  const auto large =
      kernel.error("Invoke", {{"FunctionName", "f"}, {"Payload", "\"" + std::string(6'291'456, 'x') + "\""}});
  CHECK(large.code == "RequestTooLargeException");
  CHECK(large.message == "Request must be smaller than 6291456 bytes for the InvokeFunction operation");
}

TEST_CASE("an event may be as large as Lambda lets it be, and no larger") {
  TestKernel kernel{"lambda", functions};
  kernel.call("CreateFunction", function("f", "function handler(event) return #event end", {{"MemorySize", 512}}));
  const auto text = [](std::size_t bytes) { return '"' + std::string(bytes - 2, 'x') + '"'; };
  const auto refused = [&](std::size_t bytes, const char* type) {
    return kernel.error("Invoke", {{"FunctionName", "f"}, {"InvocationType", type}, {"Payload", text(bytes)}});
  };
  CHECK(invoke(kernel, "f", text(6'291'456)) == Value(6'291'454));
  const auto large = refused(6'291'457, "RequestResponse");
  CHECK(large.code == "RequestTooLargeException");
  CHECK(large.status == 413);
  CHECK(large.message == "Request must be smaller than 6291456 bytes for the InvokeFunction operation");
  kernel.call("Invoke", {{"FunctionName", "f"}, {"InvocationType", "Event"}, {"Payload", text(1'048'576)}});
  CHECK(refused(1'048'577, "Event").message ==
        "Request must be smaller than 1048576 bytes for the InvokeFunction operation");
}

TEST_CASE("an event of hostile depth is refused, and nobody notices") {
  TestKernel kernel{"lambda", functions};
  kernel.call("CreateFunction", function("f", "function handler(event) return type(event) end"));
  for (const auto& [open, close] : {std::pair<std::string, std::string>{"[", "]"}, {R"({"a":)", "}"}}) {
    std::string deep;
    for (int i = 0; i < 500'000; ++i) deep += open;
    deep += "1";
    for (int i = 0; i < 500'000; ++i) deep += close;
    const auto answer = kernel.try_call("lambda", "Invoke", {{"FunctionName", "f"}, {"Payload", deep}});
    if (answer)
      CHECK((*answer)["FunctionError"].string_or("") == "Unhandled");
    else
      CHECK(answer.error().code == "InvalidRequestContentException");
  }
  CHECK(invoke(kernel, "f") == Value("table"));
}

TEST_CASE("a function may log as JSON, from a level on") {
  TestKernel kernel{"lambda", functions};
  kernel.call("CreateFunction", function("f", R"(function handler(event)
    print("one")
    print('{"level":"DEBUG","own":true}')
    if event.fail then error "broken" end
  end)",
                                         {{"LoggingConfig", Map{{"LogFormat", "JSON"}}}}));
  const auto tail = [&](const char* event) {
    const auto output = kernel.call("Invoke", {{"FunctionName", "f"}, {"LogType", "Tail"}, {"Payload", event}});
    std::vector<moonbase::Value> values;
    for (const auto& line : lines_of(*moonbase::from_base64(output["LogResult"].string())))
      values.push_back(*moonbase::parse_json(line));
    return values;
  };
  auto lines = tail(R"({"fail":true})");
  REQUIRE(lines.size() == 5);
  CHECK(lines[0]["type"].string() == "platform.start");
  const auto id = lines[0]["record"]["requestId"].string();
  CHECK(lines[1]["level"].string() == "INFO");
  CHECK(lines[1]["message"].string() == "one");
  CHECK(lines[1]["requestId"].string() == id);
  CHECK(lines[2]["own"].boolean());
  CHECK(lines[3]["level"].string() == "ERROR");
  CHECK(lines[3]["message"].string() == "main.lua:4: broken");
  CHECK(lines[3]["stackTrace"].list().size() >= 1);
  CHECK(lines[4]["type"].string() == "platform.report");
  CHECK(lines[4]["record"]["metrics"]["memorySizeMB"].integer() == 128);

  kernel.call(
      "UpdateFunctionConfiguration",
      {{"FunctionName", "f"},
       {"LoggingConfig", Map{{"LogFormat", "JSON"}, {"ApplicationLogLevel", "ERROR"}, {"SystemLogLevel", "WARN"}}}});
  CHECK(tail("{}").empty());
  lines = tail(R"({"fail":true})");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0]["level"].string() == "ERROR");
}

TEST_CASE("a function that runs too long is stopped, in Lambda's words, and the next call works") {
  TestKernel kernel{"lambda", functions};
  kernel.call(
      "CreateFunction",
      function("f", "function handler(event) print('begun') while event.loop do end return 1 end", {{"Timeout", 1}}));
  const auto output =
      kernel.call("Invoke", {{"FunctionName", "f"}, {"Payload", R"({"loop":true})"}, {"LogType", "Tail"}});
  CHECK(output["FunctionError"].string() == "Unhandled");
  CHECK(payload(output)["errorType"].string() == "Sandbox.Timedout");
  const auto message = payload(output)["errorMessage"].string();
  CHECK(message.substr(0, 11) == "RequestId: ");
  CHECK(message.substr(47) == " Error: Task timed out after 1.00 seconds");
  const auto log = *moonbase::from_base64(output["LogResult"].string());
  const auto lines = lines_of(log);
  REQUIRE(lines.size() == 5);
  CHECK(lines[1] == "begun");  // Though it never came back.
  CHECK(lines[2].substr(24) == " " + message.substr(11, 36) + " Task timed out after 1.00 seconds");
  CHECK(log.find("Duration: 1000.00 ms") != std::string::npos);
  CHECK(log.find("Status: timeout") != std::string::npos);
  CHECK(invoke(kernel, "f").integer() == 1);
}

#ifndef __SANITIZE_ADDRESS__  // Its builds have no limit on address space.
TEST_CASE("a function that eats its memory is stopped, and the next call works") {
  TestKernel kernel{"lambda", functions};
  kernel.call(
      "CreateFunction",
      function(
          "f",
          "function handler(event) local t = {} while event.eat do t[#t + 1] = ('x'):rep(1e6) .. #t end return 1 end",
          {{"Timeout", 60}}));
  const auto output = kernel.call("Invoke", {{"FunctionName", "f"}, {"Payload", R"({"eat":true})"}});
  CHECK(payload(output)["errorType"].string() == "Runtime.OutOfMemory");
  CHECK(payload(output)["errorMessage"].string().substr(47) == " Error: Runtime exited with error: signal: killed");
  CHECK(invoke(kernel, "f").integer() == 1);
}
#endif

TEST_CASE("code that cannot be loaded is the invocation's error, until it is replaced") {
  TestKernel kernel{"lambda", functions};
  kernel.call("CreateFunction", function("f", "function handler( end"));
  const auto output = kernel.call("Invoke", {{"FunctionName", "f"}});
  CHECK(output["FunctionError"].string() == "Unhandled");
  CHECK(payload(output)["errorMessage"].string().find("main.lua:1:") == 0);
  kernel.call("UpdateFunctionCode",
              {{"FunctionName", "f"}, {"ZipFile", zip({{"main.lua", "function handler() return 2 end"}})}});
  CHECK(invoke(kernel, "f").integer() == 2);
}

TEST_CASE("an event is tried at once, after one minute and after two more, and no more") {
  TestKernel kernel{"lambda", functions_and_storage};
  REQUIRE(create_table(kernel, "tries"));
  kernel.call("CreateFunction", function("f", R"(function handler(event, ctx)
    ctx.call("dynamodb", "UpdateItem", { TableName = "tries", Key = { id = { S = event.name } },
      UpdateExpression = "ADD n :one", ExpressionAttributeValues = { [":one"] = { N = "1" } } })
    if event.fail then error "no" end
  end)"));
  const auto tries = [&](const std::string& name) {
    const auto item =
        kernel.try_call("dynamodb", "GetItem", {{"TableName", "tries"}, {"Key", Map{{"id", Map{{"S", name}}}}}});
    const auto& n = (*item)["Item"]["n"]["N"];
    return n.is_string() ? n.string() : std::string("0");
  };
  CHECK(kernel
            .call("Invoke", {{"FunctionName", "f"},
                             {"InvocationType", "Event"},
                             {"Payload", R"({"name":"bad","fail":true})"}})["StatusCode"]
            .integer() == 202);
  kernel.call("Invoke", {{"FunctionName", "f"}, {"InvocationType", "Event"}, {"Payload", R"({"name":"good"})"}});
  kernel.clock.advance_ms(1);
  CHECK(tries("bad") == "1");
  CHECK(tries("good") == "1");
  kernel.clock.advance_ms(59'990);
  CHECK(tries("bad") == "1");
  kernel.clock.advance_ms(20);
  CHECK(tries("bad") == "2");
  kernel.clock.advance_ms(119'970);
  CHECK(tries("bad") == "2");
  kernel.clock.advance_ms(40);
  CHECK(tries("bad") == "3");
  kernel.clock.advance_ms(24 * 3'600'000);
  CHECK(tries("bad") == "3");
  CHECK(tries("good") == "1");
  const auto large = kernel.error(
      "Invoke",
      {{"FunctionName", "f"}, {"InvocationType", "Event"}, {"Payload", "\"" + std::string(1'048'576, 'x') + "\""}});
  CHECK(large.message == "Request must be smaller than 1048576 bytes for the InvokeFunction operation");
}

TEST_CASE("an inline function runs in the kernel, without calls, and a loop in it is stopped") {
  TestKernel kernel{"lambda", functions};
  kernel.call("CreateFunction", function("f", R"(function handler(event, ctx)
    if event.loop then while true do pcall(function() while true do end end) end end
    if event.call then ctx.call("dynamodb", "ListTables", {}) end
    return event.n * 2
  end)",
                                         {{"Tags", Map{{"moonbase:inline", "true"}}}}));
  CHECK(invoke(kernel, "f", R"({"n":21})").integer() == 42);
  CHECK(invoke(kernel, "f", R"({"loop":true})")["errorMessage"].string().find("instruction budget") !=
        std::string::npos);
  CHECK(invoke(kernel, "f", R"({"call":true})")["errorType"].string() == "InlineFunction");
  CHECK(invoke(kernel, "f", R"({"n":4})").integer() == 8);
}

TEST_CASE("a native function is a shared library in the package, and reaches services") {
  TestKernel kernel{"lambda", functions_and_storage};
  REQUIRE(create_table(kernel, "product"));
  REQUIRE(
      kernel.try_call("dynamodb", "PutItem",
                      {{"TableName", "product"}, {"Item", Map{{"id", Map{{"S", "1"}}}, {"price", Map{{"N", "20"}}}}}}));
  std::ifstream file(PRICE_LIBRARY, std::ios::binary);
  const std::string library{std::istreambuf_iterator<char>(file), {}};
  std::vector<Entry> files{{"price.so", library}};
  files.push_back({"padding", std::string(library.size() * 100, 'x')});  // Room for what does not compress.
  kernel.call(
      "CreateFunction",
      function("price", "",
               {{"Runtime", "native"},
                {"Handler", "price.handler"},
                {"Code", Map{{"ZipFile", zip(files)}}},
                {"Environment", Map{{"Variables", Map{{"DYNAMODB_TABLE_NAME", "product"}, {"TAX_PERCENT", "19"}}}}}}));
  const auto answer = invoke(kernel, "price", R"({"pathParameters":{"id":"1"}})");
  INFO(moonbase::to_json(answer));
  CHECK(answer["statusCode"].integer() == 200);
  CHECK((*moonbase::parse_json(answer["body"].string()))["gross"].number() == 23.8);
  CHECK(kernel.error("CreateFunction", function("other", "", {{"Runtime", "native"}, {"Handler", "missing.handler"}}))
            .message == "The package holds no missing.so, which the handler missing.handler names.");
}

TEST_CASE("what functions print is in their log group, stream by stream, also after a restart") {
  TestKernel kernel{"lambda", functions};
  kernel.call("CreateFunction", function("f", "function handler(event) print('line ' .. event.n) end"));
  for (int i = 1; i <= 3; ++i) invoke(kernel, "f", "{\"n\":" + std::to_string(i) + "}");
  for (int restarted = 0; restarted < 2; ++restarted) {
    const auto groups = kernel.try_call("logs", "DescribeLogGroups");
    REQUIRE(groups);
    CHECK((*groups)["logGroups"][0]["logGroupName"].string() == "/aws/lambda/f");
    const auto streams = *kernel.try_call("logs", "DescribeLogStreams", {{"logGroupName", "/aws/lambda/f"}});
    REQUIRE(streams["logStreams"].list().size() == 1);
    const auto stream = streams["logStreams"][0]["logStreamName"].string();
    CHECK(stream.substr(0, 20) == "2027/01/01/[$LATEST]");

    const auto all = *kernel.try_call("logs", "FilterLogEvents", {{"logGroupName", "/aws/lambda/f"}});
    REQUIRE(all["events"].list().size() == 12);
    CHECK(all["events"][1]["message"].string() == "line 1");
    CHECK(all["events"][9]["message"].string() == "line 3");
    auto page = *kernel.try_call(
        "logs", "GetLogEvents",
        {{"logGroupName", "/aws/lambda/f"}, {"logStreamName", stream}, {"limit", 5}, {"startFromHead", true}});
    REQUIRE(page["events"].list().size() == 5);
    CHECK(page["events"][1]["message"].string() == "line 1");
    page = *kernel.try_call(
        "logs", "GetLogEvents",
        {{"logGroupName", "/aws/lambda/f"}, {"logStreamName", stream}, {"nextToken", page["nextForwardToken"]}});
    REQUIRE(page["events"].list().size() == 7);
    CHECK(page["events"][0]["message"].string() == "line 2");
    if (restarted == 0) kernel.restart();
  }
  CHECK(kernel.try_call("logs", "FilterLogEvents", {{"logGroupName", "/aws/lambda/none"}}).error().code ==
        "ResourceNotFoundException");
}

TEST_CASE("with the same seed a function's ids repeat") {
  std::string first;
  for (int round = 0; round < 2; ++round) {
    TestKernel kernel{"lambda", functions};
    kernel.call(
        "CreateFunction",
        function("f", "function handler(_, ctx) return { ctx.uuid(), ctx.uuid(), math.random(), ctx.now() } end"));
    const auto ids = moonbase::to_json(invoke(kernel, "f"));
    if (round == 0) first = ids;
    CHECK(ids == first);
  }
}

TEST_CASE("a function that invokes itself many times over harms nobody") {
  TestKernel kernel{"lambda", functions};
  kernel.call("CreateFunction", function("nest", R"(function handler(event, ctx)
    if event.n == 1 then return 1 end
    local answer = ctx.call("lambda", "Invoke", { FunctionName = "nest",
      Payload = json.base64(json.encode { n = event.n - 1 }) })
    return 1 + tonumber(json.unbase64(answer.Payload))
  end)",
                                         {{"Timeout", 60}}));
  kernel.call("PutFunctionRecursionConfig", {{"FunctionName", "nest"}, {"RecursiveLoop", "Allow"}});
  CHECK(invoke(kernel, "nest", R"({"n":300})") == moonbase::Value(300));
}
