-- Tables in a handler: items as plain Lua, and the texts of expressions. The first of three chunks; resources.lua is
-- the last and says how it looks from a stack.

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

-- What makes such values, on a table's handle.
local methods = {}
function methods.set(_, members) return setmetatable({ unpack(members) }, set_methods) end
function methods.number(_, text) return setmetatable({ text = tostring(text) }, number_methods) end
function methods.binary(_, bytes) return setmetatable({ bytes = bytes }, binary_methods) end

return function(vocabulary)
  vocabulary.shared.tables = {
    to_item = to_item, from_item = from_item, from_items = from_items, new_expression = new_expression,
    conditions = conditions, write_condition = write_condition, projection = projection, update_text = update_text,
    sorted_keys = sorted_keys,
    methods = methods,
  }
end
