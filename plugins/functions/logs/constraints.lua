-- What the SDK packages do not say; see scripts/models/README.md.
return {
  -- Numbers that may have a fraction; all others are integers.
  doubles = {
    "DeliverySourceConfigurationSchema$minValue", "DeliverySourceConfigurationSchema$maxValue",
    "MetricTransformation$defaultValue", "QueryInfo$bytesScanned", "QueryStatistics$recordsMatched",
    "QueryStatistics$recordsScanned", "QueryStatistics$estimatedRecordsSkipped", "QueryStatistics$bytesScanned",
    "QueryStatistics$estimatedBytesSkipped", "QueryStatistics$logGroupsScanned",
  },
}
