-- Stack vocabulary of queues.
--
--   local dead   = s.queue "orders-dead" {}
--   local orders = s.queue "orders" { visibility = 60, wait = 20, dead_letter = { dead, after = 3 } }
--
--   orders:on_message({ batch = 10 }, function(msg, meta) print(msg.total, meta.id) end)
--
-- In a handler: orders:send { total = 12 } (a table is sent as JSON), orders:send("text", { delay = 5 }),
-- orders:send_batch { { total = 1 }, { total = 2 } }, orders:receive { max = 10, wait = 5 }, orders:delete(message),
-- orders:purge(), dead:redrive(). FIFO queues: s.queue "steps" { fifo = true }, steps:send(body, { group = "a" }).

local batch_max = 10

local function checked(what, options, known)
  for key in pairs(options or {}) do
    if not known[key] then error(("%s takes no option %q"):format(what, tostring(key)), 3) end
  end
  return options or {}
end

-- --- handle methods -------------------------------------------------------------------------------

local methods = {}

-- The queue that AWS knows the handle as.
local function queue_name(handle)
  return handle.options.fifo and not handle.name:match("%.fifo$") and handle.name .. ".fifo" or handle.name
end

local function body_of(message)
  if type(message) == "string" then return message end
  return json.encode(message)
end

-- What a body was before it was sent: JSON objects and lists become tables again.
local function decoded(text)
  local first = text:match("^%s*(.)")
  if first == "{" or first == "[" then
    local good, value = pcall(json.decode, text)
    if good then return value end
  end
  return text
end

local function to_attributes(attributes)
  if not attributes then return nil end
  local shown = {}
  for name, value in pairs(attributes) do
    shown[name] = { DataType = type(value) == "number" and "Number" or "String", StringValue = tostring(value) }
  end
  return shown
end

local function from_attributes(attributes)
  local shown = {}
  for name, attribute in pairs(attributes or {}) do
    local type_name = attribute.DataType or attribute.dataType
    local text = attribute.StringValue or attribute.stringValue
    shown[name] = type_name == "Number" and tonumber(text) or text or attribute.BinaryValue or attribute.binaryValue
  end
  return shown
end

local send_options = { delay = true, group = true, deduplication = true, attributes = true }

local function message_input(body, options)
  return {
    MessageBody = body_of(body), DelaySeconds = options.delay, MessageGroupId = options.group,
    MessageDeduplicationId = options.deduplication, MessageAttributes = to_attributes(options.attributes),
  }
end

-- Options: delay (seconds), group, deduplication, attributes.
---@return string message_id
function methods.send(handle, body, options)
  local input = message_input(body, checked("send", options, send_options))
  input.QueueUrl = queue_name(handle)
  return handle.call("SendMessage", input).MessageId
end

