-- Stack vocabulary of topics.
--
--   local news = s.topic "news" { display_name = "Moon News" }
--   news:subscribe(jobs, { filter = { kind = { "ship" } }, raw = true, dead_letter = dead })
--   news:subscribe(s.email "ann@moon.example" {})
--   news:on_message(function(message, meta) print(message.id, meta.subject) end)
--
-- In a handler: news:publish({ id = 7 }, { subject = "Order placed", attributes = { kind = "ship" } }).

return function(vocabulary)
  local to_json, shared = vocabulary.json, vocabulary.shared.notifications
  local json_text = shared.json_text

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
        tools.refuse(tools.handle(stack, "topic", name), "deduplication, throughput and archive are for topics with fifo = true")
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
      local handle = tools.handle(stack, "topic_subscription", name)
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
      shared.permit(call, properties.Endpoint, "sns", properties.Topic:match("[^:]+$"))
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
