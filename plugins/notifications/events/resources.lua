-- Stack vocabulary of event buses and rules.
--
--   local orders = s.bus "orders" {}
--   s.rule "large" { bus = orders, pattern = { detail = { total = { { numeric = { ">", 100 } } } } },
--     on_event = function(event) print(event.detail.id) end }
--   s.rule "nightly" { schedule = "cron(0 3 * * ? *)", targets = { report, { audit, input = { full = true } } } }
--
-- In a handler: orders:put("Order Placed", { id = 7 }) or orders:put("Order Placed", { id = 7 }, { source = "shop" }).

return function(vocabulary)
  local to_json, shared = vocabulary.json, vocabulary.shared.notifications
  local json_text = shared.json_text

  -- Event buses. ----------------------------------------------------------------------------------

  vocabulary.resource {
    constructor = "bus", type = "AWS::Events::EventBus", service = "events",
    options = { description = { type = "string" } },
    properties = function(name, options) return { Name = name, Description = options.description } end,
    create = function(call, name, properties)
      -- Every account has the default bus.
      if name == "default" then return { arn = call("events", "DescribeEventBus", {}).Arn, name = name } end
      local made = call("events", "CreateEventBus", { Name = name, Description = properties.Description })
      return { arn = made.EventBusArn, name = name }
    end,
    read = function(call, name)
      return { arn = call("events", "DescribeEventBus", { Name = name }).Arn, name = name }
    end,
    update = function(call, name, before, properties, attributes)
      call("events", "UpdateEventBus", { Name = name, Description = properties.Description or "" })
      return attributes
    end,
    delete = function(call, name)
      if name ~= "default" then call("events", "DeleteEventBus", { Name = name }) end
    end,
    methods = {
      -- Puts an event on the bus; answers its id. The source is the stack's name unless options.source says another.
      put = function(handle, detail_type, detail, options)
        options = options or {}
        local answer = handle.call("PutEvents", { Entries = { {
          EventBusName = handle.name, Source = options.source or handle.stack.name, DetailType = detail_type,
          Detail = json.encode(detail or {}), Resources = options.resources } } })
        local entry = answer.Entries[1]
        if entry.ErrorCode then error({ code = entry.ErrorCode, message = entry.ErrorMessage }, 0) end
        return entry.EventId
      end,
    },
  }

  -- Rules. ----------------------------------------------------------------------------------------

  local target_options = { input = true, input_path = true, template = true, paths = true, group = true }

  -- { target, options } of each target, in order.
  local function declare_targets(handle, options, stack, tools)
    local found = {}
    local function add(target, more)
      found[#found + 1] = { shared.target_handle(handle, target, #found == 0 and "-on-event" or "-on-event-" .. #found + 1,
        stack, tools), more or {} }
    end
    for _, target in ipairs(options.targets or {}) do
      if type(target) == "table" and not tools.is_handle(target) then
        for key in pairs(target) do
          if key ~= 1 and not target_options[key] then
            tools.refuse(handle, ("a target has no option %q.%s"):format(tostring(key), tools.nearest(key, target_options)))
          end
        end
        add(target[1], target)
      else
        add(target)
      end
    end
    if options.on_event then add(options.on_event) end
    if #found == 0 then tools.refuse(handle, "a rule needs targets = { … } or on_event = function(event) … end") end
    handle.targets = found
    tools.move_last(stack, tools.resource(handle))
  end

  local function target_of(position, target, more, options, tools)
    local transformer = more.template and { InputTemplate = json_text(more.template), InputPathsMap = more.paths } or nil
    return {
      Id = tostring(position), Arn = tools.ref(target, "arn"), Input = json_text(more.input), InputPath = more.input_path,
      InputTransformer = transformer, SqsParameters = more.group and { MessageGroupId = more.group } or nil,
      DeadLetterConfig = shared.dead_letter_of(options, tools),
      RetryPolicy = options.retries and { MaximumRetryAttempts = options.retries } or nil,
    }
  end

  -- Makes the rule and its targets these.
  local function put_rule(call, name, properties)
    local made = call("events", "PutRule", {
      Name = name, EventBusName = properties.Bus, EventPattern = properties.Pattern,
      ScheduleExpression = properties.Schedule, State = properties.State, Description = properties.Description })
    local wanted, gone = {}, {}
    for _, target in ipairs(properties.Targets) do
      wanted[target.Id] = true
      shared.permit(call, target.Arn, "events", name)
    end
    local existing = call("events", "ListTargetsByRule", { Rule = name, EventBusName = properties.Bus })
    for _, target in ipairs(existing.Targets or {}) do
      if not wanted[target.Id] then gone[#gone + 1] = target.Id end
    end
    if #gone > 0 then call("events", "RemoveTargets", { Rule = name, EventBusName = properties.Bus, Ids = gone }) end
    call("events", "PutTargets", { Rule = name, EventBusName = properties.Bus, Targets = properties.Targets })
    return { arn = made.RuleArn, bus = properties.Bus }
  end

  vocabulary.resource {
    constructor = "rule", type = "AWS::Events::Rule", service = "events",
    options = {
      pattern     = { type = "table|string", doc = "Which events: { source = { \"shop\" } }, as EventBridge writes patterns." },
      schedule    = { type = "string", doc = "\"rate(5 minutes)\" or \"cron(0 3 * * ? *)\"." },
      bus         = { type = "table|string", doc = "A bus of the stack, or a name; the default bus if you say nothing." },
      targets     = { type = "table", doc = "Functions and resources, or { target, input, input_path, template, paths, group }." },
      on_event    = { type = "handler", doc = "A function that gets the event." },
      description = { type = "string" },
      enabled     = { type = "boolean" },
      retries     = { type = "integer", doc = "0 to 185." },
      dead_letter = { type = "table", doc = "A queue for what cannot be delivered." },
    },
    declared = function(handle, options, stack, tools)
      if not options.pattern and not options.schedule then tools.refuse(handle, "a rule needs a pattern or a schedule") end
      declare_targets(handle, options, stack, tools)
    end,
    properties = function(name, options, tools, stack)
      local targets = {}
      for i, each in ipairs(tools.handle(stack, "rule", name).targets) do
        targets[i] = target_of(i, each[1], each[2], options, tools)
      end
      local bus = options.bus
      return {
        Name = name, Bus = tools.is_handle(bus) and tools.ref(bus, "name") or bus, Pattern = json_text(options.pattern),
        Schedule = options.schedule, State = options.enabled == false and "DISABLED" or "ENABLED",
        Description = options.description, Targets = targets,
      }
    end,
    create = put_rule,
    read = function(call, name, attributes)
      call("events", "DescribeRule", { Name = name, EventBusName = attributes.bus })
      return attributes
    end,
    replaces = function(before, after) return to_json(before.Bus) ~= to_json(after.Bus) end,
    update = function(call, name, before, properties) return put_rule(call, name, properties) end,
    delete = function(call, name, attributes)
      local targets = call("events", "ListTargetsByRule", { Rule = name, EventBusName = attributes.bus }).Targets or {}
      local ids = {}
      for i, target in ipairs(targets) do ids[i] = target.Id end
      if #ids > 0 then call("events", "RemoveTargets", { Rule = name, EventBusName = attributes.bus, Ids = ids }) end
      call("events", "DeleteRule", { Name = name, EventBusName = attributes.bus })
    end,
  }
end
