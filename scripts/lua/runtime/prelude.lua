-- What every Lua function finds around it. Runs once per function version, before its code.
--
-- host:    what the process can do (C++): call, log, now_ms, uuid, remaining_ms, …
-- package: files (name -> text), handler, config, vocabularies, stack_language (text of moonbase/stack.lua)
-- Returns: invoke(event, ctx, random), the metatable of ctx, the methods of events, enter(stream).
local host, package = ...
local config, files = package.config, package.files

local concat, select, tostring, type, error = table.concat, select, tostring, type, error
local rawget, setmetatable, math_randomseed = rawget, setmetatable, math.randomseed
local encode, decode = json.encode, json.decode
json.base64, json.unbase64 = host.base64_encode, host.base64_decode

function print(...)
  local words = { ... }
  for i = 1, select("#", ...) do words[i] = tostring(words[i]) end
  host.log(concat(words, "\t"))
end

-- Time is the platform's: it can be stopped and moved.
local machine = os
os = {
  clock = machine.clock,
  difftime = machine.difftime,
  time = function(date)
    if date == nil then return math.floor(host.now_ms() / 1000) end
    return machine.time(date)
  end,
  date = function(format, time)
    return machine.date(format or "%c", time or math.floor(host.now_ms() / 1000))
  end,
  getenv = function(name) return config.environment and config.environment[name] end,
}

-- Calls of services, as the function's role. A refusal is an error with AWS's code.
local refusal = { __tostring = function(self) return self.code .. ": " .. self.message end }
local function call(service, operation, input)
  local ok, output = host.call(service, operation, input == nil and {} or input)
  if ok then return output end
  return error(setmetatable(output, refusal), 0)
end

-- Requests to servers outside, where the stack's outbound policy lets them. What goes wrong on the way is
-- an error with a code; any status is an answer.
local answers = {}
answers.__index = answers
function answers:json() return decode(self.body) end
function answers:header(name) return self.headers[name:lower()] end

