-- Plan and apply: makes what exists like the graph, through ordinary Calls.
--
-- The kernel keeps, for each resource that a stack made, the properties it was made with and the
-- attributes it got (arn, id, url). A plan compares; apply carries it out in order of declaration,
-- deletions last and backwards.

return function(module, host)
  local definitions, tools = module.definitions, module.tools

  -- Deep equality of plain data.
  local function same(a, b)
    if type(a) ~= "table" or type(b) ~= "table" then return a == b end
    for key, value in pairs(a) do if not same(value, b[key]) then return false end end
    for key in pairs(b) do if a[key] == nil then return false end end
    return true
  end

  -- The names of the top-level properties that differ.
  local function differences(before, after)
    local names = {}
    for key, value in pairs(after) do if not same(before[key], value) then names[#names + 1] = key end end
    for key in pairs(before) do if after[key] == nil then names[#names + 1] = key end end
    table.sort(names)
    return names
  end

  -- What a raised error says, whoever raised it.
  local function text_of(problem)
    if type(problem) == "table" then
      if problem.code then return problem.code .. ": " .. tostring(problem.message) end
      return tostring(problem.message)
    end
    return tostring(problem)
  end

  -- Properties with every tools.ref(…) replaced. `known` maps a resource id to its attributes.
  local function resolved(value, known)
    if type(value) ~= "table" then return value end
    local id = value["$ref"]
    if id then
      local attributes = known[id]
      if not attributes then error(("refers to %s, which does not exist"):format(id), 0) end
      local attribute = attributes[value.attribute]
      if attribute == nil then error(("%s has no attribute %s"):format(id, value.attribute), 0) end
      return attribute
    end
    local copy = setmetatable({}, getmetatable(value))
    for key, member in pairs(value) do copy[key] = resolved(member, known) end
    return copy
  end

  local function alive(record)
    local definition = definitions[record.constructor]
    if not definition or not definition.read then return record.attributes end
    local good, attributes = pcall(definition.read, host.call, record.name, record.attributes, tools)
    if good then return attributes end
    if type(attributes) == "table" and attributes.code then return nil end  -- AWS says that it is not there.
    error(attributes, 0)
  end

  -- The steps from the recorded resources to the graph.
  local function plan(graph, records)
    local before, wanted, steps = {}, {}, {}
    for _, record in ipairs(records) do before[record.id] = record end
    for _, node in ipairs(graph.resources) do
      wanted[node.id] = true
      local record = before[node.id]
      local definition = definitions[node.constructor]
      if not record then
        steps[#steps + 1] = { action = "create", node = node }
      elseif not alive(record) then
        steps[#steps + 1] = { action = "create", node = node, reason = "it was deleted" }
      else
        local changed = differences(record.properties, node.properties)
        if #changed == 0 then
          steps[#steps + 1] = { action = "keep", node = node, record = record }
        else
          local replace = not definition.update
            or (definition.replaces and definition.replaces(record.properties, node.properties))
          if replace and definition.keeps_data then
            error({ moonbase = true, file = node.file, line = node.line, message =
              ("changing %s of %s %q would delete its data. Give it another name, or delete it first with " ..
               "moonbase down."):format(table.concat(changed, ", "), node.constructor, node.name) }, 0)
          end
          steps[#steps + 1] = { action = replace and "replace" or "update", node = node, record = record, changed = changed }
        end
      end
    end
    for i = #records, 1, -1 do
      local record = records[i]
      if not wanted[record.id] then steps[#steps + 1] = { action = "delete", record = record } end
    end
    return steps
  end

  local function remove(record)
    local definition = definitions[record.constructor]
    if not definition then error(("no plugin knows %s any more"):format(record.constructor), 0) end
    local good, problem = pcall(definition.delete, host.call, record.name, record.attributes, tools)
    if not good and not (type(problem) == "table" and problem.code and not alive(record)) then error(problem, 0) end
    host.forget(record.id)
  end

  local function carry_out(step, position, known)
    local node, record = step.node, step.record
    if step.action == "delete" then return remove(record) end
    if step.action == "replace" then remove(record) end
    local definition = definitions[node.constructor]
    local attributes
    if step.action == "keep" then
      attributes = record.attributes
    else
      local properties = resolved(node.properties, known)
      if step.action == "update" then
        attributes = definition.update(host.call, node.name, record.properties, properties, record.attributes, tools)
      else
        attributes = definition.create(host.call, node.name, properties, tools)
      end
      attributes = attributes or record and record.attributes or {}
    end
    known[node.id] = attributes
    host.remember {
      id = node.id, constructor = node.constructor, type = node.type, name = node.name, position = position,
      properties = node.properties, attributes = attributes,
    }
  end

  local applied = {}

  function applied.plan(graph)
    local lines = {}
    for _, step in ipairs(plan(graph, host.records())) do
      local subject = step.node or step.record
      lines[#lines + 1] = {
        action = step.action, type = subject.type, constructor = subject.constructor, name = subject.name,
        changed = step.changed and tools.array(step.changed) or nil, reason = step.reason,
      }
    end
    return tools.array(lines)
  end

  function applied.apply(graph)
    local known, lines = {}, {}
    for position, step in ipairs(plan(graph, host.records())) do
      local subject = step.node or step.record
      local good, problem = pcall(carry_out, step, position, known)
      if not good then
        error({ moonbase = true, file = subject.file, line = subject.line, message =
          ("%s %q: %s"):format(subject.constructor, subject.name, text_of(problem)) }, 0)
      end
      lines[#lines + 1] = {
        action = step.action, type = subject.type, constructor = subject.constructor, name = subject.name,
        attributes = known[subject.id], changed = step.changed and tools.array(step.changed) or nil,
      }
    end
    return tools.array(lines)
  end

  function applied.down()
    local records, lines = host.records(), {}
    for i = #records, 1, -1 do
      remove(records[i])
      lines[#lines + 1] = { action = "delete", constructor = records[i].constructor, name = records[i].name }
    end
    return tools.array(lines)
  end

  return applied
end
