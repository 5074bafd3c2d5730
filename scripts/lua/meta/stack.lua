---@meta
-- The stack vocabulary. Written by scripts/annotations from the plugins' resources.lua; do not edit.

---@class moonbase.fn.Options  AWS::Lambda::Function
---@field code? string  A file or folder beside the stack: the function's package.
---@field description? string
---@field environment? table  What os.getenv shows.
---@field handler moonbase.Handler|string  A function, or "file.lua:name" beside the stack.
---@field inline? boolean  Runs inside the kernel: short trusted code without calls.
---@field memory? integer  MB, 128 to 10240; 128 if you say nothing.
---@field role? string  ARN of the role that it works as.
---@field runtime? string  "lua", "native", "nodejs22.x", "python3.12", "provided.al2023" and the like.
---@field tags? table
---@field timeout? integer  Seconds, 1 to 900; 3 if you say nothing.

---@class moonbase.fn  what s.fn "name" { … } answers
---@field name string
local fn = {}

-- Waits for the answer; a failure inside the function is raised.
function fn:invoke(payload) end

-- Queues the event; it is tried three times.
function fn:send(payload) end

---@class moonbase.rest_api.Options  AWS::ApiGateway::RestApi
---@field description? string
---@field routes table  ["GET /path/{name}"] = a function.
---@field stage? string  The stage that it is deployed at.

---@class moonbase.rest_api  what s.rest_api "name" { … } answers
---@field name string
local rest_api = {}

---@class moonbase.http_api.Options  AWS::ApiGatewayV2::Api
---@field cors? string|table  "*", an origin, or { origins, methods, headers, expose, max_age, credentials }.
---@field description? string
---@field routes table  ["GET /path/{name}"] = a function.
---@field stage? string  The stage that it is deployed at.

---@class moonbase.http_api  what s.http_api "name" { … } answers
---@field name string
local http_api = {}

---@class moonbase.table.Options  AWS::DynamoDB::Table
---@field indexes? table  name = { key = { "a:S", "b:N" }, projects = "all", "keys" or { … }, ["local"] = true }.
---@field key string|table  "id:S" or { "pk:S", "sk:N" }.
---@field protected? boolean  The table cannot be deleted.
---@field stream? string|boolean  KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or NEW_AND_OLD_IMAGES (true).
---@field ttl? string  The attribute with the second (since 1970) in which an item expires.

---@class moonbase.table  what s.table "name" { … } answers
---@field name string
local table = {}

-- The items of many keys, in no particular order; keys without an item are left out.
---@return table[] items
function table:batch_get(keys) end

-- Puts many items and deletes many keys, 25 a Call: orders:batch_write { put = { … }, delete = { … } }
function table:batch_write(writes) end

function table:binary(bytes) end

---@return table? before the item that was there
function table:delete(key, options) end

-- Every item of a query (or, without a key, of the whole table), page by page:
-- for item in orders:each({ pk = "a" }) do … end
function table:each(key, options) end

---@return table? item
function table:get(key, options) end

function table:number(text) end

---@return table? before the item that was there, with returns = "old"
function table:put(item, options) end

---@return moonbase.Page
function table:query(key, options) end

---@return moonbase.Page
function table:scan(options) end

function table:set(members) end

-- All or nothing, also across tables. Steps name their table unless it is this one:
-- orders:transact { { put = { … }, if_absent = "pk" }, { update = key, set = { … }, table = stock },
--                   { delete = key }, { check = key, when = { … }, table = users } }
function table:transact(steps) end

---@return table? item as it is now, or with returns = "old" as it was
function table:update(key, changes) end

---@class moonbase.Page
---@field items table[]  with count = true there are none
---@field count integer
---@field scanned integer  how many were looked at, before the filter
---@field after? table  what to give as `after` for the next page

---@class moonbase.Stack
---@field fn fun(name: string): fun(options: moonbase.fn.Options): moonbase.fn
---@field http_api fun(name: string): fun(options: moonbase.http_api.Options): moonbase.http_api
---@field rest_api fun(name: string): fun(options: moonbase.rest_api.Options): moonbase.rest_api
---@field table fun(name: string): fun(options: moonbase.table.Options): moonbase.table

