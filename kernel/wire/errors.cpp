#include <algorithm>
#include <array>
#include <moonbase/cbor.hpp>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <wire/codec.hpp>

namespace moonbase::wire {
namespace {

using model::ErrorShape;
using model::Shape;

bool is_query(Protocol protocol) { return protocol == Protocol::query || protocol == Protocol::ec2_query; }
bool is_rest(Protocol protocol) { return protocol == Protocol::rest_json || protocol == Protocol::rest_xml; }

// What any service may answer with, whether its model says so or not.
int common_status(std::string_view code, Protocol protocol) {
  struct Common {
    std::string_view code;
    int json, others;
  };
  constexpr std::array<Common, 13> common = {{{"InternalFailure", 500, 500},
                                              {"InternalError", 500, 500},
                                              {"InternalServerError", 500, 500},
                                              {"ServiceUnavailable", 503, 503},
                                              {"SlowDown", 503, 503},
                                              {"NotImplemented", 501, 501},
                                              {"AccessDenied", 403, 403},
                                              {"AccessDeniedException", 400, 403},
                                              {"UnrecognizedClientException", 400, 403},
                                              {"IncompleteSignature", 400, 403},
                                              {"InvalidClientTokenId", 403, 403},
                                              {"SignatureDoesNotMatch", 403, 403},
                                              {"RequestExpired", 400, 400}}};
  for (const auto& one : common) {
    const bool like_json = protocol != Protocol::query && protocol != Protocol::ec2_query && !is_rest(protocol);
    if (one.code == code) return like_json ? one.json : one.others;
  }
  return 400;
}

// What every protocol writes, already chosen from the Error and the model.
struct Parts {
  std::string_view code;
  std::string_view query_code;
  std::string_view message;
  std::string_view message_name = "message";
  int status = 400;
  bool sender_fault = true;
  const Shape* shape = nullptr;  // Null: no further members.
  Value members = Map();
};

void append_element(std::string& out, std::string_view name, std::string_view text) {
  out += '<';
  out += name;
  out += '>';
  append_xml_text(out, text);
  out += "</";
  out += name;
  out += '>';
}

void write_json(const model::Header& service, Protocol protocol, const Parts& parts, HttpResponse& response) {
  auto& body = response.body;
  const bool rest = protocol == Protocol::rest_json;
  body = '{';
  if (rest) {
    response.headers.set("x-amzn-ErrorType", std::string(parts.code));
  } else {
    body += R"("__type":)";
    const auto type = service.error_namespace.empty() ? std::string(parts.code)
                                                      : service.error_namespace + "#" + std::string(parts.code);
    append_json_string(body, type);
  }
  if (!parts.message.empty() || rest) {
    if (body.size() > 1) body += ',';
    append_json_string(body, parts.message_name);
    body += ':';
    append_json_string(body, parts.message);
  }
  if (parts.shape && !parts.members.map().empty()) {
    std::string members;
    append_json(members, *parts.shape, Part::all, parts.members);
    if (members.size() > 2) body += "," + members.substr(1, members.size() - 2);
  }
  body += '}';
  response.headers.set("Content-Type", rest                             ? "application/json"
                                       : protocol == Protocol::json_1_0 ? "application/x-amz-json-1.0"
                                                                        : "application/x-amz-json-1.1");
}

void write_cbor(const model::Header& service, const Parts& parts, HttpResponse& response) {
  auto& body = response.body;
  std::string members;
  std::size_t count = 2;
  if (parts.shape) {
    for (const auto& [name, value] : parts.members.map()) {
      const auto* member = value.is_null() ? nullptr : parts.shape->member(name);
      if (!member) continue;
      append_cbor_text(members, name);
      append_cbor(members, *member->shape, value);
      ++count;
    }
  }
  append_cbor_map(body, count);
  append_cbor_text(body, "__type");
  append_cbor_text(body, service.error_namespace.empty() ? std::string(parts.code)
                                                         : service.error_namespace + "#" + std::string(parts.code));
  append_cbor_text(body, parts.message_name);
  append_cbor_text(body, parts.message);
  body += members;
  response.headers.set("smithy-protocol", "rpc-v2-cbor");
  response.headers.set("Content-Type", "application/cbor");
}

void write_xml(const model::Header& service, Protocol protocol, std::string_view request_id, const Parts& parts,
               HttpResponse& response) {
  auto& body = response.body;
  body = protocol == Protocol::query ? "" : R"(<?xml version="1.0" encoding="UTF-8"?>)";
  const auto members = [&] {
    if (parts.shape) append_xml_members(body, *parts.shape, Part::all, parts.members, {});
  };
  if (protocol == Protocol::ec2_query) {
    body += "<Response><Errors><Error>";
    append_element(body, "Code", parts.query_code);
    append_element(body, "Message", parts.message);
    body += "</Error></Errors>";
    append_element(body, "RequestID", request_id);
    body += "</Response>";
  } else if (protocol == Protocol::rest_xml && service.bare_errors) {
    body += "\n<Error>";
    append_element(body, "Code", parts.code);
    append_element(body, "Message", parts.message);
    if (parts.shape) {
      members();
    } else {
      // Beyond what the model lists: the resource, the key, what was expected.
      for (const auto& [name, value] : parts.members.map())
        if (value.is_string()) append_element(body, name, value.string());
    }
    append_element(body, "RequestId", request_id);
    append_element(body, "HostId", base64(request_id));
    body += "</Error>";
  } else {
    body += "<ErrorResponse xmlns=\"";
    append_xml_text(body, service.xml_namespace);
    body += "\"><Error>";
    append_element(body, "Type", parts.sender_fault ? "Sender" : "Receiver");
    append_element(body, "Code", parts.query_code);
    append_element(body, "Message", parts.message);
    members();
    body += "</Error>";
    append_element(body, "RequestId", request_id);
    body += "</ErrorResponse>";
  }
  response.headers.set("Content-Type", protocol == Protocol::rest_xml ? "application/xml" : "text/xml");
}

void write(const model::Header& service, Protocol protocol, std::string_view request_id, const Parts& parts,
           HttpResponse& response) {
  // Whatever the operation had begun to answer is void.
  response.body.clear();
  response.stream = nullptr;
  response.length.reset();
  response.headers.erase("Content-Length");
  response.status = parts.status;
  response.headers.set(service.request_id_header, std::string(request_id));
  if (service.request_id_header == "x-amz-request-id") response.headers.set("x-amz-id-2", base64(request_id));
  switch (protocol) {
    case Protocol::json_1_0:
    case Protocol::json_1_1:
    case Protocol::rest_json:
      write_json(service, protocol, parts, response);
      break;
    case Protocol::rpc_v2_cbor:
      write_cbor(service, parts, response);
      break;
    default:
      write_xml(service, protocol, request_id, parts, response);
  }
  if (service.query_compatible && !is_query(protocol))
    response.headers.set("x-amzn-query-error",
                         std::string(parts.query_code) + (parts.sender_fault ? ";Sender" : ";Receiver"));
}

// <Code> and <Message>, which every XML error has.
const Shape& plain_error() {
  static const Shape text;
  static const Shape error = [] {
    Shape made;
    made.kind = model::Kind::structure;
    for (const auto* name : {"Code", "Message"}) {
      auto& member = made.members.emplace_back();
      member.name = member.xml_name = name;
      member.shape = &text;
    }
    return made;
  }();
  return error;
}

// "com.amazonaws.coupons#Code", "Code:http://…" → "Code"
std::string_view bare_code(std::string_view type) {
  if (const auto hash = type.find('#'); hash != std::string_view::npos) type.remove_prefix(hash + 1);
  return type.substr(0, type.find(':'));
}

}  // namespace

const ErrorShape* find_error(const model::Service& service, std::string_view code) {
  if (const auto* found = service.error(code)) return found;
  for (const auto& error : service.errors)
    if (error.query_code == code) return &error;
  return nullptr;
}

void encode_known_error(const model::Header& service, const ErrorShape& known, Protocol protocol,
                        std::string_view request_id, const Error& error, HttpResponse& response) {
  Parts parts;
  parts.code = known.name;
  parts.query_code = known.query_code;
  parts.message = error.message;
  parts.message_name = known.message_name;
  parts.status = error.status != 0 ? error.status : is_query(protocol) ? known.query_status : known.status;
  parts.sender_fault = known.sender_fault;
  parts.shape = known.shape;
  parts.members = error.members;
  if (known.shape) {
    for (const auto& member : known.shape->members)
      if (!member.default_value.is_null() && parts.members[member.name].is_null())
        parts.members.set(std::string(member.name), member.default_value);
  }
  write(service, protocol, request_id, parts, response);
}

void encode_error(const model::Header& service, Protocol protocol, std::string_view request_id, const Error& error,
                  HttpResponse& response) {
  Parts parts;
  parts.code = parts.query_code = error.code;
  parts.message = error.message;
  parts.members = error.members;
  parts.status = error.status != 0 ? error.status : common_status(error.code, protocol);
  parts.sender_fault = parts.status < 500;
  write(service, protocol, request_id, parts, response);
}

Result<Value> decode_error(const model::Service& service, Protocol protocol, const HttpResponse& response) {
  Error error;
  error.status = response.status;
  Value content{Map()};
  if (protocol == Protocol::rpc_v2_cbor || protocol == Protocol::rest_json || protocol <= Protocol::json_1_1) {
    auto parsed = protocol == Protocol::rpc_v2_cbor ? parse_cbor(response.body) : parse_json(response.body);
    if (parsed && parsed->is_map()) content = std::move(*parsed);
    const auto type = content["__type"].is_string() ? std::string_view(content["__type"].string())
                                                    : response.headers.get("x-amzn-errortype");
    error.code = bare_code(type);
    for (const auto* name : {"message", "Message"})
      if (content[name].is_string()) error.message = content[name].string();
    if (const auto* known = find_error(service, error.code); known && known->shape) {
      Value members{Map()};
      const auto problem = protocol == Protocol::rpc_v2_cbor
                               ? read_cbor(*known->shape, response.body, {}, members)
                               : read_json(*known->shape, Part::all, response.body, {}, members);
      if (!problem) error.members = std::move(members.map());
    }
    return error;
  }
  std::vector<std::string_view> path;
  if (protocol == Protocol::ec2_query) {
    path = {"Errors", "Error"};
  } else if (!(protocol == Protocol::rest_xml && service.bare_errors)) {
    path = {"Error"};
  }
  if (!read_xml(plain_error(), Part::all, response.body, {}, {}, path, content)) {
    error.code = content["Code"].string_or("");
    error.message = content["Message"].string_or("");
  }
  const auto* known = find_error(service, error.code);
  if (!known) return error;
  error.code = known->name;
  Value members{Map()};
  if (known->shape && !read_xml(*known->shape, Part::all, response.body, {}, {}, path, members))
    error.members = std::move(members.map());
  return error;
}

}  // namespace moonbase::wire
