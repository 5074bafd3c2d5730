-- What the SDK packages do not say; see scripts/models/README.md.
return {
  -- Numbers that may have a fraction; all others are integers.
  doubles = {
    "DomainDeliverabilityCampaign$ReadRate", "DomainDeliverabilityCampaign$DeleteRate",
    "DomainDeliverabilityCampaign$ReadDeleteRate", "DomainIspPlacement$InboxPercentage",
    "DomainIspPlacement$SpamPercentage", "OverallVolume$ReadRatePercent", "PlacementStatistics$InboxPercentage",
    "PlacementStatistics$SpamPercentage", "PlacementStatistics$MissingPercentage",
    "PlacementStatistics$SpfPercentage", "PlacementStatistics$DkimPercentage", "SendQuota$Max24HourSend",
    "SendQuota$MaxSendRate", "SendQuota$SentLast24Hours",
  },
}
