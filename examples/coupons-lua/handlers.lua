-- Coupons once more, without C++.

local function not_found(call) call.error("CouponNotFound", "No coupon has that code.") end

return {
  CreateCoupon = function(call)
    local coupon = call.input
    call.write(function(tx)
      local rows = tx.query(
        "INSERT INTO coupon VALUES (?, ?, ?, ?, ?) ON CONFLICT (account, region, code) DO NOTHING RETURNING code",
        call.account, call.region, coupon.Code, coupon.Percent, call.now_ms() + coupon.Lifetime * 1000)
      if #rows == 0 then call.error("CouponExists", "A coupon has that code already.") end
    end)
  end,

  DeleteCoupon = function(call)
    call.write(function(tx)
      tx.query("DELETE FROM coupon WHERE account = ? AND region = ? AND code = ?",
        call.account, call.region, call.input.Code)
      if tx.changes() == 0 then not_found(call) end
    end)
  end,

  DescribeCoupon = function(call)
    return call.read(function(tx)
      local coupon = tx.query(
        "SELECT code, percent, expires_at_ms FROM coupon WHERE account = ? AND region = ? AND code = ?",
        call.account, call.region, call.input.Code)[1]
      if not coupon then not_found(call) end
      return { Code = coupon.code, Percent = coupon.percent, ExpiresAt = coupon.expires_at_ms }
    end)
  end,

  RedeemCoupon = function(call)
    return call.write(function(tx)
      local coupon = tx.query(
        "DELETE FROM coupon WHERE account = ? AND region = ? AND code = ? RETURNING percent, expires_at_ms",
        call.account, call.region, call.input.Code)[1]
      if not coupon then not_found(call) end
      -- The error rolls the DELETE back: an expired coupon stays, for its owner to renew.
      if coupon.expires_at_ms <= call.now_ms() then call.error("CouponExpired", "The coupon has expired.") end
      return { Percent = coupon.percent }
    end)
  end,
}
