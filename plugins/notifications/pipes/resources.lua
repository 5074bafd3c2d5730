-- Stack vocabulary of pipes.
--
--   s.pipe "ship" { source = jobs, filter = { body = { kind = { "ship" } } }, target = function(records) … end }

return function(vocabulary)
  local to_json, shared = vocabulary.json, vocabulary.shared.notifications
  local json_text = shared.json_text

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
      parallel    = { type = "integer", doc = "Of a stream: batches of a shard at once, 1 to 10." },
      start       = { type = "string", doc = "Of a stream: \"TRIM_HORIZON\" or \"LATEST\"." },
      retries     = { type = "integer", doc = "Of a stream." },
      dead_letter = { type = "table", doc = "Of a stream: a queue for what failed." },
      description = { type = "string" },
      enabled     = { type = "boolean" },
    },
    declared = function(handle, options, stack, tools)
      if not tools.is_handle(options.source) then tools.refuse(handle, "source is a queue or a stream of the stack") end
      handle.target = shared.target_handle(handle, options.target, "-target", stack, tools)
      handle.enrichment = false
      if options.enrichment then
        handle.enrichment = shared.target_handle(handle, options.enrichment, "-enrich", stack, tools)
      end
      tools.move_last(stack, tools.resource(handle))
    end,
    properties = function(name, options, tools, stack)
      local handle = tools.handle(stack, "pipe", name)
      local kind = tools.resource(options.source).constructor
      local parameters = { FilterCriteria = filters_of(options.filter) }
      local is_stream = kind ~= "queue"
      parameters[source_parameters[kind] or "KinesisStreamParameters"] = {
        BatchSize = options.batch, MaximumBatchingWindowInSeconds = options.window,
        StartingPosition = is_stream and (options.start or "TRIM_HORIZON") or nil,
        MaximumRetryAttempts = is_stream and options.retries or nil,
        ParallelizationFactor = is_stream and options.parallel or nil,
        DeadLetterConfig = is_stream and shared.dead_letter_of(options, tools) or nil,
      }
      return {
        Name = name, RoleArn = shared.role_of(stack, name), Description = options.description,
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
end
