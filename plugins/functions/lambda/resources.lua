-- Stack vocabulary of functions.
--
--   local create = s.fn "create-order" { memory = 128, timeout = 3, handler = function(event, ctx) … end }
--   local report = s.fn "report" { handler = "report.lua:build" }             -- a file beside the stack
--   local resize = s.fn "resize" { runtime = "nodejs22.x", code = "./resize", handler = "index.handler" }  -- a folder
--   local price  = s.fn "price" { runtime = "native", code = "build/price.so", handler = "price.handler" }
--   local ship   = s.fn "ship" { runtime = "python3.12", handler = "ship.run",
--                                code = { bucket = "releases", key = "ship-7.zip" } }              -- an object of S3
--
--   s.event_source "orders" { source = orders, attribute = "stream_arn", handler = report, from = "LATEST" }
--
-- In a handler: local answer = report:invoke { month = 3 }; report:send { month = 3 } does not wait.

return function(vocabulary)
  -- The file of "report.lua:build" or "report.build".
  local function file_of(handler)
    local file = handler:match("^(.+%.lua):.+$")
    if file then return file end
    local stem = handler:match("^(.+)%.[^.]+$")
    return stem and stem .. ".lua"
  end

  local function runtime_of(options) return options.runtime or "lua" end

  -- Where the package comes from: a file or folder beside the stack; nothing: an object, or the stack's own files.
  local function source_of(options)
    if type(options.code) == "string" then return options.code end
    if options.code then return end
    if type(options.handler) == "string" then return file_of(options.handler) end
  end

  -- What is wrong with a table that names an object of S3; nothing: it is good.
  local object_words = { bucket = true, key = true, version = true }
  local function wrong_object(code, tools)
    if not (type(code.bucket) == "string" or tools.is_handle(code.bucket)) then return "code needs the bucket" end
    if type(code.key) ~= "string" then return "code needs the key of an object" end
    for word, value in pairs(code) do
      if not object_words[word] then
        return ("code has no %q.%s"):format(tostring(word), tools.nearest(word, object_words))
      end
      if word == "version" and type(value) ~= "string" then return "the version of code's object is a text" end
    end
  end

  -- As CreateFunction and UpdateFunctionCode name it. It is read when what names it changes, as CloudFormation does.
  local function object_of(options, tools)
    local code = options.code
    if type(code) ~= "table" then return end
    return { S3Bucket = tools.is_handle(code.bucket) and tools.ref(code.bucket, "name") or code.bucket,
      S3Key = code.key, S3ObjectVersion = code.version }
  end

  -- The members of Code.
  local function code_of(properties, tools)
    if properties.CodeObject then
      local object = properties.CodeObject
      return { S3Bucket = object.S3Bucket, S3Key = object.S3Key, S3ObjectVersion = object.S3ObjectVersion }
    end
    local source = properties.CodeSource
    return { ZipFile = tools.base64(source and tools.zip(tools.files(source)) or tools.package()) }
  end
  local function code_text(properties)
    local object = properties.CodeObject or {}
    return table.concat({ properties.CodeDigest or "", object.S3Bucket or "", object.S3Key or "",
      object.S3ObjectVersion or "" }, "\n")
  end

  -- What Lambda is told, but for the code.
  local function configuration(properties)
    return {
      FunctionName = properties.FunctionName, Runtime = properties.Runtime, Handler = properties.Handler,
      Role = properties.Role, Description = properties.Description, Timeout = properties.Timeout,
      MemorySize = properties.MemorySize, Environment = properties.Environment,
    }
  end

  vocabulary.resource {
    constructor = "fn", type = "AWS::Lambda::Function", service = "lambda", is_function = true,
    options = {
      handler     = { type = "handler|string", required = true, doc = "A function, or \"file.lua:name\" beside the stack." },
      memory      = { type = "integer", doc = "MB, 128 to 10240; 128 if you say nothing." },
      timeout     = { type = "integer", doc = "Seconds, 1 to 900; 3 if you say nothing." },
      environment = { type = "table", doc = "What os.getenv shows." },
      description = { type = "string" },
      runtime     = { type = "string", doc = "\"lua\", \"native\", \"nodejs22.x\", \"python3.12\", \"provided.al2023\" and the like." },
      code        = { type = "string|table", doc = "A file or folder beside the stack, or an object of S3: { bucket = ..., key = ..., version = ... }." },
      role        = { type = "string", doc = "ARN of the role that it works as." },
      tags        = { type = "table" },
      inline      = { type = "boolean", doc = "Runs inside the kernel: short trusted code without calls." },
    },
    declared = function(handle, options, stack, tools)
      if type(options.handler) == "function" then
        if runtime_of(options) ~= "lua" then tools.refuse(handle, "a handler written in the stack runs on runtime lua") end
        if options.code then tools.refuse(handle, "a handler written in the stack is the code: leave code out") end
        stack.handler(handle.name, options.handler)
      elseif options.inline and runtime_of(options) ~= "lua" then
        tools.refuse(handle, "only functions of runtime lua can be inline")
      end
      local wrong = type(options.code) == "table" and wrong_object(options.code, tools)
      if wrong then tools.refuse(handle, wrong) end
    end,
    properties = function(name, options, tools, stack)
      local source, object, handler, digest = source_of(options), object_of(options, tools), options.handler, nil
      if source then
        digest = tools.digest(tools.zip(tools.files(source)))
      elseif not object then
        handler, digest = stack.file .. ":" .. name, tools.package_digest()
      end
      local environment
      if options.environment then
        local variables = {}
        for key, value in pairs(options.environment) do variables[key] = tostring(value) end
        environment = { Variables = variables }
      end
      local tags
      if options.tags or options.inline then
        tags = {}
        for key, value in pairs(options.tags or {}) do tags[key] = tostring(value) end
        if options.inline then tags["moonbase:inline"] = "true" end
      end
      return {
        FunctionName = name, Runtime = runtime_of(options), Handler = handler,
        Role = options.role or ("arn:aws:iam::000000000000:role/%s-%s"):format(stack.name, name),
        Description = options.description, Timeout = options.timeout or 3, MemorySize = options.memory or 128,
        Environment = environment, Tags = tags, CodeSource = source, CodeObject = object,
        CodeDigest = digest,
      }
    end,
    create = function(call, name, properties, tools)
      local input = configuration(properties)
      input.Code = code_of(properties, tools)
      input.Tags = properties.Tags
      local made = call("lambda", "CreateFunction", input)
      return { arn = made.FunctionArn, name = name }
    end,
    read = function(call, name, attributes)
      local found = call("lambda", "GetFunction", { FunctionName = name })
      return { arn = found.Configuration.FunctionArn, name = name }
    end,
    update = function(call, name, before, properties, attributes, tools)
      if code_text(before) ~= code_text(properties) then
        local code = code_of(properties, tools)
        code.FunctionName = name
        call("lambda", "UpdateFunctionCode", code)
      end
      local input = configuration(properties)
      input.Description = input.Description or ""
      input.Environment = input.Environment or { Variables = {} }
      call("lambda", "UpdateFunctionConfiguration", input)
      local gone = {}
      for key in pairs(before.Tags or {}) do
        if not (properties.Tags or {})[key] then gone[#gone + 1] = key end
      end
      if #gone > 0 then call("lambda", "UntagResource", { Resource = attributes.arn, TagKeys = gone }) end
      if properties.Tags then call("lambda", "TagResource", { Resource = attributes.arn, Tags = properties.Tags }) end
      return attributes
    end,
    delete = function(call, name) call("lambda", "DeleteFunction", { FunctionName = name }) end,
    methods = {
      -- Waits for the answer; a failure inside the function is raised.
      invoke = function(handle, payload)
        local answer = handle.call("Invoke", { FunctionName = handle.name, Payload = json.base64(json.encode(payload)) })
        local value = answer.Payload and json.decode(json.unbase64(answer.Payload))
        if answer.FunctionError then
          error({ code = value.errorType or answer.FunctionError, message = value.errorMessage or "" }, 0)
        end
        return value
      end,
      -- Queues the event; it is tried three times.
      send = function(handle, payload)
        handle.call("Invoke", { FunctionName = handle.name, InvocationType = "Event",
          Payload = json.base64(json.encode(payload)) })
      end,
    },
  }

  -- A filter pattern as JSON: texts, numbers, booleans, lists and tables of them.
  local function pattern_json(value)
    if type(value) == "string" then
      return '"' .. value:gsub('[%c"\\]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
    end
    if type(value) ~= "table" then return tostring(value) end
    local parts = {}
    if value[1] ~= nil then
      for i, each in ipairs(value) do parts[i] = pattern_json(each) end
      return "[" .. table.concat(parts, ",") .. "]"
    end
    local keys = {}
    for key in pairs(value) do keys[#keys + 1] = tostring(key) end
    table.sort(keys)
    for i, key in ipairs(keys) do parts[i] = pattern_json(key) .. ":" .. pattern_json(value[key]) end
    return "{" .. table.concat(parts, ",") .. "}"
  end

  -- What polls a stream or queue for a function. Handles declare it: orders:on_change(handler).
  local function mapping(properties, more)
    local input = {
      FunctionName = properties.FunctionArn, BatchSize = properties.BatchSize,
      MaximumBatchingWindowInSeconds = properties.Window, MaximumRetryAttempts = properties.Retries,
      ParallelizationFactor = properties.Parallel, BisectBatchOnFunctionError = properties.Bisect,
      FunctionResponseTypes = properties.FunctionResponseTypes,
    }
    if properties.Filters then
      input.FilterCriteria = { Filters = properties.Filters }
    end
    for key, value in pairs(more or {}) do input[key] = value end
    return input
  end

  vocabulary.resource {
    constructor = "event_source", type = "AWS::Lambda::EventSourceMapping", service = "lambda",
    options = {
      source = { type = "table", required = true, doc = "The handle that is polled: a table with a stream, a queue." },
      attribute = { type = "string", doc = "Which of its attributes is the ARN to poll; \"arn\"." },
      handler = { type = "table", required = true, doc = "A function of the stack." },
      batch = { type = "integer", doc = "Records a call, 1 to 10000." },
      window = { type = "integer", doc = "Seconds to wait for a full batch, 0 to 300." },
      from = { type = "string", doc = "Streams: LATEST or TRIM_HORIZON." },
      filter = { type = "table", doc = "A pattern as a table, or a list of them." },
      retries = { type = "integer", doc = "Streams: tries after the first; for ever if you say nothing." },
      parallel = { type = "integer", doc = "Streams: batches beside each other, 1 to 10; keys keep their order." },
      bisect = { type = "boolean", doc = "Streams: a batch that fails is split." },
      reports_failures = { type = "boolean", doc = "The handler answers which items failed." },
    },
    properties = function(_, options, tools)
      local filters
      if options.filter then
        filters = {}
        for i, pattern in ipairs(options.filter[1] and options.filter or { options.filter }) do
          filters[i] = { Pattern = pattern_json(pattern) }
        end
      end
      return {
        FunctionArn = tools.ref(options.handler, "arn"),
        SourceArn = tools.ref(options.source, options.attribute or "arn"),
        From = options.from, BatchSize = options.batch, Window = options.window, Filters = filters,
        Retries = options.retries, Parallel = options.parallel, Bisect = options.bisect,
        FunctionResponseTypes = options.reports_failures and { "ReportBatchItemFailures" } or nil,
      }
    end,
    create = function(call, _, properties)
      local made = call("lambda", "CreateEventSourceMapping", mapping(properties, {
        EventSourceArn = properties.SourceArn, StartingPosition = properties.From }))
      return { uuid = made.UUID }
    end,
    read = function(call, _, attributes)
      call("lambda", "GetEventSourceMapping", { UUID = attributes.uuid })
      return attributes
    end,
    replaces = function(before, after) return before.SourceArn ~= after.SourceArn or before.From ~= after.From end,
    update = function(call, _, _, properties, attributes)
      call("lambda", "UpdateEventSourceMapping", mapping(properties, { UUID = attributes.uuid }))
      return attributes
    end,
    delete = function(call, _, attributes) call("lambda", "DeleteEventSourceMapping", { UUID = attributes.uuid }) end,
  }
end
