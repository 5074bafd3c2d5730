---@meta
-- The stack vocabulary. Written by scripts/annotations from the plugins' resources.lua; do not edit.

---@class moonbase.fn.Options  AWS::Lambda::Function
---@field code? string|table  A file or folder beside the stack, or an object of S3: { bucket = ..., key = ..., version = ... }.
---@field description? string
---@field environment? table  What os.getenv shows.
---@field handler moonbase.Handler|string  A function, or "file.lua:name" beside the stack.
---@field inline? boolean  Runs inside the kernel: short trusted code without calls.
---@field memory? integer  MB, 128 to 10240; 128 if you say nothing.
---@field role? string  ARN of the role that it works as.
---@field runtime? string  "lua", "native", "nodejs22.x", "python3.12", "provided.al2023" and the like.
---@field tags? table
---@field timeout? integer  Seconds, 1 to 900; 3 if you say nothing.

---@class moonbase.fn  what s.fn "name" { … } answers
---@field name string
local fn = {}

-- Waits for the answer; a failure inside the function is raised.
function fn:invoke(payload) end

-- Queues the event; it is tried three times.
function fn:send(payload) end

---@class moonbase.event_source.Options  AWS::Lambda::EventSourceMapping
---@field attribute? string  Which of its attributes is the ARN to poll; "arn".
---@field batch? integer  Records a call, 1 to 10000.
---@field bisect? boolean  Streams: a batch that fails is split.
---@field filter? table  A pattern as a table, or a list of them.
---@field from? string  Streams: LATEST or TRIM_HORIZON.
---@field handler table  A function of the stack.
---@field parallel? integer  Streams: batches beside each other, 1 to 10; keys keep their order.
---@field reports_failures? boolean  The handler answers which items failed.
---@field retries? integer  Streams: tries after the first; for ever if you say nothing.
---@field source table  The handle that is polled: a table with a stream, a queue.
---@field window? integer  Seconds to wait for a full batch, 0 to 300.

---@class moonbase.event_source  what s.event_source "name" { … } answers
---@field name string
local event_source = {}

---@class moonbase.rest_api.Options  AWS::ApiGateway::RestApi
---@field description? string
---@field routes table  ["GET /path/{name}"] = a function.
---@field stage? string  The stage that it is deployed at.

---@class moonbase.rest_api  what s.rest_api "name" { … } answers
---@field name string
local rest_api = {}

---@class moonbase.http_api.Options  AWS::ApiGatewayV2::Api
---@field cors? string|table  "*", an origin, or { origins, methods, headers, expose, max_age, credentials }.
---@field description? string
---@field routes table  ["GET /path/{name}"] = a function.
---@field stage? string  The stage that it is deployed at.

---@class moonbase.http_api  what s.http_api "name" { … } answers
---@field name string
local http_api = {}

---@class moonbase.bus.Options  AWS::Events::EventBus
---@field description? string

---@class moonbase.bus  what s.bus "name" { … } answers
---@field name string
local bus = {}

-- Puts an event on the bus; answers its id. The source is the stack's name unless options.source says another.
function bus:put(detail_type, detail, options) end

---@class moonbase.rule.Options  AWS::Events::Rule
---@field bus? table|string  A bus of the stack, or a name; the default bus if you say nothing.
---@field dead_letter? table  A queue for what cannot be delivered.
---@field description? string
---@field enabled? boolean
---@field on_event? moonbase.Handler  A function that gets the event.
---@field pattern? table|string  Which events: { source = { "shop" } }, as EventBridge writes patterns.
---@field retries? integer  0 to 185.
---@field schedule? string  "rate(5 minutes)" or "cron(0 3 * * ? *)".
---@field targets? table  Functions and resources, or { target, input, input_path, template, paths, group }.

---@class moonbase.rule  what s.rule "name" { … } answers
---@field name string
local rule = {}

---@class moonbase.pipe.Options  AWS::Pipes::Pipe
---@field batch? integer  Records at once.
---@field dead_letter? table  Of a stream: a queue for what failed.
---@field description? string
---@field enabled? boolean
---@field enrichment? moonbase.Handler|table  A function that answers what the target gets.
---@field filter? table|string  A pattern of records, or a list of them: { body = { kind = { "ship" } } }.
---@field parallel? integer  Of a stream: batches of a shard at once, 1 to 10.
---@field retries? integer  Of a stream.
---@field source table  A queue or a stream of the stack.
---@field start? string  Of a stream: "TRIM_HORIZON" or "LATEST".
---@field target moonbase.Handler|table  A function or another resource of the stack.
---@field template? table|string  What the target gets: '{"id": <$.body.id>}'.
---@field window? integer  Seconds that a batch may gather.

---@class moonbase.pipe  what s.pipe "name" { … } answers
---@field name string
local pipe = {}

