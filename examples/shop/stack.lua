-- The shop: products in a table, functions that serve them, and an API in front.
local s = require "stack" { name = "shop" }

local products = s.table "product" { key = "id:S" }

local function list() return products:scan().items end

local function add(event, ctx)
  local product = event:json()
  if type(product) ~= "table" or product.name == nil then return 400, { message = "a product needs a name" } end
  product.id = product.id or ctx.uuid()
  products:put(product)
  return 201, product
end

local function show(event)
  local id = event.pathParameters.id
  local product = products:get { id = id }
  if not product then return 404, { message = "no product " .. id } end
  return product
end

local function change(event)
  local id, product = event.pathParameters.id, event:json()
  if type(product) ~= "table" then return 400, { message = "a product is a JSON object" } end
  if not products:get { id = id } then return 404, { message = "no product " .. id } end
  product.id = id
  products:put(product)
  return product
end

local function remove(event)
  products:delete { id = event.pathParameters.id }
  return 204
end

local actions = {
  ["GET /product"] = list, ["POST /product"] = add,
  ["GET /product/{id}"] = show, ["PUT /product/{id}"] = change, ["DELETE /product/{id}"] = remove,
}

-- One function for the whole product: AWS calls its event, field by field, what you read here.
local product = s.fn "productFunction" {
  memory = 128, timeout = 3,
  environment = { DYNAMODB_TABLE_NAME = "product", PRIMARY_KEY = "id" },
  handler = function(event, ctx)
    return actions[event.httpMethod .. " " .. event.resource](event, ctx)
  end,
}

-- The same kind of function in C++ (price.cpp), in a process of its own too.
local price = s.fn "priceFunction" {
  memory = 128, timeout = 3, runtime = "native", code = "../../build/examples/shop/price.so",
  handler = "price.handler", environment = { DYNAMODB_TABLE_NAME = "product", TAX_PERCENT = "19" },
}

s.rest_api "shop" { stage = "prod", routes = {
  ["GET /product"] = product, ["POST /product"] = product,
  ["GET /product/{id}"] = product, ["PUT /product/{id}"] = product, ["DELETE /product/{id}"] = product,
  ["GET /product/{id}/price"] = price,
} }

return s
