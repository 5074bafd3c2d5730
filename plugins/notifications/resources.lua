-- Stack vocabulary of events, schedules, pipes and topics.
--
--   local orders = s.bus "orders" {}
--   s.rule "large" { bus = orders, pattern = { detail = { total = { { numeric = { ">", 100 } } } } },
--     on_event = function(event) print(event.detail.id) end }
--   s.rule "nightly" { schedule = "cron(0 3 * * ? *)", targets = { report, { audit, input = { full = true } } } }
--   s.schedule "remind" { at = "2027-03-01T09:00:00", timezone = "Europe/Berlin", handler = function(event) … end }
--   s.schedule "poll" { rate = "5 minutes", target = poll, input = { page = 1 } }
--   s.pipe "ship" { source = jobs, filter = { body = { kind = { "ship" } } }, target = function(records) … end }
--
--   local news = s.topic "news" { display_name = "Moon News" }
--   news:subscribe(jobs, { filter = { kind = { "ship" } }, raw = true, dead_letter = dead })
--   news:subscribe(s.email "ann@moon.example" {})
--   news:on_message(function(message, meta) print(message.id, meta.subject) end)
--
-- In a handler: news:publish({ id = 7 }, { subject = "Order placed", attributes = { kind = "ship" } }).
-- In a handler: orders:put("Order Placed", { id = 7 }) or orders:put("Order Placed", { id = 7 }, { source = "shop" }).

