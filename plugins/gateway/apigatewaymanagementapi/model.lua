-- ApiGatewayManagementApi, written by scripts/models/import from @aws-sdk/client-apigatewaymanagementapi 3.1169.0 and constraints.lua.
local shape = require "moonbase.shape"
local blob, of, required, string, timestamp =
  shape.blob, shape.of, shape.required, shape.string, shape.timestamp

return shape.service {
  name = "apigatewaymanagementapi", version = "2018-11-29", service_id = "ApiGatewayManagementApi",
  protocols = { "rest-json" },
  signing_name = "execute-api", endpoint_prefix = "execute-api",
  shapes = {
    Identity = { SourceIp = string { json_name = "sourceIp", required = true }, UserAgent = string { json_name = "userAgent", required = true } },
  },
  errors = {
    ForbiddenException = { status = 403 },
    GoneException = { status = 410 },
    LimitExceededException = { status = 429 },
    PayloadTooLargeException = { status = 413, message = "Message" },
  },
  operations = {
    DeleteConnection = { http = { "DELETE", "/@connections/{ConnectionId}", 204 }, input = { ConnectionId = required(string) } },
    GetConnection = { http = { "GET", "/@connections/{ConnectionId}" }, input = { ConnectionId = required(string) }, output = { ConnectedAt = timestamp { json_name = "connectedAt", format = "date-time" }, Identity = of("Identity", { json_name = "identity" }), LastActiveAt = timestamp { json_name = "lastActiveAt", format = "date-time" } } },
    PostToConnection = { http = { "POST", "/@connections/{ConnectionId}" }, input = { ConnectionId = required(string), Data = blob { payload = true, required = true } } },
  },
}
