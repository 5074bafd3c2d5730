-- The stack vocabulary of APIs, in the real stack language, with a recorder in the place of the platform:
--   luajit resources_test.lua RESOURCES STACK APPLY
local resources, stack_language, apply_language = assert(arg[1]), assert(arg[2]), assert(arg[3])

local harness = dofile((arg[0]:gsub("[^/]+/[^/]+$", "check.lua")))
local check = harness.check

local function text_of(file)
  local handle = assert(io.open(file))
  local text = handle:read("*a")
  handle:close()
  return text
end

-- Functions, as far as APIs see them.
local functions = [[return function(vocabulary)
  vocabulary.resource {
    constructor = "fn", type = "AWS::Lambda::Function", service = "lambda", is_function = true,
    options = { handler = { type = "handler|string", required = true }, inline = { type = "boolean" } },
    declared = function(handle, options, stack) stack.handler(handle.name, options.handler) end,
    properties = function(name, options) return { FunctionName = name, Inline = options.inline } end,
    create = function(call, name) return { arn = "arn:aws:lambda:us-east-1:000000000000:function:" .. name } end,
    update = function(call, name, before, properties, attributes) return attributes end,
    delete = function() end,
  }
end]]

-- A platform that remembers its routes.
local function platform()
  local made = { calls = {}, records = {}, routes = {}, integrations = {}, resources = {}, deployments = {}, count = 0 }
  local function next_id() made.count = made.count + 1 return "id" .. made.count end
  local answers = {}
  function answers.CreateRestApi(input)
    made.resources = { { id = "root", path = "/" } }
    return { id = input.tags and input.tags._custom_id_ or "random" }
  end
  function answers.GetResources() return { items = made.resources } end
  function answers.CreateResource(input)
    for _, parent in ipairs(made.resources) do
      if parent.id == input.parentId then
        local resource = { id = next_id(), path = (parent.path == "/" and "" or parent.path) .. "/" .. input.pathPart }
        made.resources[#made.resources + 1] = resource
        return resource
      end
    end
    error({ code = "NotFoundException", message = "Invalid Resource identifier specified" }, 0)
  end
  function answers.DeleteResource(input)
    local gone
    for _, resource in ipairs(made.resources) do if resource.id == input.resourceId then gone = resource.path end end
    local kept = {}
    for _, resource in ipairs(made.resources) do
      if resource.path ~= gone and resource.path:sub(1, #gone + 1) ~= gone .. "/" then kept[#kept + 1] = resource end
    end
    made.resources = kept
  end
  function answers.CreateDeployment()
    local id = next_id()
    made.deployments[#made.deployments + 1] = { id = id }
    return { id = id }
  end
  function answers.GetDeployments() return { items = made.deployments } end
  function answers.DeleteDeployment(input)
    for i, deployment in ipairs(made.deployments) do
      if deployment.id == input.deploymentId then return table.remove(made.deployments, i) end
    end
  end
  function answers.CreateApi(input) return { ApiId = input.Tags and input.Tags._custom_id_ or "random" } end
  local function list(collection) return function()
    local items = {}
    for _, item in pairs(made[collection]) do items[#items + 1] = item end
    return { Items = items }
  end end
  answers.GetRoutes, answers.GetIntegrations = list "routes", list "integrations"
  function answers.CreateIntegration(input)
    local integration = { IntegrationId = next_id(), IntegrationUri = input.IntegrationUri }
    made.integrations[integration.IntegrationId] = integration
    return integration
  end
  function answers.DeleteIntegration(input) made.integrations[input.IntegrationId] = nil end
  function answers.CreateRoute(input)
    local route = { RouteId = next_id(), RouteKey = input.RouteKey, Target = input.Target }
    made.routes[route.RouteId] = route
    return route
  end
  function answers.UpdateRoute(input) made.routes[input.RouteId].Target = input.Target end
  function answers.DeleteRoute(input) made.routes[input.RouteId] = nil end
  function answers.AddPermission(input)
    made.permissions = made.permissions or {}
    local key = input.FunctionName .. input.StatementId
    if made.permissions[key] then error({ code = "ResourceConflictException", message = "it is there" }, 0) end
    made.permissions[key] = true
  end
  function made.call(service, operation, input)
    made.calls[#made.calls + 1] = operation
    return answers[operation] and answers[operation](input) or {}
  end
  return made
end

local function host_for(made)
  return {
    mode = "configure", load = loadstring, call = made.call,
    vocabulary = { { name = "functions", text = functions }, { name = "gateway", text = text_of(resources) } },
    location = function(level)
      local frame = debug.getinfo(level, "Sl")
      return frame and frame.short_src or "?", frame and frame.currentline or 0
    end,
    upvalues = function() return {} end,
    records = function() return made.records end,
    remember = function(record)
      for i, known in ipairs(made.records) do
        if known.id == record.id then made.records[i] = record return end
      end
      made.records[#made.records + 1] = record
    end,
    forget = function(id)
      for i, known in ipairs(made.records) do if known.id == id then return table.remove(made.records, i) end end
    end,
  }
end

-- Runs a stack against a platform; answers the graph.
local function apply(made, configure)
  local host = host_for(made)
  made.calls = {}
  local module = dofile(stack_language)(host)
  configure(module.entry { name = "test" })
  local graph = module.graph()
  dofile(apply_language)(module, host).apply(graph)
  return graph
end
local function names_of(graph)
  local names = {}
  for i, node in ipairs(graph.resources) do names[i] = node.id end
  return names
end
local function refused(configure)
  local good, problem = pcall(apply, platform(), configure)
  return not good and type(problem) == "table" and problem.message or ("not refused: " .. tostring(problem))
end
local function count(calls, operation)
  local number = 0
  for _, name in ipairs(calls) do if name == operation then number = number + 1 end end
  return number
end
local function handler() end

do -- A REST API with a function of the stack and one written in place.
  local made = platform()
  local graph = apply(made, function(s)
    local product = s.fn "product" { handler = handler }
    s.rest_api "shop" { routes = {
      ["GET /product/{id}"] = product, ["POST /product"] = product, ["GET /health"] = { handler, auth = "none", inline = true },
    } }
  end)
  check("functions come before the API", names_of(graph), { "fn/product", "fn/shop-GET-health", "rest_api/shop" })
  check("inline is handed on", graph.resources[2].properties.Inline, true)
  check("its attributes", made.records[3].attributes, { id = "shop", stage = "prod", path = "/_aws/execute-api/shop/prod" })
  check("three resources below the root", #made.resources, 4)
  check("three methods", count(made.calls, "PutMethod"), 3)
  check("one deployment", #made.deployments, 1)

  apply(made, function(s)
    local product = s.fn "product" { handler = handler }
    s.rest_api "shop" { routes = { ["GET /product/{id}"] = product } }
  end)
  check("what is gone is gone", #made.resources, 3)
  check("still one deployment", #made.deployments, 1)
  check("the API itself stays", count(made.calls, "DeleteRestApi"), 0)
end

do -- An HTTP API, and a change of it.
  local made = platform()
  apply(made, function(s)
    local one = s.fn "one" { handler = handler }
    s.http_api "public" { cors = "*", routes = { ["GET /a"] = one, ["GET /b"] = one, ["$default"] = handler } }
  end)
  check("its attributes", made.records[3].attributes,
    { id = "public", stage = "$default", path = "/_aws/execute-api/public" })
  check("one integration a function", count(made.calls, "CreateIntegration"), 2)
  check("three routes", count(made.calls, "CreateRoute"), 3)

  apply(made, function(s)
    local one = s.fn "one" { handler = handler }
    local two = s.fn "two" { handler = handler }
    s.http_api "public" { routes = { ["GET /a"] = one, ["GET /b"] = two } }
  end)
  check("a route that stays is left alone", count(made.calls, "CreateRoute"), 0)
  check("a route with another function is changed", count(made.calls, "UpdateRoute"), 1)
  check("a route that is gone is deleted", count(made.calls, "DeleteRoute"), 1)
  check("so is its integration", count(made.calls, "DeleteIntegration"), 1)
  check("CORS is taken away", count(made.calls, "DeleteCorsConfiguration"), 1)
  local targets = {}
  for _, route in pairs(made.routes) do
    targets[route.RouteKey] = made.integrations[route.Target:match("/(.*)$")].IntegrationUri:match("[^:]+$")
  end
  check("routes lead where they should", targets, { ["GET /a"] = "one", ["GET /b"] = "two" })
end

do -- A name that is no id.
  local made = platform()
  apply(made, function(s) s.http_api "my api!" { routes = { ["GET /"] = handler } } end)
  check("a random id", made.records[2].attributes.id, "random")
end

do -- Refusals name what is wrong.
  local function api(options) return function(s) s.http_api "public" (options) end end
  check("a route that is none", refused(api { routes = { ["get /a"] = handler } }),
    'a route is written "GET /path/{name}", not "get /a"')
  check("a route without a function", refused(api { routes = { ["GET /a"] = "product" } }),
    'route "GET /a" leads to a function: s.fn "name" { … }, or function(event) … end')
  check("an authorizer", refused(api { routes = { ["GET /a"] = { handler, auth = "jwt" } } }),
    'route "GET /a": auth is "none" so far, other authorizers are not built')
  check("an unknown option of a route", refused(api { routes = { ["GET /a"] = { handler, inlin = true } } }),
    'route "GET /a" has no option "inlin". Did you mean inline?')
  check("an unknown option of cors", refused(api { cors = { origin = "*" }, routes = { ["GET /a"] = handler } }),
    'cors has no option "origin". Did you mean origins?')
  check("a $default route of a REST API", refused(function(s) s.rest_api "shop" { routes = { ["$default"] = handler } } end),
    "REST APIs have no $default route; s.http_api has")
end

harness.finish(20)
