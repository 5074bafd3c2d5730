-- DynamoDB Streams, written by scripts/models/import from @aws-sdk/client-dynamodb-streams 3.1141.0 and constraints.lua.
local shape = require "moonbase.shape"
local blob, boolean, integer, list, map, required, string, timestamp, union =
  shape.blob, shape.boolean, shape.integer, shape.list, shape.map, shape.required, shape.string, shape.timestamp, shape.union

return shape.service {
  name = "dynamodbstreams", version = "2012-08-10", service_id = "DynamoDB Streams",
  protocols = { "json-1.0" }, target = "DynamoDBStreams_20120810",
  signing_name = "dynamodb", endpoint_prefix = "streams",
  error_namespace = "com.amazonaws.dynamodb.v20120810",
  shapes = {
    AttributeMap = map { "AttributeValue" },
    AttributeValue = union({ B = blob, BOOL = boolean, BS = list { blob }, L = "ListAttributeValue", M = "MapAttributeValue", N = string, NS = list { string }, NULL = boolean, S = string, SS = list { string } }),
    Identity = { PrincipalId = string, Type = string },
    KeySchema = list { "KeySchemaElement" },
    KeySchemaElement = { AttributeName = required(string), KeyType = required(string) },
    ListAttributeValue = list { "AttributeValue" },
    MapAttributeValue = map { "AttributeValue" },
    Record = { awsRegion = string, dynamodb = "StreamRecord", eventID = string, eventName = string, eventSource = string, eventVersion = string, userIdentity = "Identity" },
    RecordList = list { "Record" },
    SequenceNumberRange = { EndingSequenceNumber = string, StartingSequenceNumber = string },
    Shard = { ParentShardId = string, SequenceNumberRange = "SequenceNumberRange", ShardId = string },
    ShardDescriptionList = list { "Shard" },
    ShardFilter = { ShardId = string, Type = string },
    Stream = { StreamArn = string, StreamLabel = string, TableName = string },
    StreamDescription = { CreationRequestDateTime = timestamp, KeySchema = "KeySchema", LastEvaluatedShardId = string, Shards = "ShardDescriptionList", StreamArn = string, StreamLabel = string, StreamStatus = string, StreamViewType = string, TableName = string },
    StreamList = list { "Stream" },
    StreamRecord = { ApproximateCreationDateTime = timestamp, Keys = "AttributeMap", NewImage = "AttributeMap", OldImage = "AttributeMap", SequenceNumber = string, SizeBytes = integer, StreamViewType = string },
  },
  errors = {
    ExpiredIteratorException = {},
    InternalServerError = { status = 500 },
    LimitExceededException = {},
    ResourceNotFoundException = {},
    TrimmedDataAccessException = {},
  },
  operations = {
    DescribeStream = { input = { ExclusiveStartShardId = string, Limit = integer, ShardFilter = "ShardFilter", StreamArn = required(string) }, output = { StreamDescription = "StreamDescription" } },
    GetRecords = { input = { Limit = integer, ShardIterator = required(string) }, output = { NextShardIterator = string, Records = "RecordList" } },
    GetShardIterator = { input = { SequenceNumber = string, ShardId = required(string), ShardIteratorType = required(string), StreamArn = required(string) }, output = { ShardIterator = string } },
    ListStreams = { input = { ExclusiveStartStreamArn = string, Limit = integer, TableName = string }, output = { LastEvaluatedStreamArn = string, Streams = "StreamList" } },
  },
}
