-- Orders: taken at a table, announced through a topic, worked off from queues. What a worker cannot do goes
-- aside after three tries and can be sent back once the worker can.
local s = require "stack" { name = "orders" }

local orders = s.table "orders" { key = "id:S" }
local counts = s.table "counts" { key = "name:S" }

local placed = s.topic "order-placed" { display_name = "Orders" }

-- The warehouse packs. Its queue hides a message for a minute while somebody works on it; one that was received
-- three times in vain is poison, and waits in warehouse-dead for a person.
local dead = s.queue "warehouse-dead" {}
local warehouse = s.queue "warehouse" { visibility = 60, dead_letter = { dead, after = 3 } }
placed:subscribe(warehouse, { raw = true })

warehouse:on_message({ batch = 5, partial_failures = true, timeout = 10 }, function(order)
  if not order.sku then error("order " .. order.id .. " says nothing to pack") end
  orders:update({ id = order.id }, { set = { state = "packed" } })
end)

-- The office looks at large orders only, and gets them as mail.
placed:subscribe(s.email "office@orders.example" {}, { filter = { size = { "large" } } })

-- Everything is counted.
placed:on_message(function(order)
  counts:update({ name = "placed" }, { add = { count = 1 } })
end)

local place = s.fn "place-order" { handler = function(event, ctx)
  local order = event:json()
  order.id = order.id or ctx.uuid()
  order.state = "placed"
  orders:put(order)
  placed:publish(order, { subject = "Order " .. order.id,
                          attributes = { size = (order.total or 0) >= 100 and "large" or "small" } })
  return 202, { id = order.id }
end }

local show = s.fn "show-order" { handler = function(event)
  local order = orders:get { id = event.pathParameters.id }
  if not order then return 404, { message = "no such order" } end
  return order
end }

-- Somebody has looked at what was wrong: the dead come back to the queue that they came from.
local redrive = s.fn "redrive" { handler = function() return 202, { task = dead:redrive() } end }

-- Every hour: how many orders there were.
s.schedule "hourly-report" { rate = "1 hour", handler = function()
  local placed_so_far = counts:get { name = "placed" }
  counts:put { name = "reported", count = placed_so_far and placed_so_far.count or 0 }
end }

s.rest_api "orders" { stage = "prod", routes = {
  ["POST /orders"] = place,
  ["GET /orders/{id}"] = show,
  ["POST /redrive"] = redrive,
} }
return s
