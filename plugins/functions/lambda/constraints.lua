-- What the SDK packages do not say; see scripts/models/README.md.
local region = [[[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}]]
local arn = [[arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:([a-z]{2}(-gov)?-[a-z]+-\d{1})?:(\d{12})?:(.*)]]
local function_name = {
  length = { 1, 140 },
  pattern = [[(arn:(aws[a-zA-Z-]*)?:lambda:)?(]] .. region .. [[:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?]],
}
local any_function_name = {
  length = { 1, 170 },
  pattern = [[(arn:(aws[a-zA-Z-]*)?:lambda:)?(]] .. region .. [[:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?]],
}
local handler = { length = { 0, 128 }, pattern = [[[^\s]+]] }
local role = { pattern = [[arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+]] }
local qualifier = { length = { 1, 128 }, pattern = [[(|[a-zA-Z0-9$_-]+)]] }
local alias = { length = { 1, 128 }, pattern = [[[a-zA-Z0-9-_]+]] }
local version = { length = { 1, 1024 }, pattern = [[(\$LATEST|[0-9]+)]] }
local max_items = { range = { 1, 10000 } }
local description = { length = { 0, 256 } }

return {
  -- Numbers that may have a fraction; all others are integers.
  doubles = {
    "AliasRoutingConfiguration$AdditionalVersionWeights{}", "LambdaManagedInstancesCapacityProviderConfig$ExecutionEnvironmentMemoryGiBPerVCpu",
    "TargetTrackingScalingPolicy$TargetValue",
  },

  ["*$FunctionName"] = any_function_name,
  ["CreateFunction.FunctionName"] = function_name,
  ["UpdateFunctionCode.FunctionName"] = function_name,
  ["UpdateFunctionConfiguration.FunctionName"] = function_name,
  ["PublishVersion.FunctionName"] = function_name,
  ["CreateAlias.FunctionName"] = function_name,
  ["GetAlias.FunctionName"] = function_name,
  ["ListAliases.FunctionName"] = function_name,
  ["UpdateAlias.FunctionName"] = function_name,
  ["DeleteAlias.FunctionName"] = function_name,
  ["*$Qualifier"] = qualifier,
  ["*$Description"] = description,
  ["*$MaxItems"] = max_items,

  ["CreateFunction.Role"] = role,
  ["UpdateFunctionConfiguration.Role"] = role,
  ["CreateFunction.Handler"] = handler,
  ["UpdateFunctionConfiguration.Handler"] = handler,
  ["CreateFunction.Timeout"] = { range = { 1, 900 } },
  ["UpdateFunctionConfiguration.Timeout"] = { range = { 1, 900 } },
  ["CreateFunction.MemorySize"] = { range = { 128, 10240 } },
  ["UpdateFunctionConfiguration.MemorySize"] = { range = { 128, 10240 } },
  ["CreateFunction.PackageType"] = { values = { "Zip", "Image" } },
  ["*$Architectures"] = { length = { 1, 1 } },
  ["FunctionCode$S3Key"] = { length = { 1, 1024 } },
  ["FunctionCode$S3Bucket"] = { length = { 3, 63 } },
  ["UpdateFunctionCode.S3Key"] = { length = { 1, 1024 } },
  ["UpdateFunctionCode.S3Bucket"] = { length = { 3, 63 } },
  ["EnvironmentVariables{key}"] = { pattern = "[a-zA-Z]([a-zA-Z0-9_])+" },
  ["EphemeralStorage$Size"] = { range = { 512, 10240 } },
  ["TracingConfig$Mode"] = { values = { "Active", "PassThrough" } },
  ["SnapStart$ApplyOn"] = { values = { "PublishedVersions", "None" } },
  ["LoggingConfig$LogFormat"] = { values = { "JSON", "Text" } },
  ["LoggingConfig$ApplicationLogLevel"] = { values = { "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL" } },
  ["LoggingConfig$SystemLogLevel"] = { values = { "DEBUG", "INFO", "WARN" } },
  ["LoggingConfig$LogGroup"] = { length = { 1, 512 }, pattern = [[[\.\-_/#A-Za-z0-9]+]] },
  ["ListFunctions.FunctionVersion"] = { values = { "ALL" } },

  ["Invoke.InvocationType"] = { values = { "Event", "RequestResponse", "DryRun" } },
  ["Invoke.LogType"] = { values = { "None", "Tail" } },

  ["CreateAlias.Name"] = alias,
  ["UpdateAlias.Name"] = alias,
  ["GetAlias.Name"] = alias,
  ["DeleteAlias.Name"] = alias,
  ["CreateAlias.FunctionVersion"] = version,
  ["UpdateAlias.FunctionVersion"] = version,

  ["AddPermission.StatementId"] = { length = { 1, 100 }, pattern = "([a-zA-Z0-9-_]+)" },
  ["AddPermission.Action"] = { pattern = "(lambda:[*]|lambda:[a-zA-Z]+|[*])" },
  ["AddPermission.Principal"] = { pattern = [[[^\s]+]] },
  ["AddPermission.SourceAccount"] = { length = { 0, 12 }, pattern = [[\d{12}]] },
  ["AddPermission.SourceArn"] = { pattern = arn },

  ["CreateEventSourceMapping.EventSourceArn"] = { pattern = arn },
  ["*$BatchSize"] = { range = { 1, 10000 } },
  ["*$MaximumBatchingWindowInSeconds"] = { range = { 0, 300 } },
  ["*$ParallelizationFactor"] = { range = { 1, 10 } },
  ["*$MaximumRecordAgeInSeconds"] = { range = { -1, 604800 } },
  ["CreateEventSourceMapping.MaximumRetryAttempts"] = { range = { -1, 10000 } },
  ["UpdateEventSourceMapping.MaximumRetryAttempts"] = { range = { -1, 10000 } },
  ["CreateEventSourceMapping.StartingPosition"] = { values = { "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP" } },
  ["ScalingConfig$MaximumConcurrency"] = { range = { 2, 1000 } },

  ["PutFunctionConcurrency.ReservedConcurrentExecutions"] = { range = { 0 } },
  ["PutProvisionedConcurrencyConfig.ProvisionedConcurrentExecutions"] = { range = { 1 } },
  ["PutFunctionEventInvokeConfig.MaximumRetryAttempts"] = { range = { 0, 2 } },
  ["PutFunctionEventInvokeConfig.MaximumEventAgeInSeconds"] = { range = { 60, 21600 } },
  ["PutRuntimeManagementConfig.UpdateRuntimeOn"] = { values = { "Auto", "Manual", "FunctionUpdate" } },
  ["PutFunctionRecursionConfig.RecursiveLoop"] = { values = { "Allow", "Terminate" } },
  ["*$AuthType"] = { values = { "NONE", "AWS_IAM" } },
  ["*$InvokeMode"] = { values = { "BUFFERED", "RESPONSE_STREAM" } },
  ["Cors$MaxAge"] = { range = { 0, 86400 } },
}
