-- wrk: Invoke through the Lambda API; the URL's path says which function.
local head = { ["Content-Type"] = "application/json",
  ["Authorization"] = "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0" }
head["X-Amz-Invocation-Type"] = os.getenv("INVOCATION_TYPE")

function request()
  return wrk.format("POST", nil, head, '{"id":"42","total":12.5}')
end
