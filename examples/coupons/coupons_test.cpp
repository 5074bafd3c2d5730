#include <moonbase/testing.hpp>

#include <catch2/catch.hpp>

using moonbase::testing::TestKernel;

TEST_CASE("a coupon can be redeemed once") {
  TestKernel kernel{"coupons"};
  kernel.call("CreateCoupon", {{"Code", "MOON10"}, {"Percent", 10}});

  CHECK(kernel.call("RedeemCoupon", {{"Code", "MOON10"}})["Percent"].integer() == 10);
  CHECK(kernel.error("RedeemCoupon", {{"Code", "MOON10"}}).code == "CouponNotFound");
}

TEST_CASE("a coupon expires when its lifetime has passed, and stays") {
  TestKernel kernel{"coupons"};
  kernel.call("CreateCoupon", {{"Code", "MOON10"}, {"Percent", 10}, {"Lifetime", 60}});

  kernel.clock.advance_ms(59'999);
  CHECK(kernel.call("DescribeCoupon", {{"Code", "MOON10"}})["Percent"].integer() == 10);
  kernel.clock.advance_ms(1);
  CHECK(kernel.error("RedeemCoupon", {{"Code", "MOON10"}}).code == "CouponExpired");
  CHECK(kernel.call("DescribeCoupon", {{"Code", "MOON10"}})["Code"].string() == "MOON10");
}

TEST_CASE("the model refuses what it does not allow") {
  TestKernel kernel{"coupons"};
  CHECK(kernel.error("CreateCoupon", {{"Code", "MOON10"}, {"Percent", 101}}).code == "ValidationException");
  CHECK(kernel.error("CreateCoupon", {{"Percent", 10}}).code == "ValidationException");
}

TEST_CASE("accounts do not see each other's coupons, and a restart keeps them") {
  TestKernel kernel{"coupons"};
  kernel.call("CreateCoupon", {{"Code", "MOON10"}, {"Percent", 10}});
  kernel.restart();
  CHECK(kernel.call("DescribeCoupon", {{"Code", "MOON10"}})["Percent"].integer() == 10);

  kernel.context.identity.account_id = "111111111111";
  CHECK(kernel.error("RedeemCoupon", {{"Code", "MOON10"}}).code == "CouponNotFound");
}
