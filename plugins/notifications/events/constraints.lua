-- What the SDK packages do not say; see scripts/models/README.md.
local name = [[[.\-_A-Za-z0-9]+]]
local bus_name = { length = { 1, 1600 }, pattern = [[(arn:aws[\w-]*:events:[a-z]+-[a-z]+-[\w-]+:[0-9]{12}:event-bus\/)?[\/.\-_A-Za-z0-9]+]] }
local arn = { length = { 1, 1600 } }
local token = { length = { 1, 2048 } }
local limit = { range = { 1, 100 } }
local rule_name = { length = { 1, 64 }, pattern = name }
local archive_name = { length = { 1, 48 }, pattern = name }
local destination_name = { length = { 1, 64 }, pattern = name }
local method = { values = { "POST", "GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE" } }
local endpoint = {
  length = { 1, 2048 }, pattern = [[((%[0-9A-Fa-f]{2}|[-()_.!~*';/?:@\x26=+$,A-Za-z0-9])+)([).!';/?:,])?]],
}
local authorization = { values = { "BASIC", "OAUTH_CLIENT_CREDENTIALS", "API_KEY" } }

return {
  ["*$EventBusName"] = bus_name,
  ["CreateEventBus.Name"] = { length = { 1, 256 }, pattern = [[[/.\-_A-Za-z0-9]+]] },
  ["DeleteEventBus.Name"] = { length = { 1, 256 }, pattern = [[[/.\-_A-Za-z0-9]+]] },
  ["DescribeEventBus.Name"] = bus_name,
  ["UpdateEventBus.Name"] = { length = { 1, 256 }, pattern = [[[/.\-_A-Za-z0-9]+]] },
  ["*$NextToken"] = token,
  ["*$Limit"] = limit,
  ["*$Description"] = { length = { 0, 512 } },

  ["PutRule.Name"] = rule_name,
  ["DeleteRule.Name"] = rule_name,
  ["DescribeRule.Name"] = rule_name,
  ["EnableRule.Name"] = rule_name,
  ["DisableRule.Name"] = rule_name,
  ["PutTargets.Rule"] = rule_name,
  ["RemoveTargets.Rule"] = rule_name,
  ["ListTargetsByRule.Rule"] = rule_name,
  ["ListRules.NamePrefix"] = rule_name,
  ["PutRule.EventPattern"] = { length = { 0, 4096 } },
  ["PutRule.ScheduleExpression"] = { length = { 0, 256 } },
  ["PutRule.State"] = { values = { "ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" } },
  ["PutRule.RoleArn"] = arn,
  ["TestEventPattern.EventPattern"] = { length = { 0, 4096 } },
  ["CreateArchive.EventPattern"] = { length = { 0, 4096 } },
  ["UpdateArchive.EventPattern"] = { length = { 0, 4096 } },

  ["TargetList"] = { length = { 1, 100 } },
  ["RemoveTargets.Ids"] = { length = { 1, 100 } },
  ["Target$Id"] = { length = { 1, 64 }, pattern = name },
  ["Target$Arn"] = arn,
  ["Target$Input"] = { length = { 0, 8192 } },
  ["Target$InputPath"] = { length = { 0, 256 } },
  ["InputTransformer$InputTemplate"] = { length = { 1, 8192 } },
  ["InputTransformer$InputPathsMap"] = { length = { 0, 100 } },
  ["RetryPolicy$MaximumRetryAttempts"] = { range = { 0, 185 } },
  ["RetryPolicy$MaximumEventAgeInSeconds"] = { range = { 60, 86400 } },

  ["PutEventsRequestEntryList"] = { length = { 1, 10 } },
  ["PutEventsRequestEntry$TraceHeader"] = { length = { 1, 500 } },

  ["PutPermission.Action"] = { length = { 1, 64 }, pattern = [[events:[a-zA-Z]+]] },
  ["PutPermission.Principal"] = { length = { 1, 12 }, pattern = [[(\d{12}|\*)]] },
  ["*$StatementId"] = { length = { 1, 64 }, pattern = [[[a-zA-Z0-9-_]+]] },

  ["CreateArchive.ArchiveName"] = archive_name,
  ["DeleteArchive.ArchiveName"] = archive_name,
  ["DescribeArchive.ArchiveName"] = archive_name,
  ["UpdateArchive.ArchiveName"] = archive_name,
  ["*$RetentionDays"] = { range = { 0 } },
  ["*$ReplayName"] = { length = { 1, 64 }, pattern = name },

  ["CreateConnection.Name"] = destination_name,
  ["CreateConnection.AuthorizationType"] = authorization,
  ["UpdateConnection.AuthorizationType"] = authorization,
  ["CreateApiDestination.Name"] = destination_name,
  ["*$HttpMethod"] = method,
  ["CreateApiDestination.InvocationEndpoint"] = endpoint,
  ["UpdateApiDestination.InvocationEndpoint"] = endpoint,
  ["*$InvocationRateLimitPerSecond"] = { range = { 1 } },

  ["Tag$Key"] = { length = { 1, 128 } },
  ["Tag$Value"] = { length = { 0, 256 } },
}
