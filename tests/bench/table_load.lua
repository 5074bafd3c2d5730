-- wrk: BatchWriteItem of 25 items each, partitions of 100 items, from the partition BENCH_FIRST on.
local head = { ["Content-Type"] = "application/x-amz-json-1.0", ["X-Amz-Target"] = "DynamoDB_20120810.BatchWriteItem",
  ["X-Amz-Date"] = "20260101T000000Z",
  ["Authorization"] = "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0" }
local batch = tonumber(os.getenv("BENCH_FIRST") or "0") * 4

function request()
  local puts, partition, from = {}, math.floor(batch / 4), batch % 4 * 25
  batch = batch + 1
  for i = 1, 25 do
    puts[i] = ('{"PutRequest":{"Item":{"pk":{"S":"order-%d"},"sk":{"N":"%d"},"sku":{"S":"lamp-%d"},"count":{"N":"%d"}}}}')
      :format(partition, from + i - 1, i, batch)
  end
  return wrk.format("POST", "/", head, '{"RequestItems":{"lines":[' .. table.concat(puts, ",") .. "]}}")
end