return function(vocabulary)
  local to_json = vocabulary.json
  local function json_text(value)
    if value == nil or type(value) == "string" then return value end
    return to_json(value)
  end

  local function handle_named(stack, constructor, name) return stack.by_id[constructor .. "/" .. name].handle end

  -- A target as a handle: a function written in place becomes a function of the stack.
  local function target_handle(handle, target, suffix, stack, tools)
    if type(target) == "function" then
      return stack.declare("fn", handle.name .. suffix, { handler = target }, 5)
    end
    if not tools.is_handle(target) then
      tools.refuse(handle, "a target is a function, or a resource of the stack that has an arn")
    end
    return target
  end

  local function is_function_arn(arn) return arn:find(":lambda:", 1, true) ~= nil end

  -- EventBridge may invoke the function; a permission that is there already is as good.
  local function permit(call, arn, rule)
    if not is_function_arn(arn) then return end
    local good, problem = pcall(call, "lambda", "AddPermission", {
      FunctionName = arn, StatementId = "events-" .. rule:gsub("[^%w_-]", "-"), Action = "lambda:InvokeFunction",
      Principal = "events.amazonaws.com" })
    if not good and not (type(problem) == "table" and problem.code == "ResourceConflictException") then
      error(problem, 0)
    end
  end

  local function role_of(stack, name) return ("arn:aws:iam::000000000000:role/%s-%s"):format(stack.name, name) end

  local function dead_letter_of(options, tools)
    return options.dead_letter and { Arn = tools.ref(options.dead_letter, "arn") } or nil
  end

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
      found[#found + 1] = { target_handle(handle, target, #found == 0 and "-on-event" or "-on-event-" .. #found + 1,
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
      DeadLetterConfig = dead_letter_of(options, tools),
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
      permit(call, target.Arn, name)
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
      for i, each in ipairs(handle_named(stack, "rule", name).targets) do
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

  -- Schedules. ------------------------------------------------------------------------------------

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
      handle.target = target_handle(handle, options.target or options.handler, "-run", stack, tools)
      tools.move_last(stack, tools.resource(handle))
    end,
    properties = function(name, options, tools, stack)
      local handle = handle_named(stack, "schedule", name)
      return {
        Name = name, ScheduleExpression = expression_of(handle, options, tools),
        ScheduleExpressionTimezone = options.timezone, Description = options.description,
        State = options.enabled == false and "DISABLED" or "ENABLED",
        ActionAfterCompletion = options.once and "DELETE" or "NONE",
        FlexibleTimeWindow = options.window and { Mode = "FLEXIBLE", MaximumWindowInMinutes = options.window }
          or { Mode = "OFF" },
        Target = {
          Arn = tools.ref(handle.target, "arn"), RoleArn = role_of(stack, name), Input = json_text(options.input),
          DeadLetterConfig = dead_letter_of(options, tools),
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

  -- Pipes. ----------------------------------------------------------------------------------------

  -- Which parameters a source of this kind has.
  local source_parameters = {
    queue = "SqsQueueParameters", table = "DynamoDBStreamParameters", stream = "KinesisStreamParameters",
  }

  -- One pattern, or a list of them.
  local function filters_of(filter)
    if filter == nil then return nil end
    local filters = {}
    for i, pattern in ipairs(type(filter) == "table" and #filter > 0 and filter or { filter }) do
      filters[i] = { Pattern = json_text(pattern) }
    end
    return { Filters = filters }
  end

  vocabulary.resource {
    constructor = "pipe", type = "AWS::Pipes::Pipe", service = "pipes",
    options = {
      source      = { type = "table", required = true, doc = "A queue or a stream of the stack." },
      target      = { type = "handler|table", required = true, doc = "A function or another resource of the stack." },
      enrichment  = { type = "handler|table", doc = "A function that answers what the target gets." },
      filter      = { type = "table|string", doc = "A pattern of records, or a list of them: { body = { kind = { \"ship\" } } }." },
      template    = { type = "table|string", doc = "What the target gets: '{\"id\": <$.body.id>}'." },
      batch       = { type = "integer", doc = "Records at once." },
      window      = { type = "integer", doc = "Seconds that a batch may gather." },
      start       = { type = "string", doc = "Of a stream: \"TRIM_HORIZON\" or \"LATEST\"." },
      retries     = { type = "integer", doc = "Of a stream." },
      dead_letter = { type = "table", doc = "Of a stream: a queue for what failed." },
      description = { type = "string" },
      enabled     = { type = "boolean" },
    },
    declared = function(handle, options, stack, tools)
      if not tools.is_handle(options.source) then tools.refuse(handle, "source is a queue or a stream of the stack") end
      handle.target = target_handle(handle, options.target, "-target", stack, tools)
      handle.enrichment = false
      if options.enrichment then
        handle.enrichment = target_handle(handle, options.enrichment, "-enrich", stack, tools)
      end
      tools.move_last(stack, tools.resource(handle))
    end,
    properties = function(name, options, tools, stack)
      local handle = handle_named(stack, "pipe", name)
      local kind = tools.resource(options.source).constructor
      local parameters = { FilterCriteria = filters_of(options.filter) }
      local is_stream = kind ~= "queue"
      parameters[source_parameters[kind] or "KinesisStreamParameters"] = {
        BatchSize = options.batch, MaximumBatchingWindowInSeconds = options.window,
        StartingPosition = is_stream and (options.start or "TRIM_HORIZON") or nil,
        MaximumRetryAttempts = is_stream and options.retries or nil,
        DeadLetterConfig = is_stream and dead_letter_of(options, tools) or nil,
      }
      return {
        Name = name, RoleArn = role_of(stack, name), Description = options.description,
        Source = tools.ref(options.source, kind == "table" and "stream_arn" or "arn"), SourceParameters = parameters,
        Enrichment = handle.enrichment and tools.ref(handle.enrichment, "arn") or nil,
        Target = tools.ref(handle.target, "arn"),
        TargetParameters = options.template and { InputTemplate = json_text(options.template) } or nil,
        DesiredState = options.enabled == false and "STOPPED" or "RUNNING",
      }
    end,
    create = function(call, name, properties)
      return { arn = call("pipes", "CreatePipe", properties).Arn, name = name }
    end,
    read = function(call, name, attributes)
      call("pipes", "DescribePipe", { Name = name })
      return attributes
    end,
    -- A pipe's source, and where it begins to read, are settled when it is made.
    replaces = function(before, after)
      return to_json(before.Source) ~= to_json(after.Source)
        or to_json(before.SourceParameters) ~= to_json(after.SourceParameters)
    end,
    update = function(call, name, before, properties, attributes)
      local input = {}
      for key, value in pairs(properties) do
        if key ~= "Source" and key ~= "SourceParameters" then input[key] = value end
      end
      call("pipes", "UpdatePipe", input)
      return attributes
    end,
    delete = function(call, name) call("pipes", "DeletePipe", { Name = name }) end,
  }

  -- Topics. ---------------------------------------------------------------------------------------

  local function topic_name(name, fifo) return fifo and not name:match("%.fifo$") and name .. ".fifo" or name end

  -- The platform fills in whose topic it is.
  local function own_arn(handle) return "arn:aws:sns:::" .. topic_name(handle.name, handle.options.fifo) end

  local function message_attributes(attributes)
    if not attributes then return nil end
    local shown = {}
    for name, value in pairs(attributes) do
      if type(value) == "table" then
        shown[name] = { DataType = "String.Array", StringValue = json.encode(value) }
      else
        shown[name] = { DataType = type(value) == "number" and "Number" or "String", StringValue = tostring(value) }
      end
    end
    return shown
  end

  local publish_options = { subject = true, attributes = true, group = true, deduplication = true }
  local function message_input(message, options)
    for key in pairs(options) do
      if not publish_options[key] then error(("publish takes no option %q"):format(tostring(key)), 3) end
    end
    return {
      Message = type(message) == "string" and message or json.encode(message), Subject = options.subject,
      MessageAttributes = message_attributes(options.attributes), MessageGroupId = options.group,
      MessageDeduplicationId = options.deduplication,
    }
  end

  local topic_methods = {
    -- Options: subject, attributes, group, deduplication. A table is sent as JSON.
    ---@return string message_id
    publish = function(handle, message, options)
      local input = message_input(message, options or {})
      input.TopicArn = own_arn(handle)
      return handle.call("Publish", input).MessageId
    end,
    -- Any number of messages, ten a Call. The options are for all of them. What is refused is raised.
    ---@return string[] message_ids
    publish_batch = function(handle, messages, options)
      local ids = {}
      for begin = 1, #messages, 10 do
        local entries = {}
        for i = begin, math.min(begin + 9, #messages) do
          local entry = message_input(messages[i], options or {})
          entry.Id = tostring(i)
          entries[#entries + 1] = entry
        end
        local output = handle.call("PublishBatch", {
          TopicArn = own_arn(handle), PublishBatchRequestEntries = array(entries) })
        local failed = output.Failed and output.Failed[1]
        if failed then error({ code = failed.Code, message = failed.Message }, 0) end
        for _, sent in ipairs(output.Successful) do ids[tonumber(sent.Id)] = sent.MessageId end
      end
      return ids
    end,
  }

  -- The function behind on_message: `handler` gets each message, decoded where it is JSON.
  local function topic_handler(handler)
    return function(event, ctx)
      for _, record in ipairs(event.Records) do
        local sns, attributes = record.Sns, {}
        for name, attribute in pairs(sns.MessageAttributes or {}) do
          attributes[name] = attribute.Type == "Number" and tonumber(attribute.Value) or attribute.Value
        end
        local text = sns.Message
        local first = text:match("^%s*(.)")
        local good, value = false, nil
        if first == "{" or first == "[" then good, value = pcall(json.decode, text) end
        handler(good and value or text, {
          id = sns.MessageId, subject = type(sns.Subject) == "string" and sns.Subject or nil, topic = sns.TopicArn,
          attributes = attributes, record = record }, ctx)
      end
    end
  end

  local subscribe_options = { filter = true, filter_by = true, raw = true, dead_letter = true }
  local function subscribe(handle, target, options)
    local stack = handle.stack
    local resource = stack.by_id["topic/" .. handle.name]
    local function refuse(message)
      error({ moonbase = true, file = resource.file, line = resource.line,
              message = ("subscribe of topic %q: %s"):format(handle.name, message) }, 0)
    end
    for key in pairs(options or {}) do
      if not subscribe_options[key] then refuse(("there is no option %q"):format(tostring(key))) end
    end
    local count = (rawget(stack, "topic_functions") or {})[handle.name] or 0
    if type(target) == "function" then
      stack.topic_functions = stack.topic_functions or {}
      stack.topic_functions[handle.name] = count + 1
      local base = handle.name:gsub("%.fifo$", "") .. "-on-message"
      target = stack.declare("fn", count == 0 and base or base .. "-" .. count + 1, { handler = target }, 3)
    elseif type(target) ~= "string" and (type(target) ~= "table" or not rawget(target, "name")) then
      refuse("the first word is a function, a queue, a function of the stack, s.email or an address")
    end
    local name = type(target) == "string" and target or target.name
    stack.declare("topic_subscription", handle.name .. "-" .. name:gsub("[^%w_.@+-]", "-"), {
      topic = handle, target = target, filter = options and options.filter, filter_by = options and options.filter_by,
      raw = options and options.raw, dead_letter = options and options.dead_letter }, 3)
    return target
  end
  local function on_message(handle, handler, options)
    if type(options) == "function" then handler, options = options, handler end
    return subscribe(handle, type(handler) == "function" and topic_handler(handler) or handler, options)
  end

  -- Sets what is wanted, and back to AWS's value what is no longer said.
  local function set_attributes(call, operation, key, arn, before, wanted)
    local function set(name, value)
      call("sns", operation, { [key] = arn, AttributeName = name, AttributeValue = value })
    end
    for name, value in pairs(wanted) do
      if before[name] ~= value then set(name, value) end
    end
    local otherwise = { RawMessageDelivery = "false", FilterPolicyScope = "MessageAttributes", SignatureVersion = "1",
                        ContentBasedDeduplication = "false", FifoThroughputScope = "Topic" }
    for name in pairs(before) do
      if wanted[name] == nil and name ~= "FifoTopic" then set(name, otherwise[name] or "") end
    end
  end

  vocabulary.resource {
    constructor = "topic", type = "AWS::SNS::Topic", service = "sns",
    options = {
      fifo          = { type = "boolean", doc = "In order within message groups, each message once." },
      display_name  = { type = "string", doc = "Who mail comes from." },
      deduplication = { type = "string", doc = "FIFO: \"content\" drops what was published in the last five minutes." },
      throughput    = { type = "string", doc = "FIFO: \"high\" keeps groups apart from each other." },
      archive       = { type = "integer", doc = "FIFO: days that messages are kept for replays." },
      signature     = { type = "integer", doc = "1 (SHA1) or 2 (SHA256); 1 if you say nothing." },
      delivery      = { type = "table|string", doc = "A delivery policy, for HTTP endpoints." },
      policy        = { type = "table|string", doc = "A resource policy." },
      tags          = { type = "table" },
    },
    properties = function(name, options, tools, stack)
      if not options.fifo and (options.deduplication or options.throughput or options.archive) then
        tools.refuse(handle_named(stack, "topic", name), "deduplication, throughput and archive are for topics with fifo = true")
      end
      local tags = {}
      for key, value in pairs(options.tags or {}) do tags[#tags + 1] = { Key = key, Value = tostring(value) } end
      table.sort(tags, function(a, b) return a.Key < b.Key end)  -- Else a plan could see a change where there is none.
      return {
        Name = topic_name(name, options.fifo), Tags = #tags > 0 and tags or nil,
        Attributes = {
          FifoTopic = options.fifo and "true" or nil, DisplayName = options.display_name,
          ContentBasedDeduplication = options.deduplication == "content" and "true" or nil,
          FifoThroughputScope = options.throughput == "high" and "MessageGroup" or nil,
          ArchivePolicy = options.archive and to_json { MessageRetentionPeriod = options.archive } or nil,
          SignatureVersion = options.signature and tostring(options.signature) or nil,
          DeliveryPolicy = json_text(options.delivery), Policy = json_text(options.policy),
        },
      }
    end,
    create = function(call, name, properties)
      return { arn = call("sns", "CreateTopic", properties).TopicArn, name = properties.Name }
    end,
    read = function(call, name, attributes)
      call("sns", "GetTopicAttributes", { TopicArn = attributes.arn })
      return attributes
    end,
    replaces = function(before, after) return before.Name ~= after.Name end,
    update = function(call, name, before, properties, attributes)
      set_attributes(call, "SetTopicAttributes", "TopicArn", attributes.arn, before.Attributes, properties.Attributes)
      local gone, wanted = {}, {}
      for _, tag in ipairs(properties.Tags or {}) do wanted[tag.Key] = true end
      for _, tag in ipairs(before.Tags or {}) do
        if not wanted[tag.Key] then gone[#gone + 1] = tag.Key end
      end
      if #gone > 0 then call("sns", "UntagResource", { ResourceArn = attributes.arn, TagKeys = gone }) end
      if properties.Tags then call("sns", "TagResource", { ResourceArn = attributes.arn, Tags = properties.Tags }) end
      return attributes
    end,
    delete = function(call, name, attributes) call("sns", "DeleteTopic", { TopicArn = attributes.arn }) end,
    methods = topic_methods,
    configures = { subscribe = subscribe, on_message = on_message },
  }

  -- An address. Its mail is in the mailbox at /_aws/sns/mailbox.html.
  vocabulary.resource {
    constructor = "email", type = "Moonbase::SNS::Email", service = "sns",
    options = { json = { type = "boolean", doc = "Gets notifications as JSON." } },
    properties = function(name, options) return { Address = name, Json = options.json } end,
    create = function(call, name) return { address = name } end,
    read = function(call, name, attributes) return attributes end,
    update = function(call, name, before, properties, attributes) return attributes end,
    delete = function() end,
  }

  local protocol_of_constructor = { queue = "sqs", fn = "lambda", email = "email" }
  local function protocol_and_endpoint(handle, target, tools)
    if type(target) == "string" then
      local scheme = target:match("^(https?)://")
      if scheme then return scheme, target end
      return target:match("^%+%d+$") and "sms" or "email", target
    end
    local protocol = tools.is_handle(target) and protocol_of_constructor[tools.resource(target).constructor]
    if not protocol then tools.refuse(handle, "a topic is subscribed by a queue, a function, s.email or an address") end
    if protocol == "email" then return target.options.json and "email-json" or "email", target.name end
    return protocol, tools.ref(target, "arn")
  end

  local function subscription_attributes(properties)
    local attributes = {}
    for key, value in pairs(properties.Attributes) do attributes[key] = value end
    if properties.DeadLetter then attributes.RedrivePolicy = to_json { deadLetterTargetArn = properties.DeadLetter } end
    return attributes
  end

  -- What subscribe and on_message declare.
  vocabulary.resource {
    constructor = "topic_subscription", type = "AWS::SNS::Subscription", service = "sns",
    options = {
      topic       = { type = "table", required = true, doc = "The topic." },
      target      = { type = "table|string", required = true, doc = "A queue, a function, s.email, or an address." },
      filter      = { type = "table|string", doc = "A filter policy: { kind = { \"ship\" } }." },
      filter_by   = { type = "string", doc = "\"attributes\", or \"body\"; attributes if you say nothing." },
      raw         = { type = "boolean", doc = "The message alone, without SNS's envelope." },
      dead_letter = { type = "table", doc = "A queue for what cannot be delivered." },
    },
    properties = function(name, options, tools, stack)
      local handle = handle_named(stack, "topic_subscription", name)
      local protocol, endpoint = protocol_and_endpoint(handle, options.target, tools)
      if options.filter_by and options.filter_by ~= "attributes" and options.filter_by ~= "body" then
        tools.refuse(handle, "filter_by is \"attributes\" or \"body\"")
      end
      return {
        Topic = tools.ref(options.topic, "arn"), Protocol = protocol, Endpoint = endpoint,
        Attributes = {
          FilterPolicy = json_text(options.filter), RawMessageDelivery = options.raw and "true" or nil,
          FilterPolicyScope = options.filter_by == "body" and "MessageBody" or nil,
        },
        DeadLetter = options.dead_letter and tools.ref(options.dead_letter, "arn") or nil,
      }
    end,
    create = function(call, name, properties)
      if properties.Protocol == "lambda" then
        local good, problem = pcall(call, "lambda", "AddPermission", {
          FunctionName = properties.Endpoint, StatementId = "sns-" .. properties.Topic:match("[^:]+$"):gsub("[^%w_-]", "-"),
          Action = "lambda:InvokeFunction", Principal = "sns.amazonaws.com" })
        if not good and not (type(problem) == "table" and problem.code == "ResourceConflictException") then
          error(problem, 0)
        end
      end
      return { arn = call("sns", "Subscribe", {
        TopicArn = properties.Topic, Protocol = properties.Protocol, Endpoint = properties.Endpoint,
        Attributes = subscription_attributes(properties), ReturnSubscriptionArn = true }).SubscriptionArn }
    end,
    read = function(call, name, attributes)
      call("sns", "GetSubscriptionAttributes", { SubscriptionArn = attributes.arn })
      return attributes
    end,
    replaces = function(before, after)
      return to_json { before.Topic, before.Endpoint } ~= to_json { after.Topic, after.Endpoint }
    end,
    update = function(call, name, before, properties, attributes)
      set_attributes(call, "SetSubscriptionAttributes", "SubscriptionArn", attributes.arn,
        subscription_attributes(before), subscription_attributes(properties))
      return attributes
    end,
    delete = function(call, name, attributes) call("sns", "Unsubscribe", { SubscriptionArn = attributes.arn }) end,
  }
end
