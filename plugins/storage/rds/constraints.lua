-- What the SDK packages do not say; see scripts/models/README.md.
return {
  -- Numbers that may have a fraction; all others are integers.
  doubles = {
    "AvailableAdditionalStorageVolumesOption$MinIopsPerGib", "AvailableAdditionalStorageVolumesOption$MaxIopsPerGib",
    "CreateDBShardGroupMessage$MaxACU", "CreateDBShardGroupMessage$MinACU", "DBShardGroup$MaxACU",
    "DBShardGroup$MinACU", "DoubleRange$From", "DoubleRange$To", "LimitlessDatabase$MinRequiredACU",
    "ModifyDBShardGroupMessage$MaxACU", "ModifyDBShardGroupMessage$MinACU", "OrderableDBInstanceOption$MinIopsPerGib",
    "OrderableDBInstanceOption$MaxIopsPerGib", "OrderableDBInstanceOption$MinStorageThroughputPerIops",
    "OrderableDBInstanceOption$MaxStorageThroughputPerIops", "RecurringCharge$RecurringChargeAmount",
    "ReservedDBInstance$FixedPrice", "ReservedDBInstance$UsagePrice", "ReservedDBInstancesOffering$FixedPrice",
    "ReservedDBInstancesOffering$UsagePrice", "ScalarReferenceDetails$Value",
    "ServerlessV2FeaturesSupport$MinCapacity", "ServerlessV2FeaturesSupport$MaxCapacity",
    "ServerlessV2ScalingConfiguration$MinCapacity", "ServerlessV2ScalingConfiguration$MaxCapacity",
    "ServerlessV2ScalingConfigurationInfo$MinCapacity", "ServerlessV2ScalingConfigurationInfo$MaxCapacity",
  },
}
