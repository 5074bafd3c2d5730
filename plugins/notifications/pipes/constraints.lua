-- What the SDK packages do not say; see scripts/models/README.md.
local name = { length = { 1, 64 }, pattern = [[[\.\-_A-Za-z0-9]+]] }
local arn = { length = { 1, 1600 } }
local batch = { range = { 1, 10000 } }
local states = { values = { "RUNNING", "STOPPED" } }

return {
  ["CreatePipe.Name"] = name,
  ["UpdatePipe.Name"] = name,
  ["DescribePipe.Name"] = name,
  ["DeletePipe.Name"] = name,
  ["StartPipe.Name"] = name,
  ["StopPipe.Name"] = name,
  ["*$NamePrefix"] = name,
  ["*$Description"] = { length = { 0, 512 } },
  ["CreatePipe.DesiredState"] = states,
  ["UpdatePipe.DesiredState"] = states,
  ["CreatePipe.RoleArn"] = { length = { 1, 1600 }, pattern = [[arn:aws[a-zA-Z-]*:iam::\d{12}:role\/?[a-zA-Z0-9+=,.@\-_/]+]] },
  ["UpdatePipe.RoleArn"] = { length = { 1, 1600 }, pattern = [[arn:aws[a-zA-Z-]*:iam::\d{12}:role\/?[a-zA-Z0-9+=,.@\-_/]+]] },
  ["CreatePipe.Source"] = arn,
  ["CreatePipe.Target"] = arn,
  ["*$Limit"] = { range = { 1, 100 } },
  ["*$BatchSize"] = batch,
  ["*$MaximumBatchingWindowInSeconds"] = { range = { 0, 300 } },
  ["*$MaximumRecordAgeInSeconds"] = { range = { -1, 604800 } },
  ["*$MaximumRetryAttempts"] = { range = { -1, 10000 } },
  ["*$ParallelizationFactor"] = { range = { 1, 10 } },
  ["*$OnPartialBatchItemFailure"] = { values = { "AUTOMATIC_BISECT" } },
  ["PipeSourceDynamoDBStreamParameters$StartingPosition"] = { values = { "TRIM_HORIZON", "LATEST" } },
  ["PipeSourceKinesisStreamParameters$StartingPosition"] = { values = { "TRIM_HORIZON", "LATEST", "AT_TIMESTAMP" } },
  ["FilterList"] = { length = { 0, 5 } },
  ["Filter$Pattern"] = { length = { 0, 4096 } },
  ["*$InputTemplate"] = { length = { 0, 8192 } },
  ["*$InvocationType"] = { values = { "REQUEST_RESPONSE", "FIRE_AND_FORGET" } },
  ["TagResource.tags"] = { length = { 1, 50 } },
}
