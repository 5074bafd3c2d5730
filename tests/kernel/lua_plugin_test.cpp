#include "files.hpp"

#include <moonbase/testing.hpp>

#include <catch2/catch.hpp>

using namespace moonbase;
using moonbase::testing::TestKernel;

namespace {
const std::string coupons = EXAMPLES "/coupons-lua";
}

TEST_CASE("a plugin in Lua keeps the promises of the one in C++") {
  TestKernel kernel{"coupons", {.plugins = {coupons}}};
  kernel.call("CreateCoupon", {{"Code", "MOON10"}, {"Percent", 10}, {"Lifetime", 60}});
  CHECK(kernel.error("CreateCoupon", {{"Code", "MOON10"}, {"Percent", 20}}).code == "CouponExists");
  CHECK(kernel.call("DescribeCoupon", {{"Code", "MOON10"}})["Percent"].integer() == 10);

  kernel.clock.advance_ms(60'000);
  CHECK(kernel.error("RedeemCoupon", {{"Code", "MOON10"}}).code == "CouponExpired");
  kernel.restart();
  CHECK(kernel.call("DescribeCoupon", {{"Code", "MOON10"}})["Percent"].integer() == 10);
  kernel.call("DeleteCoupon", {{"Code", "MOON10"}});
  CHECK(kernel.error("RedeemCoupon", {{"Code", "MOON10"}}).code == "CouponNotFound");
  CHECK(kernel.error("CreateCoupon", {{"Code", "M"}, {"Percent", 10}}).code == "ValidationException");
}

TEST_CASE("a plugin's own bug is an InternalFailure, and the next call works") {
  const Files files{{"model.lua", R"lua(
      local shape = require "moonbase.shape"
      return shape.service { name = "odd", version = "1", protocols = { "json-1.0" }, target = "Odd", errors = {},
        operations = { Crash = { input = {}, output = {} }, Spin = { input = {}, output = {} },
                       Work = { input = {}, output = { Good = shape.boolean {} } } } })lua"},
                     {"handlers.lua", R"lua(return {
      Crash = function(call) return nothing.here end,
      Spin = function(call) while true do end end,
      Work = function(call) return { Good = true } end })lua"}};
  TestKernel kernel{"odd", {.plugins = {files.path()}}};
  CHECK(kernel.error("Crash").code == "InternalFailure");
  CHECK(kernel.error("Spin").code == "InternalFailure");
  CHECK(kernel.call("Work")["Good"].boolean());
}

TEST_CASE("a task runs when it falls due, once, in order of time, and again after an error") {
  const Files files{{"model.lua", R"lua(
      local shape = require "moonbase.shape"
      return shape.service { name = "reminders", version = "1", protocols = { "json-1.0" }, target = "Reminders",
        errors = {}, operations = {
          Remind = { input = { Text = shape.string { required = true }, After = shape.integer { default = 0 },
                               Failures = shape.integer { default = 0 } }, output = {} },
          List = { input = {}, output = { Said = shape.list { shape.string {} } } } } })lua"},
                     {"schema.sql", "CREATE TABLE said (account TEXT NOT NULL, at_ms INTEGER NOT NULL, text TEXT NOT NULL) STRICT"},
                     {"handlers.lua", R"lua(return {
      Remind = function(call)
        call.write(function(tx)
          tx.schedule(call.now_ms() + call.input.After * 1000, "say",
            { text = call.input.Text, failures = call.input.Failures })
        end)
      end,
      List = function(call)
        return call.read(function(tx)
          local texts = {}
          for i, row in ipairs(tx.query("SELECT text FROM said ORDER BY at_ms, text")) do texts[i] = row.text end
          return { Said = texts }
        end)
      end,
      tasks = {
        say = function(run)
          if run.attempt <= run.payload.failures then run.error("TooEarly", "try again") end
          run.write(function(tx)
            tx.query("INSERT INTO said VALUES (?, ?, ?)", run.account, run.now_ms(),
              run.payload.text .. " " .. run.attempt)
          end)
        end,
      } })lua"}};
  TestKernel kernel{"reminders", {.plugins = {files.path()}}};
  const auto said = [&] { return kernel.call("List")["Said"]; };
  kernel.call("Remind", {{"Text", "second"}, {"After", 7200}});
  kernel.call("Remind", {{"Text", "first"}, {"After", 3600}});
  kernel.call("Remind", {{"Text", "stubborn"}, {"After", 100}, {"Failures", 2}});

  kernel.clock.advance_ms(3'599'999);
  CHECK(said() == Value(List{"stubborn 3"}));
  kernel.clock.advance_ms(1);
  CHECK(said() == Value(List{"stubborn 3", "first 1"}));
  kernel.restart();
  kernel.clock.advance_ms(10'000'000);
  CHECK(said() == Value(List{"stubborn 3", "first 1", "second 1"}));
}

TEST_CASE("a folder without a model is refused with a sentence") {
  const Files files{{"handlers.lua", "return {}"}};
  CHECK_THROWS_WITH(TestKernel("x", {.plugins = {files.path()}}), Catch::Contains("model.lua is missing"));
}
