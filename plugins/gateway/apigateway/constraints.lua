-- What the SDK packages do not say; see scripts/models/README.md.
local status_code = { pattern = [[[1-5]\d\d]] }
local cache_size = { values = { "0.5", "1.6", "6.1", "13.5", "28.4", "58.2", "118", "237" } }

return {
  -- Numbers that may have a fraction; all others are integers.
  doubles = {
    "CanarySettings$percentTraffic", "DeploymentCanarySettings$percentTraffic", "MethodSetting$throttlingRateLimit",
    "ThrottleSettings$rateLimit",
  },

  ["*$statusCode"] = status_code,
  ["DocumentationPartLocation$statusCode"] = { pattern = [[^([1-5]\d\d|\*|\s*)$]] },
  ["CreateRestApi.apiKeySource"] = { values = { "HEADER", "AUTHORIZER" } },
  ["CreateAuthorizer.type"] = { values = { "TOKEN", "REQUEST", "COGNITO_USER_POOLS" } },
  ["CreateDeployment.cacheClusterSize"] = cache_size,
  ["CreateStage.cacheClusterSize"] = cache_size,
  ["PutIntegration.type"] = { values = { "HTTP", "AWS", "MOCK", "HTTP_PROXY", "AWS_PROXY" } },
  ["PutIntegration.connectionType"] = { values = { "INTERNET", "VPC_LINK" } },
  ["*$contentHandling"] = { values = { "CONVERT_TO_BINARY", "CONVERT_TO_TEXT" } },
  ["PutRestApi.mode"] = { values = { "merge", "overwrite" } },
  ["PatchOperation$op"] = { values = { "add", "remove", "replace", "move", "copy", "test" } },
  ["QuotaSettings$period"] = { values = { "DAY", "WEEK", "MONTH" } },
  ["EndpointConfiguration$types[]"] = { values = { "REGIONAL", "EDGE", "PRIVATE" } },
}
