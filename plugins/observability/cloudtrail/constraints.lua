-- What the SDK packages do not say; see scripts/models/README.md.
return {
  -- Numbers that may have a fraction; all others are integers.
  doubles = {
    "ListInsightsMetricDataResponse$Values[]", "SearchSampleQueriesSearchResult$Relevance",
  },
}
