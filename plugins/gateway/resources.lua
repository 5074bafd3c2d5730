-- Stack vocabulary of APIs.
--
--   s.rest_api "shop" { stage = "prod", routes = { ["GET /product/{id}"] = product } }
--   s.http_api "public" { cors = "*", routes = {
--     ["POST /orders"] = create,                                        -- a function of the stack
--     ["GET /health"]  = { function() return "ok" end, auth = "none" }, -- or one written in place
--   } }

return function(vocabulary)
  local function is_api_id(name) return #name <= 63 and name:match("^[A-Za-z0-9%-]+$") ~= nil end

  -- "GET-product-id" of "GET /product/{id}": names the function that is written in place.
  local function slug(route)
    local text = route:gsub("[{}+$]", ""):gsub("[^A-Za-z0-9]+", "-"):gsub("^%-+", ""):gsub("%-+$", "")
    return text
  end

  local function sorted_routes(routes)
    local keys = {}
    for key in pairs(routes) do keys[#keys + 1] = tostring(key) end
    table.sort(keys)
    return keys
  end

  local function method_and_path(handle, route, tools)
    local method, path = route:match("^(%u+) (/.*)$")
    if not method then
      tools.refuse(handle, ("a route is written \"GET /path/{name}\", not %q"):format(route))
    end
    return method, path
  end

  -- Each route's function as a handle. Functions written in place become functions of the stack.
  local function declare_functions(handle, options, stack, tools)
    local functions = {}
    for _, route in ipairs(sorted_routes(options.routes)) do
      if route ~= "$default" then method_and_path(handle, route, tools) end
      local target, inline = options.routes[route], nil
      if type(target) == "table" and not tools.is_handle(target) then
        for key in pairs(target) do
          if key ~= 1 and key ~= "auth" and key ~= "inline" then
            tools.refuse(handle, ("route %q has no option %q.%s"):format(
              route, tostring(key), tools.nearest(key, { auth = true, inline = true })))
          end
        end
        if target.auth ~= nil and target.auth ~= "none" then
          tools.refuse(handle, ("route %q: auth is \"none\" so far, other authorizers are not built"):format(route))
        end
        inline, target = target.inline, target[1]
      end
      if type(target) == "function" then
        target = stack.declare("fn", handle.name .. "-" .. slug(route), { handler = target, inline = inline }, 4)
      elseif not tools.is_handle(target) or tools.resource(target).constructor ~= "fn" then
        tools.refuse(handle, ("route %q leads to a function: s.fn \"name\" { … }, or function(event) … end"):format(route))
      elseif inline ~= nil then
        tools.refuse(handle, ("route %q: inline is said where the function is declared"):format(route))
      end
      functions[route] = target
    end
    handle.functions = functions
    tools.move_last(stack, tools.resource(handle))
  end

  local function integrations(handle, options, tools)
    local routes = {}
    for _, route in ipairs(sorted_routes(options.routes)) do
      routes[route] = tools.ref(handle.functions[route], "arn")
    end
    return routes
  end

  -- API Gateway may invoke the function; a permission that is there already is as good.
  local function permit(call, function_arn, api)
    local good, problem = pcall(call, "lambda", "AddPermission", {
      FunctionName = function_arn, StatementId = "apigateway-" .. api, Action = "lambda:InvokeFunction",
      Principal = "apigateway.amazonaws.com" })
    if not good and not (type(problem) == "table" and problem.code == "ResourceConflictException") then
      error(problem, 0)
    end
  end

  local function integration_uri(function_arn)
    local region = function_arn:match("^arn:[^:]+:lambda:([^:]+):")
    return ("arn:aws:apigateway:%s:lambda:path/2015-03-31/functions/%s/invocations"):format(region, function_arn)
  end

  local function path_of(id, stage)
    return "/_aws/execute-api/" .. id .. (stage ~= "$default" and "/" .. stage or "")
  end

  local function common_options(more)
    local options = {
      routes = { type = "table", required = true, doc = "[\"GET /path/{name}\"] = a function." },
      stage = { type = "string", doc = "The stage that it is deployed at." },
      description = { type = "string" },
    }
    for key, option in pairs(more) do options[key] = option end
    return options
  end

  -- REST APIs. ------------------------------------------------------------------------------------

  -- Resources are made parent before child, each once.
  local function make_rest_routes(call, id, routes)
    local resources = {}
    for _, resource in ipairs(call("apigateway", "GetResources", { restApiId = id, limit = 500 }).items or {}) do
      resources[resource.path] = resource.id
    end
    local function resource_at(path)
      if resources[path] then return resources[path] end
      local parent, part = path:match("^(.*)/([^/]+)$")
      local made = call("apigateway", "CreateResource", {
        restApiId = id, parentId = resource_at(parent == "" and "/" or parent), pathPart = part })
      resources[path] = made.id
      return made.id
    end
    for _, route in ipairs(sorted_routes(routes)) do
      local method, path = route:match("^(%u+) (/.*)$")
      if #path > 1 then path = path:gsub("/$", "") end
      local resource_id = resource_at(path)
      call("apigateway", "PutMethod", {
        restApiId = id, resourceId = resource_id, httpMethod = method, authorizationType = "NONE" })
      call("apigateway", "PutIntegration", {
        restApiId = id, resourceId = resource_id, httpMethod = method, type = "AWS_PROXY",
        integrationHttpMethod = "POST", uri = integration_uri(routes[route]) })
      permit(call, routes[route], id)
    end
  end

  -- Nothing of this is seen before the next deployment.
  local function clear_rest_routes(call, id)
    for _, resource in ipairs(call("apigateway", "GetResources", { restApiId = id, limit = 500 }).items or {}) do
      local first_level = resource.path ~= "/" and not resource.path:find("/", 2, true)
      if first_level then call("apigateway", "DeleteResource", { restApiId = id, resourceId = resource.id }) end
      if resource.path == "/" then
        for method in pairs(resource.resourceMethods or {}) do
          call("apigateway", "DeleteMethod", { restApiId = id, resourceId = resource.id, httpMethod = method })
        end
      end
    end
  end

  -- A new deployment at the stage; those before it go.
  local function deploy_rest(call, id, stage)
    local newest = call("apigateway", "CreateDeployment", { restApiId = id, stageName = stage }).id
    for _, deployment in ipairs(call("apigateway", "GetDeployments", { restApiId = id, limit = 500 }).items or {}) do
      if deployment.id ~= newest then
        call("apigateway", "DeleteDeployment", { restApiId = id, deploymentId = deployment.id })
      end
    end
  end

  local function describe_rest(call, id, before, after)
    if before == after then return end
    call("apigateway", "UpdateRestApi", { restApiId = id, patchOperations = {
      after and { op = "replace", path = "/description", value = after } or { op = "remove", path = "/description" } } })
  end

  vocabulary.resource {
    constructor = "rest_api", type = "AWS::ApiGateway::RestApi", service = "apigateway",
    options = common_options {},
    declared = declare_functions,
    properties = function(name, options, tools, stack)
      local handle = tools.handle(stack, "rest_api", name)
      if options.routes["$default"] then tools.refuse(handle, "REST APIs have no $default route; s.http_api has") end
      return { Name = name, Description = options.description, Stage = options.stage or "prod",
               Routes = integrations(handle, options, tools) }
    end,
    create = function(call, name, properties)
      local api = call("apigateway", "CreateRestApi", {
        name = name, description = properties.Description, tags = is_api_id(name) and { _custom_id_ = name } or nil })
      make_rest_routes(call, api.id, properties.Routes)
      deploy_rest(call, api.id, properties.Stage)
      return { id = api.id, stage = properties.Stage, path = path_of(api.id, properties.Stage) }
    end,
    read = function(call, name, attributes)
      call("apigateway", "GetRestApi", { restApiId = attributes.id })
      return attributes
    end,
    replaces = function(before, after) return before.Stage ~= after.Stage end,
    update = function(call, name, before, properties, attributes)
      describe_rest(call, attributes.id, before.Description, properties.Description)
      clear_rest_routes(call, attributes.id)
      make_rest_routes(call, attributes.id, properties.Routes)
      deploy_rest(call, attributes.id, properties.Stage)
      return attributes
    end,
    delete = function(call, name, attributes) call("apigateway", "DeleteRestApi", { restApiId = attributes.id }) end,
  }

  -- HTTP APIs. ------------------------------------------------------------------------------------

  local function all_of(call, operation, id)
    local items, token = {}, nil
    repeat
      local page = call("apigatewayv2", operation, { ApiId = id, NextToken = token })
      for _, item in ipairs(page.Items or {}) do items[#items + 1] = item end
      token = page.NextToken
    until not token
    return items
  end

  -- Makes the API's routes these. The stage deploys by itself, so a route that stays is never away.
  local function make_http_routes(call, id, routes)
    local integrations, existing = {}, {}
    for _, integration in ipairs(all_of(call, "GetIntegrations", id)) do
      integrations[integration.IntegrationUri] = integration.IntegrationId
    end
    for _, route in ipairs(all_of(call, "GetRoutes", id)) do existing[route.RouteKey] = route end

    local used = {}
    for _, key in ipairs(sorted_routes(routes)) do
      local arn = routes[key]
      integrations[arn] = integrations[arn] or call("apigatewayv2", "CreateIntegration", {
        ApiId = id, IntegrationType = "AWS_PROXY", IntegrationUri = arn, PayloadFormatVersion = "2.0" }).IntegrationId
      used[integrations[arn]] = true
      permit(call, arn, id)
      local target, route = "integrations/" .. integrations[arn], existing[key]
      if not route then
        call("apigatewayv2", "CreateRoute", { ApiId = id, RouteKey = key, Target = target })
      elseif route.Target ~= target then
        call("apigatewayv2", "UpdateRoute", { ApiId = id, RouteId = route.RouteId, Target = target })
      end
      existing[key] = nil
    end
    for _, route in pairs(existing) do
      call("apigatewayv2", "DeleteRoute", { ApiId = id, RouteId = route.RouteId })
    end
    for _, integration_id in pairs(integrations) do
      if not used[integration_id] then
        call("apigatewayv2", "DeleteIntegration", { ApiId = id, IntegrationId = integration_id })
      end
    end
  end

  local cors_members = {
    origins = "AllowOrigins", methods = "AllowMethods", headers = "AllowHeaders", expose = "ExposeHeaders",
    max_age = "MaxAge", credentials = "AllowCredentials",
  }

  local function cors_of(handle, cors, tools)
    if cors == nil then return nil end
    -- To a browser "*" stands for every header but Authorization.
    local headers = { "*", "authorization" }
    if type(cors) == "string" then return { AllowOrigins = { cors }, AllowMethods = { "*" }, AllowHeaders = headers } end
    local configuration = {}
    for key, value in pairs(cors) do
      local member = cors_members[key]
      if not member then
        tools.refuse(handle, ("cors has no option %q.%s"):format(tostring(key), tools.nearest(key, cors_members)))
      end
      local is_list = key ~= "max_age" and key ~= "credentials"
      configuration[member] = is_list and type(value) == "string" and { value } or value
    end
    return configuration
  end

  vocabulary.resource {
    constructor = "http_api", type = "AWS::ApiGatewayV2::Api", service = "apigatewayv2",
    options = common_options {
      cors = { type = "string|table", doc = "\"*\", an origin, or { origins, methods, headers, expose, max_age, credentials }." },
    },
    declared = declare_functions,
    properties = function(name, options, tools, stack)
      local handle = tools.handle(stack, "http_api", name)
      return { Name = name, Description = options.description, Stage = options.stage or "$default",
               Cors = cors_of(handle, options.cors, tools), Routes = integrations(handle, options, tools) }
    end,
    create = function(call, name, properties)
      local api = call("apigatewayv2", "CreateApi", {
        Name = name, ProtocolType = "HTTP", Description = properties.Description, CorsConfiguration = properties.Cors,
        Tags = is_api_id(name) and { _custom_id_ = name } or nil })
      make_http_routes(call, api.ApiId, properties.Routes)
      call("apigatewayv2", "CreateStage", { ApiId = api.ApiId, StageName = properties.Stage, AutoDeploy = true })
      return { id = api.ApiId, stage = properties.Stage, path = path_of(api.ApiId, properties.Stage) }
    end,
    read = function(call, name, attributes)
      call("apigatewayv2", "GetApi", { ApiId = attributes.id })
      return attributes
    end,
    replaces = function(before, after) return before.Stage ~= after.Stage end,
    update = function(call, name, before, properties, attributes)
      call("apigatewayv2", "UpdateApi", {
        ApiId = attributes.id, Description = properties.Description or "", CorsConfiguration = properties.Cors })
      if before.Cors and not properties.Cors then
        call("apigatewayv2", "DeleteCorsConfiguration", { ApiId = attributes.id })
      end
      make_http_routes(call, attributes.id, properties.Routes)
      return attributes
    end,
    delete = function(call, name, attributes) call("apigatewayv2", "DeleteApi", { ApiId = attributes.id }) end,
  }
end