---@class moonbase.schedule.Options  AWS::Scheduler::Schedule
---@field at? string  "2027-01-31T09:00:00": once.
---@field cron? string  "0 3 * * ? *": minutes, hours, day of month, month, day of week, year.
---@field dead_letter? table  A queue for what cannot be delivered.
---@field description? string
---@field enabled? boolean
---@field handler? moonbase.Handler  A function written in place.
---@field input? any  What the target gets.
---@field once? boolean  Delete it after its last run.
---@field rate? string  "5 minutes".
---@field retries? integer  0 to 185.
---@field target? table  A function or another resource of the stack.
---@field timezone? string  "Europe/Berlin"; UTC if you say nothing.
---@field window? integer  Minutes within which it may run.

---@class moonbase.schedule  what s.schedule "name" { … } answers
---@field name string
local schedule = {}

---@class moonbase.topic.Options  AWS::SNS::Topic
---@field archive? integer  FIFO: days that messages are kept for replays.
---@field deduplication? string  FIFO: "content" drops what was published in the last five minutes.
---@field delivery? table|string  A delivery policy, for HTTP endpoints.
---@field display_name? string  Who mail comes from.
---@field fifo? boolean  In order within message groups, each message once.
---@field policy? table|string  A resource policy.
---@field signature? integer  1 (SHA1) or 2 (SHA256); 1 if you say nothing.
---@field tags? table
---@field throughput? string  FIFO: "high" keeps groups apart from each other.

---@class moonbase.topic  what s.topic "name" { … } answers
---@field name string
local topic = {}

function topic:on_message(...) end

function topic:subscribe(...) end

-- Options: subject, attributes, group, deduplication. A table is sent as JSON.
---@return string message_id
function topic:publish(message, options) end

-- Any number of messages, ten a Call. The options are for all of them. What is refused is raised.
---@return string[] message_ids
function topic:publish_batch(messages, options) end

---@class moonbase.email.Options  Moonbase::SNS::Email
---@field json? boolean  Gets notifications as JSON.

---@class moonbase.email  what s.email "name" { … } answers
---@field name string
local email = {}

---@class moonbase.topic_subscription.Options  AWS::SNS::Subscription
---@field dead_letter? table  A queue for what cannot be delivered.
---@field filter? table|string  A filter policy: { kind = { "ship" } }.
---@field filter_by? string  "attributes", or "body"; attributes if you say nothing.
---@field raw? boolean  The message alone, without SNS's envelope.
---@field target table|string  A queue, a function, s.email, or an address.
---@field topic table  The topic.

---@class moonbase.topic_subscription  what s.topic_subscription "name" { … } answers
---@field name string
local topic_subscription = {}

---@class moonbase.queue.Options  AWS::SQS::Queue
---@field dead_letter? table  { queue, after = 3 }: where messages go that were received that often.
---@field deduplication? string  FIFO: "content" drops what was sent in the last five minutes.
---@field delay? integer  Seconds before a message that was sent can be received.
---@field fifo? boolean  In order within message groups, each message once.
---@field policy? table|string  A resource policy.
---@field retention? integer  Seconds that messages are kept; four days if you say nothing.
---@field size? integer  Bytes that a message may have; 1 MiB if you say nothing.
---@field tags? table
---@field throughput? string  FIFO: "high" keeps groups apart from each other.
---@field visibility? integer  Seconds that a received message stays hidden; 30 if you say nothing.
---@field wait? integer  Seconds that a receive waits for a message, up to 20.

---@class moonbase.queue  what s.queue "name" { … } answers
---@field name string
local queue = {}

function queue:on_message(...) end

-- A message that was received, or its receipt.
function queue:delete(message) end

function queue:purge() end

-- Messages as { id, body, receipt, attributes, system }; body is a table where JSON was sent.
---@return table[] messages
function queue:receive(options) end

-- Of a dead letter queue: its messages go back to where they came from, or to another queue.
---@return string task_handle
function queue:redrive(options) end

-- Options: delay (seconds), group, deduplication, attributes.
---@return string message_id
function queue:send(body, options) end

-- Any number of messages, ten a Call. The options are for all of them. What is refused is raised.
---@return string[] message_ids
function queue:send_batch(bodies, options) end

---@class moonbase.queue_mapping.Options  AWS::Lambda::EventSourceMapping
---@field batch? integer  Messages of one invocation at most; 10 if you say nothing.
---@field concurrency? integer  Invocations at the same time at most.
---@field partial_failures? boolean  Only the messages whose handler failed come again.
---@field queue table  The queue that feeds the function.
---@field target table  The function.
---@field window? integer  Seconds that a batch may wait to fill.

---@class moonbase.queue_mapping  what s.queue_mapping "name" { … } answers
---@field name string
local queue_mapping = {}

---@class moonbase.table.Options  AWS::DynamoDB::Table
---@field indexes? table  name = { key = { "a:S", "b:N" }, projects = "all", "keys" or { … }, ["local"] = true }; a part of a global one's key may be a list.
---@field key string|table  "id:S" or { "pk:S", "sk:N" }.
---@field protected? boolean  The table cannot be deleted.
---@field recovery? boolean|integer  Restorable to any second of the last 35, or so many, days.
---@field stream? string|boolean  KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or NEW_AND_OLD_IMAGES (true).
---@field tags? table
---@field throughput? table  { read = 5, write = 5, enforced = true }: provisioned units a second, of the table and each index; { max_read = 5, max_write = 5, enforced = true }: the table's most on demand.
---@field ttl? string  The attribute with the second (since 1970) in which an item expires.

