-- What the SDK packages do not say; see scripts/models/README.md.
local consumed = { values = { "INDEXES", "TOTAL", "NONE" } }
local collection = { values = { "SIZE", "NONE" } }
local returned = { values = { "NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW" } }
local select = { values = { "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "SPECIFIC_ATTRIBUTES", "COUNT" } }
local table_class = { values = { "STANDARD", "STANDARD_INFREQUENT_ACCESS" } }

return {
  -- Numbers that may have a fraction; all others are integers.
  doubles = {
    "AutoScalingTargetTrackingScalingPolicyConfigurationDescription$TargetValue",
    "AutoScalingTargetTrackingScalingPolicyConfigurationUpdate$TargetValue", "Capacity$ReadCapacityUnits",
    "Capacity$WriteCapacityUnits", "Capacity$CapacityUnits", "ConsumedCapacity$CapacityUnits",
    "ConsumedCapacity$ReadCapacityUnits", "SearchResultItem$Score", "ConsumedCapacity$WriteCapacityUnits", "ItemCollectionMetrics$SizeEstimateRangeGB[]",
  },

  -- Elsewhere a table may be given by its ARN.
  ["*$TableName"] = { length = { 1, 1024 } },
  ["CreateTable.TableName"] = { length = { 3, 255 }, pattern = "[a-zA-Z0-9_.-]+" },
  ["*$IndexName"] = { length = { 3, 255 }, pattern = "[a-zA-Z0-9_.-]+" },
  ["*$GlobalTableName"] = { length = { 3, 255 }, pattern = "[a-zA-Z0-9_.-]+" },
  ["*$TargetTableName"] = { length = { 3, 255 }, pattern = "[a-zA-Z0-9_.-]+" },
  ["ListTables.ExclusiveStartTableName"] = { length = { 3, 255 }, pattern = "[a-zA-Z0-9_.-]+" },
  ["ListTables.Limit"] = { range = { 1, 100 } },

  ["AttributeDefinition$AttributeName"] = { length = { 1, 255 } },
  ["AttributeDefinition$AttributeType"] = { values = { "S", "N", "B" } },
  ["KeySchema"] = { length = { 1 } },
  ["KeySchemaElement$AttributeName"] = { length = { 1, 255 } },
  ["KeySchemaElement$KeyType"] = { values = { "HASH", "RANGE" } },
  ["Projection$ProjectionType"] = { values = { "ALL", "KEYS_ONLY", "INCLUDE" } },
  ["Projection$NonKeyAttributes"] = { length = { 1, 20 } },
  ["ProvisionedThroughput$ReadCapacityUnits"] = { range = { 1 } },
  ["ProvisionedThroughput$WriteCapacityUnits"] = { range = { 1 } },
  ["*$BillingMode"] = { values = { "PROVISIONED", "PAY_PER_REQUEST" } },
  ["*$BillingModeOverride"] = { values = { "PROVISIONED", "PAY_PER_REQUEST" } },
  ["*$TableClass"] = table_class,
  ["*$TableClassOverride"] = table_class,
  ["*$MultiRegionConsistency"] = { values = { "EVENTUAL", "STRONG" } },
  ["*$GlobalTableSettingsReplicationMode"] = { values = { "ENABLED", "DISABLED", "ENABLED_WITH_OVERRIDES" } },
  ["*$DistanceFunction"] = { values = { "COSINE", "EUCLIDEAN", "DOT_PRODUCT" } },
  ["*$Dimensions"] = { range = { 1 } },
  ["SearchSchema"] = { length = { 1 } },
  ["SearchSchemaElement$SearchSchemaElementType"] = { values = { "HASH", "INLINE_FILTER" } },
  ["SearchVectors.TopK"] = { range = { 1, 1000 } },
  ["StreamSpecification$StreamViewType"] = { values = { "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES", "KEYS_ONLY" } },
  ["SSESpecification$SSEType"] = { values = { "AES256", "KMS" } },
  ["TimeToLiveSpecification$AttributeName"] = { length = { 1, 255 } },
  ["Tag$Key"] = { length = { 1, 128 } },
  ["Tag$Value"] = { length = { 0, 256 } },
  ["TagResource.ResourceArn"] = { length = { 1, 1283 } },
  ["UntagResource.ResourceArn"] = { length = { 1, 1283 } },
  ["ListTagsOfResource.ResourceArn"] = { length = { 1, 1283 } },
  ["*$BackupName"] = { length = { 3, 255 }, pattern = "[a-zA-Z0-9_.-]+" },
  ["ListBackups.BackupType"] = { values = { "USER", "SYSTEM", "AWS_BACKUP", "ALL" } },
  ["ListBackups.Limit"] = { range = { 1, 100 } },
  ["PointInTimeRecoverySpecification$RecoveryPeriodInDays"] = { range = { 1, 35 } },
  ["UpdateContributorInsights.ContributorInsightsAction"] = { values = { "ENABLE", "DISABLE" } },
  ["UpdateContributorInsights.ContributorInsightsMode"] = { values = { "ACCESSED_AND_THROTTLED_KEYS", "THROTTLED_KEYS" } },
  ["ListContributorInsights.MaxResults"] = { range = { 0, 100 } },
  ["ListGlobalTables.Limit"] = { range = { 1 } },

  ["*$ReturnConsumedCapacity"] = consumed,
  ["*$ReturnItemCollectionMetrics"] = collection,
  ["*$ReturnValues"] = returned,
  ["*$ReturnValuesOnConditionCheckFailure"] = { values = { "ALL_OLD", "NONE" } },
  ["*$ConditionalOperator"] = { values = { "AND", "OR" } },
  ["*$ComparisonOperator"] = {
    values = {
      "EQ", "NE", "IN", "LE", "LT", "GE", "GT", "BETWEEN", "NOT_NULL", "NULL", "CONTAINS", "NOT_CONTAINS", "BEGINS_WITH",
    },
  },
  ["AttributeValueUpdate$Action"] = { values = { "ADD", "PUT", "DELETE" } },
  ["Query.Select"] = select,
  ["Scan.Select"] = select,
  ["Query.Limit"] = { range = { 1 } },
  ["Scan.Limit"] = { range = { 1 } },
  ["Scan.TotalSegments"] = { range = { 1, 1000000 } },
  ["Scan.Segment"] = { range = { 0, 999999 } },
  ["*$AttributesToGet"] = { length = { 1 } },

  ["BatchGetRequestMap"] = { length = { 1, 100 } },
  ["KeyList"] = { length = { 1, 100 } },
  ["BatchWriteItemRequestMap"] = { length = { 1, 25 } },
  ["WriteRequests"] = { length = { 1, 25 } },
  ["TransactGetItemList"] = { length = { 1, 100 } },
  ["TransactWriteItemList"] = { length = { 1, 100 } },
  ["TransactWriteItems.ClientRequestToken"] = { length = { 1, 36 } },

  ["PartiQLBatchRequest"] = { length = { 1, 25 } },
  ["ParameterizedStatements"] = { length = { 1, 100 } },
  ["ExecuteStatement.Statement"] = { length = { 1, 8192 } },
  ["ExecuteStatement.Limit"] = { range = { 1 } },
}
