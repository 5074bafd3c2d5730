// What the platform offers plugins beside store and tasks: waits that an advance of the clock meets,
// and requests to the outside.
#include "files.hpp"

#include <moonbase/testing.hpp>

#include <catch2/catch.hpp>

#include <vector>

using namespace moonbase;
using moonbase::testing::TestKernel;

namespace {
const std::string coupons = EXAMPLES "/coupons-lua";
}

TEST_CASE("advancing the clock stops where a fiber's wait ends, and waits for what it then does") {
  TestKernel kernel{"coupons", {.plugins = {coupons}}};
  const auto begin = kernel.clock.now();
  std::vector<std::int64_t> woken_after_ms;
  kernel.on_fiber([&](KernelServices& services, CallContext&) {
    services.io.spawn([&] {
      Signal never;
      for (int round = 1; round <= 3; ++round) {
        never.wait(never.version(), Time{begin.ms + round * 60'000});
        const Activity::Busy busy(services.activity);
        const auto at = services.clock.now();
        services.io.sleep_until(MachineTime::clock::now() + std::chrono::milliseconds(5));
        woken_after_ms.push_back(at.ms - begin.ms);
      }
    });
  });
  kernel.clock.advance_ms(150'000);
  CHECK(woken_after_ms == std::vector<std::int64_t>{60'000, 120'000});
  kernel.clock.advance_ms(3'600'000);
  CHECK(woken_after_ms == std::vector<std::int64_t>{60'000, 120'000, 180'000});
}

TEST_CASE("the platform's own requests reach private addresses only where a stack allows it") {
  TestKernel kernel{"coupons", {.plugins = {coupons}}};
  const auto code = [&] {
    std::string outcome;
    // Port 1: nobody listens there.
    kernel.on_fiber([&](KernelServices& services, CallContext&) {
      const auto fetched = services.http.fetch({.url = "http://127.0.0.1:1/"});
      outcome = fetched ? "answered" : fetched.error().code;
    });
    return outcome;
  };
  CHECK(code() == "AddressNotAllowed");
  const Files files{
      {"stack.lua", "local s = require \"stack\" { name = \"till\", outbound = { \"127.0.0.1\" } }\nreturn s\n"}};
  REQUIRE(kernel.apply(files.path("stack.lua")));
  CHECK(code() == "ConnectionFailed");
  kernel.restart();
  CHECK(code() == "ConnectionFailed");
  REQUIRE(kernel.down("till"));
  CHECK(code() == "AddressNotAllowed");
}

TEST_CASE("an unknown setting of a stack is named with the nearest one") {
  TestKernel kernel{"coupons", {.plugins = {coupons}}};
  const Files files{{"stack.lua", "local s = require \"stack\" { name = \"till\", outbond = {} }\nreturn s\n"}};
  CHECK(kernel.plan(files.path("stack.lua")).error().message ==
        "stack.lua:1: a stack has no setting outbond. Did you mean outbound?");
}
