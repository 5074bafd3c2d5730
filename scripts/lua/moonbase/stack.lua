-- The stack language, the same in both passes.
--
-- Configuration pass (in the kernel): constructors record resources; the result is a graph.
-- Run pass (in an execution environment): the same chunk runs again and the constructors return
-- clients, so what a handler captured works as it stands.
--
-- A plugin adds words with resources.lua, a chunk that returns function(vocabulary):
--
--   return function(vocabulary)
--     vocabulary.resource {
--       constructor = "queue",             -- s.queue "name" { … }
--       type = "AWS::SQS::Queue",          -- what CloudFormation calls it
--       service = "sqs",                   -- the service that the client's calls go to
--       options = { visibility = { type = "integer", doc = "Seconds." }, … },
--       properties = function(name, options, tools) return { QueueName = name, … } end,
--       create = function(call, name, properties, tools) return { arn = …, url = … } end,
--       read   = function(call, name, attributes) return attributes or nil end,
--       update = function(call, name, before, properties, attributes, tools) return attributes end,
--       delete = function(call, name, attributes) end,
--       keeps_data = true,                 -- never replaced without being asked
--       methods = { send = function(handle, body) return handle.call("SendMessage", { … }) end },
--       configures = { on_message = function(handle, …) … end },  -- words on a handle, in both passes
--     }
--   end
--
-- A vocabulary may be several chunks, in the order in which the plugin registers them: what an earlier one makes for a
-- later one stands in vocabulary.shared, under a name of the plugin's.
--
-- vocabulary.json(value) is JSON text for properties: the same for equal data, in any order of keys.
--
-- `call(service, operation, input)` makes a Call and raises { code, message } on an error. In the
-- properties, tools.ref(handle, "arn") stands for an attribute that is known once the resource exists.

---@class moonbase.Host what the program that runs the pass gives
---@field mode "configure"|"run"
---@field vocabulary { name: string, text: string }[]
---@field load fun(text: string, name: string): function?, string?  text chunks only
---@field call fun(service: string, operation: string, input: table): table
---@field location? fun(level: integer): string, integer  file and line of a caller (configuration pass)
---@field upvalues? fun(handler: function): any[]  what a function captures (configuration pass)
---@field array? fun(list: table): table  marks a list that may be empty

