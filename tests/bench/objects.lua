-- wrk: PutObject or GetObject of OBJECT_BYTES bytes, as OBJECT_METHOD says, over a thousand keys in turn.
local method, bytes = os.getenv "OBJECT_METHOD", tonumber(os.getenv "OBJECT_BYTES")
local keys = bytes > 100000 and 20 or 1000
local block = ("0123456789abcdef"):rep(math.ceil(bytes / 16)):sub(1, bytes)
local scope = "bench/20260101/us-east-1/s3/aws4_request"
local headers = { ["Authorization"] = "AWS4-HMAC-SHA256 Credential=" .. scope .. ", SignedHeaders=host, Signature=0" }
local n = 0

function request()
  n = n + 1
  local path = "/bench/" .. bytes .. "/" .. n % keys
  if method == "GET" then return wrk.format("GET", path, headers) end
  -- No two are alike, or they would share a blob.
  return wrk.format("PUT", path, headers, ("%016d"):format(n) .. block:sub(17))
end
