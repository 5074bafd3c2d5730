// Service models: what a service's operations take and give, and how that looks on the wire.
//
// A model is a Lua table (scripts/lua/moonbase/shape.lua is its vocabulary) that a plugin registers
// as text. It is read here into plain structs that never change afterwards, so any thread may use
// them. Standard library only.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <memory_resource>
#include <moonbase/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase::model {

enum class Protocol : std::uint8_t { json_1_0, json_1_1, query, ec2_query, rest_json, rest_xml, rpc_v2_cbor };

// As models write it: "json-1.0", "query", "ec2-query", "rest-json", "rest-xml", "rpc-v2-cbor".
std::string_view name_of(Protocol protocol);
std::optional<Protocol> protocol_named(std::string_view name);

enum class Kind : std::uint8_t {
  string,
  integer,
  long_integer,
  number,  // Integer or fraction: what imported schemas do not tell apart.
  float_number,
  double_number,
  boolean,
  blob,
  timestamp,
  document,
  list,
  map,
  structure,
  union_structure,
};

enum class TimestampFormat : std::uint8_t { of_protocol, epoch_seconds, date_time, http_date };

// Where a member travels in the REST protocols.
enum class Location : std::uint8_t {
  body,
  header,
  prefix_headers,
  query,
  query_map,
  label,
  greedy_label,
  payload,
  status
};

// Positions by name, for the members of one structure: what decoding and encoding do most.
class NameIndex {
 public:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  // Keeps the views.
  void build(std::vector<std::string_view> names);
  std::size_t find(std::string_view name) const noexcept;
  bool empty() const noexcept { return names_.empty(); }

 private:
  std::vector<std::string_view> names_;
  std::vector<std::uint16_t> slots_;  // Open addressing: positions, `unused` where there is none.
};

struct Shape;

// The views of a Member and a Shape point into their Service's texts, each of which is there once.
struct Member {
  std::string_view name;  // As Values have it.
  const Shape* shape = nullptr;
  Value default_value;  // Null where there is none.
  bool required = false;
  bool idempotency_token = false;
  bool host_label = false;
  bool flattened = false;  // XML and Query: elements without a wrapper around them.
  bool xml_attribute = false;
  bool event_header = false;  // In an event of an event stream.
  bool event_payload = false;
  Location location = Location::body;
  std::string_view location_name;  // The header's (or its prefix) or the query parameter's.
  std::string_view json_name;      // Each is `name` where the model says nothing else.
  std::string_view xml_name;
  bool xml_name_given = false;  // By the model: a payload's root element is called so.
  std::string_view ec2_name;
  std::string_view xml_namespace;
  std::string_view xml_namespace_prefix;
  std::string_view path_name;  // As validation messages spell it: camelCase.
  std::string_view json_key;   // "\"Name\":", to be written as it is.
};

// Whether a member of a REST input or output travels in the body. Queries and labels are places in
// requests only, the status in answers only.
inline bool in_request_body(const Member& member) {
  return member.location == Location::body || member.location == Location::status;
}
inline bool in_response_body(const Member& member) {
  return member.location == Location::body || member.location == Location::query ||
         member.location == Location::query_map || member.location == Location::label ||
         member.location == Location::greedy_label;
}

struct Pattern;  // A compiled regular expression (RE2).

// Text that validation compares and quotes.
struct Constraints {
  static constexpr std::int64_t none = std::numeric_limits<std::int64_t>::min();
  std::int64_t length_min = none, length_max = none;
  std::optional<double> range_min, range_max;
  std::string pattern;                      // As AWS writes it; messages quote it.
  std::shared_ptr<const Pattern> compiled;  // Null without a pattern.
  std::vector<std::string> values;          // Of an enum, in the model's order.
};

bool matches(const Pattern& pattern, std::string_view text);

struct Shape {
  std::string_view name;  // Empty for one written in place.
  Kind kind = Kind::string;
  TimestampFormat timestamp_format = TimestampFormat::of_protocol;
  bool streaming = false;  // A blob that is not held in memory, or a union that is an event stream.
  bool sensitive = false;
  bool sparse = false;                             // A list or map may hold nulls.
  std::unique_ptr<const Constraints> constraints;  // Null where there are none.

  std::vector<Member> members;  // Of a structure or union, by name.
  // Of a list or map. `element.xml_name` is "member" where the model says nothing else, and
  // "key" and "value" for maps.
  Member key, element;

  std::string_view xml_name;  // Of the root element; `name` where the model says nothing else.
  std::string_view xml_namespace;

  bool is_structure() const { return kind == Kind::structure || kind == Kind::union_structure; }
  const Member* member(std::string_view name) const;       // By `name`; null where there is none.
  const Member* json_member(std::string_view name) const;  // By `json_name`.

  // Positions in `members` of those that are required, or filled in when they are absent.
  std::vector<std::uint16_t> minded_when_absent;
  NameIndex by_name, by_json_name;  // The second is empty where every json_name is the name.
};

