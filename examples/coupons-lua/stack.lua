-- A coupon, and a function that redeems it. The service behind both is the Lua plugin in this folder.
local s = require "stack" { name = "till", plugins = { "." } }

local moon10 = s.coupon "MOON10" { percent = 10 }

s.fn "redeem" { timeout = 3, handler = function() return moon10:redeem() end }

return s
