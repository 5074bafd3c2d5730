-- Stack vocabulary of storage: tables. What their handles do in a handler is in resources_expressions.lua and
-- resources_items.lua.
--
--   local orders = s.table "orders" { key = { "pk:S", "sk:N" }, ttl = "expires",
--     indexes = { by_state = { key = { "state:S", "sk:N" }, projects = { "total" } } } }
--
-- In a handler, items are plain Lua: numbers, strings, booleans, null, lists and tables. What Lua
-- cannot say by itself is made with orders:set { "a", "b" }, orders:number "12345678901234567890.5"
-- and orders:binary(bytes). A condition is a table of attribute = value or attribute = { operator, … }:
--
--   orders:put({ pk = "a", sk = 1 }, { if_absent = "pk" })
--   orders:update({ pk = "a", sk = 1 }, { set = { state = "SENT" }, add = { tries = 1 },
--                                         when = { state = "NEW", total = { "<=", 100 } } })
--   local page = orders:query({ pk = "a", sk = { "between", 1, 9 } }, { limit = 10, reverse = true })
--   for _, order in ipairs(page.items) do … end   -- More: give page.after as `after`.
--   for order in orders:each { pk = "a" } do … end  -- All pages.
--
-- Operators: "=", "<>", "<", "<=", ">", ">=", "between", "in", "begins_with", "contains", "present",
-- "absent", "type", "size". Or write DynamoDB's own text:
-- when = "total < :t", values = { t = 5 }, names = { n = "name" }.

local sorted_keys  -- Of the first chunk.

-- "pk:S" → name and type.
local function key_attribute(text)
  local name, type_name = text:match("^(.+):([SNB])$")
  if not name then error({ message = ("%q is no key: write it as \"name:S\", with S, N or B"):format(text) }, 0) end
  return name, type_name
end

