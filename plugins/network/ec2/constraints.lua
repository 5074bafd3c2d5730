-- What the SDK packages do not say; see scripts/models/README.md.
return {
  -- Numbers that may have a fraction; all others are integers.
  doubles = {
    "CapacityReservationFleet$TotalFulfilledCapacity", "ClientData$UploadSize",
    "CreateCapacityReservationFleetResult$TotalFulfilledCapacity", "EbsCardInfo$BaselineThroughputInMBps",
    "EbsCardInfo$MaximumThroughputInMBps", "EbsOptimizedInfo$BaselineThroughputInMBps",
    "EbsOptimizedInfo$MaximumThroughputInMBps", "FleetCapacityReservation$FulfilledCapacity",
    "FleetCapacityReservation$Weight", "FleetData$FulfilledCapacity", "FleetData$FulfilledOnDemandCapacity",
    "FleetLaunchTemplateOverrides$WeightedCapacity", "FleetLaunchTemplateOverrides$Priority",
    "FleetLaunchTemplateOverridesRequest$WeightedCapacity", "FleetLaunchTemplateOverridesRequest$Priority",
    "GpuDeviceInfo$GpuPartitionSize", "IpamDiscoveredResourceCidr$IpUsage", "IpamResourceCidr$IpUsage",
    "LaunchTemplateOverrides$WeightedCapacity", "LaunchTemplateOverrides$Priority", "MemoryGiBPerVCpu$Min",
    "MemoryGiBPerVCpu$Max", "MemoryGiBPerVCpuRequest$Min", "MemoryGiBPerVCpuRequest$Max", "MetricPoint$Value",
    "MetricValue$Value", "NetworkBandwidthGbps$Min", "NetworkBandwidthGbps$Max", "NetworkBandwidthGbpsRequest$Min",
    "NetworkBandwidthGbpsRequest$Max", "NetworkCardInfo$BaselineBandwidthInGbps",
    "NetworkCardInfo$PeakBandwidthInGbps", "PriceSchedule$Price", "PriceScheduleSpecification$Price",
    "PricingDetail$Price", "ProcessorInfo$SustainedClockSpeedInGhz", "RecurringCharge$Amount",
    "ReservationFleetInstanceSpecification$Weight", "ReservedInstanceLimitPrice$Amount",
    "ReservedInstances$UsagePrice", "ReservedInstances$FixedPrice", "ReservedInstancesOffering$UsagePrice",
    "ReservedInstancesOffering$FixedPrice", "SnapshotDetail$DiskImageSize", "SnapshotTaskDetail$DiskImageSize",
    "SpotFleetLaunchSpecification$WeightedCapacity", "SpotFleetRequestConfigData$FulfilledCapacity",
    "SpotFleetRequestConfigData$OnDemandFulfilledCapacity", "TotalLocalStorageGB$Min", "TotalLocalStorageGB$Max",
    "TotalLocalStorageGBRequest$Min", "TotalLocalStorageGBRequest$Max",
  },
}
