-- The stack vocabulary of storage, with a recorder in the place of the platform: luajit resources_test.lua FOLDER
null = setmetatable({}, { __tostring = function() return "null" end })
local list_mark = {}
function array(list) return setmetatable(list, list_mark) end

-- The plugin's chunks, in its order.
local definition
local vocabulary = { shared = {}, resource = function(given) definition = given end }
for _, chunk in ipairs { "resources_expressions", "resources_items", "resources" } do
  dofile(("%s/%s.lua"):format(assert(arg[1]), chunk))(vocabulary)
end
local tools = { array = array }

local harness = dofile((arg[0]:gsub("[^/]+/[^/]+$", "check.lua")))
local check = harness.check

-- A handle whose calls are recorded and answered from `answers`.
local calls, answers = {}, {}
local handle = setmetatable({ name = "orders", call = function(operation, input)
  calls[#calls + 1] = { operation = operation, input = input }
  return table.remove(answers, 1) or {}
end }, { __index = definition.methods })
local function last() return calls[#calls].input end

check("a table with its keys", definition.properties("orders", { key = "id:S" }, tools), {
  TableName = "orders", BillingMode = "PAY_PER_REQUEST",
  KeySchema = { { AttributeName = "id", KeyType = "HASH" } },
  AttributeDefinitions = { { AttributeName = "id", AttributeType = "S" } },
})
local full = definition.properties("orders", {
  key = { "pk:S", "sk:N" }, ttl = "expires", stream = true, protected = true,
  indexes = { by_state = { key = { "state:S", "sk:N" }, projects = { "total" } }, by_day = "day:S",
              inner = { key = { "pk:S", "day:S" }, projects = "keys", ["local"] = true } },
}, tools)
check("global indexes", full.GlobalSecondaryIndexes, {
  { IndexName = "by_day", KeySchema = { { AttributeName = "day", KeyType = "HASH" } }, Projection = { ProjectionType = "ALL" } },
  { IndexName = "by_state", KeySchema = { { AttributeName = "state", KeyType = "HASH" }, { AttributeName = "sk", KeyType = "RANGE" } },
    Projection = { ProjectionType = "INCLUDE", NonKeyAttributes = { "total" } } },
})
check("local indexes", full.LocalSecondaryIndexes[1].Projection, { ProjectionType = "KEYS_ONLY" })
check("attributes once each", #full.AttributeDefinitions, 4)
check("the stream", full.StreamSpecification, { StreamViewType = "NEW_AND_OLD_IMAGES" })
check("the time to live", full.TimeToLiveSpecification, { AttributeName = "expires", Enabled = true })
local metered = definition.properties("orders", {
  key = "id:S", indexes = { by_day = "day:S" }, recovery = 7, throughput = { read = 5, write = 2, enforced = true },
}, tools)
check("the recovery", metered.PointInTimeRecoverySpecification,
  { PointInTimeRecoveryEnabled = true, RecoveryPeriodInDays = 7 })
check("the billing mode", metered.BillingMode, "PROVISIONED")
check("the throughput of an index", metered.GlobalSecondaryIndexes[1].ProvisionedThroughput,
  { ReadCapacityUnits = 5, WriteCapacityUnits = 2 })
check("the tag that enforces it", metered.Tags, { { Key = "moonbase:throughput", Value = "enforced" } })
local wide = definition.properties("matches", {
  key = "id:S", indexes = { by_cup = { key = { { "cup:S", "year:N" }, { "round:S", "leg:N" } } } },
  throughput = { max_write = 7, enforced = true },
}, tools)
check("several attributes in a part of a key", wide.GlobalSecondaryIndexes[1].KeySchema, {
  { AttributeName = "cup", KeyType = "HASH" }, { AttributeName = "year", KeyType = "HASH" },
  { AttributeName = "round", KeyType = "RANGE" }, { AttributeName = "leg", KeyType = "RANGE" },
})
check("limits on demand", { wide.BillingMode, wide.OnDemandThroughput, wide.Tags[1].Value },
  { "PAY_PER_REQUEST", { MaxWriteRequestUnits = 7 }, "enforced" })
for _, wrong in ipairs {
  { key = { { "a:S", "b:S" } } }, { key = "id:S", indexes = { x = { key = { { "a:S", "b:S", "c:S", "d:S", "e:S" } } } } },
  { key = "id:S", throughput = { read = 1, write = 1, max_read = 1 } },
} do
  check("what no table can be", pcall(definition.properties, "orders", wrong, tools), false)
end
for _, wrong in ipairs { { key = "id" }, { key = { "id:S", "id:N" } }, { key = { "a:S", "b:S", "c:S" } } } do
  check("a wrong key is refused", pcall(definition.properties, "orders", wrong, tools), false)
end

local item = {
  id = "a", total = 12.5, count = 3, big = handle:number "12345678901234567890.5", paid = false, note = null,
  lines = { { sku = "lamp" } }, empty = array {}, tags = handle:set { "new", "gift" }, sizes = handle:set { 1, 2 },
  raw = handle:binary "\0\1\2\3",
}
handle:put(item, { if_absent = "id" })
check("an item", last().Item, {
  id = { S = "a" }, total = { N = "12.5" }, count = { N = "3" }, big = { N = "12345678901234567890.5" },
  paid = { BOOL = false }, note = { NULL = true }, lines = { L = { { M = { sku = { S = "lamp" } } } } },
  empty = { L = {} }, tags = { SS = { "new", "gift" } }, sizes = { NS = { "1", "2" } }, raw = { B = "AAECAw==" },
})
check("if_absent", { last().ConditionExpression, last().ExpressionAttributeNames },
  { "attribute_not_exists(#n0)", { ["#n0"] = "id" } })
local stored = last().Item

answers = { { Item = stored } }
local read = handle:get({ id = "a" }, { attributes = { "id", "lines[0].sku" } })
check("a projection", { last().ProjectionExpression, last().ExpressionAttributeNames },
  { "#n0, #n1[0].#n2", { ["#n0"] = "id", ["#n1"] = "lines", ["#n2"] = "sku" } })
check("numbers come back", { read.total, read.count, tostring(read.big) }, { 12.5, 3, "12345678901234567890.5" })
check("null comes back", read.note == null, true)
check("sets come back", { read.tags:has "gift", read.tags:has "old", read.sizes:has(2) }, { true, false, true })
check("bytes come back", read.raw.bytes, "\0\1\2\3")
handle:put(read)
check("and can be put again", last().Item, stored)
answers = { {} }
check("what is not there is nil", handle:get { id = "b" }, nil)
for _, number in ipairs { 0.1, 1 / 3, 2 ^ 53, -1e-7, 1e21 } do
  handle:put { n = number }
  check("a number keeps its value", tonumber(last().Item.n.N), number)
end
check("no number, no item", pcall(handle.put, handle, { n = 0 / 0 }), false)

handle:update({ id = "a" }, {
  set = { state = "SENT", ["address.city"] = "Bonn" }, add = { tries = 1 }, remove = { "old" },
  append = { log = { "sent" } }, when = { state = "NEW", total = { "<=", 100 } },
})
check("an update", last().UpdateExpression,
  "SET #n0.#n1 = :v0, #n2 = :v1, #n3 = list_append(if_not_exists(#n3, :v2), :v3) REMOVE #n4 ADD #n5 :v4")
check("its condition", last().ConditionExpression, "#n2 = :v5 AND #n6 <= :v6")
check("its values", last().ExpressionAttributeValues, {
  [":v0"] = { S = "Bonn" }, [":v1"] = { S = "SENT" }, [":v2"] = { L = {} }, [":v3"] = { L = { { S = "sent" } } },
  [":v4"] = { N = "1" }, [":v5"] = { S = "NEW" }, [":v6"] = { N = "100" },
})
handle:delete({ id = "a" }, { if_present = "id", when = "total < :t OR #s = :s", names = { s = "state" }, values = { t = 5, s = "x" } })
check("own text beside a word", last().ConditionExpression, "attribute_exists(#n0) AND (total < :t OR #s = :s)")
check("own names", last().ExpressionAttributeNames, { ["#n0"] = "id", ["#s"] = "state" })
check("an unknown option", pcall(handle.delete, handle, { id = "a" }, { iff = 1 }), false)

answers = { { Items = { { id = { S = "a" } } }, Count = 1, ScannedCount = 2, LastEvaluatedKey = { id = { S = "a" } } } }
local page = handle:query({ pk = "a", sk = { "between", 1, 9 } }, { limit = 1, reverse = true, filter = { kind = { "in", { "x", "y" } } } })
check("a query", { last().KeyConditionExpression, last().FilterExpression, last().Limit, last().ScanIndexForward },
  { "#n0 = :v0 AND #n1 BETWEEN :v1 AND :v2", "#n2 IN (:v3, :v4)", 1, false })
check("a page", page, { items = { { id = "a" } }, count = 1, scanned = 2, after = { id = "a" } })
answers = {
  { Items = { { id = { S = "a" } }, { id = { S = "b" } } }, LastEvaluatedKey = { id = { S = "b" } } },
  { Items = {}, LastEvaluatedKey = { id = { S = "c" } } }, { Items = { { id = { S = "d" } } } },
}
local all = {}
for one in handle:each(nil, { limit = 2 }) do all[#all + 1] = one.id end
check("every page", all, { "a", "b", "d" })
check("went on from the key", { last().ExclusiveStartKey, calls[#calls].operation }, { { id = { S = "c" } }, "Scan" })

answers = { { Responses = { orders = { { id = { S = "a" } } } }, UnprocessedKeys = { orders = { Keys = { { id = { S = "b" } } } } } },
            { Responses = { orders = { { id = { S = "b" } } } } } }
check("a batch asks again for what is left", handle:batch_get { { id = "a" }, { id = "b" } }, { { id = "a" }, { id = "b" } })
local many = {}
for i = 1, 30 do many[i] = { id = tostring(i) } end
local before = #calls
answers = { { UnprocessedItems = { orders = { { PutRequest = { Item = { id = { S = "1" } } } } } } }, {} }
handle:batch_write { put = many, delete = { { id = "x" } } }
check("25 writes a call, and the rest", { #calls[before + 1].input.RequestItems.orders, #calls[before + 2].input.RequestItems.orders },
  { 25, 7 })
local stock = { name = "stock" }
handle:transact {
  { put = { id = "a" }, if_absent = "id" }, { update = { id = "lamp" }, add = { left = -1 }, when = { left = { ">", 0 } }, table = stock },
  { delete = { id = "b" } }, { check = { id = "c" }, if_present = "id" },
}
check("a transaction", last().TransactItems, {
  { Put = { TableName = "orders", Item = { id = { S = "a" } }, ConditionExpression = "attribute_not_exists(#n0)",
            ExpressionAttributeNames = { ["#n0"] = "id" } } },
  { Update = { TableName = "stock", Key = { id = { S = "lamp" } }, UpdateExpression = "ADD #n0 :v0",
               ConditionExpression = "#n0 > :v1", ExpressionAttributeNames = { ["#n0"] = "left" },
               ExpressionAttributeValues = { [":v0"] = { N = "-1" }, [":v1"] = { N = "0" } } } },
  { Delete = { TableName = "orders", Key = { id = { S = "b" } } } },
  { ConditionCheck = { TableName = "orders", Key = { id = { S = "c" } }, ConditionExpression = "attribute_exists(#n0)",
                       ExpressionAttributeNames = { ["#n0"] = "id" } } },
})

-- What apply does when a stack changes.
local made = {}
local function call(service, operation, input)
  made[#made + 1] = operation
  return operation == "DescribeTable" and { Table = { TableArn = "arn", TableName = input.TableName } } or {}
end
definition.create(call, "orders", full, tools)
check("a table and its time to live", made, { "CreateTable", "UpdateTimeToLive", "DescribeTable" })
made = {}
local changed = definition.properties("orders", { key = { "pk:S", "sk:N" }, indexes = { by_day = "day:N" } }, tools)
definition.update(call, "orders", full, changed, {}, tools)
check("one change at a time", made,
  { "UpdateTable", "UpdateTable", "UpdateTable", "UpdateTable", "UpdateTable", "UpdateTimeToLive", "DescribeTable" })
made = {}
local limited = definition.properties("orders", { key = { "pk:S", "sk:N" }, indexes = { by_day = "day:N" },
                                                  throughput = { max_read = 5 } }, tools)
definition.update(call, "orders", changed, limited, {}, tools)
definition.update(call, "orders", limited, changed, {}, tools)
check("limits come and go", made, { "UpdateTable", "DescribeTable", "UpdateTable", "DescribeTable" })
check("another key is another table", definition.replaces(full, definition.properties("orders", { key = "id:S" }, tools)), true)

harness.finish(30)