struct ErrorShape {
  std::string name;
  int status = 400;
  bool sender_fault = true;
  std::string query_code;                // What Query and x-amzn-query-error call it; `name` where it is the same.
  int query_status = 0;                  // Query's own status, where it differs.
  const Shape* shape = nullptr;          // Its members beside the message; null when there are none.
  std::string message_name = "message";  // "Message" in some.
};

// One piece of "/functions/{FunctionName}/versions".
struct UriSegment {
  std::string text;  // A literal, or the label's member.
  bool is_label = false, is_greedy = false;
};
struct QueryLiteral {
  std::string name, value;
};

struct Operation {
  std::string name;
  const Shape* input = nullptr;  // A structure, never null; empty where the model has none.
  const Shape* output = nullptr;
  bool has_output = false;  // The model gives one, if only an empty one.
  std::vector<const ErrorShape*> errors;

  std::string method = "POST";  // HTTP, for the REST protocols.
  std::string uri;
  std::vector<UriSegment> segments;
  std::vector<QueryLiteral> query;  // "?acl": what the query must hold for this operation to be meant.
  bool trailing_slash = false;
  int status = 200;

  std::string host_prefix;        // "{AccountId}." or "stream-".
  std::string result_wrapper;     // Query: "CreateCouponResult".
  bool checksum = false;          // The request may carry a checksum of its body.
  bool unsigned_auth = false;     // May be called without a signature.
  bool output_unwrapped = false;  // REST-XML: the output is its only member's element.

  // The member that is the HTTP body, or the event stream; null: the members that are left are.
  const Member* input_payload = nullptr;
  const Member* output_payload = nullptr;
  bool has_body_members = false;  // Of the input, in REST: any that travels nowhere else.
  bool output_has_body_members = false;
  // The body is read or written as it comes (Call::body, HttpResponse::stream).
  bool streams_input() const { return input_payload && input_payload->shape->streaming; }
  bool streams_output() const { return output_payload && output_payload->shape->streaming; }
};

// How a service words what the model itself refuses.
struct Validation {
  enum class Style : std::uint8_t {
    list,       // "1 validation error detected: Value … at 'name' failed to satisfy constraint: …"
    parameter,  // "The request must contain the parameter Name." / "Value … for parameter Name is invalid. …"
  };
  Style style = Style::list;
  std::string code = "ValidationException";
  std::string missing_code;                                   // `code` where it is empty.
  std::string serialization_code = "SerializationException";  // For what is not even of the right type.
  bool checks_unions = true;  // False: the operations do, for they say more than which member is wrong.
};

// What routing needs of a service, read at start without its shapes and operations.
struct Header {
  std::string name;                        // "coupons"
  std::string version;                     // "2012-08-10"
  std::vector<Protocol> protocols;         // The preferred one first.
  std::string target;                      // Prefix of X-Amz-Target, without the dot.
  std::string signing_name;                // The service in a SigV4 scope.
  std::string endpoint_prefix;             // The host's first part: "coupons", "email".
  std::vector<std::string> virtual_hosts;  // "{Bucket}.storage.*": hosts whose first part is a label of the path.
  std::string xml_namespace;
  std::string service_id;       // "Coupon Service"
  std::string error_namespace;  // Before "#" in __type; empty: the code alone.
  std::string request_id_header = "x-amzn-RequestId";
  bool query_compatible = false;  // awsQueryCompatible
  bool bare_errors = false;       // REST-XML: <Error> without <ErrorResponse> around it.
  Validation validation;

  bool speaks(Protocol protocol) const;
};

class Router;  // From method and path to the operation (REST).

struct Service : Header {
  Service();
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  std::vector<Operation> operations;                                  // By name.
  std::vector<ErrorShape> errors;                                     // By name.
  const Operation* operation(std::string_view operation_name) const;  // Null where there is none.
  const ErrorShape* error(std::string_view error_name) const;
  // The operation that this method, this path (as sent) and this query mean; see kernel/wire.
  std::unique_ptr<const Router> router;

  std::vector<std::unique_ptr<Shape>> shapes;  // Owns every shape that the others point to.
  std::pmr::monotonic_buffer_resource texts;   // What the shapes' views point to.
};

// Reads the part before `shapes` and `operations` only, which takes microseconds. Throws
// std::runtime_error, with `chunk` and the line, where the text is no model.
Header read_header(std::string_view lua, const std::string& chunk = "model");

// Reads all of it, which takes milliseconds for the largest. Throws like read_header.
std::unique_ptr<const Service> read_service(std::string_view lua, const std::string& chunk = "model");

// A registered model: the header at once, the rest on first use. Any thread may use it.
class Model {
 public:
  explicit Model(std::string_view lua);  // Keeps the view. Throws like read_header.
  ~Model();
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;

  const Header& header() const noexcept;
  const Service& service() const;  // Reads it, once. Throws like read_service.
  bool loaded() const noexcept;    // Whether service() has been called.
  std::string_view text() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace moonbase::model
