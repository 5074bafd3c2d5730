#include "running.hpp"

#include <catch2/catch.hpp>

using namespace moonbase::functions;
using namespace moonbase::functions::test;
using namespace std::chrono_literals;
using moonbase::Error;
using moonbase::Map;
using moonbase::parse_json;
using moonbase::Value;
using Kind = EnvironmentAnswer::Kind;

namespace {

Value value_of(const std::string& json) {
  auto value = parse_json(json);
  if (!value) throw std::runtime_error("not JSON: " + json);
  return *value;
}

}  // namespace

TEST_CASE("a handler gets the event and its answer comes back") {
  Function function(lua_package("function handler(event) return { hello = event.name, list = {1, 2} } end"));
  const auto answer = function.invoke(R"({"name":"moon"})");
  CHECK(answer.kind == Kind::answer);
  CHECK(answer.reusable);
  CHECK(value_of(answer.json) == value_of(R"({"hello":"moon","list":[1,2]})"));
}

TEST_CASE("an environment is warm for its next invocation, and a new one is a copy of the template") {
  Function function(lua_package("count = 0 function handler() count = count + 1 return count end"));
  CHECK(function.value().integer() == 1);
  CHECK(function.value().integer() == 2);
  function.end_environment();
  CHECK(function.value().integer() == 1);
}

