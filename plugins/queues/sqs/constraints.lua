-- What the SDK packages do not say; see scripts/models/README.md. Rules whose refusals SQS words in
-- its own way (names of queues, sizes of batches, attributes) are the service's, not the model's.
return {
  ["SendMessage.DelaySeconds"] = { range = { 0, 900 } },
  ["ReceiveMessage.MaxNumberOfMessages"] = { range = { 1, 10 } },
  ["ReceiveMessage.WaitTimeSeconds"] = { range = { 0, 20 } },
  ["ReceiveMessage.VisibilityTimeout"] = { range = { 0, 43200 } },
  ["ChangeMessageVisibility.VisibilityTimeout"] = { range = { 0, 43200 } },
  ["ListQueues.MaxResults"] = { range = { 1, 1000 } },
}