---@class moonbase.table  what s.table "name" { … } answers
---@field name string
local table = {}

function table:on_change(...) end

-- The items of many keys, in no particular order; keys without an item are left out.
---@return table[] items
function table:batch_get(keys) end

-- Puts many items and deletes many keys, 25 a Call: orders:batch_write { put = { … }, delete = { … } }
function table:batch_write(writes) end

function table:binary(bytes) end

---@return table? before the item that was there
function table:delete(key, options) end

-- Every item of a query (or, without a key, of the whole table), page by page:
-- for item in orders:each({ pk = "a" }) do … end
function table:each(key, options) end

---@return table? item
function table:get(key, options) end

function table:number(text) end

---@return table? before the item that was there, with returns = "old"
function table:put(item, options) end

---@return moonbase.Page
function table:query(key, options) end

---@return moonbase.Page
function table:scan(options) end

function table:set(members) end

-- All or nothing, also across tables. Steps name their table unless it is this one:
-- orders:transact { { put = { … }, if_absent = "pk" }, { update = key, set = { … }, table = stock },
--                   { delete = key }, { check = key, when = { … }, table = users } }
function table:transact(steps) end

---@return table? item as it is now, or with returns = "old" as it was
function table:update(key, changes) end

---@class moonbase.Page
---@field items table[]  with count = true there are none
---@field count integer
---@field scanned integer  how many were looked at, before the filter
---@field after? table  what to give as `after` for the next page

---@class moonbase.bucket.Options  AWS::S3::Bucket
---@field cors? table|string  Whose pages may call it: "*", an origin, a list, or { origins, methods, headers, expose, max_age }.
---@field lifecycle? table  Rules: { { prefix = "tmp/", expire = 7, noncurrent = 30, abort = 1, to = { GLACIER = 90 } } }, in days.
---@field lock? boolean  Object Lock: versions may be kept from being deleted.
---@field tags? table
---@field versioning? boolean  Keeps what is replaced and deleted.

---@class moonbase.bucket  what s.bucket "name" { … } answers
---@field name string
local bucket = {}

function bucket:on_object(...) end

-- No bytes move. `to` may be in another bucket: { bucket = other }.
function bucket:copy(from, to, options) end

function bucket:delete(key, options) end

-- The bytes, and what is known of the object; nil where there is none.
---@return string? body, table? object
function bucket:get(key, options) end

-- What is known of the object; nil where there is none.
---@return table? object
function bucket:head(key, options) end

-- A page of at most 1,000: { objects, prefixes, after }; `after` is what the next page wants as its option, or nil.
---@return { objects: table[], prefixes: string[], after?: string } page
function bucket:list(options) end

-- A table is kept as JSON. With if_absent = true only where there is nothing, with if_match only over this etag: else it
-- raises PreconditionFailed.
---@return { etag: string, version?: string } object
function bucket:put(key, body, options) end

---@class moonbase.object_events.Options  Moonbase::S3::Notification
---@field bucket table  The bucket.
---@field list table  What on_object was given: { { name, target, events, prefix, suffix } }.

---@class moonbase.object_events  what s.object_events "name" { … } answers
---@field name string
local object_events = {}

---@class moonbase.Stack
---@field bucket fun(name: string): fun(options: moonbase.bucket.Options): moonbase.bucket
---@field bus fun(name: string): fun(options: moonbase.bus.Options): moonbase.bus
---@field email fun(name: string): fun(options: moonbase.email.Options): moonbase.email
---@field event_source fun(name: string): fun(options: moonbase.event_source.Options): moonbase.event_source
---@field fn fun(name: string): fun(options: moonbase.fn.Options): moonbase.fn
---@field http_api fun(name: string): fun(options: moonbase.http_api.Options): moonbase.http_api
---@field object_events fun(name: string): fun(options: moonbase.object_events.Options): moonbase.object_events
---@field pipe fun(name: string): fun(options: moonbase.pipe.Options): moonbase.pipe
---@field queue fun(name: string): fun(options: moonbase.queue.Options): moonbase.queue
---@field queue_mapping fun(name: string): fun(options: moonbase.queue_mapping.Options): moonbase.queue_mapping
---@field rest_api fun(name: string): fun(options: moonbase.rest_api.Options): moonbase.rest_api
---@field rule fun(name: string): fun(options: moonbase.rule.Options): moonbase.rule
---@field schedule fun(name: string): fun(options: moonbase.schedule.Options): moonbase.schedule
---@field table fun(name: string): fun(options: moonbase.table.Options): moonbase.table
---@field topic fun(name: string): fun(options: moonbase.topic.Options): moonbase.topic
---@field topic_subscription fun(name: string): fun(options: moonbase.topic_subscription.Options): moonbase.topic_subscription

