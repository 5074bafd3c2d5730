-- What the SDK packages do not say; see scripts/models/README.md.
local group_name = { length = { 1, 512 }, pattern = [[[\.\-_/#A-Za-z0-9]+]] }
local group_identifier = { length = { 1, 2048 }, pattern = [[[\w#+=/:,.@-]*]] }
local stream_name = { length = { 1, 512 }, pattern = [[[^:*]*]] }
local filter_pattern = { length = { 0, 1024 } }
local some = { length = { 1, 2147483647 } }
local page = { range = { 1, 50 } }
local tag_value = { length = { 0, 256 }, pattern = [[([\p{L}\p{Z}\p{N}_.:/=+\-@]*)]] }
local resource_arn = { length = { 1, 1011 }, pattern = [[[\w+=/:,.@\-\*]*]] }
local class = { values = { "STANDARD", "INFREQUENT_ACCESS", "DELIVERY" } }

local constraints = {
  -- Numbers that may have a fraction; all others are integers.
  doubles = {
    "DeliverySourceConfigurationSchema$minValue", "DeliverySourceConfigurationSchema$maxValue",
    "MetricTransformation$defaultValue", "QueryInfo$bytesScanned", "QueryStatistics$recordsMatched",
    "QueryStatistics$recordsScanned", "QueryStatistics$estimatedRecordsSkipped", "QueryStatistics$bytesScanned",
    "QueryStatistics$estimatedBytesSkipped", "QueryStatistics$logGroupsScanned",
  },

  ["*$logGroupName"] = group_name,
  ["*$logGroupIdentifier"] = group_identifier,
  ["*$logStreamName"] = stream_name,
  ["*$logStreamNamePrefix"] = stream_name,
  ["*$filterPattern"] = filter_pattern,
  ["*$nextToken"] = some,
  ["CreateLogGroup.logGroupClass"] = class,
  ["CreateLogGroup.kmsKeyId"] = { length = { 0, 256 } },
  ["CreateLogGroup.tags"] = { length = { 1, 50 } },
  ["CreateLogGroupRequest$tags{}"] = tag_value,
  ["DeleteQueryDefinition.queryDefinitionId"] = { length = { 0, 256 } },
  ["DescribeLogGroups.limit"] = page,
  ["DescribeLogGroups.logGroupClass"] = class,
  ["DescribeLogGroups.logGroupNamePattern"] = { length = { 0, 512 }, pattern = [[[\.\-_/#A-Za-z0-9]*]] },
  ["DescribeLogGroups.logGroupNamePrefix"] = group_name,
  ["DescribeLogGroups.logGroupIdentifiers"] = { length = { 1, 50 } },
  ["DescribeLogGroupsRequest$logGroupIdentifiers[]"] = group_identifier,
  ["DescribeLogStreams.limit"] = page,
  ["DescribeLogStreams.orderBy"] = { values = { "LogStreamName", "LastEventTime" } },
  ["DescribeQueryDefinitions.maxResults"] = { range = { 1, 1000 } },
  ["DescribeQueryDefinitions.queryDefinitionNamePrefix"] = { length = { 1, 255 } },
  ["DescribeResourcePolicies.limit"] = page,
  ["DescribeSubscriptionFilters.filterNamePrefix"] = stream_name,
  ["DescribeSubscriptionFilters.limit"] = page,
  ["DeleteSubscriptionFilter.filterName"] = stream_name,
  ["FilterLogEvents.limit"] = { range = { 1, 10000 } },
  ["FilterLogEvents.logStreamNames"] = { length = { 1, 100 } },
  ["FilterLogEventsRequest$logStreamNames[]"] = stream_name,
  ["GetLogEvents.limit"] = { range = { 1, 10000 } },
  ["InputLogEvent$message"] = some,
  ["ListLogGroups.limit"] = { range = { 1, 1000 } },
  ["ListLogGroups.logGroupClass"] = class,
  ["ListLogGroups.logGroupNamePattern"] = {
    length = { 3, 129 },
    pattern = [[(\^?[\.\-_\/#A-Za-z0-9]{3,24})(\|\^?[\.\-_\/#A-Za-z0-9]{3,24}){0,4}]],
  },
  ["ListTagsForResource.resourceArn"] = resource_arn,
  ["PutLogEvents.logEvents"] = { length = { 1, 10000 } },
  ["PutQueryDefinitionRequest$logGroupNames[]"] = group_name,
  ["PutQueryDefinition.name"] = { length = { 1, 255 }, pattern = [[([^:*\/]+\/?)*[^:*\/]+]] },
  ["PutQueryDefinition.queryDefinitionId"] = { length = { 0, 256 } },
  ["PutQueryDefinition.queryLanguage"] = { values = { "CWLI", "SQL", "PPL" } },
  ["PutQueryDefinition.queryString"] = { length = { 1, 10000 } },
  ["PutResourcePolicy.expectedRevisionId"] = some,
  ["PutResourcePolicy.policyDocument"] = { length = { 1, 51200 } },
  ["PutSubscriptionFilter.destinationArn"] = some,
  ["PutSubscriptionFilter.distribution"] = { values = { "Random", "ByLogStream" } },
  ["PutSubscriptionFilter.filterName"] = stream_name,
  ["PutSubscriptionFilter.roleArn"] = some,
  ["StartLiveTail.logEventFilterPattern"] = filter_pattern,
  ["StartLiveTail.logGroupIdentifiers"] = { length = { 1, 10 } },
  ["StartLiveTailRequest$logGroupIdentifiers[]"] = group_identifier,
  ["StartLiveTail.logStreamNamePrefixes"] = { length = { 1, 100 } },
  ["StartLiveTailRequest$logStreamNamePrefixes[]"] = stream_name,
  ["StartLiveTail.logStreamNames"] = { length = { 1, 100 } },
  ["StartLiveTailRequest$logStreamNames[]"] = stream_name,
  ["TestMetricFilter.logEventMessages"] = { length = { 1, 50 } },
  ["TestMetricFilterRequest$logEventMessages[]"] = some,
}
for _, operation in ipairs { "TagLogGroup", "TagResource" } do
  constraints[operation .. ".tags"] = { length = { 1, 50 } }
  constraints[operation .. "Request$tags{}"] = tag_value
end
for _, member in ipairs { "TagResource.resourceArn", "UntagResource.resourceArn" } do constraints[member] = resource_arn end
return constraints
