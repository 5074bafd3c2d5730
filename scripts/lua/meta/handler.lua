---@meta
-- What a stack and its handlers find around them.

---@alias moonbase.Handler fun(event: moonbase.Event, ctx: moonbase.Context): any, any, any

-- The event, field by field AWS's own; of an API, these.
---@class moonbase.Event
---@field httpMethod? string            REST APIs (payload 1.0)
---@field resource? string              "/product/{id}"
---@field path? string
---@field routeKey? string              HTTP APIs (payload 2.0): "GET /product/{id}"
---@field rawPath? string
---@field headers? table<string, string>
---@field pathParameters? table<string, string>
---@field queryStringParameters? table<string, string>
---@field stageVariables? table<string, string>
---@field requestContext? table
---@field body? string
---@field isBase64Encoded? boolean
local event = {}

-- The JSON in the body; nil where the body is empty.
---@return any
function event:json() end

-- A header, whatever its case.
---@param name string
---@return string?
function event:header(name) end

---@class moonbase.Context
---@field function_name string
---@field function_version string
---@field invoked_function_arn string
---@field memory_limit_in_mb integer
---@field aws_request_id string
---@field log_group_name string
---@field log_stream_name string
---@field get_remaining_time_in_millis fun(): integer
---@field uuid fun(): string                 with --seed they repeat
---@field now fun(): integer                 seconds on the platform's clock
---@field now_ms fun(): integer
---@field call fun(service: string, operation: string, input: table): table  any operation, as the function's role
local context = {}

-- JSON null, where nil would mean "absent".
null = {}

-- Marks a list, so that an empty one is written as [] and not as {}.
---@generic T
---@param list T[]
---@return T[]
function array(list) end

json = {}
---@param value any
---@return string
function json.encode(value) end
---@param text string
---@return any
function json.decode(text) end

-- Requests to servers outside, for handlers in environments of their own: public addresses, and what the
-- stack's `outbound` names. What goes wrong on the way is an error with a code (AddressNotAllowed,
-- NameNotResolved, ConnectionFailed, CertificateNotTrusted, Timeout, …); any status is an answer, a
-- redirect too. `body`: text, or a value that is sent as JSON. `timeout`: seconds; at most what the
-- invocation has left.
---@class moonbase.Request
---@field url string
---@field query? table<string, string|number|boolean>
---@field headers? table<string, string>
---@field body? any
---@field timeout? number
---@field method? string                   of http.request

---@class moonbase.Answer
---@field status integer
---@field headers table<string, string>   lower case names
---@field body string
---@field json fun(self): any
---@field header fun(self, name: string): string?

http = {}
---@param request string|moonbase.Request
---@return moonbase.Answer
function http.get(request) end
---@param request string|moonbase.Request
---@return moonbase.Answer
function http.head(request) end
---@param request string|moonbase.Request
---@return moonbase.Answer
function http.post(request) end
---@param request string|moonbase.Request
---@return moonbase.Answer
function http.put(request) end
---@param request string|moonbase.Request
---@return moonbase.Answer
function http.patch(request) end
---@param request string|moonbase.Request
---@return moonbase.Answer
function http.delete(request) end
---@param request moonbase.Request
---@return moonbase.Answer
function http.request(request) end

-- Begins a stack: local s = require "stack" { name = "shop" }
-- `plugins`: folders of Lua plugins that it needs. `outbound`: hosts that are not public and that the
-- platform's own requests may reach for it ("localhost", "10.0.0.7", "*.internal"; "private": all).
---@param settings { name: string, plugins?: string[], outbound?: string[] }
---@return moonbase.Stack
local function stack(settings) end
return stack
