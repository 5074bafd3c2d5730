-- s.coupon "MOON10" { percent = 10 } in a stack; coupon:redeem() in a handler.
return function(vocabulary)
  vocabulary.resource {
    constructor = "coupon", type = "Coupons::Coupon", service = "coupons",
    options = {
      percent  = { type = "integer", required = true, doc = "1 to 100." },
      lifetime = { type = "integer", doc = "Seconds; a day if you say nothing." },
    },
    properties = function(name, options)
      return { Code = name, Percent = options.percent, Lifetime = options.lifetime }
    end,
    create = function(call, name, properties)
      call("coupons", "CreateCoupon", properties)
      return { code = name }
    end,
    read = function(call, name, attributes)
      call("coupons", "DescribeCoupon", { Code = name })
      return attributes
    end,
    delete = function(call, name)
      call("coupons", "DeleteCoupon", { Code = name })
    end,
    methods = {
      ---@return { Percent: integer }
      redeem = function(coupon) return coupon.call("RedeemCoupon", { Code = coupon.name }) end,
    },
  }
end
