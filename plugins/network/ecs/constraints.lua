-- What the SDK packages do not say; see scripts/models/README.md.
return {
  -- Numbers that may have a fraction; all others are integers.
  doubles = {
    "CanaryConfiguration$canaryPercent", "DaemonDeploymentConfiguration$drainPercent",
    "LinearConfiguration$stepPercent", "ManagedApplicationAutoScalingPolicy$targetValue",
    "MemoryGiBPerVCpuRequest$min", "MemoryGiBPerVCpuRequest$max", "NetworkBandwidthGbpsRequest$min",
    "NetworkBandwidthGbpsRequest$max", "Resource$doubleValue", "Scale$value",
    "ServiceRevisionSummary$requestedTestTrafficWeight", "ServiceRevisionSummary$requestedProductionTrafficWeight",
    "TotalLocalStorageGBRequest$min", "TotalLocalStorageGBRequest$max",
  },
}
