-- PutEvents with ten events, of which each matches ten of the bus's thousand rules.
local entries = {}
for i = 1, 10 do
  entries[i] = ([[{"EventBusName":"bench","Source":"shop","DetailType":"Order","Detail":"{\"state\":\"state-%d\",\"total\":120,\"id\":\"o-%d\"}"}]])
    :format(i, i)
end
wrk.method = "POST"
wrk.path = "/"
wrk.headers["Content-Type"] = "application/x-amz-json-1.1"
wrk.headers["X-Amz-Target"] = "AWSEvents.PutEvents"
wrk.body = '{"Entries":[' .. table.concat(entries, ",") .. "]}"
