-- What a table's handle can do in a handler. The second of three chunks.

---@class moonbase.Page
---@field items table[]  with count = true there are none
---@field count integer
---@field scanned integer  how many were looked at, before the filter
---@field after? table  what to give as `after` for the next page

return function(vocabulary)
  local tables = vocabulary.shared.tables
  local to_item, from_item, from_items = tables.to_item, tables.from_item, tables.from_items
  local new_expression, conditions, write_condition = tables.new_expression, tables.conditions, tables.write_condition
  local projection, update_text = tables.projection, tables.update_text

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

  local methods = tables.methods

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
end
