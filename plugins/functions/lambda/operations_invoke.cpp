#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>

#include "environment/frames.hpp"
#include "lambda/invoke_input.hpp"
#include "lambda/operations.hpp"

namespace moonbase::functions {
namespace {

constexpr std::size_t async_bytes_max = 1024 * 1024;

Error too_large(std::size_t bytes_max) {
  return {"RequestTooLargeException",
          "Request must be smaller than " + std::to_string(bytes_max) + " bytes for the InvokeFunction operation",
          {{"Type", "User"}},
          413};
}

Error bad_content(const std::string& why) {
  return {"InvalidRequestContentException", "Could not parse request body into json: " + why, {{"Type", "User"}}, 400};
}

Result<Value> invoke(Call& call, FunctionService& functions) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  if (!call.input["TenantId"].is_null()) return not_implemented("lambda Invoke TenantId");
  if (call.input["DurableExecutionName"].is_string()) return not_implemented("lambda Invoke DurableExecutionName");
  const auto type = call.input["InvocationType"].string_or("RequestResponse");
  const bool event = type == "Event";

  auto given = invocation_of(call, event ? async_bytes_max : request_bytes_max);
  if (!given) return given.error();
  auto invocation = std::move(*given);
  const auto request_id = call.context.request_id.size() == 36 ? call.context.request_id : call.kernel.ids.uuid();

  if (type != "RequestResponse") {
    if (auto permitted = functions.check(call.context, *name); !permitted) return permitted.error();
    if (!event) return Value(Map{{"StatusCode", 204}});
    const auto queued = functions.enqueue(
        call.context, {*name, std::move(invocation.payload), std::move(invocation.client_context), request_id},
        call.kernel.store);
    if (!queued) return queued.error();
    return Value(Map{{"StatusCode", 202}});
  }

  auto result = functions.run(call.context, *name, invocation, request_id);
  if (!result) return result.error();
  Map output{{"StatusCode", 200},
             {"ExecutedVersion", std::move(result->executed_version)},
             {"Payload", std::move(result->payload)}};
  if (!result->function_error.empty()) output.set("FunctionError", std::move(result->function_error));
  if (invocation.log_tail) output.set("LogResult", base64(result->log_tail));
  return Value(std::move(output));
}

// The old way to queue an event; its answer is the status alone.
Result<Value> invoke_async(Call& call, FunctionService& functions) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  std::string payload = call.input["InvokeArgs"].string_or("");
  if (call.body) {
    for (;;) {
      auto more = call.body->read(64 * 1024);
      if (!more) return more.error();
      if (more->empty()) break;
      payload += *more;
      if (payload.size() > async_bytes_max) return too_large(async_bytes_max);
    }
  }
  if (payload.empty()) payload = "{}";
  if (const auto parsed = parse_json(payload, {json_depth_max, request_bytes_max}); !parsed)
    return bad_content(parsed.error().message);
  if (auto permitted = functions.check(call.context, *name); !permitted) return permitted.error();
  const auto request_id = call.context.request_id.size() == 36 ? call.context.request_id : call.kernel.ids.uuid();
  const auto queued = functions.enqueue(call.context, {*name, std::move(payload), {}, request_id}, call.kernel.store);
  if (!queued) return queued.error();
  return Value(Map{{"Status", 202}});
}

}  // namespace

Result<Invocation> invocation_of(Call& call, std::size_t bytes_max) {
  Invocation invocation;
  if (call.input["Payload"].is_string()) invocation.payload = std::move(call.input.map().find("Payload")->string());
  if (invocation.payload.empty()) invocation.payload = "{}";
  if (invocation.payload.size() > bytes_max) return too_large(bytes_max);
  // From here on it counts as JSON: environments skim it.
  if (const auto parsed = parse_json(invocation.payload, {json_depth_max, request_bytes_max}); !parsed)
    return bad_content(parsed.error().message);
  if (const auto context = call.input["ClientContext"].string_or(""); !context.empty()) {
    auto text = from_base64(context);
    if (!text || text->size() > client_context_bytes_max || !parse_json(*text))
      return Error{"InvalidRequestContentException",
                   "Client context must be a valid Base64-encoded JSON object.",
                   {{"Type", "User"}},
                   400};
    invocation.client_context = std::move(*text);
  }
  invocation.log_tail = call.input["LogType"].string_or("None") == "Tail";
  return invocation;
}

void register_invoke_operations(Registrar& registrar, FunctionService& functions) {
  registrar.operation("Invoke", [&functions](Call& call) { return invoke(call, functions); });
  registrar.operation("InvokeAsync", [&functions](Call& call) { return invoke_async(call, functions); });
}

}  // namespace moonbase::functions
