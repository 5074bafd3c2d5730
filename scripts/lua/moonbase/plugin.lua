-- What the handlers of a Lua plugin are given.
--
-- Each function takes one argument and returns the output, or raises call.error(code, message).
-- Several calls run at one time, each in a Lua state of its own: keep nothing in variables, use the store.

---@class moonbase.PluginCall
---@field operation string
---@field input table            checked against the model, defaults filled in
---@field account string         12 digits
---@field region string
---@field request_id string
---@field base_url string        how this client reaches the platform
---@field now_ms fun(): integer  the platform's time
---@field uuid fun(): string
---@field write fun(body: fun(tx: moonbase.PluginTransaction): any): any  commits if and only if the body returns
---@field read fun(body: fun(tx: moonbase.PluginTransaction): any): any   the last committed state
---@field call fun(service: string, operation: string, input: table): table  another service's operation
---@field error fun(code: string, message: string)  refuses, with an error of the model
---@field payload? table         in a task: what was scheduled
---@field attempt? integer       in a task: 1 at first

---@class moonbase.PluginTransaction
---@field query fun(sql: string, ...: string|number|boolean|nil): table[]  rows, by column
---@field changes fun(): integer  rows that the last statement touched
---@field schedule fun(at_ms: integer, task: string, payload: table, key?: string)

local handlers, host = ...

-- Host functions answer (true, value) or (false, error), since C++ raises nothing.
local function checked(good, ...)
  if good then return ... end
  error((...), 0)
end

local transaction = {
  -- "select" keeps trailing nils: they are NULL.
  query = function(sql, ...) return checked(host.query(sql, select("#", ...), ...)) end,
  changes = function() return (checked(host.changes())) end,
  schedule = function(at_ms, task, payload, key) checked(host.schedule(at_ms, task, payload or {}, key or "")) end,
}

local shared = {
  now_ms = function() return (checked(host.now_ms())) end,
  uuid = function() return (checked(host.uuid())) end,
  write = function(body) return checked(host.write(function() return body(transaction) end)) end,
  read = function(body) return checked(host.read(function() return body(transaction) end)) end,
  call = function(service, operation, input) return checked(host.call(service, operation, input or {})) end,
  error = function(code, message) error({ code = code, message = message }, 0) end,
}
shared.__index = shared

return function(kind, name, fields)
  local handler = handlers[name]
  if kind == "task" then handler = handlers.tasks and handlers.tasks[name] end
  return handler(setmetatable(fields, shared))
end