-- Any number of messages, ten a Call. The options are for all of them. What is refused is raised.
---@return string[] message_ids
function methods.send_batch(handle, bodies, options)
  options = checked("send_batch", options, send_options)
  local ids = {}
  for begin = 1, #bodies, batch_max do
    local entries = {}
    for i = begin, math.min(begin + batch_max - 1, #bodies) do
      local entry = message_input(bodies[i], options)
      entry.Id = tostring(i)
      entries[#entries + 1] = entry
    end
    local output = handle.call("SendMessageBatch", { QueueUrl = queue_name(handle), Entries = array(entries) })
    local failed = output.Failed and output.Failed[1]
    if failed then error({ code = failed.Code, message = failed.Message }, 0) end
    for _, sent in ipairs(output.Successful) do ids[tonumber(sent.Id)] = sent.MessageId end
  end
  return ids
end

local receive_options = { max = true, wait = true, visibility = true }

-- Messages as { id, body, receipt, attributes, system }; body is a table where JSON was sent.
---@return table[] messages
function methods.receive(handle, options)
  options = checked("receive", options, receive_options)
  local output = handle.call("ReceiveMessage", {
    QueueUrl = queue_name(handle), MaxNumberOfMessages = options.max, WaitTimeSeconds = options.wait,
    VisibilityTimeout = options.visibility, MessageSystemAttributeNames = array { "All" },
    MessageAttributeNames = array { "All" },
  })
  local messages = {}
  for i, message in ipairs(output.Messages or {}) do
    messages[i] = {
      id = message.MessageId, body = decoded(message.Body), receipt = message.ReceiptHandle,
      attributes = from_attributes(message.MessageAttributes), system = message.Attributes or {},
    }
  end
  return messages
end

-- A message that was received, or its receipt.
function methods.delete(handle, message)
  handle.call("DeleteMessage", {
    QueueUrl = queue_name(handle), ReceiptHandle = type(message) == "table" and message.receipt or message })
end

function methods.purge(handle) handle.call("PurgeQueue", { QueueUrl = queue_name(handle) }) end

-- Of a dead letter queue: its messages go back to where they came from, or to another queue.
---@return string task_handle
function methods.redrive(handle, options)
  options = checked("redrive", options, { to = true, per_second = true })
  local function arn(queue)
    return queue and handle.call("GetQueueAttributes", {
      QueueUrl = queue_name(queue), AttributeNames = array { "QueueArn" } }).Attributes.QueueArn
  end
  return handle.call("StartMessageMoveTask", {
    SourceArn = arn(handle), DestinationArn = arn(options.to), MaxNumberOfMessagesPerSecond = options.per_second,
  }).TaskHandle
end

-- --- messages that arrive -------------------------------------------------------------------------

-- The function's handler: calls `handler` with each message of the event. In order, so that after a
-- failure in a FIFO queue nothing is handled that came behind it.
local function message_handler(handler, partial_failures, fifo)
  return function(event, ctx)
    local failures, stopped = {}, false
    for _, record in ipairs(event.Records) do
      local meta = {
        id = record.messageId, receipt = record.receiptHandle, attributes = from_attributes(record.messageAttributes),
        system = record.attributes or {}, record = record,
      }
      local good, problem = not stopped, nil
      if good and partial_failures then
        good, problem = pcall(handler, decoded(record.body), meta, ctx)
      elseif good then
        handler(decoded(record.body), meta, ctx)
      end
      if not good then
        if problem ~= nil then
          print(("message %s failed: %s"):format(
            record.messageId, type(problem) == "table" and tostring(problem.message) or tostring(problem)))
        end
        stopped = fifo
        failures[#failures + 1] = { itemIdentifier = record.messageId }
      end
    end
    if partial_failures then return { batchItemFailures = array(failures) } end
  end
end

local function_options = { memory = true, timeout = true, environment = true, description = true, role = true, tags = true }
local mapping_options = { batch = true, window = true, partial_failures = true, concurrency = true, name = true }

-- --- the resources --------------------------------------------------------------------------------

return function(vocabulary)
  local function sorted_keys(map)
    local keys = {}
    for key in pairs(map) do keys[#keys + 1] = key end
    table.sort(keys)
    return keys
  end

  -- Declares the function and what feeds it. A table may take the place of the handler: a function of the stack.
  local function on_message(handle, options, handler)
    local stack = handle.stack
    if handler == nil then options, handler = {}, options end
    local named = {}
    for _, known in ipairs { function_options, mapping_options } do
      for key in pairs(known) do named[key] = true end
    end
    local resource = stack.by_id["queue/" .. handle.name]
    local function refuse(message)
      error({ moonbase = true, file = resource.file, line = resource.line,
              message = ("on_message of queue %q: %s"):format(handle.name, message) }, 0)
    end
    if type(options) ~= "table" then refuse("the first word is a table of options") end
    for _, key in ipairs(sorted_keys(options)) do
      if not named[key] then refuse(("there is no option %q"):format(tostring(key))) end
    end
    local target = handler
    if type(handler) == "function" then
      local declared = { handler = message_handler(handler, options.partial_failures, handle.options.fifo) }
      for key in pairs(function_options) do declared[key] = options[key] end
      target = stack.declare("fn", options.name or handle.name:gsub("%.fifo$", "") .. "-on-message", declared, 3)
    elseif type(handler) ~= "table" or stack.by_id["fn/" .. tostring(rawget(handler, "name"))] == nil then
      refuse("the last word is a function(msg, meta), or an s.fn of this stack")
    else
      for key in pairs(function_options) do
        if options[key] ~= nil then refuse(("%s is said where the function is declared"):format(key)) end
      end
    end
    stack.declare("queue_mapping", handle.name .. "-" .. target.name, {
      queue = handle, target = target, batch = options.batch, window = options.window,
      partial_failures = options.partial_failures, concurrency = options.concurrency,
    }, 3)
    return target
  end

  local function dead_letter_properties(handle, given, tools)
    if given == nil then return nil end
    local queue = tools.is_handle(given) and given or type(given) == "table" and (given[1] or given.queue)
    if not tools.is_handle(queue) or tools.resource(queue).constructor ~= "queue" then
      tools.refuse(handle, "dead_letter takes a queue, or { queue, after = 3 }")
    end
    return { Target = tools.ref(queue, "arn"), After = not tools.is_handle(given) and given.after or 3 }
  end

  local function attributes_of(properties)
    local attributes = {}
    for key, value in pairs(properties.Attributes) do attributes[key] = value end
    if properties.DeadLetter then
      attributes.RedrivePolicy = vocabulary.json {
        deadLetterTargetArn = properties.DeadLetter.Target, maxReceiveCount = properties.DeadLetter.After }
    end
    return attributes
  end

  local function made(call, url)
    local found = call("sqs", "GetQueueAttributes", { QueueUrl = url, AttributeNames = { "QueueArn" } })
    local arn = found.Attributes.QueueArn
    return { arn = arn, url = url, name = arn:match("[^:]+$") }
  end

  vocabulary.resource {
    constructor = "queue", type = "AWS::SQS::Queue", service = "sqs", keeps_data = true,
    options = {
      fifo          = { type = "boolean", doc = "In order within message groups, each message once." },
      visibility    = { type = "integer", doc = "Seconds that a received message stays hidden; 30 if you say nothing." },
      delay         = { type = "integer", doc = "Seconds before a message that was sent can be received." },
      retention     = { type = "integer", doc = "Seconds that messages are kept; four days if you say nothing." },
      wait          = { type = "integer", doc = "Seconds that a receive waits for a message, up to 20." },
      size          = { type = "integer", doc = "Bytes that a message may have; 1 MiB if you say nothing." },
      dead_letter   = { type = "table", doc = "{ queue, after = 3 }: where messages go that were received that often." },
      deduplication = { type = "string", doc = "FIFO: \"content\" drops what was sent in the last five minutes." },
      throughput    = { type = "string", doc = "FIFO: \"high\" keeps groups apart from each other." },
      policy        = { type = "table|string", doc = "A resource policy." },
      tags          = { type = "table" },
    },
    properties = function(name, options, tools, stack)
      local handle = tools.handle(stack, "queue", name)
      local attributes = {}
      local function set(attribute, value)
        if value ~= nil then attributes[attribute] = tostring(value) end
      end
      set("VisibilityTimeout", options.visibility)
      set("DelaySeconds", options.delay)
      set("MessageRetentionPeriod", options.retention)
      set("ReceiveMessageWaitTimeSeconds", options.wait)
      set("MaximumMessageSize", options.size)
      if options.policy then
        attributes.Policy = type(options.policy) == "string" and options.policy or vocabulary.json(options.policy)
      end
      if options.fifo then
        attributes.FifoQueue = "true"
        if options.deduplication ~= nil and options.deduplication ~= "content" then
          tools.refuse(handle, "deduplication is \"content\", or left out: then each message brings its own")
        end
        if options.deduplication then attributes.ContentBasedDeduplication = "true" end
        if options.throughput ~= nil and options.throughput ~= "high" then
          tools.refuse(handle, "throughput is \"high\", or left out")
        end
        if options.throughput then
          attributes.DeduplicationScope, attributes.FifoThroughputLimit = "messageGroup", "perMessageGroupId"
        end
      elseif options.deduplication or options.throughput then
        tools.refuse(handle, "deduplication and throughput are for queues with fifo = true")
      end
      local tags
      if options.tags then
        tags = {}
        for key, value in pairs(options.tags) do tags[key] = tostring(value) end
      end
      return { QueueName = queue_name(handle), Attributes = attributes, Tags = tags,
               DeadLetter = dead_letter_properties(handle, options.dead_letter, tools) }
    end,
    create = function(call, name, properties)
      return made(call, call("sqs", "CreateQueue", {
        QueueName = properties.QueueName, Attributes = attributes_of(properties), tags = properties.Tags }).QueueUrl)
    end,
    read = function(call, name, attributes)
      return made(call, call("sqs", "GetQueueUrl", { QueueName = attributes.name }).QueueUrl)
    end,
    replaces = function(before, after) return before.QueueName ~= after.QueueName end,
    update = function(call, name, before, properties, attributes)
      local wanted, old = attributes_of(properties), attributes_of(before)
      -- What is no longer said goes back to what AWS takes when nothing is said.
      local otherwise = {
        VisibilityTimeout = "30", DelaySeconds = "0", MessageRetentionPeriod = "345600", MaximumMessageSize = "1048576",
        ReceiveMessageWaitTimeSeconds = "0", ContentBasedDeduplication = "false", DeduplicationScope = "queue",
        FifoThroughputLimit = "perQueue", RedrivePolicy = "", Policy = "",
      }
      for key in pairs(old) do
        if wanted[key] == nil then wanted[key] = otherwise[key] end
      end
      wanted.FifoQueue = nil
      if next(wanted) then call("sqs", "SetQueueAttributes", { QueueUrl = attributes.url, Attributes = wanted }) end
      local gone = {}
      for key in pairs(before.Tags or {}) do
        if not (properties.Tags or {})[key] then gone[#gone + 1] = key end
      end
      if #gone > 0 then call("sqs", "UntagQueue", { QueueUrl = attributes.url, TagKeys = gone }) end
      if properties.Tags and next(properties.Tags) then
        call("sqs", "TagQueue", { QueueUrl = attributes.url, Tags = properties.Tags })
      end
      return attributes
    end,
    delete = function(call, name, attributes) call("sqs", "DeleteQueue", { QueueUrl = attributes.url }) end,
    methods = methods,
    configures = { on_message = on_message },
  }

  -- What on_message declares beside the function.
  vocabulary.resource {
    constructor = "queue_mapping", type = "AWS::Lambda::EventSourceMapping", service = "lambda",
    options = {
      queue            = { type = "table", required = true, doc = "The queue that feeds the function." },
      target           = { type = "table", required = true, doc = "The function." },
      batch            = { type = "integer", doc = "Messages of one invocation at most; 10 if you say nothing." },
      window           = { type = "integer", doc = "Seconds that a batch may wait to fill." },
      partial_failures = { type = "boolean", doc = "Only the messages whose handler failed come again." },
      concurrency      = { type = "integer", doc = "Invocations at the same time at most." },
    },
    properties = function(name, options, tools)
      return {
        EventSourceArn = tools.ref(options.queue, "arn"), FunctionName = tools.ref(options.target, "arn"),
        BatchSize = options.batch or batch_max, MaximumBatchingWindowInSeconds = options.window,
        FunctionResponseTypes = options.partial_failures and tools.array { "ReportBatchItemFailures" } or nil,
        ScalingConfig = options.concurrency and { MaximumConcurrency = options.concurrency } or nil,
      }
    end,
    create = function(call, name, properties)
      local mapping = call("lambda", "CreateEventSourceMapping", properties)
      return { id = mapping.UUID, name = name }
    end,
    read = function(call, name, attributes)
      call("lambda", "GetEventSourceMapping", { UUID = attributes.id })
      return attributes
    end,
    replaces = function(before, after) return before.EventSourceArn ~= after.EventSourceArn end,
    update = function(call, name, before, properties, attributes)
      call("lambda", "UpdateEventSourceMapping", {
        UUID = attributes.id, FunctionName = properties.FunctionName, BatchSize = properties.BatchSize,
        MaximumBatchingWindowInSeconds = properties.MaximumBatchingWindowInSeconds or 0,
        FunctionResponseTypes = properties.FunctionResponseTypes or {}, ScalingConfig = properties.ScalingConfig or {} })
      return attributes
    end,
    delete = function(call, name, attributes) call("lambda", "DeleteEventSourceMapping", { UUID = attributes.id }) end,
  }
end