local function escape(text)
  return (tostring(text):gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local function with_query(url, query)
  if query == nil then return url end
  local names, parts = {}, {}
  for name in pairs(query) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do parts[i] = escape(name) .. "=" .. escape(query[name]) end
  return url .. (url:find("?", 1, true) and "&" or "?") .. concat(parts, "&")
end

local http_options = { url = true, method = true, query = true, headers = true, body = true, timeout = true }
local function fetch(options, method)
  if type(options) == "string" then options = { url = options } end
  if type(options) ~= "table" or type(options.url) ~= "string" then
    error("http takes a url, or { url = …, query = …, headers = …, body = …, timeout = seconds }", 3)
  end
  for name in pairs(options) do
    if not http_options[name] then error("http has no option '" .. tostring(name) .. "'", 3) end
  end
  local headers, body, has_type = {}, options.body, false
  for name, value in pairs(options.headers or {}) do
    headers[name] = tostring(value)
    has_type = has_type or name:lower() == "content-type"
  end
  if body ~= nil and type(body) ~= "string" then
    body = encode(body)
    if not has_type then headers["Content-Type"] = "application/json" end
  end
  local ok, head, content = host.fetch({
    method = method or options.method or "GET", url = with_query(options.url, options.query), headers = headers,
    timeout_ms = options.timeout and math.ceil(options.timeout * 1000),
  }, body or "")
  if not ok then return error(setmetatable(head, refusal), 0) end
  head.body = content
  return setmetatable(head, answers)
end

http = { request = function(options) return fetch(options) end }
for _, method in ipairs { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" } do
  http[method:lower()] = function(options) return fetch(options, method) end
end

-- The stack language in its second pass: constructors give handles that are clients.
local stack
local function stack_entry()
  local language = assert(load(package.stack_language, "=stack"))()
  stack = language { mode = "run", vocabulary = package.vocabularies, load = load, call = call, array = array }
  return stack.entry
end

-- Files of the package. A module sees no path but its name.
local loaded, loading = {}, {}
local function run_file(name)
  local chunk, why = load(files[name], "@" .. name)
  if not chunk then error(why, 0) end
  return chunk()
end

function require(name)
  if type(name) ~= "string" then error("require takes a module's name", 2) end
  if loaded[name] ~= nil then return loaded[name] end
  if loading[name] then error("module '" .. name .. "' requires itself", 2) end
  loading[name] = true
  local path = name:gsub("%.", "/")
  local value
  if name == "stack" then  -- The language, also where the stack's own file is called so.
    value = stack_entry()
  elseif files[path .. ".lua"] then
    value = run_file(path .. ".lua")
  elseif files[path .. "/init.lua"] then
    value = run_file(path .. "/init.lua")
  elseif name == "json" then
    value = json
  else
    error("module '" .. name .. "' is not in the function's package", 2)
  end
  loading[name] = nil
  if value == nil then value = true end
  loaded[name] = value
  return value
end

-- "file.function", "file.lua:function" or, where the file is a stack, "file.lua:resource".
local function find_handler()
  local name = package.handler
  local file, member = name:match("^(.+%.lua):(.+)$")
  if not file then
    file, member = name:match("^(.+)%.([^.]+)$")
    if file then file = file .. ".lua" end
  end
  if not file or not files[file] then
    error({ code = "Runtime.ImportModuleError", message = "Cannot find module '" .. (file or name) .. "'" }, 0)
  end
  local value = run_file(file)
  local handler
  if stack and stack.stack then
    handler = stack.stack.handlers[member]
  elseif type(value) == "table" then
    handler = rawget(value, member)
  elseif type(value) == "function" and member == "handler" then
    handler = value
  end
  if handler == nil then handler = rawget(_G, member) end
  if type(handler) ~= "function" then
    error({ code = "Runtime.HandlerNotFound", message = name .. " is undefined or not exported" }, 0)
  end
  return handler
end

-- Methods of events. Fields of the event come first.
local events = {}
events.__index = events

-- The JSON in an API event's body; nothing where the body is empty.
function events:json()
  local body = self.body
  if body == nil or body == null or body == "" then return nil end
  if self.isBase64Encoded == true then
    body = host.base64_decode(body)
    if not body then error({ code = "BadRequest", message = "the body is not base64" }, 0) end
  end
  return decode(body)
end

-- A header of an API event, whatever its case.
function events:header(name)
  local headers = self.headers
  if type(headers) ~= "table" then return nil end
  if headers[name] ~= nil then return headers[name] end
  name = name:lower()
  for key, value in pairs(headers) do
    if key:lower() == name then return value end
  end
end

-- An API's handler may return a plain value, or a status and a value.
local text_headers = { ["Content-Type"] = "text/plain; charset=utf-8" }
local json_headers = { ["Content-Type"] = "application/json" }
local function is_api(event)
  return type(event) == "table" and event.requestContext ~= nil and
      (event.httpMethod ~= nil or event.routeKey ~= nil)
end

local function response(status, value, headers)
  local body
  if value == nil then
    return { statusCode = status, headers = headers }
  elseif type(value) == "string" then
    body, headers = value, headers or text_headers
  else
    body, headers = encode(value), headers or json_headers
  end
  return { statusCode = status, headers = headers, body = body }
end

local handler = find_handler()

local function invoke(event, ctx, random)
  if random then math_randomseed(random) end
  local first, second, headers = handler(event, ctx)
  if type(first) == "table" and first.statusCode ~= nil or not is_api(event) then return first end
  if type(first) == "number" and first >= 100 and first <= 599 and first % 1 == 0 then
    return response(first, second, headers)
  end
  return response(first == nil and 204 or 200, first, headers)
end

local static = {
  function_name = config.function_name,
  function_version = config.function_version,
  memory_limit_in_mb = config.memory_limit_in_mb,
  log_group_name = config.log_group_name,
  log_stream_name = "",
  get_remaining_time_in_millis = host.remaining_ms,
  uuid = host.uuid,
  now = function() return math.floor(host.now_ms() / 1000) end,
  now_ms = host.now_ms,
  call = function(...)
    if type((...)) == "table" then return call(select(2, ...)) end
    return call(...)
  end,
}
local ctx_metatable = {
  __index = function(_, key)
    if key == "client_context" then return host.client_context() end
    if key == "invoked_function_arn" then
      local qualifier = host.qualifier()
      return qualifier and config.function_arn .. ":" .. qualifier or config.function_arn
    end
    return static[key]
  end,
}

local function enter(log_stream_name) static.log_stream_name = log_stream_name end

return invoke, ctx_metatable, events, enter
