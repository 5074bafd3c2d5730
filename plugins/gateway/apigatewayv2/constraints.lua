-- What the SDK packages do not say; see scripts/models/README.md.
local strategy = { values = { "CONVERT_TO_BINARY", "CONVERT_TO_TEXT" } }
local result_ttl = { range = { 0, 3600 } }
local authorizer = { values = { "REQUEST", "JWT" } }
local authorization = { values = { "NONE", "AWS_IAM", "CUSTOM", "JWT" } }
local timeout = { range = { 50, 30000 } }

return {
  -- Numbers that may have a fraction; all others are integers.
  doubles = { "RouteSettings$ThrottlingRateLimit" },

  ["CreateApi.ProtocolType"] = { values = { "WEBSOCKET", "HTTP" } },
  ["Cors$MaxAge"] = { range = { -1, 86400 } },
  ["CreateAuthorizer.AuthorizerResultTtlInSeconds"] = result_ttl,
  ["UpdateAuthorizer.AuthorizerResultTtlInSeconds"] = result_ttl,
  ["CreateAuthorizer.AuthorizerType"] = authorizer,
  ["UpdateAuthorizer.AuthorizerType"] = authorizer,
  ["CreateIntegration.ConnectionType"] = { values = { "INTERNET", "VPC_LINK" } },
  ["CreateIntegration.IntegrationType"] = { values = { "AWS", "HTTP", "MOCK", "HTTP_PROXY", "AWS_PROXY" } },
  ["UpdateIntegration.IntegrationType"] = { values = { "AWS", "HTTP", "MOCK", "HTTP_PROXY", "AWS_PROXY" } },
  ["*$PassthroughBehavior"] = { values = { "WHEN_NO_MATCH", "NEVER", "WHEN_NO_TEMPLATES" } },
  ["*$ContentHandlingStrategy"] = strategy,
  ["CreateIntegration.TimeoutInMillis"] = timeout,
  ["UpdateIntegration.TimeoutInMillis"] = timeout,
  ["CreateRoute.AuthorizationType"] = authorization,
  ["UpdateRoute.AuthorizationType"] = authorization,
  ["RouteSettings$LoggingLevel"] = { values = { "ERROR", "INFO", "OFF" } },
}
