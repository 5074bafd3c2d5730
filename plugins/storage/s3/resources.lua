-- Stack vocabulary of buckets.
--
--   local photos = s.bucket "photos" { versioning = true, cors = "*", lifecycle = { { prefix = "tmp/", expire = 7 } } }
--
--   photos:on_object({ prefix = "in/", suffix = ".jpg" }, function(object)
--     local body = photos:get(object.key)
--     photos:put("out/" .. object.key, body, { type = "image/jpeg" })
--   end)
--
-- In a handler: photos:put(key, body, options) (a table is kept as JSON), photos:get(key) (the body, and what is known of
-- it; nil where there is none), photos:head(key), photos:delete(key), photos:copy(from, to), photos:list { prefix = "in/" }.

local page_max = 1000

local function checked(what, options, known)
  for key in pairs(options or {}) do
    if not known[key] then error(("%s takes no option %q"):format(what, tostring(key)), 3) end
  end
  return options or {}
end

-- --- handle methods -------------------------------------------------------------------------------

local methods = {}

local function described(key, output)
  return {
    key = key, size = output.ContentLength, etag = output.ETag, type = output.ContentType, version = output.VersionId,
    modified = output.LastModified, metadata = output.Metadata or {}, class = output.StorageClass or "STANDARD",
  }
end

-- The answer, or nil where there is no such object.
local function unless_missing(handle, operation, input)
  local good, output = pcall(handle.call, operation, input)
  if good then return output end
  local code = type(output) == "table" and output.code
  if code == "NoSuchKey" or code == "NoSuchVersion" or code == "MethodNotAllowed" then return nil end
  error(output, 0)
end

