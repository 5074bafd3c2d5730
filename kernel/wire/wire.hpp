// Wire: requests to Values and Values to responses, for every protocol, by the model alone.
//
// The server's way, in order: detect_protocol, find_operation, (read the body unless the operation
// streams it), decode_request, validate, the operation, encode_response. Everything here is a pure
// function of its arguments and never suspends; any thread may call it. Errors are AWS's own.
#pragma once

#include <model/model.hpp>
#include <moonbase/http.hpp>
#include <moonbase/ids.hpp>
#include <moonbase/result.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace moonbase::wire {

using model::Protocol;

// ── From a request to an operation ──────────────────────────────────────────────────────────────

// What a request says of itself, before its service is known; views into the request.
struct Hints {
  std::string_view target;            // Of X-Amz-Target, before its last dot: "Coupons_20260101".
  std::string_view target_operation;  // And behind it.
  std::string_view cbor_service;      // Of "/service/NAME/operation/NAME", with its operation.
  std::string_view cbor_operation;
  bool form = false;  // A form body or a query with Action=: Query or ec2Query.
};
Hints read_hints(const HttpRequest& request);

// Which of the service's protocols the request speaks. Nothing when it speaks none of them.
std::optional<Protocol> detect_protocol(const model::Header& service, const HttpRequest& request);

// The path with a label from a virtual host put in front: "/photos/cat.jpg" for /cat.jpg at
// "photos.storage.localhost". The path itself where the service has no such hosts.
std::string routed_path(const model::Header& service, const HttpRequest& request);

// The operation that the request names. For Query the body must have been read. Errors:
// UnknownOperationException, MissingAction, InvalidAction, 405 MethodNotAllowed.
Result<const model::Operation*> find_operation(const model::Service& service, Protocol protocol,
                                               const HttpRequest& request);

// ── Server ──────────────────────────────────────────────────────────────────────────────────────

struct Limits {
  std::size_t depth_max = 100;
};

// The input as a Value: right kinds, no unknown members, nothing else checked. A streamed payload
// stays in the request and its member is absent. Errors: SerializationException and its like.
Result<Value> decode_request(const model::Service& service, const model::Operation& operation, Protocol protocol,
                             const HttpRequest& request, const Limits& limits = {});

// Checks an input against the model, whoever made it: kinds, required members, lengths, ranges,
// patterns, enums. Removes unknown members, fills in defaults and idempotency tokens.
Result<Done> validate(const model::Service& service, const model::Operation& operation, Value& input, Ids& ids);

// Writes status, headers and body. `operation` is null when none was found. Headers that are
// already there stay; a body or stream that is already there (an operation that streams its output)
// stays too. An error's status is that of the Error, of the model, or 400.
void encode_response(const model::Service& service, const model::Operation* operation, Protocol protocol,
                     std::string_view request_id, const Result<Value>& result, HttpResponse& response);

// An error where the service's model is not at hand.
void encode_error(const model::Header& service, Protocol protocol, std::string_view request_id, const Error& error,
                  HttpResponse& response);

// ── AWS JSON for any service (Services::call_json) ──────────────────────────────────────────────
Result<Value> decode_json_input(const model::Service& service, const model::Operation& operation,
                                std::string_view json);
std::string encode_json_output(const model::Service& service, const model::Operation& operation, const Value& output);

// ── Client ──────────────────────────────────────────────────────────────────────────────────────

// The request that asks for the operation: method, path, query, headers and body, unsigned, without Host.
Result<HttpRequest> encode_request(const model::Service& service, const model::Operation& operation, Protocol protocol,
                                   const Value& input);
// The output, or the Error that the response carries.
Result<Value> decode_response(const model::Service& service, const model::Operation& operation, Protocol protocol,
                              const HttpResponse& response);

}  // namespace moonbase::wire
