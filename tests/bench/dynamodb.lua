-- wrk: PutItem and GetItem in turn.
local n = 0
local head = { ["Content-Type"] = "application/x-amz-json-1.0", ["X-Amz-Date"] = "20260101T000000Z",
  ["Authorization"] = "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0" }
local put, get = {}, {}
for key, value in pairs(head) do put[key] = value get[key] = value end
put["X-Amz-Target"], get["X-Amz-Target"] = "DynamoDB_20120810.PutItem", "DynamoDB_20120810.GetItem"

function request()
  n = n + 1
  local id = math.random(1, 1000)
  if n % 2 == 0 then
    return wrk.format("POST", "/", put, ('{"TableName":"bench","Item":{"id":{"S":"%d"},"name":{"S":"Lamp %d"},"price":{"N":"%d"},"tags":{"L":[{"S":"light"},{"S":"desk"}]}}}'):format(id, n, n))
  end
  return wrk.format("POST", "/", get, ('{"TableName":"bench","Key":{"id":{"S":"%d"}}}'):format(id))
end