TEST_CASE("a handler's error is a failure with type, message and trace, and the environment goes on") {
  Function function(lua_package(R"(function handler(event)
    if event.table then error { code = "OutOfStock", message = "no lamps" } end
    if event.text then error("broken") end
    return "fine"
  end)"));
  auto answer = function.invoke(R"({"text":true})");
  CHECK(answer.kind == Kind::failure);
  CHECK(answer.reusable);
  auto failure = value_of(answer.json);
  CHECK(failure["errorMessage"].string() == "main.lua:3: broken");
  CHECK(failure["errorType"].string() == "Error");
  CHECK(failure["stackTrace"].list().size() >= 1);

  failure = value_of(function.invoke(R"({"table":true})").json);
  CHECK(failure["errorType"].string() == "OutOfStock");
  CHECK(failure["errorMessage"].string() == "no lamps");
  CHECK(function.value().string() == "fine");
}

TEST_CASE("code that cannot be loaded is reported, with its line") {
  CHECK(value_of(Function(lua_package("function handler( return 1 end")).report.text)["errorMessage"].string().find(
            "main.lua:1:") == 0);
  CHECK(value_of(Function(lua_package("x = 1")).report.text)["errorType"].string() == "Runtime.HandlerNotFound");
  CHECK(value_of(Function(lua_package("error('no luck')")).report.text)["errorMessage"].string() ==
        "main.lua:1: no luck");
  std::string package;
  append_package_entry(package, "runtime", "lua");
  append_package_entry(package, "handler", "other.handler");
  append_package_entry(package, "file:main.lua", "");
  CHECK(value_of(Function(package).report.text)["errorType"].string() == "Runtime.ImportModuleError");
}

TEST_CASE("handlers are found as a global, as a field of what the file returns, and behind file.lua:name") {
  for (const std::string_view handler : {"main.handler", "main.lua:handler"}) {
    for (const std::string_view code :
         {"function handler() return 7 end", "return { handler = function() return 7 end }"}) {
      std::string package;
      append_package_entry(package, "runtime", "lua");
      append_package_entry(package, "handler", handler);
      append_package_entry(package, "file:main.lua", code);
      Function function(package);
      INFO(handler << ": " << function.report.text);
      REQUIRE_FALSE(function.report.failed);
      CHECK(function.value().integer() == 7);
    }
  }
}

TEST_CASE("require finds the package's files and nothing else") {
  auto package = lua_package(R"(local prices = require "lib.prices" function handler() return prices.lamp end)");
  append_package_entry(package, "file:lib/prices.lua", "return { lamp = 20 }");
  CHECK(Function(package).value().integer() == 20);
  const Function missing(lua_package(R"(require "socket")"));
  CHECK(value_of(missing.report.text)["errorMessage"].string().find(
            "module 'socket' is not in the function's package") != std::string::npos);
}

TEST_CASE("the context says what Lambda says") {
  Function function(lua_package(R"(function handler(event, ctx)
    return { id = ctx.aws_request_id, name = ctx.function_name, stream = ctx.log_stream_name,
             client = ctx.client_context and ctx.client_context.custom.key, env = os.getenv("STAGE"),
             left = ctx.get_remaining_time_in_millis() > 5000, time = ctx.now(), os_time = os.time(),
             date = os.date("!%Y-%m-%d"), uuid = ctx.uuid(), other = ctx.uuid() }
  end)",
                                R"({"function_name":"orders","environment":{"STAGE":"prod"}})"));
  const auto answer = function.invoke("{}", 10s, R"({"custom":{"key":"phone"}})");
  const auto context = value_of(answer.json);
  CHECK(context["id"].string() == "8a2b8c1e-0000-4000-8000-000000000001");
  CHECK(context["name"].string() == "orders");
  CHECK(context["stream"].string() == "stream");
  CHECK(context["client"].string() == "phone");
  CHECK(context["env"].string() == "prod");
  CHECK(context["left"].boolean());
  CHECK(context["time"].integer() == 1'700'000'000);
  CHECK(context["os_time"].integer() == 1'700'000'000);
  CHECK(context["date"].string() == "2023-11-14");
  CHECK(context["uuid"].string().size() == 36);
  CHECK(context["uuid"].string()[14] == '4');
  CHECK(context["uuid"].string() != context["other"].string());
}

TEST_CASE("what a handler prints are lines of its log, before its answer") {
  Function function(lua_package(R"(print "loading" function handler() print("one", nil, 2) print "two\nthree" end)"));
  CHECK(function.report.text == "loading\n");
  function.value();
  CHECK(function.host.lines == "one\tnil\t2\ntwo\nthree\n");
}

TEST_CASE("a handler's calls reach the host, answers come back, refusals are raised") {
  Function function(lua_package(R"(function handler(event, ctx)
    local output = ctx.call("dynamodb", "GetItem", { TableName = "t", Key = { id = { S = "1" } } })
    local good, problem = pcall(ctx.call, "dynamodb", "PutItem", {})
    return { item = output.Item, good = good, code = problem.code, text = tostring(problem) }
  end)"));
  function.host.answer = [](std::string_view, std::string_view operation,
                            std::string_view) -> moonbase::Result<std::string> {
    if (operation == "GetItem") return std::string(R"({"Item":{"id":{"S":"1"}}})");
    return Error{"ConditionalCheckFailedException", "The conditional request failed"};
  };
  const auto answer = function.value();
  CHECK(answer["item"]["id"]["S"].string() == "1");
  CHECK_FALSE(answer["good"].boolean());
  CHECK(answer["code"].string() == "ConditionalCheckFailedException");
  CHECK(answer["text"].string() == "ConditionalCheckFailedException: The conditional request failed");
  REQUIRE(function.host.calls.size() == 2);
  CHECK(function.host.calls[0].find("dynamodb.GetItem {") == 0);
}

TEST_CASE("an API's handler may return a value, or a status and a value") {
  Function function(lua_package(R"(function handler(event)
    local kind = event.queryStringParameters.kind
    if kind == "status" then return 201, { id = 1 } end
    if kind == "text" then return "ok" end
    if kind == "nothing" then return 204 end
    if kind == "whole" then return { statusCode = 302, headers = { Location = "/" } } end
    if kind == "json" then return { sent = event:json(), header = event:header("x-one") } end
    return { plain = true }
  end)"));
  const auto ask = [&](const std::string& kind, const std::string& more = "") {
    return value_of(
        function
            .invoke(
                R"({"version":"2.0","routeKey":"GET /","requestContext":{"stage":"$default","http":{"method":"GET"}},)"
                R"("headers":{"X-One":"1"},"queryStringParameters":{"kind":")" +
                kind + "\"}" + more + "}")
            .json);
  };
  auto answer = ask("status");
  CHECK(answer["statusCode"].integer() == 201);
  CHECK(answer["body"].string() == R"({"id":1})");
  CHECK(answer["headers"]["Content-Type"].string() == "application/json");
  answer = ask("text");
  CHECK(answer["statusCode"].integer() == 200);
  CHECK(answer["body"].string() == "ok");
  CHECK(ask("nothing")["statusCode"].integer() == 204);
  CHECK(ask("whole")["headers"]["Location"].string() == "/");
  CHECK(value_of(ask("json", R"(,"body":"eyJhIjpbXX0=","isBase64Encoded":true)")["body"].string()) ==
        value_of(R"({"sent":{"a":[]},"header":"1"})"));
  CHECK(value_of(ask("plain")["body"].string()) == value_of(R"({"plain":true})"));
  // Without an API around it, a value is a value.
  Function plain(lua_package("function handler() return { plain = true } end"));
  CHECK(plain.value() == value_of(R"({"plain":true})"));
}

TEST_CASE("an environment is killed on its deadline and its function starts another") {
  Function function(lua_package("function handler(event) while event.loop do end return 1 end"));
  const auto begun = std::chrono::steady_clock::now();
  CHECK(function.invoke(R"({"loop":true})", 50ms).kind == Kind::timed_out);
  CHECK(std::chrono::steady_clock::now() - begun >= 50ms);
  CHECK(function.value().integer() == 1);
}

TEST_CASE("memory beyond the function's ends the environment, and only it") {
  if (sanitized) return;
  Function function(lua_package(R"(function handler(event)
    local all = {}
    while event.eat do all[#all + 1] = ("x"):rep(1000000) .. #all end
    return "lean"
  end)"));
  const auto answer = function.invoke(R"({"eat":true})");
  CHECK(answer.kind == Kind::failure);
  CHECK_FALSE(answer.reusable);
  CHECK(value_of(answer.json)["errorType"].string() == "Runtime.OutOfMemory");
  CHECK(function.value().string() == "lean");
}

TEST_CASE("an answer of 6 MB passes and a larger one is Lambda's error") {
  Function function(lua_package("function handler(event) return ('x'):rep(event.bytes) end"));
  const auto largest = function.invoke(R"({"bytes":6291554})");  // And two quotes.
  CHECK(largest.kind == Kind::answer);
  CHECK(largest.json.size() == 6'291'556);
  const auto larger = function.invoke(R"({"bytes":6291555})");
  CHECK(larger.kind == Kind::failure);
  CHECK(value_of(larger.json)["errorType"].string() == "Function.ResponseSizeTooLarge");
  CHECK(function.invoke(R"({"bytes":1})").kind == Kind::answer);
}

TEST_CASE("an event of 6 MB arrives whole") {
  Function function(lua_package("function handler(event) return #event.text end"));
  const std::string text(6'000'000, 'x');
  CHECK(function.value("{\"text\":\"" + text + "\"}").integer() == 6'000'000);
}

TEST_CASE("environments of one template do not see each other") {
  Function function(lua_package("seen = {} function handler(event) seen[#seen + 1] = event.name return seen end"));
  function.value(R"({"name":"a"})");
  auto other = Function(lua_package("seen = {} function handler(event) seen[#seen + 1] = event.name return seen end"));
  CHECK(other.value(R"({"name":"b"})") == value_of(R"(["b"])"));
  CHECK(function.value(R"({"name":"c"})") == value_of(R"(["a","c"])"));
}

TEST_CASE("random numbers differ between environments of one template") {
  Function function(lua_package("function handler() return math.random() end"));
  const auto first = function.value().number();
  function.end_environment();
  CHECK(function.value().number() != first);
}

TEST_CASE("a template that loops while it loads is killed in time") {
  const Function function(lua_package("while true do end"), 128, 100ms);
  CHECK(function.broken == "Sandbox.Timedout: the initialisation did not end in time");
}

TEST_CASE("a template that eats memory while it loads says so") {
  if (sanitized) return;
  const Function function(lua_package("local t = {} while true do t[#t + 1] = ('x'):rep(1000000) .. #t end"));
  CHECK(value_of(function.report.text)["errorType"].string() == "Runtime.OutOfMemory");
}

TEST_CASE("a handler's request leaves as it was meant, and any status is an answer") {
  Function function(lua_package(R"(function handler(event)
    local answer = http.post { url = "https://stock.example/items?a=1", query = { b = "x y", c = 2 }, headers = { Accept = "*/*" },
                               body = { sku = "lamp" }, timeout = 1.5 }
    return { answer.status, answer:header("Content-Type"), answer:json().left, #answer.body }
  end)"));
  function.host.answer = [](auto, auto, auto) {
    return std::string(R"({"status":404,"headers":{"content-type":"application/json"}})") + std::string(1, '\0') +
           R"({"left":3})";
  };
  CHECK(function.value() == value_of(R"([404,"application/json",3,10])"));
  REQUIRE(function.host.calls.size() == 1);
  const std::string_view asked = function.host.calls[0];
  const auto body = asked.rfind(' ');
  CHECK(asked.substr(body + 1) == R"({"sku":"lamp"})");
  CHECK(value_of(std::string(asked.substr(5, body - 5))) == value_of(R"({
    "method":"POST","url":"https://stock.example/items?a=1&b=x%20y&c=2","timeout_ms":1500,
    "headers":{"Accept":"*/*","Content-Type":"application/json"}})"));
}

TEST_CASE("bodies of requests are bytes, whatever is in them") {
  Function function(lua_package(R"(function handler()
    local answer = http.get "http://bytes.example/"
    return { #answer.body, answer.body:byte(1, 4) }
  end)"));
  function.host.answer = [](auto, auto, auto) {
    return std::string(R"({"status":200,"headers":{}})") + std::string("\0\0\xff\x01\0", 5);
  };
  CHECK(function.value() == value_of("[4,0,255,1,0]"));
}

TEST_CASE("a request that fails on its way is an error with a code, and a wrong one says what is wrong") {
  Function function(lua_package(R"(function handler(event)
    local ok, why = pcall(http.get, event)
    return type(why) == "table" and { why.code, why.message } or why
  end)"));
  function.host.answer = [](auto, auto, auto) -> moonbase::Result<std::string> {
    return Error{"AddressNotAllowed", "not there"};
  };
  CHECK(function.value(R"("http://10.0.0.1/")") == value_of(R"(["AddressNotAllowed","not there"])"));
  CHECK(function.value(R"({"url":"http://a.example/","timout":3})").string().find("http has no option 'timout'") !=
        std::string::npos);
  CHECK(function.value("3").string().find("http takes a url") != std::string::npos);
  Function loading(lua_package("http.get 'http://a.example/' function handler() end"));
  CHECK(loading.report.failed);
  CHECK(loading.report.text.find("not while the function's code is loaded") != std::string::npos);
}

TEST_CASE("what was printed before an endless loop, or many prints, arrives whole and in order") {
  Function function(lua_package(R"(function handler(event)
    for i = 1, event.lines do print(i) end
    while event.loop do end
    return event.lines
  end)"));
  CHECK(function.invoke(R"({"lines":2,"loop":true})", 300ms).kind == Kind::timed_out);
  CHECK(function.host.lines == "1\n2\n");
  function.host.lines.clear();
  CHECK(function.value(R"({"lines":5000})").integer() == 5000);
  std::string wanted;
  for (int i = 1; i <= 5000; ++i) wanted += std::to_string(i) + "\n";
  CHECK(function.host.lines == wanted);
}
