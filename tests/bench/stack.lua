-- What scripts/bench measures: one answer made from the request, by a function in its own process and inline.
local s = require "stack" { name = "bench" }

local function answer(event)
  return { id = event.pathParameters.id, path = event.path, method = event.httpMethod, query = event.queryStringParameters }
end

local isolated = s.fn "isolated" { memory = 128, timeout = 3, handler = function(event) return answer(event) end }
local inline = s.fn "inline" { memory = 128, timeout = 3, inline = true, handler = function(event) return answer(event) end }

s.rest_api "bench" { stage = "prod", routes = {
  ["GET /isolated/{id}"] = isolated,
  ["GET /inline/{id}"] = inline,
} }
return s
