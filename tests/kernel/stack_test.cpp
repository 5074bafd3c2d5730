#include "stack_file.hpp"

#include <moonbase/json.hpp>
#include <moonbase/testing.hpp>

#include <catch2/catch.hpp>

using namespace moonbase;
using moonbase::testing::TestKernel;

namespace {

const std::string coupons = EXAMPLES "/coupons-lua";

std::string stack(const std::string& lines) {
  return "local s = require \"stack\" { name = \"till\" }\n" + lines + "\nreturn s\n";
}

}  // namespace

TEST_CASE("applying a stack makes what it declares, and applying it again changes nothing") {
  const Files files{{"stack.lua", stack("s.coupon \"MOON10\" { percent = 10 }\ns.coupon \"MOON20\" { percent = 20 }")}};
  TestKernel kernel{"coupons", {.plugins = {coupons}}};

  CHECK(steps(kernel.plan(files.path("stack.lua"))) == "create MOON10, create MOON20");
  CHECK(kernel.error("DescribeCoupon", {{"Code", "MOON10"}}).code == "CouponNotFound");
  CHECK(steps(kernel.apply(files.path("stack.lua"))) == "create MOON10, create MOON20");
  CHECK(kernel.call("DescribeCoupon", {{"Code", "MOON20"}})["Percent"].integer() == 20);
  CHECK(steps(kernel.apply(files.path("stack.lua"))) == "keep MOON10, keep MOON20");
  kernel.restart();
  CHECK(steps(kernel.plan(files.path("stack.lua"))) == "keep MOON10, keep MOON20");
}

TEST_CASE("a changed stack changes what differs, and down deletes all of it") {
  const Files files{{"stack.lua", stack("s.coupon \"MOON10\" { percent = 10 }\ns.coupon \"MOON20\" { percent = 20 }")}};
  TestKernel kernel{"coupons", {.plugins = {coupons}}};
  REQUIRE(kernel.apply(files.path("stack.lua")));

  files.write("stack.lua", stack("s.coupon \"MOON10\" { percent = 15 }\ns.coupon \"MOON30\" { percent = 30 }"));
  CHECK(steps(kernel.apply(files.path("stack.lua"))) == "replace MOON10, create MOON30, delete MOON20");
  CHECK(kernel.call("DescribeCoupon", {{"Code", "MOON10"}})["Percent"].integer() == 15);
  CHECK(kernel.error("DescribeCoupon", {{"Code", "MOON20"}}).code == "CouponNotFound");

  CHECK(steps(kernel.down("till")) == "delete MOON30, delete MOON10");
  CHECK(kernel.error("DescribeCoupon", {{"Code", "MOON10"}}).code == "CouponNotFound");
}

TEST_CASE("what somebody else deleted is made again") {
  const Files files{{"stack.lua", stack("s.coupon \"MOON10\" { percent = 10 }")}};
  TestKernel kernel{"coupons", {.plugins = {coupons}}};
  REQUIRE(kernel.apply(files.path("stack.lua")));
  kernel.call("DeleteCoupon", {{"Code", "MOON10"}});
  CHECK(steps(kernel.apply(files.path("stack.lua"))) == "create MOON10");
}

TEST_CASE("a mistake in a stack is named with its file, its line and the nearest word") {
  TestKernel kernel{"coupons", {.plugins = {coupons}}};
  const auto problem = [&](const std::string& lines) {
    const Files files{{"stack.lua", stack(lines)}};
    const auto planned = kernel.plan(files.path("stack.lua"));
    return planned ? "no problem" : planned.error().message;
  };
  CHECK(problem("s.coupon \"A123\" { precent = 10 }") ==
        "stack.lua:2: s.coupon \"A123\" has no option \"precent\". Did you mean percent?");
  CHECK(problem("\ns.cupon \"A123\" { percent = 10 }") == "stack.lua:3: a stack has no s.cupon. Did you mean s.coupon?");
  CHECK(problem("s.coupon \"A123\" {}") == "stack.lua:2: s.coupon \"A123\" needs percent. 1 to 100.");
  CHECK(problem("s.coupon \"A123\" { percent = \"ten\" }") ==
        "stack.lua:2: percent of s.coupon \"A123\" is a string; it takes integer. 1 to 100.");
  CHECK(problem("s.coupon \"A123\" { percent = 1 }\ns.coupon \"A123\" { percent = 1 }") ==
        "stack.lua:3: s.coupon \"A123\" is declared twice, first at stack.lua:2");
  CHECK(problem("local c = s.coupon \"A123\" { percent = 1 }\nc:redeem()") ==
        "stack.lua:3: A123:redeem works inside a handler; while the stack is being configured the coupon does not exist.");
  CHECK(problem("local c = s.coupon \"A123\" { percent = 1 }\nc:reedem()") ==
        "stack.lua:3: a coupon has no \"reedem\". Did you mean redeem?");
  CHECK_THAT(problem("s.coupon ="), Catch::StartsWith("stack.lua:3: unexpected symbol near 'return'"));
  CHECK_THAT(problem("require \"lib.prices\""), Catch::Contains("there is no lib/prices.lua beside the stack"));
  CHECK_THAT(problem("while true do end"), Catch::Contains("this runs too long"));
  CHECK_THAT(problem("os.execute(\"true\")"), Catch::StartsWith("stack.lua:2: attempt to index global 'os'"));
}

TEST_CASE("an error of AWS's is shown with the line that caused it") {
  const Files files{{"stack.lua", stack("s.coupon \"A1\" { percent = 10 }")}};
  TestKernel kernel{"coupons", {.plugins = {coupons}}};
  const auto applied = kernel.apply(files.path("stack.lua"));
  REQUIRE_FALSE(applied);
  CHECK_THAT(applied.error().message,
             Catch::StartsWith("stack.lua:2: coupon \"A1\": ValidationException: 1 validation error detected"));
}

TEST_CASE("a stack may be several files") {
  const Files files{{"stack.lua", stack("local percent = require \"lib.prices\"\ns.coupon \"MOON10\" { percent = percent }")},
                     {"lib/prices.lua", "return 42"}};
  TestKernel kernel{"coupons", {.plugins = {coupons}}};
  REQUIRE(steps(kernel.apply(files.path("stack.lua"))) == "create MOON10");
  CHECK(kernel.call("DescribeCoupon", {{"Code", "MOON10"}})["Percent"].integer() == 42);
}
