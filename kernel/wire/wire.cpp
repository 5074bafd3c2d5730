#include <moonbase/hash.hpp>
#include <wire/codec.hpp>

namespace moonbase::wire {
namespace {

using model::Kind;
using model::Member;
using model::Operation;
using model::Service;
using model::Shape;

constexpr std::string_view json_1_0_type = "application/x-amz-json-1.0";
constexpr std::string_view json_1_1_type = "application/x-amz-json-1.1";

// Parameters that belong to the request and not to the operation.
bool is_envelope(std::string_view name) { return name == "Action" || name == "Version"; }

Parameters form_parameters(const HttpRequest& request) {
  auto parameters = parse_query(request.body);
  auto more = parse_query(request.query);
  parameters.insert(parameters.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  std::erase_if(parameters, [](const auto& parameter) { return is_envelope(parameter.first); });
  return parameters;
}

bool is_xml(Protocol protocol) { return protocol == Protocol::rest_xml; }

// The body of a REST message: a payload member, or the members that travel nowhere else.
Problem read_rest_body(const Shape& shape, const Member* payload, bool has_body_members, Part part, Protocol protocol,
                       std::string_view body, const Limits& limits, Value& out) {
  if (payload) {
    if (payload->shape->streaming || body.empty()) return std::nullopt;
    Value content;
    switch (payload->shape->kind) {
      case Kind::string:
        if (!is_utf8(body)) return Error{"SerializationException", "The body is not UTF-8."};
        content = body;
        break;
      case Kind::blob:
        content = body;
        break;
      default: {
        auto problem = is_xml(protocol) ? read_xml(*payload->shape, Part::all, body, limits, {}, {}, content)
                                        : read_json(*payload->shape, Part::all, body, limits, content);
        if (problem) return problem;
      }
    }
    out.set(std::string(payload->name), std::move(content));
    return std::nullopt;
  }
  if (!has_body_members) {
    out = Map();
    return std::nullopt;
  }
  return is_xml(protocol) ? read_xml(shape, part, body, limits, {}, {}, out)
                          : read_json(shape, part, body, limits, out);
}

void write_rest_payload(std::string& out, std::string_view& type, const model::Header& service, const Member& payload,
                        Protocol protocol, const Value& content) {
  switch (payload.shape->kind) {
    case Kind::string:
      out = content.string();
      type = "text/plain";
      return;
    case Kind::blob:
      out = content.string();
      type = "application/octet-stream";
      return;
    default:
      if (is_xml(protocol)) {
        const auto& name_space = payload.xml_namespace.empty() ? service.xml_namespace : payload.xml_namespace;
        out = R"(<?xml version="1.0" encoding="UTF-8"?>)";
        append_xml_element(out, payload_name(payload), name_space, *payload.shape, Part::all, content, {});
        type = "application/xml";
      } else {
        append_json(out, *payload.shape, Part::all, content);
        type = "application/json";
      }
  }
}

// What a body has that the operation wrote itself, unless it says so.
std::string_view written_type(const Operation& operation) {
  const auto* payload = operation.output_payload;
  return payload && payload->shape->kind == Kind::union_structure ? "application/vnd.amazon.eventstream"
                                                                  : "application/octet-stream";
}

void write_rest_output(const Service& service, const Operation& operation, Protocol protocol, const Value& output,
                       HttpResponse& response) {
  write_response_bindings(operation, output, response);
  std::string_view type;
  if (response.stream || !response.body.empty()) {
    type = written_type(operation);
  } else if (operation.output_payload) {
    const auto& content = output[operation.output_payload->name];
    if (!content.is_null())
      write_rest_payload(response.body, type, service, *operation.output_payload, protocol, content);
  } else if (operation.output_has_body_members && response.status != 204) {
    if (is_xml(protocol)) {
      response.body = R"(<?xml version="1.0" encoding="UTF-8"?>)";
      response.body += '\n';
      if (operation.output_unwrapped) {
        const auto& member = operation.output->members.front();
        append_xml_element(response.body, member.xml_name, service.xml_namespace, *member.shape, Part::all,
                           output[member.name].is_null() ? Value("") : output[member.name], {});
      } else {
        append_xml_element(response.body, operation.output->xml_name, service.xml_namespace, *operation.output,
                           Part::response_body, output, {});
      }
      type = "application/xml";
    } else {
      append_json(response.body, *operation.output, Part::response_body, output);
      type = "application/json";
    }
  }
  if (!type.empty() && !response.headers.contains("content-type"))
    response.headers.add("Content-Type", std::string(type));
}

void write_query_output(const Service& service, const Operation& operation, Protocol protocol,
                        std::string_view request_id, const Value& output, HttpResponse& response) {
  auto& body = response.body;
  const bool ec2 = protocol == Protocol::ec2_query;
  if (ec2) body += R"(<?xml version="1.0" encoding="UTF-8"?>)";
  body += "<" + operation.name + "Response xmlns=\"";
  append_xml_text(body, service.xml_namespace);
  body += "\">";
  if (ec2) {
    body += "<requestId>";
    append_xml_text(body, request_id);
    body += "</requestId>";
    append_xml_members(body, *operation.output, Part::all, output, {.ec2 = true});
  } else {
    if (operation.has_output) {
      body += "<" + operation.result_wrapper + ">";
      append_xml_members(body, *operation.output, Part::all, output, {});
      body += "</" + operation.result_wrapper + ">";
    }
    body += "<ResponseMetadata><RequestId>";
    append_xml_text(body, request_id);
    body += "</RequestId></ResponseMetadata>";
  }
  body += "</" + operation.name + "Response>";
}

void set_request_id(const model::Header& service, std::string_view request_id, HttpResponse& response) {
  if (response.headers.contains(service.request_id_header)) return;
  response.headers.add(service.request_id_header, std::string(request_id));
  // Whoever calls the id so also sends a second one, which clients print beside it.
  if (service.request_id_header == "x-amz-request-id") response.headers.set("x-amz-id-2", base64(request_id));
}

void set_type(HttpResponse& response, std::string_view type) {
  response.headers.set("Content-Type", std::string(type));
}

}  // namespace

Result<Value> decode_request(const Service& service, const Operation& operation, Protocol protocol,
                             const HttpRequest& request, const Limits& limits) {
  Value input{Map()};
  Problem problem;
  switch (protocol) {
    case Protocol::json_1_0:
    case Protocol::json_1_1:
      problem = read_json(*operation.input, Part::all, request.body, limits, input);
      break;
    case Protocol::rpc_v2_cbor:
      problem = read_cbor(*operation.input, request.body, limits, input);
      break;
    case Protocol::query:
    case Protocol::ec2_query:
      problem = read_query(*operation.input, form_parameters(request), limits, protocol == Protocol::ec2_query, input);
      break;
    case Protocol::rest_json:
    case Protocol::rest_xml: {
      const std::string_view body = operation.streams_input() ? std::string_view() : std::string_view(request.body);
      problem = read_rest_body(*operation.input, operation.input_payload, operation.has_body_members,
                               Part::request_body, protocol, body, limits, input);
      if (!problem) problem = read_request_bindings(service, operation, request, input);
      break;
    }
  }
  if (!problem) return input;
  if (problem->code == "SerializationException") problem->code = service.validation.serialization_code;
  return std::move(*problem);
}

void encode_response(const Service& service, const Operation* operation, Protocol protocol, std::string_view request_id,
                     const Result<Value>& result, HttpResponse& response) {
  if (!result || !operation) {
    Error error = result ? Error{"UnknownOperationException", ""} : result.error();
    const auto* known = find_error(service, error.code);
    if (!known) return encode_error(service, protocol, request_id, error, response);
    return encode_known_error(service, *known, protocol, request_id, error, response);
  }
  set_request_id(service, request_id, response);
  if (response.status == 200) response.status = operation->status;
  if (response.websocket) return;
  const auto& output = *result;
  const bool written = response.stream || !response.body.empty();
  if (written && !response.headers.contains("content-type")) set_type(response, written_type(*operation));
  switch (protocol) {
    case Protocol::json_1_0:
    case Protocol::json_1_1:
      if (written) break;
      append_json(response.body, *operation->output, Part::all, output);
      set_type(response, protocol == Protocol::json_1_0 ? json_1_0_type : json_1_1_type);
      break;
    case Protocol::rpc_v2_cbor:
      response.headers.set("smithy-protocol", "rpc-v2-cbor");
      if (written) break;
      append_cbor(response.body, *operation->output, output);
      set_type(response, "application/cbor");
      break;
    case Protocol::query:
    case Protocol::ec2_query:
      if (written) break;
      write_query_output(service, *operation, protocol, request_id, output, response);
      set_type(response, "text/xml");
      break;
    case Protocol::rest_json:
    case Protocol::rest_xml:
      write_rest_output(service, *operation, protocol, output, response);
      break;
  }
}

Result<Value> decode_json_input(const Service& service, const Operation& operation, std::string_view json) {
  Value input;
  auto problem = read_json(*operation.input, Part::all, json, {}, input, Names::model);
  if (!problem) return input;
  problem->code = service.validation.serialization_code;
  return std::move(*problem);
}

std::string encode_json_output(const Service&, const Operation& operation, const Value& output) {
  std::string json;
  append_json(json, *operation.output, Part::all, output, Names::model);
  return json;
}

Result<HttpRequest> encode_request(const Service& service, const Operation& operation, Protocol protocol,
                                   const Value& input) {
  HttpRequest request;
  request.method = "POST";
  request.path = "/";
  const auto type = [&](std::string_view content_type) {
    if (!request.headers.contains("content-type")) request.headers.add("Content-Type", std::string(content_type));
  };
  switch (protocol) {
    case Protocol::json_1_0:
    case Protocol::json_1_1:
      request.headers.add("X-Amz-Target", service.target + "." + operation.name);
      type(protocol == Protocol::json_1_0 ? json_1_0_type : json_1_1_type);
      append_json(request.body, *operation.input, Part::all, input);
      return request;
    case Protocol::rpc_v2_cbor:
      request.path = "/service/" + service.target + "/operation/" + operation.name;
      request.headers.add("smithy-protocol", "rpc-v2-cbor");
      type("application/cbor");
      append_cbor(request.body, *operation.input, input);
      return request;
    case Protocol::query:
    case Protocol::ec2_query:
      request.body = "Action=" + operation.name + "&Version=" + service.version;
      type("application/x-www-form-urlencoded; charset=utf-8");
      append_query(request.body, *operation.input, input, protocol == Protocol::ec2_query);
      return request;
    default:
      break;
  }
  request.method = operation.method;
  request.path.clear();
  if (auto problem = write_request_bindings(operation, input, request)) return std::move(*problem);
  std::string_view content_type;
  if (const auto* payload = operation.input_payload) {
    const auto& content = input[payload->name];
    if (!content.is_null()) write_rest_payload(request.body, content_type, service, *payload, protocol, content);
  } else if (operation.has_body_members) {
    if (is_xml(protocol)) {
      append_xml_element(request.body, operation.input->xml_name, service.xml_namespace, *operation.input,
                         Part::request_body, input, {});
      content_type = "application/xml";
    } else {
      append_json(request.body, *operation.input, Part::request_body, input);
      content_type = "application/json";
    }
  }
  if (!content_type.empty()) type(content_type);
  return request;
}

Result<Value> decode_response(const Service& service, const Operation& operation, Protocol protocol,
                              const HttpResponse& response) {
  if (response.status >= 300) return decode_error(service, protocol, response);
  const Limits limits;
  Value output{Map()};
  Problem problem;
  switch (protocol) {
    case Protocol::json_1_0:
    case Protocol::json_1_1:
      problem = read_json(*operation.output, Part::all, response.body, limits, output);
      break;
    case Protocol::rpc_v2_cbor:
      problem = read_cbor(*operation.output, response.body, limits, output);
      break;
    case Protocol::query:
      problem = read_xml(*operation.output, Part::all, response.body, limits, {}, {operation.result_wrapper}, output);
      break;
    case Protocol::ec2_query:
      problem = read_xml(*operation.output, Part::all, response.body, limits, {.ec2 = true}, {}, output);
      break;
    default: {
      if (operation.output_payload && operation.output_payload->shape->streaming) {
        output.set(std::string(operation.output_payload->name), response.body);
      } else if (operation.output_unwrapped && !operation.output->members.empty()) {
        const auto& member = operation.output->members.front();
        Value content;
        problem = read_xml(*member.shape, Part::all, response.body, limits, {}, {}, content);
        if (!problem) output.set(std::string(member.name), std::move(content));
      } else {
        problem = read_rest_body(*operation.output, operation.output_payload, operation.output_has_body_members,
                                 Part::response_body, protocol, response.body, limits, output);
      }
      if (!problem) problem = read_response_bindings(operation, response, output);
    }
  }
  if (problem) return std::move(*problem);
  return output;
}

}  // namespace moonbase::wire
