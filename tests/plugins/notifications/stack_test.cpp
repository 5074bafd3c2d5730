// The stack's words, with real functions behind them.
#include <catch2/catch.hpp>

#include "stack_file.hpp"
#include "support.hpp"

using namespace moonbase;
using namespace moonbase::notifications::testing;

namespace {

constexpr auto stack_text = R"lua(
local s = require "stack" { name = "shop" }
local seen = s.table "seen" { key = "id:S" }
local orders = s.bus "orders" {}

local place = s.fn "place" { handler = function(event)
  return orders:put("Order Placed", { id = event.id, total = event.total })
end }
s.rule "large" { bus = orders, pattern = { source = { "shop" }, detail = { total = { { numeric = { ">", 100 } } } } },
  on_event = function(event) seen:put { id = "large " .. event.detail.id } end }
s.rule "nightly" { schedule = "rate(1 hour)", targets = { { function(event) seen:put { id = event.kind } end,
  input = { kind = "nightly" } } } }
s.schedule "remind" { at = "2027-01-01T09:00:00", timezone = "Europe/Berlin", input = { id = "reminded" },
  handler = function(event) seen:put { id = event.id } end }
return s
)lua";

List ids(TestKernel& kernel) {
  kernel.clock.advance_ms(0);
  List found;
  const auto scanned = kernel.try_call("dynamodb", "Scan", {{"TableName", "seen"}}).value();
  for (const auto& item : scanned["Items"].list()) found.push_back(item["id"]["S"]);
  return found;
}
bool has(const List& all, const char* id) { return std::find(all.begin(), all.end(), Value(id)) != all.end(); }

}  // namespace

TEST_CASE("rules and schedules of a stack call its functions") {
  const Files files{{"stack.lua", stack_text}};
  TestKernel kernel{"lambda", {.plugins = {"notifications", "functions", "storage"}}};
  const auto applied = kernel.apply(files.path("stack.lua"));
  REQUIRE(applied.ok());
  const auto place = [&](const char* event) {
    const auto answer = kernel.call("Invoke", {{"FunctionName", "place"}, {"Payload", event}});
    CHECK(answer["FunctionError"].is_null());
  };
  place(R"({"id":"1","total":50})");
  place(R"({"id":"2","total":150})");
  CHECK(ids(kernel) == List{"large 2"});
  kernel.clock.advance_ms(3'600'000);
  CHECK(has(ids(kernel), "nightly"));
  CHECK_FALSE(has(ids(kernel), "reminded"));
  kernel.clock.advance_ms(7 * 3'600'000);
  CHECK(has(ids(kernel), "reminded"));
  const auto policy = kernel.call("GetPolicy", {{"FunctionName", "large-on-event"}})["Policy"].string();
  CHECK(policy.find("events.amazonaws.com") != std::string::npos);

  const auto planned = kernel.plan(files.path("stack.lua"));
  REQUIRE(planned.ok());
  for (const auto& step : (*planned)["steps"].list()) CHECK(step["action"].string() == "keep");
  REQUIRE(kernel.down("shop").ok());
  CHECK(kernel.try_call("events", "ListRules").value()["Rules"].list().empty());
  CHECK(kernel.try_call("events", "ListEventBuses").value()["EventBuses"].list().size() == 1);
}

TEST_CASE("a pipe of a stack comes after the functions that it declares") {
  const StackFile stack("ship");
  TestKernel kernel{"lambda", {.plugins = {"notifications", "functions", "storage"}}};
  const auto planned = kernel.plan(stack.with(R"lua(
local orders = s.table "orders" { key = "id:S", stream = "NEW_IMAGE" }
s.pipe "changes" { source = orders, filter = { eventName = { "INSERT" } }, batch = 5, template = '{"id":<$.eventID>}',
  enrichment = function(records) return records end, target = function(records) end }
)lua"));
  REQUIRE(planned.ok());
  std::string names;
  for (const auto& step : (*planned)["steps"].list()) names += step["name"].string() + " ";
  CHECK(names == "orders changes-target changes-enrich changes ");
}

TEST_CASE("words that cannot be are refused with the stack's line") {
  TestKernel kernel{"lambda", {.plugins = {"notifications", "functions", "storage"}}};
  const StackFile stack("shop");
  const auto refused = [&](const std::string& line) {
    const auto applied = kernel.apply(stack.with(line));
    return applied ? std::string("it was taken") : applied.error().message;
  };
  CHECK(refused(R"lua(s.rule "r" { on_event = function() end })lua")
            .find("stack.lua:2: a rule needs a pattern or a schedule") != std::string::npos);
  CHECK(refused(R"lua(s.rule "r" { schedule = "rate(1 day)" })lua").find("a rule needs targets") != std::string::npos);
  CHECK(refused(R"lua(s.schedule "r" { rate = "1 days", at = "x", handler = function() end })lua")
            .find("a schedule has one of rate, cron and at") != std::string::npos);
  CHECK(refused(R"lua(s.schedule "r" { rate = "1 days" })lua").find("a schedule needs target") != std::string::npos);
  CHECK(refused(R"lua(s.rule "r" { schedule = "rate(1 day)", targets = { { function() end, inptu = {} } } })lua")
            .find("Did you mean input?") != std::string::npos);
}