local function tagging(tags)
  if not tags then return nil end
  local function encoded(text)
    return (tostring(text):gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
  end
  local parts = {}
  for key, value in pairs(tags) do parts[#parts + 1] = encoded(key) .. "=" .. encoded(value) end
  table.sort(parts)
  return table.concat(parts, "&")
end

local put_options = { type = true, metadata = true, tags = true, cache = true, class = true, if_absent = true, if_match = true }

-- A table is kept as JSON. With if_absent = true only where there is nothing, with if_match only over this etag: else it
-- raises PreconditionFailed.
---@return { etag: string, version?: string } object
function methods.put(handle, key, body, options)
  options = checked("put", options, put_options)
  local is_json = type(body) == "table"
  local output = handle.call("PutObject", {
    Bucket = handle.name, Key = key, Body = json.base64(is_json and json.encode(body) or tostring(body)),
    ContentType = options.type or is_json and "application/json" or nil, Metadata = options.metadata,
    Tagging = tagging(options.tags), CacheControl = options.cache, StorageClass = options.class,
    IfNoneMatch = options.if_absent and "*" or nil, IfMatch = options.if_match,
  })
  return { etag = output.ETag, version = output.VersionId }
end

local get_options = { version = true, range = true }

-- The bytes, and what is known of the object; nil where there is none.
---@return string? body, table? object
function methods.get(handle, key, options)
  options = checked("get", options, get_options)
  local output = unless_missing(handle, "GetObject", {
    Bucket = handle.name, Key = key, VersionId = options.version, Range = options.range })
  if not output then return nil end
  return output.Body and json.unbase64(output.Body) or "", described(key, output)
end

-- What is known of the object; nil where there is none.
---@return table? object
function methods.head(handle, key, options)
  options = checked("head", options, { version = true })
  local output = unless_missing(handle, "HeadObject", { Bucket = handle.name, Key = key, VersionId = options.version })
  return output and described(key, output)
end

function methods.delete(handle, key, options)
  options = checked("delete", options, { version = true })
  handle.call("DeleteObject", { Bucket = handle.name, Key = key, VersionId = options.version })
end

local function encoded_path(key)
  return (key:gsub("[^%w%-._~/]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- No bytes move. `to` may be in another bucket: { bucket = other }.
function methods.copy(handle, from, to, options)
  options = checked("copy", options, { bucket = true })
  handle.call("CopyObject", { Bucket = options.bucket and options.bucket.name or handle.name, Key = to,
                              CopySource = handle.name .. "/" .. encoded_path(from) })
end

local list_options = { prefix = true, delimiter = true, limit = true, after = true }

-- A page of at most 1,000: { objects, prefixes, after }; `after` is what the next page wants as its option, or nil.
---@return { objects: table[], prefixes: string[], after?: string } page
function methods.list(handle, options)
  options = checked("list", options, list_options)
  local output = handle.call("ListObjectsV2", {
    Bucket = handle.name, Prefix = options.prefix, Delimiter = options.delimiter, MaxKeys = options.limit,
    ContinuationToken = options.after })
  local page = { objects = {}, prefixes = {}, after = output.NextContinuationToken }
  for i, found in ipairs(output.Contents or {}) do
    page.objects[i] = { key = found.Key, size = found.Size, etag = found.ETag, modified = found.LastModified,
                        class = found.StorageClass }
  end
  for i, found in ipairs(output.CommonPrefixes or {}) do page.prefixes[i] = found.Prefix end
  return page
end

-- --- what happens to objects ----------------------------------------------------------------------

local function decoded_key(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

-- The function's handler: calls `handler` with each object of the event.
local function object_handler(handler)
  return function(event, ctx)
    for _, record in ipairs(event.Records) do
      local object = record.s3.object
      handler({ key = decoded_key(object.key), size = object.size, etag = object.eTag, version = object.versionId,
                bucket = record.s3.bucket.name, event = record.eventName }, record, ctx)
    end
  end
end

local function_options = { memory = true, timeout = true, environment = true, description = true, role = true, tags = true }
local event_options = { prefix = true, suffix = true, events = true, name = true }
local event_words = {
  created = "s3:ObjectCreated:*", removed = "s3:ObjectRemoved:*", tagged = "s3:ObjectTagging:*",
  expired = "s3:LifecycleExpiration:*", moved = "s3:LifecycleTransition",
}
local lists = { sqs = { "QueueConfigurations", "QueueArn" }, sns = { "TopicConfigurations", "TopicArn" },
                lambda = { "LambdaFunctionConfigurations", "LambdaFunctionArn" } }

return function(vocabulary)
  local function same(a, b) return vocabulary.json { a } == vocabulary.json { b } end

  -- --- on_object ----------------------------------------------------------------------------------
  local function on_object(handle, options, target)
    local stack = handle.stack
    if target == nil then options, target = {}, options end
    local resource = stack.by_id["bucket/" .. handle.name]
    local function refuse(message)
      error({ moonbase = true, file = resource.file, line = resource.line,
              message = ("on_object of bucket %q: %s"):format(handle.name, message) }, 0)
    end
    if type(options) ~= "table" then refuse("the first word is a table of options") end
    for key in pairs(options) do
      if not function_options[key] and not event_options[key] then
        refuse(("there is no option %q"):format(tostring(key)))
      end
    end
    stack.object_events = stack.object_events or {}
    local events = stack.object_events[handle.name]
    local count = events and #events.list + 1 or 1
    local base = handle.name:gsub("%.", "-") .. "-on-object" .. (count > 1 and "-" .. count or "")
    if type(target) == "function" then
      local declared = { handler = object_handler(target) }
      for key in pairs(function_options) do declared[key] = options[key] end
      target = stack.declare("fn", options.name or base, declared, 3)
    elseif type(target) ~= "table" or not rawget(target, "name") then
      refuse("the last word is a function(object), or a function, queue or topic of this stack")
    else
      for key in pairs(function_options) do
        if options[key] ~= nil then refuse(("%s is said where the function is declared"):format(key)) end
      end
    end
    if not events then
      events = { list = {} }
      events.handle = stack.declare("object_events", handle.name, { bucket = handle, list = events.list }, 3)
      stack.object_events[handle.name] = events
    end
    events.list[count] = { name = base, target = target, events = options.events, prefix = options.prefix,
                           suffix = options.suffix }
    events.handle.move_last()
    return target
  end

  -- --- settings -----------------------------------------------------------------------------------
  local function cors_rules(handle, cors, tools)
    if cors == nil then return nil end
    local given = type(cors) == "string" and { origins = { cors } } or cors
    if type(given) ~= "table" then tools.refuse(handle, "cors is \"*\", an origin, a list of them, or a table") end
    if given[1] then given = { origins = given } end
    for key in pairs(given) do
      if not ({ origins = 1, methods = 1, headers = 1, expose = 1, max_age = 1 })[key] then
        tools.refuse(handle, ("cors takes no %q"):format(tostring(key)))
      end
    end
    return tools.array { {
      AllowedOrigins = tools.array(given.origins or { "*" }),
      AllowedMethods = tools.array(given.methods or { "GET", "HEAD", "PUT", "POST", "DELETE" }),
      AllowedHeaders = tools.array(given.headers or { "*" }), ExposeHeaders = tools.array(given.expose or { "ETag" }),
      MaxAgeSeconds = given.max_age } }
  end

  local rule_words = { prefix = true, expire = true, noncurrent = true, abort = true, to = true, markers = true }
  local function lifecycle_rule(handle, given, number, tools)
    if type(given) ~= "table" then tools.refuse(handle, "lifecycle is a list of rules: { { prefix = \"tmp/\", expire = 7 } }") end
    for key in pairs(given) do
      if not rule_words[key] then tools.refuse(handle, ("a lifecycle rule takes no %q"):format(tostring(key))) end
    end
    local transitions
    for class, days in pairs(given.to or {}) do
      transitions = transitions or {}
      transitions[#transitions + 1] = { StorageClass = class, Days = days }
    end
    if transitions then table.sort(transitions, function(a, b) return a.Days < b.Days end) end
    return {
      ID = "rule-" .. number, Status = "Enabled", Filter = { Prefix = given.prefix or "" },
      Expiration = given.expire and { Days = given.expire } or given.markers and { ExpiredObjectDeleteMarker = true } or nil,
      NoncurrentVersionExpiration = given.noncurrent and { NoncurrentDays = given.noncurrent } or nil,
      AbortIncompleteMultipartUpload = given.abort and { DaysAfterInitiation = given.abort } or nil,
      Transitions = transitions and tools.array(transitions) or nil,
    }
  end

  local function lifecycle_rules(handle, lifecycle, tools)
    if lifecycle == nil then return nil end
    local rules = {}
    for i, given in ipairs(lifecycle) do rules[i] = lifecycle_rule(handle, given, i, tools) end
    if #rules == 0 then tools.refuse(handle, "lifecycle is a list of rules: { { prefix = \"tmp/\", expire = 7 } }") end
    return tools.array(rules)
  end

  local function tag_set(tags, tools)
    if not tags then return nil end
    local set = {}
    for key, value in pairs(tags) do set[#set + 1] = { Key = key, Value = tostring(value) } end
    table.sort(set, function(a, b) return a.Key < b.Key end)
    return tools.array(set)
  end

  -- Each setting: what puts it, what takes it away.
  local settings = {
    { "Cors", "PutBucketCors", function(rules) return "CORSConfiguration", { CORSRules = rules } end, "DeleteBucketCors" },
    { "Lifecycle", "PutBucketLifecycleConfiguration",
      function(rules) return "LifecycleConfiguration", { Rules = rules } end, "DeleteBucketLifecycle" },
    { "Tags", "PutBucketTagging", function(set) return "Tagging", { TagSet = set } end, "DeleteBucketTagging" },
  }

  local function set(call, name, before, properties)
    if not same(before.Versioning, properties.Versioning) then
      call("s3", "PutBucketVersioning", { Bucket = name, VersioningConfiguration = {
        Status = properties.Versioning and "Enabled" or "Suspended" } })
    end
    for _, setting in ipairs(settings) do
      local key, put, member_of, delete = setting[1], setting[2], setting[3], setting[4]
      if not same(before[key], properties[key]) then
        if properties[key] then
          local member, document = member_of(properties[key])
          call("s3", put, { Bucket = name, [member] = document })
        else
          call("s3", delete, { Bucket = name })
        end
      end
    end
  end

  -- What the stack made goes with what is in it, as tables do.
  local function empty(call, name)
    repeat
      local page = call("s3", "ListObjectVersions", { Bucket = name, MaxKeys = page_max })
      local objects = {}
      for _, list in ipairs { page.Versions or {}, page.DeleteMarkers or {} } do
        for _, found in ipairs(list) do objects[#objects + 1] = { Key = found.Key, VersionId = found.VersionId } end
      end
      local failed
      if #objects > 0 then
        failed = (call("s3", "DeleteObjects", { Bucket = name, BypassGovernanceRetention = true,
                                                Delete = { Objects = objects, Quiet = true } }).Errors or {})[1]
      end
      if failed then error({ code = failed.Code, message = failed.Key .. ": " .. tostring(failed.Message) }, 0) end
    until #objects == 0
  end

  vocabulary.resource {
    constructor = "bucket", type = "AWS::S3::Bucket", service = "s3", keeps_data = true,
    options = {
      versioning = { type = "boolean", doc = "Keeps what is replaced and deleted." },
      cors       = { type = "table|string", doc = "Whose pages may call it: \"*\", an origin, a list, or { origins, methods, headers, expose, max_age }." },
      lifecycle  = { type = "table", doc = "Rules: { { prefix = \"tmp/\", expire = 7, noncurrent = 30, abort = 1, to = { GLACIER = 90 } } }, in days." },
      lock       = { type = "boolean", doc = "Object Lock: versions may be kept from being deleted." },
      tags       = { type = "table" },
    },
    properties = function(name, options, tools, stack)
      local handle = tools.handle(stack, "bucket", name)
      if options.lock and options.versioning == false then tools.refuse(handle, "lock needs versioning") end
      return {
        Bucket = name, Versioning = options.versioning or options.lock or nil, Lock = options.lock or nil,
        Cors = cors_rules(handle, options.cors, tools), Lifecycle = lifecycle_rules(handle, options.lifecycle, tools),
        Tags = tag_set(options.tags, tools),
      }
    end,
    create = function(call, name, properties)
      local arn = call("s3", "CreateBucket", { Bucket = name, ObjectLockEnabledForBucket = properties.Lock }).BucketArn
      set(call, name, { Versioning = properties.Lock }, properties)
      return { name = name, arn = arn }
    end,
    read = function(call, name, attributes)
      call("s3", "HeadBucket", { Bucket = attributes.name })
      return attributes
    end,
    replaces = function(before, after) return before.Lock ~= after.Lock end,
    update = function(call, name, before, properties, attributes)
      set(call, name, before, properties)
      return attributes
    end,
    delete = function(call, name, attributes)
      empty(call, attributes.name)
      call("s3", "DeleteBucket", { Bucket = attributes.name })
    end,
    methods = methods,
    configures = { on_object = on_object },
  }

  -- --- what on_object declares --------------------------------------------------------------------
  local function permit(call, bucket, target)
    if not target:find(":lambda:", 1, true) then return end
    local good, problem = pcall(call, "lambda", "AddPermission", {
      FunctionName = target, StatementId = "s3-" .. bucket:gsub("%.", "-"), Action = "lambda:InvokeFunction",
      Principal = "s3.amazonaws.com", SourceArn = "arn:aws:s3:::" .. bucket })
    if not good and not (type(problem) == "table" and problem.code == "ResourceConflictException") then
      error(problem, 0)
    end
  end

  local function configuration_of(told)
    local rules = {}
    if told.Prefix then rules[#rules + 1] = { Name = "Prefix", Value = told.Prefix } end
    if told.Suffix then rules[#rules + 1] = { Name = "Suffix", Value = told.Suffix } end
    local list = lists[told.Target:match("^arn:aws:(%w+):")]
    return list[1], { Id = told.Id, [list[2]] = told.Target, Events = told.Events,
                      Filter = #rules > 0 and { Key = { FilterRules = rules } } or nil }
  end

  -- Puts our configurations in the place of those before, and leaves others'.
  local function configure(call, bucket, before, wanted)
    local ours = {}
    for _, list in ipairs { before, wanted } do
      for _, told in ipairs(list) do ours[told.Id] = true end
    end
    local all = call("s3", "GetBucketNotificationConfiguration", { Bucket = bucket })
    for _, list in pairs(lists) do
      local kept = {}
      for _, one in ipairs(all[list[1]] or {}) do
        if not ours[one.Id] then kept[#kept + 1] = one end
      end
      all[list[1]] = #kept > 0 and kept or nil
    end
    for _, told in ipairs(wanted) do
      permit(call, bucket, told.Target)
      local list, configuration = configuration_of(told)
      all[list] = all[list] or {}
      table.insert(all[list], configuration)
    end
    call("s3", "PutBucketNotificationConfiguration", { Bucket = bucket, NotificationConfiguration = all })
  end

  local function told_of(entry, handle, tools)
    if entry.events ~= nil and type(entry.events) ~= "table" then
      tools.refuse(handle, "events is a list: { \"created\", \"removed\" }")
    end
    local events = {}
    for i, word in ipairs(entry.events or { "created" }) do
      if not event_words[word] and not tostring(word):find("^s3:") then
        tools.refuse(handle, ("there is no event %q"):format(tostring(word)))
      end
      events[i] = event_words[word] or word
    end
    return { Id = entry.name, Target = tools.ref(entry.target, "arn"), Events = tools.array(events),
             Prefix = entry.prefix, Suffix = entry.suffix }
  end

  local function ids_of(told)
    local ids = {}
    for i, one in ipairs(told) do ids[i] = one.Id end
    return ids
  end

  -- One for a bucket, behind all that it tells.
  vocabulary.resource {
    constructor = "object_events", type = "Moonbase::S3::Notification", service = "s3",
    options = {
      bucket = { type = "table", required = true, doc = "The bucket." },
      list   = { type = "table", required = true, doc = "What on_object was given: { { name, target, events, prefix, suffix } }." },
    },
    declared = function(handle, options, stack, tools)
      handle.move_last = function() tools.move_last(stack, tools.resource(handle)) end
    end,
    properties = function(name, options, tools, stack)
      local handle = tools.handle(stack, "object_events", name)
      local all = {}
      for i, entry in ipairs(options.list) do all[i] = told_of(entry, handle, tools) end
      return { Bucket = tools.ref(options.bucket, "name"), Told = tools.array(all) }
    end,
    create = function(call, name, properties)
      configure(call, properties.Bucket, {}, properties.Told)
      return { bucket = properties.Bucket, ids = ids_of(properties.Told) }
    end,
    read = function(call, name, attributes)
      call("s3", "HeadBucket", { Bucket = attributes.bucket })
      return attributes
    end,
    update = function(call, name, before, properties, attributes)
      configure(call, attributes.bucket, before.Told, properties.Told)
      return { bucket = attributes.bucket, ids = ids_of(properties.Told) }
    end,
    delete = function(call, name, attributes)
      local gone = {}
      for i, id in ipairs(attributes.ids) do gone[i] = { Id = id } end
      configure(call, attributes.bucket, gone, {})
    end,
  }
end