return function(host)
  local definitions = {}  -- By constructor.
  local stack_of = setmetatable({}, { __mode = "k" })  -- Handle → its resource.

  local function where(level)
    if not host.location then return "stack", 0 end
    local file, line = host.location(level + 1)  -- No tail call: levels are counted.
    return file, line
  end

  -- Raises an error that names the stack's own line.
  local function refuse(resource, message)
    error({ moonbase = true, file = resource.file, line = resource.line, message = message }, 0)
  end

  -- Edit distance, for "did you mean".
  local function distance(a, b)
    local row = {}
    for j = 0, #b do row[j] = j end
    for i = 1, #a do
      local diagonal = row[0]
      row[0] = i
      for j = 1, #b do
        local above = row[j]
        local cost = a:byte(i) == b:byte(j) and 0 or 1
        row[j] = math.min(above + 1, row[j - 1] + 1, diagonal + cost)
        diagonal = above
      end
    end
    return row[#b]
  end

  local function nearest(word, words, prefix)
    local best, best_distance = nil, math.huge
    local sorted = {}
    for known in pairs(words) do sorted[#sorted + 1] = known end
    table.sort(sorted)
    for _, known in ipairs(sorted) do
      local d = distance(tostring(word), known)
      if d < best_distance then best, best_distance = known, d end
    end
    if best and best_distance <= math.max(2, math.floor(#best / 2)) then
      return (" Did you mean %s?"):format((prefix or "") .. best)
    end
    for i, known in ipairs(sorted) do sorted[i] = (prefix or "") .. known end
    return sorted[1] and (" It knows: %s."):format(table.concat(sorted, ", ")) or ""
  end

  local tools = {}
  function tools.is_handle(value) return type(value) == "table" and stack_of[value] ~= nil end
  function tools.resource(handle) return stack_of[handle] end
  -- What s.queue "jobs" answered: tools.handle(stack, "queue", "jobs").
  function tools.handle(stack, constructor, name) return stack.by_id[constructor .. "/" .. name].handle end
  function tools.ref(handle, attribute)
    local resource = stack_of[handle]
    return { ["$ref"] = resource.id, attribute = attribute or "arn" }
  end
  -- Resources are made in order of declaration: this one after all that were declared until now.
  function tools.move_last(stack, resource)
    for position, other in ipairs(stack.resources) do
      if other == resource then
        table.remove(stack.resources, position)
        break
      end
    end
    stack.resources[#stack.resources + 1] = resource
  end
  function tools.array(list) return host.array and host.array(list) or list end
  -- What the host gives to resources that carry code: all false outside the configuration pass.
  --   package(): bytes of a zip of the stack's own files; package_digest(): text that changes with them;
  --   files(path): name → bytes of a file or folder beside the stack; zip(files): bytes;
  --   base64(bytes), digest(bytes): text.
  for _, name in ipairs { "package", "package_digest", "files", "zip", "base64", "digest" } do
    tools[name] = host[name] or false
  end
  function tools.refuse(handle, message) refuse(stack_of[handle] or handle, message) end
  tools.nearest = nearest

  local vocabulary = { shared = {} }
  -- JSON text of plain data, keys in order: equal data are equal texts. A table without elements is an object.
  function vocabulary.json(value)
    local kind = type(value)
    if kind == "string" then
      return '"' .. value:gsub('[%c"\\]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
    elseif kind == "number" then
      return value % 1 == 0 and ("%d"):format(value) or ("%.17g"):format(value)
    elseif kind ~= "table" then
      return kind == "boolean" and tostring(value) or "null"
    end
    local parts = {}
    if #value > 0 then
      for i, element in ipairs(value) do parts[i] = vocabulary.json(element) end
      return "[" .. table.concat(parts, ",") .. "]"
    end
    local keys = {}
    for key in pairs(value) do
      if type(key) ~= "string" then error({ message = "a list has no gaps, and an object has texts for keys" }, 0) end
      keys[#keys + 1] = key
    end
    table.sort(keys)
    for i, key in ipairs(keys) do parts[i] = vocabulary.json(key) .. ":" .. vocabulary.json(value[key]) end
    return "{" .. table.concat(parts, ",") .. "}"
  end
  function vocabulary.resource(definition)
    assert(type(definition.constructor) == "string", "a resource needs a constructor")
    assert(not definitions[definition.constructor], "two plugins define s." .. definition.constructor)
    definitions[definition.constructor] = definition
  end
  for _, chunk in ipairs(host.vocabulary) do
    local loaded, problem = host.load(chunk.text, "=" .. chunk.name)
    if not loaded then error(problem, 0) end
    loaded()(vocabulary)
  end

  local function check_type(resource, key, value, option)
    local wanted = option.type
    if not wanted or tools.is_handle(value) then return end
    local kind = type(value)
    for alternative in wanted:gmatch("[%a_]+") do
      if alternative == kind or alternative == "any" then return end
      if alternative == "integer" and kind == "number" and value % 1 == 0 then return end
      if alternative == "handler" and kind == "function" then return end
    end
    refuse(resource, ("%s of s.%s %q is a %s; it takes %s.%s"):format(
      key, resource.constructor, resource.name, kind, wanted:gsub("|", " or "), option.doc and " " .. option.doc or ""))
  end

  local function check_options(resource, definition, options)
    if type(options) ~= "table" then
      refuse(resource, ("s.%s %q takes a table of options"):format(resource.constructor, resource.name))
    end
    for key, value in pairs(options) do
      local option = definition.options[key]
      if not option then
        refuse(resource, ("s.%s %q has no option %q.%s"):format(
          resource.constructor, resource.name, tostring(key), nearest(key, definition.options)))
      end
      check_type(resource, key, value, option)
    end
    for key, option in pairs(definition.options) do
      if option.required and options[key] == nil then
        refuse(resource, ("s.%s %q needs %s.%s"):format(
          resource.constructor, resource.name, key, option.doc and " " .. option.doc or ""))
      end
    end
  end

  ---@class moonbase.Stack
  local function new_stack(settings)
    local stack = { name = settings.name, resources = {}, by_id = {}, handlers = {}, settings = settings }

    local function make_handle(resource, definition)
      local handle = {}
      stack_of[handle] = resource
      resource.handle = handle
      local words = {}
      for word, method in pairs(definition.configures or {}) do
        words[word] = function(self, ...) return method(self, ...) end
      end
      for word, method in pairs(definition.methods or {}) do
        words[word] = host.mode == "run" and method or function()
          local file, line = where(2)
          error({ moonbase = true, file = file, line = line, message =
            ("%s:%s works inside a handler; while the stack is being configured the %s does not exist.")
              :format(resource.name, word, resource.constructor) }, 0)
        end
      end
      handle.name = resource.name
      handle.options = resource.options
      handle.stack = stack
      handle.call = function(operation, input) return host.call(definition.service, operation, input) end
      setmetatable(handle, {
        __index = function(_, word)
          local method = words[word]
          if method then return method end
          if type(word) == "string" then
            local file, line = where(2)
            error({ moonbase = true, file = file, line = line, message =
              ("a %s has no %q.%s"):format(resource.constructor, word, nearest(word, words)) }, 0)
          end
        end,
        __tostring = function() return resource.constructor .. " " .. resource.name end,
      })
      return handle
    end

    -- Declares a resource. `level` says whose line it is.
    function stack.declare(constructor, name, options, level)
      local definition = definitions[constructor]
      local file, line = where((level or 1) + 1)
      local resource = {
        constructor = constructor, type = definition.type, name = name, id = constructor .. "/" .. name,
        options = options, file = file, line = line,
      }
      if type(name) ~= "string" or name == "" then
        resource.name = tostring(name)
        refuse(resource, ("s.%s needs a name: s.%s \"name\" { … }"):format(constructor, constructor))
      end
      local twin = stack.by_id[resource.id]
      if twin then
        refuse(resource, ("s.%s %q is declared twice, first at %s:%d"):format(constructor, name, twin.file, twin.line))
      end
      check_options(resource, definition, options)
      stack.resources[#stack.resources + 1] = resource
      stack.by_id[resource.id] = resource
      local handle = make_handle(resource, definition)
      if definition.declared then definition.declared(handle, options, stack, tools) end
      return handle
    end

    -- Says which Lua function answers for the function resource of that name.
    function stack.handler(name, handler) stack.handlers[name] = handler end

    local words = setmetatable({}, {
      __index = function(_, constructor)
        if not definitions[constructor] then
          local file, line = where(2)
          error({ moonbase = true, file = file, line = line, message =
            ("a stack has no s.%s.%s"):format(tostring(constructor), nearest(constructor, definitions, "s.")) }, 0)
        end
        return function(name)
          return function(options)
            local handle = stack.declare(constructor, name, options, 2)  -- No tail call: levels are counted.
            return handle
          end
        end
      end,
    })
    stack_of[words] = stack
    return words
  end

  -- What a function captures, through functions and tables: its default permissions.
  local function captures(handler)
    local found, seen, queue = {}, {}, { handler }
    while #queue > 0 do
      local value = table.remove(queue)
      if (type(value) == "function" or type(value) == "table") and not seen[value] then
        seen[value] = true
        local resource = stack_of[value]
        if resource and resource.id then
          found[resource.id] = true
        elseif type(value) == "function" then
          for _, captured in ipairs(host.upvalues(value)) do queue[#queue + 1] = captured end
        elseif not resource then
          for key, member in pairs(value) do
            queue[#queue + 1] = key
            queue[#queue + 1] = member
          end
        end
      end
    end
    local ids = {}
    for id in pairs(found) do ids[#ids + 1] = id end
    table.sort(ids)
    return ids
  end

  local module = {}
  module.definitions = definitions
  module.tools = tools

  -- What `require "stack"` answers.
  function module.entry(settings)
    if type(settings) ~= "table" or type(settings.name) ~= "string" then
      local file, line = where(2)
      error({ moonbase = true, file = file, line = line,
        message = "a stack begins with: local s = require \"stack\" { name = \"shop\" }" }, 0)
    end
    local file, line = where(2)
    local function refuse_settings(message)
      error({ moonbase = true, file = file, line = line, message = message }, 0)
    end
    local known = { name = true, plugins = true, outbound = true }
    for key in pairs(settings) do
      if not known[key] then
        refuse_settings(("a stack has no setting %s.%s"):format(tostring(key), nearest(key, known)))
      end
    end
    for _, key in ipairs { "plugins", "outbound" } do
      if settings[key] == nil then settings[key] = {} end
      if type(settings[key]) ~= "table" then refuse_settings(key .. " is a list of strings") end
      for _, each in ipairs(settings[key]) do
        if type(each) ~= "string" then refuse_settings(key .. " is a list of strings") end
      end
    end
    local words = new_stack(settings)
    module.stack = stack_of[words]
    module.stack.file = where(2)  -- Whose chunk a function's handler is found in.
    return words
  end

  -- Configuration pass: the resources with their properties, in order of declaration.
  function module.graph()
    local stack = module.stack
    local nodes = {}
    for _, resource in ipairs(stack.resources) do
      local definition = definitions[resource.constructor]
      local good, properties = pcall(definition.properties, resource.name, resource.options, tools, stack)
      if not good then
        if type(properties) == "table" and properties.moonbase then error(properties, 0) end
        refuse(resource, tostring(type(properties) == "table" and properties.message or properties))
      end
      local handler = stack.handlers[resource.name]
      local is_function = definition.is_function
      nodes[#nodes + 1] = {
        id = resource.id, constructor = resource.constructor, type = resource.type, name = resource.name,
        file = resource.file, line = resource.line, properties = properties,
        captures = is_function and handler and tools.array(captures(handler)) or nil,
      }
    end
    return { name = stack.name, resources = tools.array(nodes) }
  end

  -- A short text that differs when the two passes built different graphs.
  function module.shape()
    local lines = {}
    for _, resource in ipairs(module.stack.resources) do lines[#lines + 1] = resource.id end
    return table.concat(lines, "\n")
  end

  return module
end
