// Small models for tests, as a person would write them.
#pragma once

#include <model/model.hpp>

namespace wire_test {

// As in STYLE: two protocols, structures in place.
inline constexpr const char* coupons = R"lua(
-- Coupons: percentage discounts that expire.
local shape = require "moonbase.shape"

return shape.service {
  name = "coupons", version = "2026-01-01",
  protocols = { "json-1.0", "query" }, target = "Coupons",

  errors = { CouponNotFound = { status = 404 }, CouponExpired = {} },

  operations = {
    CreateCoupon = {
      input = { Code     = shape.string  { required = true, length = { 4, 12 } },
                Percent  = shape.integer { required = true, range = { 1, 100 } },
                Lifetime = shape.integer { default = 86400 } },  -- Seconds.
      output = {},
    },
    RedeemCoupon = {
      input  = { Code = shape.string { required = true } },
      output = { Percent = shape.integer },
      errors = { "CouponNotFound", "CouponExpired" },
    },
  },
}
)lua";

}  // namespace wire_test
