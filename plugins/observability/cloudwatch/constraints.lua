-- What the SDK packages do not say; see scripts/models/README.md.
return {
  -- Numbers that may have a fraction; all others are integers.
  doubles = {
    "MetricDatum$Counts[]", "Datapoint$SampleCount", "Datapoint$Average", "Datapoint$Sum", "Datapoint$Minimum",
    "Datapoint$Maximum", "Datapoint$ExtendedStatistics{}", "MetricDataResult$Values[]", "GetInsightRuleReportOutput$AggregateValue",
    "InsightRuleContributor$ApproximateAggregateValue", "InsightRuleContributorDatapoint$ApproximateValue",
    "InsightRuleMetricDatapoint$UniqueContributors", "InsightRuleMetricDatapoint$MaxContributorValue",
    "InsightRuleMetricDatapoint$SampleCount", "InsightRuleMetricDatapoint$Average", "InsightRuleMetricDatapoint$Sum",
    "InsightRuleMetricDatapoint$Minimum", "InsightRuleMetricDatapoint$Maximum", "MetricAlarm$Threshold",
    "MetricDatum$Value", "PutMetricAlarmInput$Threshold", "StatisticSet$SampleCount", "StatisticSet$Sum",
    "StatisticSet$Minimum", "StatisticSet$Maximum", "MetricDatum$Values[]",
  },
}
