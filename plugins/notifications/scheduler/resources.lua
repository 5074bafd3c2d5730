-- Stack vocabulary of schedules.
--
--   s.schedule "remind" { at = "2027-03-01T09:00:00", timezone = "Europe/Berlin", handler = function(event) … end }
--   s.schedule "poll" { rate = "5 minutes", target = poll, input = { page = 1 } }

return function(vocabulary)
  local shared = vocabulary.shared.notifications

  local function expression_of(handle, options, tools)
    local found
    for _, kind in ipairs { "rate", "cron", "at" } do
      if options[kind] then
        if found then tools.refuse(handle, "a schedule has one of rate, cron and at") end
        found = ("%s(%s)"):format(kind, options[kind])
      end
    end
    if not found then tools.refuse(handle, "a schedule needs rate = \"5 minutes\", cron = \"0 3 * * ? *\" or at = \"2027-01-31T09:00:00\"") end
    return found
  end

  vocabulary.resource {
    constructor = "schedule", type = "AWS::Scheduler::Schedule", service = "scheduler",
    options = {
      rate        = { type = "string", doc = "\"5 minutes\"." },
      cron        = { type = "string", doc = "\"0 3 * * ? *\": minutes, hours, day of month, month, day of week, year." },
      at          = { type = "string", doc = "\"2027-01-31T09:00:00\": once." },
      timezone    = { type = "string", doc = "\"Europe/Berlin\"; UTC if you say nothing." },
      target      = { type = "table", doc = "A function or another resource of the stack." },
      handler     = { type = "handler", doc = "A function written in place." },
      input       = { type = "any", doc = "What the target gets." },
      window      = { type = "integer", doc = "Minutes within which it may run." },
      once        = { type = "boolean", doc = "Delete it after its last run." },
      description = { type = "string" },
      enabled     = { type = "boolean" },
      retries     = { type = "integer", doc = "0 to 185." },
      dead_letter = { type = "table", doc = "A queue for what cannot be delivered." },
    },
    declared = function(handle, options, stack, tools)
      expression_of(handle, options, tools)
      if (options.target == nil) == (options.handler == nil) then
        tools.refuse(handle, "a schedule needs target = a resource, or handler = function(event) … end")
      end
      handle.target = shared.target_handle(handle, options.target or options.handler, "-run", stack, tools)
      tools.move_last(stack, tools.resource(handle))
    end,
    properties = function(name, options, tools, stack)
      local handle = tools.handle(stack, "schedule", name)
      return {
        Name = name, ScheduleExpression = expression_of(handle, options, tools),
        ScheduleExpressionTimezone = options.timezone, Description = options.description,
        State = options.enabled == false and "DISABLED" or "ENABLED",
        ActionAfterCompletion = options.once and "DELETE" or "NONE",
        FlexibleTimeWindow = options.window and { Mode = "FLEXIBLE", MaximumWindowInMinutes = options.window }
          or { Mode = "OFF" },
        Target = {
          Arn = tools.ref(handle.target, "arn"), RoleArn = shared.role_of(stack, name), Input = shared.json_text(options.input),
          DeadLetterConfig = shared.dead_letter_of(options, tools),
          RetryPolicy = options.retries and { MaximumRetryAttempts = options.retries } or nil,
        },
      }
    end,
    create = function(call, name, properties)
      return { arn = call("scheduler", "CreateSchedule", properties).ScheduleArn, name = name }
    end,
    read = function(call, name, attributes)
      call("scheduler", "GetSchedule", { Name = name })
      return attributes
    end,
    update = function(call, name, before, properties, attributes)
      call("scheduler", "UpdateSchedule", properties)
      return attributes
    end,
    delete = function(call, name) call("scheduler", "DeleteSchedule", { Name = name }) end,
  }
end