-- A key has a partition and perhaps a sort attribute; each part of a global index's (`wide`) may be a list of up to four.
local function key_schema(keys, types, tools, wide)
  local schema, parts = {}, type(keys) == "table" and keys or { keys }
  if #parts < 1 or #parts > 2 then error({ message = "a key has one or two attributes" }, 0) end
  for i, part in ipairs(parts) do
    local attributes = type(part) == "table" and part or { part }
    if #attributes < 1 or #attributes > (wide and 4 or 1) then
      error({ message = "each part of a key is one attribute, or of a global index's up to four" }, 0)
    end
    for _, text in ipairs(attributes) do
      local name, type_name = key_attribute(text)
      if types[name] and types[name] ~= type_name then
        error({ message = ("%s is %s in one key and %s in another"):format(name, types[name], type_name) }, 0)
      end
      types[name] = type_name
      schema[#schema + 1] = { AttributeName = name, KeyType = i == 1 and "HASH" or "RANGE" }
    end
  end
  return tools.array(schema)
end

local function index_properties(name, index, types, tools)
  if type(index) ~= "table" then index = { key = index } end
  if not index.key then index = { key = index } end
  local projects = index.projects or "all"
  local projection_properties = { ProjectionType = ({ all = "ALL", keys = "KEYS_ONLY" })[projects] or "INCLUDE" }
  if type(projects) == "table" then projection_properties.NonKeyAttributes = tools.array(projects) end
  local schema = key_schema(index.key, types, tools, not index["local"])
  return { IndexName = name, KeySchema = schema, Projection = projection_properties }
end

local function properties(name, options, tools)
  local types = {}
  local described = {
    TableName = name, BillingMode = "PAY_PER_REQUEST", KeySchema = key_schema(options.key, types, tools),
  }
  local own = described.KeySchema[1].AttributeName
  local indexes = { GlobalSecondaryIndexes = {}, LocalSecondaryIndexes = {} }
  for _, index_name in ipairs(sorted_keys(options.indexes or {})) do
    local index = index_properties(index_name, options.indexes[index_name], types, tools)
    local is_local = type(options.indexes[index_name]) == "table" and options.indexes[index_name]["local"]
    if is_local and index.KeySchema[1].AttributeName ~= own then
      error({ message = ("the local index %s begins with another key than %s"):format(index_name, own) }, 0)
    end
    local kind = indexes[is_local and "LocalSecondaryIndexes" or "GlobalSecondaryIndexes"]
    kind[#kind + 1] = index
  end
  for kind, list in pairs(indexes) do
    if #list > 0 then described[kind] = tools.array(list) end
  end
  local definitions = {}
  for _, attribute in ipairs(sorted_keys(types)) do
    definitions[#definitions + 1] = { AttributeName = attribute, AttributeType = types[attribute] }
  end
  described.AttributeDefinitions = tools.array(definitions)
  if options.stream then
    local view = options.stream == true and "NEW_AND_OLD_IMAGES" or options.stream
    described.StreamSpecification = { StreamViewType = view }
  end
  if options.ttl then described.TimeToLiveSpecification = { AttributeName = options.ttl, Enabled = true } end
  if options.protected then described.DeletionProtectionEnabled = true end
  if options.recovery then
    local days = options.recovery ~= true and options.recovery or nil
    described.PointInTimeRecoverySpecification = { PointInTimeRecoveryEnabled = true, RecoveryPeriodInDays = days }
  end
  local tags = {}
  for key, value in pairs(options.tags or {}) do tags[key] = tostring(value) end
  local throughput = options.throughput
  if throughput and throughput.enforced then tags["moonbase:throughput"] = "enforced" end
  if throughput and (throughput.max_read or throughput.max_write) then
    if throughput.read or throughput.write then
      error({ message = "throughput is provisioned (read, write) or on demand (max_read, max_write)" }, 0)
    end
    described.OnDemandThroughput =
      { MaxReadRequestUnits = throughput.max_read, MaxWriteRequestUnits = throughput.max_write }
  elseif throughput then
    local read, write = throughput.read, throughput.write
    if not read or not write then error({ message = "throughput takes { read = 5, write = 5 }" }, 0) end
    described.BillingMode = "PROVISIONED"
    described.ProvisionedThroughput = { ReadCapacityUnits = read, WriteCapacityUnits = write }
    for _, index in ipairs(described.GlobalSecondaryIndexes or {}) do
      index.ProvisionedThroughput = described.ProvisionedThroughput
    end
  end
  if next(tags) then
    described.Tags = tools.array {}
    for _, key in ipairs(sorted_keys(tags)) do described.Tags[#described.Tags + 1] = { Key = key, Value = tags[key] } end
  end
  return described
end

local function stream_specification(described)
  local stream = described.StreamSpecification
  return stream and { StreamEnabled = true, StreamViewType = stream.StreamViewType } or nil
end

local function attributes_of(call, name)
  local table_description = call("dynamodb", "DescribeTable", { TableName = name }).Table
  return { arn = table_description.TableArn, name = name, stream_arn = table_description.LatestStreamArn }
end

local function create(call, name, described)
  call("dynamodb", "CreateTable", {
    TableName = name, BillingMode = described.BillingMode, KeySchema = described.KeySchema,
    AttributeDefinitions = described.AttributeDefinitions,
    GlobalSecondaryIndexes = described.GlobalSecondaryIndexes,
    LocalSecondaryIndexes = described.LocalSecondaryIndexes,
    StreamSpecification = stream_specification(described),
    DeletionProtectionEnabled = described.DeletionProtectionEnabled,
    ProvisionedThroughput = described.ProvisionedThroughput, OnDemandThroughput = described.OnDemandThroughput,
    Tags = described.Tags,
  })
  if described.TimeToLiveSpecification then
    call("dynamodb", "UpdateTimeToLive",
      { TableName = name, TimeToLiveSpecification = described.TimeToLiveSpecification })
  end
  if described.PointInTimeRecoverySpecification then
    call("dynamodb", "UpdateContinuousBackups",
      { TableName = name, PointInTimeRecoverySpecification = described.PointInTimeRecoverySpecification })
  end
  return attributes_of(call, name)
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do if not same(value, b[key]) then return false end end
  for key in pairs(b) do if a[key] == nil then return false end end
  return true
end

-- A key schema with the types of its attributes: DynamoDB keeps them elsewhere.
local function typed_key(described, schema)
  local types, key = {}, {}
  for _, definition in ipairs(described.AttributeDefinitions) do
    types[definition.AttributeName] = definition.AttributeType
  end
  for i, element in ipairs(schema) do key[i] = element.AttributeName .. ":" .. types[element.AttributeName] end
  return key
end

local function same_index(before, old, after, new)
  return old and new and same(old.Projection, new.Projection)
    and same(typed_key(before, old.KeySchema), typed_key(after, new.KeySchema))
end

local function by_name(indexes)
  local names = {}
  for _, index in ipairs(indexes or {}) do names[index.IndexName] = index end
  return names
end

local function update(call, name, before, after, _, tools)
  local old, new = by_name(before.GlobalSecondaryIndexes), by_name(after.GlobalSecondaryIndexes)
  local function change(input)
    input.TableName = name
    call("dynamodb", "UpdateTable", input)
  end
  for _, index in ipairs(sorted_keys(old)) do
    if not same_index(before, old[index], after, new[index]) then
      change { GlobalSecondaryIndexUpdates = tools.array { { Delete = { IndexName = index } } } }
    end
  end
  for _, index in ipairs(sorted_keys(new)) do
    if not same_index(before, old[index], after, new[index]) then
      change { AttributeDefinitions = after.AttributeDefinitions,
               GlobalSecondaryIndexUpdates = tools.array { { Create = new[index] } } }
    end
  end
  if not same(before.StreamSpecification, after.StreamSpecification) then
    if before.StreamSpecification then change { StreamSpecification = { StreamEnabled = false } } end
    if after.StreamSpecification then change { StreamSpecification = stream_specification(after) } end
  end
  if not same(before.ProvisionedThroughput, after.ProvisionedThroughput) then
    local updates = {}
    for _, index in ipairs(sorted_keys(new)) do
      if after.ProvisionedThroughput and old[index] and same_index(before, old[index], after, new[index]) then
        updates[#updates + 1] =
          { Update = { IndexName = index, ProvisionedThroughput = after.ProvisionedThroughput } }
      end
    end
    change { BillingMode = after.BillingMode, ProvisionedThroughput = after.ProvisionedThroughput,
             GlobalSecondaryIndexUpdates = updates[1] and tools.array(updates) or nil }
  end
  -- Provisioned tables have lost their limits already.
  if not same(before.OnDemandThroughput, after.OnDemandThroughput) and not after.ProvisionedThroughput then
    local limits = after.OnDemandThroughput or {}
    change { OnDemandThroughput = { MaxReadRequestUnits = limits.MaxReadRequestUnits or -1,
                                    MaxWriteRequestUnits = limits.MaxWriteRequestUnits or -1 } }
  end
  if not same(before.Tags, after.Tags) then
    local arn, old_keys = attributes_of(call, name).arn, {}
    for _, tag in ipairs(before.Tags or {}) do old_keys[#old_keys + 1] = tag.Key end
    if old_keys[1] then call("dynamodb", "UntagResource", { ResourceArn = arn, TagKeys = tools.array(old_keys) }) end
    if after.Tags then call("dynamodb", "TagResource", { ResourceArn = arn, Tags = after.Tags }) end
  end
  local recovery = after.PointInTimeRecoverySpecification
  if not same(before.PointInTimeRecoverySpecification, recovery) then
    call("dynamodb", "UpdateContinuousBackups", { TableName = name,
      PointInTimeRecoverySpecification = recovery or { PointInTimeRecoveryEnabled = false } })
  end
  if before.DeletionProtectionEnabled ~= after.DeletionProtectionEnabled then
    change { DeletionProtectionEnabled = after.DeletionProtectionEnabled or false }
  end
  local old_ttl, new_ttl = before.TimeToLiveSpecification, after.TimeToLiveSpecification
  if not same(old_ttl, new_ttl) then
    if old_ttl then
      call("dynamodb", "UpdateTimeToLive",
        { TableName = name, TimeToLiveSpecification = { AttributeName = old_ttl.AttributeName, Enabled = false } })
    end
    if new_ttl then call("dynamodb", "UpdateTimeToLive", { TableName = name, TimeToLiveSpecification = new_ttl }) end
  end
  return attributes_of(call, name)
end

-- orders:on_change(function(event) … end), orders:on_change({ batch = 10, filter = { … } }, handler): the handler gets
-- what changes, in order. A handler that is a function becomes a function of the stack.
local function on_change(handle, options, handler)
  if handler == nil and (type(options) == "function" or (type(options) == "table" and options.options)) then
    options, handler = {}, options
  end
  -- The stream is the table's option; whoever wants its changes need not say so twice.
  if not handle.options.stream then handle.options.stream = true end
  local count = (rawget(handle, "changes") or 0) + 1
  rawset(handle, "changes", count)
  local name = handle.name .. "-changes" .. (count > 1 and "-" .. count or "")
  if type(handler) == "function" then handler = handle.stack.declare("fn", name, { handler = handler }, 2) end
  local source = { source = handle, attribute = "stream_arn", handler = handler, from = "LATEST" }
  for key, value in pairs(options) do source[key] = value end
  handle.stack.declare("event_source", name, source, 2)
  return handle
end

return function(vocabulary)
  local tables = vocabulary.shared.tables
  sorted_keys = tables.sorted_keys
  vocabulary.resource {
    constructor = "table", type = "AWS::DynamoDB::Table", service = "dynamodb", keeps_data = true,
    options = {
      key = { type = "string|table", required = true, doc = "\"id:S\" or { \"pk:S\", \"sk:N\" }." },
      indexes = {
        type = "table",
        doc = "name = { key = { \"a:S\", \"b:N\" }, projects = \"all\", \"keys\" or { … }, [\"local\"] = true }; "
          .. "a part of a global one's key may be a list.",
      },
      ttl = { type = "string", doc = "The attribute with the second (since 1970) in which an item expires." },
      stream = { type = "string|boolean", doc = "KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or NEW_AND_OLD_IMAGES (true)." },
      protected = { type = "boolean", doc = "The table cannot be deleted." },
      recovery = { type = "boolean|integer", doc = "Restorable to any second of the last 35, or so many, days." },
      throughput = {
        type = "table",
        doc = "{ read = 5, write = 5, enforced = true }: provisioned units a second, of the table and each index; "
          .. "{ max_read = 5, max_write = 5, enforced = true }: the table's most on demand.",
      },
      tags = { type = "table" },
    },
    properties = properties,
    create = create,
    read = function(call, name) return attributes_of(call, name) end,
    update = update,
    replaces = function(before, after)
      return not same(typed_key(before, before.KeySchema), typed_key(after, after.KeySchema))
        or not same(before.LocalSecondaryIndexes, after.LocalSecondaryIndexes)
    end,
    delete = function(call, name) call("dynamodb", "DeleteTable", { TableName = name }) end,
    methods = tables.methods,
    configures = { on_change = on_change },
  }
end
