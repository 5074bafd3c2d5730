-- wrk: a Query of 10 items of a partition's 100.
local head = { ["Content-Type"] = "application/x-amz-json-1.0", ["X-Amz-Target"] = "DynamoDB_20120810.Query",
  ["X-Amz-Date"] = "20260101T000000Z",
  ["Authorization"] = "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0" }
local partitions = tonumber(os.getenv("BENCH_PARTITIONS") or "10")

function request()
  return wrk.format("POST", "/", head, ('{"TableName":"lines","Limit":10,"KeyConditionExpression":"pk = :p AND sk > :s",' ..
    '"ExpressionAttributeValues":{":p":{"S":"order-%d"},":s":{"N":"%d"}}}')
    :format(math.random(0, partitions - 1), math.random(0, 89)))
end
