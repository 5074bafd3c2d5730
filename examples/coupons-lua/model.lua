-- Coupons: percentage discounts that expire.
local shape = require "moonbase.shape"

return shape.service {
  name = "coupons", version = "2026-01-01",
  protocols = { "json-1.0", "query" }, target = "Coupons",

  errors = { CouponNotFound = { status = 404 }, CouponExpired = {}, CouponExists = { status = 409 } },

  operations = {
    CreateCoupon = {
      input = { Code     = shape.string  { required = true, length = { 4, 12 } },
                Percent  = shape.integer { required = true, range = { 1, 100 } },
                Lifetime = shape.integer { default = 86400, range = { 1, 31536000 } } },  -- Seconds.
      output = {},
      errors = { "CouponExists" },
    },
    DeleteCoupon = {
      input = { Code = shape.string { required = true } },
      output = {},
      errors = { "CouponNotFound" },
    },
    DescribeCoupon = {
      input  = { Code = shape.string { required = true } },
      output = { Code = shape.string {}, Percent = shape.integer {}, ExpiresAt = shape.timestamp {} },
      errors = { "CouponNotFound" },
    },
    RedeemCoupon = {
      input  = { Code = shape.string { required = true } },
      output = { Percent = shape.integer {} },
      errors = { "CouponNotFound", "CouponExpired" },
    },
  },
}
