-- What the SDK packages do not say; see scripts/models/README.md.
return {
  -- Numbers that may have a fraction; all others are integers.
  doubles = {
    "AnnotationValue$NumberValue", "EdgeStatistics$TotalResponseTime", "HistogramEntry$Value",
    "ProbabilisticRuleValue$DesiredSamplingPercentage", "ProbabilisticRuleValue$ActualSamplingPercentage",
    "ProbabilisticRuleValueUpdate$DesiredSamplingPercentage", "ResponseTimeRootCauseEntity$Coverage",
    "RetrievedTrace$Duration", "SamplingBoost$BoostRate", "SamplingRateBoost$MaxRate", "SamplingRule$FixedRate",
    "SamplingRuleUpdate$FixedRate", "SamplingStrategy$Value", "SamplingTargetDocument$FixedRate",
    "ServiceStatistics$TotalResponseTime", "Trace$Duration", "TraceSummary$Duration", "TraceSummary$ResponseTime",
  },
}
