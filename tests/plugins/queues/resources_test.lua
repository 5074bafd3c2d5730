-- The stack vocabulary of queues, with a recorder in the place of the platform: luajit resources_test.lua FILE
local list_mark = {}
function array(list) return setmetatable(list, list_mark) end
json = { encode = function(value) return "<" .. tostring(value.total) .. ">" end,
         decode = function(text) return { total = tonumber(text:match("%d+")) } end }

local chunk = assert(io.open(assert(arg[1]))):read("*a")
local functions = [[return function(vocabulary)
  vocabulary.resource { constructor = "fn", type = "AWS::Lambda::Function", service = "lambda", is_function = true,
    options = { handler = { type = "handler" }, timeout = { type = "integer" } },
    declared = function(handle, options, stack) stack.handler(handle.name, options.handler) end,
    properties = function(name, options) return { FunctionName = name, Timeout = options.timeout } end }
end]]
local stack_file = arg[1]:gsub("plugins/queues/sqs/resources%.lua$", "scripts/lua/moonbase/stack.lua")

local calls, answers = {}, {}
local function new(mode)
  return dofile(stack_file) {
    mode = mode, vocabulary = { { name = "functions", text = functions }, { name = "queues", text = chunk } },
    load = loadstring, array = array, upvalues = function() return {} end,
    call = function(service, operation, input)
      calls[#calls + 1] = { service = service, operation = operation, input = input }
      return table.remove(answers, 1) or {}
    end,
  }
end

local harness = dofile((arg[0]:gsub("[^/]+/[^/]+$", "check.lua")))
local check = harness.check

-- The graph of a stack, by resource id; or the error's text.
local function graph_of(build)
  local module = new "configure"
  local good, problem = pcall(function() build(module.entry { name = "shop" }) end)
  local graph
  if good then good, graph = pcall(module.graph) end
  if not good then
    local raised = problem or graph
    return nil, type(raised) == "table" and raised.message or raised
  end
  local nodes = {}
  for position, node in ipairs(graph.resources) do
    node.position = position
    nodes[node.id] = node
  end
  return nodes, module
end

local nodes, module = graph_of(function(s)
  local dead = s.queue "dead" {}
  s.queue "orders" { visibility = 60, delay = 1, retention = 600, wait = 20, tags = { team = 1 },
                     dead_letter = { dead, after = 5 } }
    :on_message({ batch = 3, partial_failures = true, timeout = 9 }, function() end)
  s.queue "open" { policy = { Statement = { { Effect = "Allow", Action = { "a", "b\n\"" } } } } }
  s.queue "steps" { fifo = true, deduplication = "content", throughput = "high", dead_letter = nil }
end)
check("a queue's properties", nodes["queue/orders"].properties, {
  QueueName = "orders", Tags = { team = "1" },
  Attributes = { VisibilityTimeout = "60", DelaySeconds = "1", MessageRetentionPeriod = "600",
                 ReceiveMessageWaitTimeSeconds = "20" },
  DeadLetter = { Target = { ["$ref"] = "queue/dead", attribute = "arn" }, After = 5 } })
check("a FIFO queue's properties", nodes["queue/steps"].properties, {
  QueueName = "steps.fifo",
  Attributes = { FifoQueue = "true", ContentBasedDeduplication = "true", DeduplicationScope = "messageGroup",
                 FifoThroughputLimit = "perMessageGroupId" } })
check("a policy is JSON", nodes["queue/open"].properties.Attributes.Policy,
  [[{"Statement":[{"Action":["a","b\u000a\u0022"],"Effect":"Allow"}]}]])
check("on_message declares a function", nodes["fn/orders-on-message"].properties,
  { FunctionName = "orders-on-message", Timeout = 9 })
check("and what feeds it", nodes["queue_mapping/orders-orders-on-message"].properties, {
  EventSourceArn = { ["$ref"] = "queue/orders", attribute = "arn" },
  FunctionName = { ["$ref"] = "fn/orders-on-message", attribute = "arn" }, BatchSize = 3,
  FunctionResponseTypes = { "ReportBatchItemFailures" } })
check("after the function", nodes["queue_mapping/orders-orders-on-message"].position >
  nodes["fn/orders-on-message"].position, true)

local function refused(what, part, build)
  local _, message = graph_of(build)
  check(what, type(message) == "string" and message:find(part, 1, true) ~= nil or message, true)
end
refused("deduplication needs fifo", "fifo = true", function(s) s.queue "a" { deduplication = "content" } end)
refused("a dead letter queue is a queue", "dead_letter takes a queue", function(s) s.queue "a" { dead_letter = { "b" } } end)
refused("an unknown option", "Did you mean visibility", function(s) s.queue "a" { visibilty = 3 } end)
refused("an unknown option of on_message", "no option", function(s) s.queue "a" {}:on_message({ bach = 1 }, function() end) end)
refused("on_message without a function", "function(msg, meta)", function(s) s.queue "a" {}:on_message({}, "x") end)

-- The handler that the function runs.
local seen = {}
local function run(options, handler, records)
  local _, built = graph_of(function(s) s.queue "q" { fifo = options.fifo }:on_message(
    { partial_failures = options.partial_failures }, handler) end)
  return built.stack.handlers["q-on-message"]({ Records = records })
end
local function record(id, body) return { messageId = id, body = body, attributes = {},
  messageAttributes = { n = { dataType = "Number", stringValue = "2" } } } end
run({}, function(msg, meta) seen[#seen + 1] = { msg, meta.id, meta.attributes.n } end,
  { record("1", '{"total":12}'), record("2", "text") })
check("handlers get the decoded message", seen, { { { total = 12 }, "1", 2 }, { "text", "2", 2 } })
check("a failure is raised", pcall(run, {}, function() error("no", 0) end, { record("1", "x") }), false)
local print_line = print
print = function() end
local function fails_on_two(msg) if msg == "b" then error("no", 0) end end
local records = { record("1", "a"), record("2", "b"), record("3", "c") }
check("or reported", run({ partial_failures = true }, fails_on_two, records).batchItemFailures, { { itemIdentifier = "2" } })
check("in order in FIFO queues", run({ partial_failures = true, fifo = true }, fails_on_two, records).batchItemFailures,
  { { itemIdentifier = "2" }, { itemIdentifier = "3" } })
print = print_line

-- Handles in the run pass.
local s = new("run").entry { name = "shop" }
local queue, fifo = s.queue "orders" {}, s.queue "steps" { fifo = true }
answers = { { MessageId = "m" } }
check("send answers the id", queue:send({ total = 5 }, { delay = 3, attributes = { a = "x", n = 1 } }), "m")
check("and its input", calls[#calls].input, { QueueUrl = "orders", MessageBody = "<5>", DelaySeconds = 3, MessageAttributes = {
  a = { DataType = "String", StringValue = "x" }, n = { DataType = "Number", StringValue = "1" } } })
answers = { { MessageId = "f" } }
fifo:send("x", { group = "g", deduplication = "d" })
check("of a FIFO queue", calls[#calls].input,
  { QueueUrl = "steps.fifo", MessageBody = "x", MessageGroupId = "g", MessageDeduplicationId = "d" })
check("an unknown option of send", pcall(queue.send, queue, "x", { dely = 1 }), false)
local many, before = {}, #calls
for i = 1, 12 do many[i] = "b" .. i end
answers = { { Successful = { { Id = "1", MessageId = "first" } } }, { Successful = { { Id = "12", MessageId = "last" } } } }
local ids = queue:send_batch(many)
check("twelve are two Calls", #calls - before, 2)
check("with the rest in the second", #calls[#calls].input.Entries, 2)
check("and all their ids", { ids[1], ids[12] }, { "first", "last" })
answers = { { Successful = {}, Failed = { { Code = "X", Message = "y" } } } }
check("what is refused is raised", pcall(queue.send_batch, queue, { "a" }), false)
answers = { { Messages = { { MessageId = "1", Body = '{"total":7}', ReceiptHandle = "r" } } } }
local got = queue:receive { max = 3, wait = 2 }
check("received", { got[1].id, got[1].body, got[1].receipt }, { "1", { total = 7 }, "r" })
queue:delete(got[1])
check("delete takes the message", calls[#calls].input, { QueueUrl = "orders", ReceiptHandle = "r" })
queue:purge()
check("purge", calls[#calls].operation, "PurgeQueue")
answers = { { Attributes = { QueueArn = "arn:dead" } }, { TaskHandle = "t" } }
check("redrive answers its task", queue:redrive { per_second = 5 }, "t")
check("redrive's input", calls[#calls].input, { SourceArn = "arn:dead", MaxNumberOfMessagesPerSecond = 5 })

-- Updates go back to AWS's values for what is no longer said.
local definition = module.definitions.queue
calls = {}
definition.update(function(service, operation, input) calls[#calls + 1] = { operation = operation, input = input } end, "orders",
  { Attributes = { VisibilityTimeout = "60", FifoQueue = "true" }, Tags = { a = "1", b = "2" }, DeadLetter = { Target = "arn", After = 3 } },
  { Attributes = { DelaySeconds = "5", FifoQueue = "true" }, Tags = { a = "1" } }, { url = "u" })
check("changed attributes", calls[1].input,
  { QueueUrl = "u", Attributes = { VisibilityTimeout = "30", DelaySeconds = "5", RedrivePolicy = "" } })
check("removed tags", calls[2].input, { QueueUrl = "u", TagKeys = { "b" } })

harness.finish(20)
