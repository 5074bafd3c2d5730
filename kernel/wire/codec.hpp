// The body formats, each in both directions, by shape. What wire.cpp puts together for a protocol.
#pragma once

#include <model/model.hpp>
#include <moonbase/http.hpp>
#include <moonbase/result.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <wire/text.hpp>
#include <wire/wire.hpp>

namespace moonbase::wire {

// Which members of a structure the body holds: all of them, or those of an operation's REST input or
// output that travel nowhere else. Queries and labels are places in a request only, a status in an
// answer only; shapes that serve both name them all the same.
enum class Part : std::uint8_t { all, request_body, response_body };
inline bool belongs_to(Part part, const model::Member& member) {
  return part == Part::all ||
         (part == Part::request_body ? model::in_request_body(member) : model::in_response_body(member));
}

using Problem = std::optional<Error>;

// JSON. An empty text is an empty structure. Members go by their JSON names, or by the model's.
enum class Names : std::uint8_t { json, model };
Problem read_json(const model::Shape& shape, Part part, std::string_view text, const Limits& limits, Value& out,
                  Names names = Names::json);
void append_json(std::string& out, const model::Shape& shape, Part part, const Value& value, Names names = Names::json);

// CBOR. Empty bytes are an empty structure.
Problem read_cbor(const model::Shape& shape, std::string_view bytes, const Limits& limits, Value& out);
void append_cbor(std::string& out, const model::Shape& shape, const Value& value);

// XML: the content of an element. `ec2` has lists without wrappers.
struct XmlStyle {
  bool ec2 = false;
};
// A document whose root element is the structure; `path` are elements to go down to first, each of
// which must be there unless it is empty.
Problem read_xml(const model::Shape& shape, Part part, std::string_view text, const Limits& limits, XmlStyle style,
                 const std::vector<std::string_view>& path, Value& out);
void append_xml_members(std::string& out, const model::Shape& shape, Part part, const Value& value, XmlStyle style);
// The whole element, with its namespace and attributes.
void append_xml_element(std::string& out, std::string_view name, std::string_view xml_namespace,
                        const model::Shape& shape, Part part, const Value& value, XmlStyle style);

// Query: parameters, decoded, in any order.
using Parameters = std::vector<std::pair<std::string, std::string>>;
Problem read_query(const model::Shape& shape, Parameters parameters, const Limits& limits, bool ec2, Value& out);
void append_query(std::string& out, const model::Shape& shape, const Value& value, bool ec2);

// REST: what travels outside the body.
Problem read_request_bindings(const model::Header& service, const model::Operation& operation,
                              const HttpRequest& request, Value& out);
Problem read_response_bindings(const model::Operation& operation, const HttpResponse& response, Value& out);
void write_response_bindings(const model::Operation& operation, const Value& output, HttpResponse& response);
Problem write_request_bindings(const model::Operation& operation, const Value& input, HttpRequest& request);

// The element or name under which an XML payload travels.
std::string_view payload_name(const model::Member& member);

// Writes an error that the model describes.
void encode_known_error(const model::Header& service, const model::ErrorShape& known, Protocol protocol,
                        std::string_view request_id, const Error& error, HttpResponse& response);

// The error with this code, be it the model's name or Query's; null where the model has none.
const model::ErrorShape* find_error(const model::Service& service, std::string_view code);
Result<Value> decode_error(const model::Service& service, Protocol protocol, const HttpResponse& response);

}  // namespace moonbase::wire
