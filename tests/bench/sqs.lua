-- wrk: SendMessage, ReceiveMessage and DeleteMessage in turn, in the protocol that SQS_PROTOCOL names.
local host = "bench/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"
local is_query = os.getenv "SQS_PROTOCOL" == "query"
local handles, n = {}, 0

local function head(operation)
  return { ["Content-Type"] = is_query and "application/x-www-form-urlencoded" or "application/x-amz-json-1.0",
    ["Authorization"] = "AWS4-HMAC-SHA256 Credential=" .. host, ["X-Amz-Target"] = not is_query and "AmazonSQS." .. operation or nil }
end
local heads = { SendMessage = head "SendMessage", ReceiveMessage = head "ReceiveMessage", DeleteMessage = head "DeleteMessage" }

local function ask(operation, name, value)
  if is_query then
    local body = "Action=" .. operation .. "&Version=2012-11-05&QueueUrl=bench"
    return wrk.format("POST", "/", heads[operation], name and body .. "&" .. name .. "=" .. value or body)
  end
  local more = name and (',"%s":"%s"'):format(name, value) or ""
  return wrk.format("POST", "/", heads[operation], '{"QueueUrl":"bench"' .. more .. "}")
end

function request()
  if #handles > 0 then return ask("DeleteMessage", "ReceiptHandle", table.remove(handles)) end
  n = n + 1
  if n % 2 == 1 then return ask("SendMessage", "MessageBody", "order " .. n .. (" "):rep(200) .. "end") end
  return ask("ReceiveMessage")
end

-- Handles have no characters that a form would escape.
function response(status, headers, body)
  local handle = body:match('"ReceiptHandle":"([^"]+)"') or body:match "<ReceiptHandle>([^<]+)<"
  if handle then handles[#handles + 1] = handle end
end
