-- moonbase.shape: the vocabulary of service models.
--
--   local shape = require "moonbase.shape"
--   return shape.service {
--     name = "coupons", version = "2026-01-01", protocols = { "json-1.0", "query" }, target = "Coupons",
--     errors = { CouponNotFound = { status = 404 } },
--     shapes = { Coupon = shape.structure { Code = shape.string, Tags = shape.list { shape.string } } },
--     operations = {
--       GetCoupon = { input = { Code = shape.required(shape.string) }, output = { Coupon = "Coupon" } },
--     },
--   }
--
-- A member is a shape (`shape.string`), a shape with options (`shape.string { required = true }`), the
-- name of one in `shapes` ("Coupon", or `shape.of("Coupon", { required = true })`), or a plain table
-- of members: a structure written in place. The kernel reads the result; nothing here checks it.

---@alias moonbase.Protocol "json-1.0"|"json-1.1"|"query"|"ec2-query"|"rest-json"|"rest-xml"|"rpc-v2-cbor"

---@class moonbase.MemberOptions Where a member travels, and how it is called there.
---@field required? boolean
---@field default? string|number|boolean
---@field idempotency_token? boolean Filled in with a UUID when it is not sent.
---@field header? string REST: travels in this header.
---@field prefix_headers? string REST: a map that travels in the headers that begin so.
---@field query? string REST: travels in this query parameter.
---@field query_map? boolean REST: a map of all other query parameters.
---@field label? boolean REST: part of the path (said by the operation's path already).
---@field payload? boolean REST: is the body.
---@field status? boolean REST: is the response's status code.
---@field json_name? string
---@field xml_name? string
---@field ec2_name? string
---@field xml_attribute? boolean
---@field xml_namespace? string|string[] The namespace, or namespace and prefix.
---@field flattened? boolean XML and Query: a list or map without an element around it.
---@field host_label? boolean
---@field event_header? boolean
---@field event_payload? boolean

---@class moonbase.ShapeOptions: moonbase.MemberOptions
---@field length? integer|integer[] Exactly, or { least, most }.
---@field range? number[] { least, most }
---@field pattern? string A regular expression that the whole text matches.
---@field values? string[] All that it may be.
---@field format? "epoch-seconds"|"date-time"|"http-date" Of a timestamp.
---@field streaming? boolean Of a blob or union: not held in memory.
---@field sensitive? boolean Never logged.
---@field sparse? boolean Of a list or map: may hold nulls.

---@class moonbase.Shape
---@overload fun(options: moonbase.ShapeOptions): moonbase.Shape
---@alias moonbase.Member moonbase.Shape|string|table<string, moonbase.Shape>

local function copy(from, kind)
  local made = {}
  for name, value in pairs(from) do made[name] = value end
  made[1] = kind
  return made
end

local simple = { __call = function(self, options) return copy(options, self[1]) end }
local function kind(name) return setmetatable({ name }, simple) end

---@class moonbase.shape
local shape = {
  string = kind "string", ---@type moonbase.Shape
  integer = kind "integer", ---@type moonbase.Shape
  long = kind "long", ---@type moonbase.Shape
  number = kind "number", ---@type moonbase.Shape Integer or fraction.
  float = kind "float", ---@type moonbase.Shape
  double = kind "double", ---@type moonbase.Shape
  boolean = kind "boolean", ---@type moonbase.Shape
  blob = kind "blob", ---@type moonbase.Shape
  timestamp = kind "timestamp", ---@type moonbase.Shape
  document = kind "document", ---@type moonbase.Shape Any JSON.
}

---A string that is one of these: shape.enum { "ACTIVE", "DELETING", required = true }
---@return moonbase.Shape
function shape.enum(options)
  local made, values = { "string" }, {}
  for name, value in pairs(options) do
    if type(name) == "number" then values[name] = value else made[name] = value end
  end
  made.values = values
  return made
end

---shape.list { shape.string, length = { 1, 10 } }
---@return moonbase.Shape
function shape.list(options)
  local made = copy(options, "list")
  made.element = options[1]
  return made
end

---shape.map { shape.string }, or with the key's shape too: shape.map { shape.string { length = { 1, 9 } }, "Value" }
---@return moonbase.Shape
function shape.map(options)
  local made = copy(options, "map")
  made[2] = nil
  if options[2] then
    made.key, made.element = options[1], options[2]
  else
    made.element = options[1]
  end
  return made
end

---@param members table<string, moonbase.Member>
---@param options? moonbase.ShapeOptions
---@return moonbase.Shape
function shape.structure(members, options)
  local made = copy(options or {}, "structure")
  made.members = members
  return made
end

---A structure of which exactly one member is set.
---@param members table<string, moonbase.Member>
---@param options? moonbase.ShapeOptions
---@return moonbase.Shape
function shape.union(members, options)
  local made = copy(options or {}, "union")
  made.members = members
  return made
end

---A shape of `shapes` by name, with options of this member.
---@param name string
---@param options? moonbase.MemberOptions
---@return moonbase.Shape
function shape.of(name, options)
  local made = copy(options or {}, "of")
  made.shape = name
  return made
end

---The same member, required.
---@param member moonbase.Member
---@return moonbase.Shape
function shape.required(member)
  if type(member) == "string" then return { "of", shape = member, required = true } end
  if member[1] == nil then return { "structure", members = member, required = true } end
  local made = copy(member, member[1])
  made.required = true
  return made
end

---@class moonbase.ErrorOptions
---@field status? integer HTTP; 400 where it is not given.
---@field fault? "sender"|"receiver"
---@field query_code? string What Query and x-amzn-query-error call it.
---@field query_status? integer
---@field members? table<string, moonbase.Member> Beside the message.
---@field message? string The message's member, "message" where it is not given.

---@class moonbase.OperationOptions
---@field http? table { "POST", "/functions/{FunctionName}", 201 }
---@field input? moonbase.Member
---@field output? moonbase.Member
---@field errors? string[]
---@field host_prefix? string
---@field result_wrapper? string Query: "CreateQueueResult" where it is not given.
---@field checksum? boolean
---@field unsigned? boolean May be called without a signature.
---@field unwrapped? boolean REST-XML: the output is its only member's element.

---@class moonbase.ServiceOptions
---@field name string
---@field version string
---@field protocols moonbase.Protocol[] The preferred one first.
---@field target? string Before the dot of X-Amz-Target.
---@field signing_name? string `name` where it is not given.
---@field endpoint_prefix? string The host's first part; `signing_name` where it is not given.
---@field virtual_hosts? string[]
---@field service_id? string
---@field xml_namespace? string
---@field error_namespace? string
---@field request_id_header? string
---@field query_compatible? boolean
---@field bare_errors? boolean
---@field validation? { code?: string, missing_code?: string, serialization_code?: string, style?: "list"|"parameter", unions_by_operation?: boolean }
---@field errors? table<string, moonbase.ErrorOptions>
---@field shapes? table<string, moonbase.Shape>
---@field operations table<string, moonbase.OperationOptions>

---@param options moonbase.ServiceOptions
---@return moonbase.ServiceOptions
function shape.service(options) return options end

return shape
