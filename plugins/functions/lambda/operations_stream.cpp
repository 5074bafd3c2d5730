// InvokeWithResponseStream: the answer leaves while the function makes it.
#include <memory>
#include <moonbase/event_stream.hpp>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>

#include "environment/frames.hpp"
#include "lambda/invoke_input.hpp"
#include "lambda/operations.hpp"

namespace moonbase::functions {
namespace {

// What is sent while the function runs, and how it ended.
void run_stream(FunctionService& functions, const CallContext& context, const FunctionName& name,
                const Invocation& invocation, const std::string& request_id, BodyWriter& writer) {
  std::string out;
  const auto send = [&] {
    const bool sent = writer.write(out);
    out.clear();
    return sent;
  };
  const ResponseSink sink = [&](std::string_view part, std::string_view) {
    append_stream_event(out, "PayloadChunk", "application/octet-stream", part);
    return send();
  };
  auto result = functions.stream(context, name, invocation, request_id, sink);
  if (!result) {
    append_stream_error(out, result.error());
    send();
    return;
  }
  // What was not streamed comes in one piece.
  if (result->function_error.empty() && !result->payload.empty()) sink(result->payload, {});
  Map complete;
  if (!result->function_error.empty()) {
    complete.set("ErrorCode", result->function_error);
    complete.set("ErrorDetails", result->payload);
  }
  if (invocation.log_tail) complete.set("LogResult", base64(result->log_tail));
  append_stream_event(out, "InvokeComplete", "application/json", to_json(Value(std::move(complete))));
  send();
}

Result<Value> invoke_with_response_stream(Call& call, FunctionService& functions) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  if (!call.input["TenantId"].is_null()) return not_implemented("lambda InvokeWithResponseStream TenantId");
  auto invocation = invocation_of(call, request_bytes_max);
  if (!invocation) return invocation.error();
  if (auto permitted = functions.check(call.context, *name); !permitted) return permitted.error();
  const auto type = call.input["InvocationType"].string_or("RequestResponse");
  if (type == "DryRun") return Value(Map{{"StatusCode", 204}});
  if (!call.http)
    return Error{"InvalidParameterValueException",
                 "A response stream needs a connection of its own: call Invoke.",
                 {{"Type", "User"}},
                 400};
  const auto request_id = call.context.request_id.size() == 36 ? call.context.request_id : call.kernel.ids.uuid();
  call.http->stream = [&functions, context = call.context, name = *name, invocation = std::move(*invocation),
                       request_id](BodyWriter& writer) {
    run_stream(functions, context, name, invocation, request_id, writer);
  };
  return Value(Map{{"StatusCode", 200}, {"ExecutedVersion", "$LATEST"}});
}

}  // namespace

void register_stream_operations(Registrar& registrar, FunctionService& functions) {
  registrar.operation("InvokeWithResponseStream",
                      [&functions](Call& call) { return invoke_with_response_stream(call, functions); });
}

}  // namespace moonbase::functions
