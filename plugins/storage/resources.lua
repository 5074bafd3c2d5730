-- Stack vocabulary of storage: tables.
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

-- --- values ---------------------------------------------------------------------------------------

local set_methods, number_methods, binary_methods = {}, {}, {}
set_methods.__index, number_methods.__index, binary_methods.__index = set_methods, number_methods, binary_methods

---@param member any
---@return boolean
function set_methods:has(member)
  for _, one in ipairs(self) do if one == member then return true end end
  return false
end
number_methods.__tostring = function(number) return number.text end
number_methods.__eq = function(a, b) return a.text == b.text end
number_methods.__lt = function(a, b) return tonumber(a.text) < tonumber(b.text) end

-- The shortest text that reads back as the same number.
local function number_text(number)
  if number ~= number or number == math.huge or number == -math.huge then
    error({ code = "ValidationException", message = "a table holds no number like " .. tostring(number) }, 0)
  end
  for digits = 15, 17 do
    local text = ("%." .. digits .. "g"):format(number)
    if tonumber(text) == number then return text end
  end
end

-- A number as DynamoDB writes it ("0.001", "1200") is a Lua number if that loses nothing.
local function read_number(text)
  local digits = text:gsub("[-.]", ""):gsub("^0+", ""):gsub("0+$", "")
  if #digits <= 15 then return tonumber(text) end
  return setmetatable({ text = text }, number_methods)
end

local letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local function to_base64(bytes)
  local out = {}
  for at = 1, #bytes, 3 do
    local a, b, c = bytes:byte(at, at + 2)
    local group = a * 65536 + (b or 0) * 256 + (c or 0)
    for place = 0, 3 do
      local digit = math.floor(group / 64 ^ (3 - place)) % 64
      out[#out + 1] = (place == 2 and not b or place == 3 and not c) and "=" or letters:sub(digit + 1, digit + 1)
    end
  end
  return table.concat(out)
end
local values_of_letters = {}
for at = 1, #letters do values_of_letters[letters:byte(at)] = at - 1 end
local function from_base64(text)
  local out, group, bits = {}, 0, 0
  for at = 1, #text do
    local value = values_of_letters[text:byte(at)]
    if value then
      group, bits = group * 64 + value, bits + 6
      if bits >= 8 then
        bits = bits - 8
        out[#out + 1] = string.char(math.floor(group / 2 ^ bits))
        group = group % 2 ^ bits
      end
    end
  end
  return table.concat(out)
end

local function is_list(value)
  if #value > 0 then return true end
  local mark = array and getmetatable(array {})
  return mark ~= nil and getmetatable(value) == mark
end

local to_attribute

local function set_attribute(set)
  local members, type_name = {}, "SS"
  for i, member in ipairs(set) do
    if getmetatable(member) == binary_methods then
      members[i], type_name = to_base64(member.bytes), "BS"
    elseif getmetatable(member) == number_methods then
      members[i], type_name = member.text, "NS"
    elseif type(member) == "number" then
      members[i], type_name = number_text(member), "NS"
    else
      members[i] = tostring(member)
    end
  end
  return { [type_name] = array(members) }
end

-- A Lua value as an AttributeValue in AWS JSON.
function to_attribute(value)
  local kind = type(value)
  if value == null then return { NULL = true } end
  if kind == "string" then return { S = value } end
  if kind == "number" then return { N = number_text(value) } end
  if kind == "boolean" then return { BOOL = value } end
  if kind ~= "table" then
    error({ code = "ValidationException", message = "a table holds no " .. kind }, 0)
  end
  local meta = getmetatable(value)
  if meta == set_methods then return set_attribute(value) end
  if meta == number_methods then return { N = value.text } end
  if meta == binary_methods then return { B = to_base64(value.bytes) } end
  if is_list(value) then
    local list = {}
    for i = 1, #value do list[i] = to_attribute(value[i]) end
    return { L = array(list) }
  end
  local members = {}
  for key, member in pairs(value) do members[tostring(key)] = to_attribute(member) end
  return { M = members }
end

local function to_item(value)
  local item = {}
  for name, attribute in pairs(value) do item[tostring(name)] = to_attribute(attribute) end
  return item
end

local from_attribute

local function from_item(item)
  local value = {}
  for name, attribute in pairs(item) do value[name] = from_attribute(attribute) end
  return value
end

function from_attribute(attribute)
  local type_name, content = next(attribute)
  if type_name == "S" or type_name == "BOOL" then return content end
  if type_name == "N" then return read_number(content) end
  if type_name == "NULL" then return null end
  if type_name == "M" then return from_item(content) end
  if type_name == "B" then return setmetatable({ bytes = from_base64(content) }, binary_methods) end
  local list = {}
  for i = 1, #content do
    if type_name == "L" then
      list[i] = from_attribute(content[i])
    elseif type_name == "NS" then
      list[i] = read_number(content[i])
    elseif type_name == "BS" then
      list[i] = setmetatable({ bytes = from_base64(content[i]) }, binary_methods)
    else
      list[i] = content[i]
    end
  end
  if type_name == "L" then return array(list) end
  return setmetatable(list, set_methods)
end

local function from_items(items)
  local list = {}
  for i = 1, #items do list[i] = from_item(items[i]) end
  return array(list)
end

-- --- expressions ----------------------------------------------------------------------------------

-- Gathers names and values, so that every attribute name may be written as it is.
local function new_expression()
  local self = { names = {}, values = {}, name_count = 0, value_count = 0, known = {} }
  function self.path(text)
    local parts = {}
    for part in tostring(text):gmatch("[^.]+") do
      local name, index = part:match("^(.-)(%[[%d%[%]]*%])$")
      name = name or part
      if not self.known[name] then
        self.known[name] = "#n" .. self.name_count
        self.names["#n" .. self.name_count] = name
        self.name_count = self.name_count + 1
      end
      parts[#parts + 1] = self.known[name] .. (index or "")
    end
    return table.concat(parts, ".")
  end
  function self.value(value)
    local key = ":v" .. self.value_count
    self.value_count = self.value_count + 1
    self.values[key] = to_attribute(value)
    return key
  end
  -- Names and values that the caller wrote into a text of their own.
  function self.add(options)
    for key, name in pairs(options.names or {}) do self.names[("#" .. key):gsub("^##", "#")] = name end
    for key, value in pairs(options.values or {}) do
      self.values[(":" .. key):gsub("^::", ":")] = to_attribute(value)
    end
  end
  function self.into(input)
    if next(self.names) then input.ExpressionAttributeNames = self.names end
    if next(self.values) then input.ExpressionAttributeValues = self.values end
    return input
  end
  return self
end

local comparisons = { ["="] = true, ["<>"] = true, ["<"] = true, ["<="] = true, [">"] = true, [">="] = true }
local functions = { begins_with = "begins_with", contains = "contains", type = "attribute_type" }

local function one_condition(expression, attribute, wanted)
  local path = expression.path(attribute)
  local operator = type(wanted) == "table" and getmetatable(wanted) == nil and wanted[1]
  if comparisons[operator] then return ("%s %s %s"):format(path, operator, expression.value(wanted[2])) end
  if functions[operator] then return ("%s(%s, %s)"):format(functions[operator], path, expression.value(wanted[2])) end
  if operator == "between" then
    return ("%s BETWEEN %s AND %s"):format(path, expression.value(wanted[2]), expression.value(wanted[3]))
  elseif operator == "in" then
    local options = {}
    for i, option in ipairs(wanted[2]) do options[i] = expression.value(option) end
    return ("%s IN (%s)"):format(path, table.concat(options, ", "))
  elseif operator == "size" then
    return ("size(%s) %s %s"):format(path, wanted[2], expression.value(wanted[3]))
  elseif operator == "present" then
    return ("attribute_exists(%s)"):format(path)
  elseif operator == "absent" then
    return ("attribute_not_exists(%s)"):format(path)
  end
  return ("%s = %s"):format(path, expression.value(wanted))
end

-- Attributes in the order of their names, so that equal conditions have equal texts.
local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  return keys
end

local function conditions(expression, wanted)
  if type(wanted) == "string" then return wanted end
  local texts = {}
  for _, attribute in ipairs(sorted_keys(wanted)) do
    texts[#texts + 1] = one_condition(expression, attribute, wanted[attribute])
  end
  return table.concat(texts, " AND ")
end

-- if_absent, if_present and when, joined.
local function write_condition(expression, options)
  local texts = {}
  local function each(names, form)
    for _, name in ipairs(type(names) == "table" and names or { names }) do
      texts[#texts + 1] = form:format(expression.path(name))
    end
  end
  each(options.if_absent, "attribute_not_exists(%s)")
  each(options.if_present, "attribute_exists(%s)")
  if options.when then
    local text = conditions(expression, options.when)
    if text ~= "" then texts[#texts + 1] = #texts > 0 and "(" .. text .. ")" or text end
  end
  expression.add(options)
  return #texts > 0 and table.concat(texts, " AND ") or nil
end

local function projection(expression, attributes)
  if not attributes then return nil end
  local paths = {}
  for i, attribute in ipairs(attributes) do paths[i] = expression.path(attribute) end
  return table.concat(paths, ", ")
end

local function update_text(expression, changes)
  local sections = {}
  local function section(word, map, form)
    local texts = {}
    for _, attribute in ipairs(sorted_keys(map or {})) do texts[#texts + 1] = form(attribute, map[attribute]) end
    if #texts > 0 then sections[#sections + 1] = { word, texts } end
    return texts
  end
  local sets = {}
  for _, attribute in ipairs(sorted_keys(changes.set or {})) do
    sets[#sets + 1] = expression.path(attribute) .. " = " .. expression.value(changes.set[attribute])
  end
  for _, attribute in ipairs(sorted_keys(changes.set_if_absent or {})) do
    local path = expression.path(attribute)
    local value = expression.value(changes.set_if_absent[attribute])
    sets[#sets + 1] = ("%s = if_not_exists(%s, %s)"):format(path, path, value)
  end
  for _, attribute in ipairs(sorted_keys(changes.append or {})) do
    local path = expression.path(attribute)
    local empty = expression.value(array {})
    sets[#sets + 1] = ("%s = list_append(if_not_exists(%s, %s), %s)"):format(
      path, path, empty, expression.value(array(changes.append[attribute])))
  end
  if #sets > 0 then sections[#sections + 1] = { "SET", sets } end
  local removes = {}
  for _, attribute in ipairs(changes.remove or {}) do removes[#removes + 1] = expression.path(attribute) end
  if #removes > 0 then sections[#sections + 1] = { "REMOVE", removes } end
  local function with_value(attribute, value) return expression.path(attribute) .. " " .. expression.value(value) end
  section("ADD", changes.add, with_value)
  section("DELETE", changes.delete, with_value)
  for i, parts in ipairs(sections) do sections[i] = parts[1] .. " " .. table.concat(parts[2], ", ") end
  return #sections > 0 and table.concat(sections, " ") or nil
end

-- --- handle methods -------------------------------------------------------------------------------

local known_options = {
  get = { consistent = true, attributes = true },
  put = { if_absent = true, if_present = true, when = true, names = true, values = true, returns = true },
  update = { set = true, set_if_absent = true, append = true, add = true, remove = true, delete = true,
             if_absent = true, if_present = true, when = true, names = true, values = true, returns = true },
  query = { index = true, limit = true, reverse = true, filter = true, attributes = true, after = true,
            consistent = true, count = true, names = true, values = true, segment = true, segments = true },
}
known_options.delete = known_options.put

local function checked(method, options)
  for key in pairs(options or {}) do
    if not known_options[method][key] then
      error(("%s takes no option %q"):format(method, tostring(key)), 3)
    end
  end
  return options or {}
end

local methods = {}

---@return table? item
function methods.get(handle, key, options)
  options = checked("get", options)
  local expression = new_expression()
  local output = handle.call("GetItem", expression.into {
    TableName = handle.name, Key = to_item(key), ConsistentRead = options.consistent,
    ProjectionExpression = projection(expression, options.attributes),
  })
  return output.Item and from_item(output.Item)
end

---@return table? before the item that was there, with returns = "old"
function methods.put(handle, item, options)
  options = checked("put", options)
  local expression = new_expression()
  local condition = write_condition(expression, options)
  local output = handle.call("PutItem", expression.into {
    TableName = handle.name, Item = to_item(item), ConditionExpression = condition,
    ReturnValues = options.returns == "old" and "ALL_OLD" or nil,
  })
  return output.Attributes and from_item(output.Attributes)
end

---@return table? item as it is now, or with returns = "old" as it was
function methods.update(handle, key, changes)
  changes = checked("update", changes)
  local expression = new_expression()
  local update = update_text(expression, changes)
  local condition = write_condition(expression, changes)
  local output = handle.call("UpdateItem", expression.into {
    TableName = handle.name, Key = to_item(key), UpdateExpression = update, ConditionExpression = condition,
    ReturnValues = changes.returns == "old" and "ALL_OLD" or "ALL_NEW",
  })
  return output.Attributes and from_item(output.Attributes)
end

---@return table? before the item that was there
function methods.delete(handle, key, options)
  options = checked("delete", options)
  local expression = new_expression()
  local condition = write_condition(expression, options)
  local output = handle.call("DeleteItem", expression.into {
    TableName = handle.name, Key = to_item(key), ConditionExpression = condition, ReturnValues = "ALL_OLD",
  })
  return output.Attributes and from_item(output.Attributes)
end

local function read_page(handle, operation, expression, input, options)
  input.TableName = handle.name
  input.IndexName = options.index
  input.Limit = options.limit
  input.ConsistentRead = options.consistent
  input.Select = options.count and "COUNT" or nil
  input.ExclusiveStartKey = options.after and to_item(options.after) or nil
  input.ProjectionExpression = projection(expression, options.attributes)
  if options.filter then input.FilterExpression = conditions(expression, options.filter) end
  expression.add(options)
  local output = handle.call(operation, expression.into(input))
  return {
    items = output.Items and from_items(output.Items), count = output.Count, scanned = output.ScannedCount,
    after = output.LastEvaluatedKey and from_item(output.LastEvaluatedKey),
  }
end

---@class moonbase.Page
---@field items table[]  with count = true there are none
---@field count integer
---@field scanned integer  how many were looked at, before the filter
---@field after? table  what to give as `after` for the next page

---@return moonbase.Page
function methods.query(handle, key, options)
  options = checked("query", options)
  local expression = new_expression()
  local input = { KeyConditionExpression = conditions(expression, key) }
  if options.reverse then input.ScanIndexForward = false end
  return read_page(handle, "Query", expression, input, options)
end

---@return moonbase.Page
function methods.scan(handle, options)
  options = checked("query", options)
  return read_page(handle, "Scan", new_expression(), { Segment = options.segment, TotalSegments = options.segments },
    options)
end

-- Every item of a query (or, without a key, of the whole table), page by page:
-- for item in orders:each({ pk = "a" }) do … end
function methods.each(handle, key, options)
  local settings, items, at, finished = {}, {}, 0, false
  for name, value in pairs(options or {}) do settings[name] = value end
  return function()
    while at >= #items do
      if finished then return nil end
      local page = key and methods.query(handle, key, settings) or not key and methods.scan(handle, settings)
      items, at, settings.after, finished = page.items, 0, page.after, page.after == nil
    end
    at = at + 1
    return items[at]
  end
end

-- How many keys and items one Call takes.
local batch_keys, batch_writes = 100, 25

-- The items of many keys, in no particular order; keys without an item are left out.
---@return table[] items
function methods.batch_get(handle, keys)
  local items, waiting = {}, {}
  for i, key in ipairs(keys) do waiting[i] = to_item(key) end
  while #waiting > 0 do
    local now = {}
    while #waiting > 0 and #now < batch_keys do now[#now + 1] = table.remove(waiting) end
    local output = handle.call("BatchGetItem", { RequestItems = { [handle.name] = { Keys = array(now) } } })
    for _, item in ipairs(output.Responses[handle.name] or {}) do items[#items + 1] = from_item(item) end
    local left = output.UnprocessedKeys and output.UnprocessedKeys[handle.name]
    for _, key in ipairs(left and left.Keys or {}) do waiting[#waiting + 1] = key end
  end
  return items
end

-- Puts many items and deletes many keys, 25 a Call: orders:batch_write { put = { … }, delete = { … } }
function methods.batch_write(handle, writes)
  local waiting = {}
  for _, item in ipairs(writes.put or {}) do waiting[#waiting + 1] = { PutRequest = { Item = to_item(item) } } end
  for _, key in ipairs(writes.delete or {}) do waiting[#waiting + 1] = { DeleteRequest = { Key = to_item(key) } } end
  local at = 1
  while at <= #waiting do
    local now = {}
    while at <= #waiting and #now < batch_writes do
      now[#now + 1] = waiting[at]
      at = at + 1
    end
    local output = handle.call("BatchWriteItem", { RequestItems = { [handle.name] = array(now) } })
    local left = output.UnprocessedItems and output.UnprocessedItems[handle.name]
    for _, request in ipairs(left or {}) do waiting[#waiting + 1] = request end
  end
end

-- All or nothing, also across tables. Steps name their table unless it is this one:
-- orders:transact { { put = { … }, if_absent = "pk" }, { update = key, set = { … }, table = stock },
--                   { delete = key }, { check = key, when = { … }, table = users } }
function methods.transact(handle, steps)
  local actions = {}
  for i, step in ipairs(steps) do
    local expression = new_expression()
    local update = step.update and update_text(expression, { set = step.set, set_if_absent = step.set_if_absent,
      append = step.append, add = step.add, remove = step.remove, delete = step.delete_members })
    local action = {
      TableName = (step.table or handle).name, UpdateExpression = update,
      ConditionExpression = write_condition(expression, step),
    }
    local kind
    if step.put then
      kind, action.Item = "Put", to_item(step.put)
    else
      kind = step.update and "Update" or step.delete and "Delete" or step.check and "ConditionCheck"
      if not kind then error("a step has put, update, delete or check", 2) end
      action.Key = to_item(step.update or step.delete or step.check)
    end
    actions[i] = { [kind] = expression.into(action) }
  end
  handle.call("TransactWriteItems", { TransactItems = array(actions) })
end

function methods.set(_, members) return setmetatable({ unpack(members) }, set_methods) end
function methods.number(_, text) return setmetatable({ text = tostring(text) }, number_methods) end
function methods.binary(_, bytes) return setmetatable({ bytes = bytes }, binary_methods) end

-- --- the resource ---------------------------------------------------------------------------------

-- "pk:S" → name and type.
local function key_attribute(text)
  local name, type_name = text:match("^(.+):([SNB])$")
  if not name then error({ message = ("%q is no key: write it as \"name:S\", with S, N or B"):format(text) }, 0) end
  return name, type_name
end

local function key_schema(keys, types, tools)
  local schema = {}
  for i, text in ipairs(type(keys) == "table" and keys or { keys }) do
    local name, type_name = key_attribute(text)
    if types[name] and types[name] ~= type_name then
      error({ message = ("%s is %s in one key and %s in another"):format(name, types[name], type_name) }, 0)
    end
    types[name] = type_name
    schema[i] = { AttributeName = name, KeyType = i == 1 and "HASH" or "RANGE" }
  end
  if #schema < 1 or #schema > 2 then error({ message = "a key has one or two attributes" }, 0) end
  return tools.array(schema)
end

local function index_properties(name, index, types, tools)
  if type(index) ~= "table" then index = { key = index } end
  if not index.key then index = { key = index } end
  local projects = index.projects or "all"
  local projection_properties = { ProjectionType = ({ all = "ALL", keys = "KEYS_ONLY" })[projects] or "INCLUDE" }
  if type(projects) == "table" then projection_properties.NonKeyAttributes = tools.array(projects) end
  return { IndexName = name, KeySchema = key_schema(index.key, types, tools), Projection = projection_properties }
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
  if options.throughput then
    local read, write = options.throughput.read, options.throughput.write
    if not read or not write then error({ message = "throughput takes { read = 5, write = 5 }" }, 0) end
    described.BillingMode = "PROVISIONED"
    described.ProvisionedThroughput = { ReadCapacityUnits = read, WriteCapacityUnits = write }
    if options.throughput.enforced then tags["moonbase:throughput"] = "enforced" end
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
    ProvisionedThroughput = described.ProvisionedThroughput, Tags = described.Tags,
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
  vocabulary.resource {
    constructor = "table", type = "AWS::DynamoDB::Table", service = "dynamodb", keeps_data = true,
    options = {
      key = { type = "string|table", required = true, doc = "\"id:S\" or { \"pk:S\", \"sk:N\" }." },
      indexes = {
        type = "table",
        doc = "name = { key = { \"a:S\", \"b:N\" }, projects = \"all\", \"keys\" or { … }, [\"local\"] = true }.",
      },
      ttl = { type = "string", doc = "The attribute with the second (since 1970) in which an item expires." },
      stream = { type = "string|boolean", doc = "KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or NEW_AND_OLD_IMAGES (true)." },
      protected = { type = "boolean", doc = "The table cannot be deleted." },
      recovery = { type = "boolean|integer", doc = "Restorable to any second of the last 35, or so many, days." },
      throughput = {
        type = "table",
        doc = "{ read = 5, write = 5, enforced = true }: provisioned units a second, of the table and each index.",
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
    methods = methods,
    configures = { on_change = on_change },
  }
end
