#include "runtime/answer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <optional>

#include "runtime/text.hpp"

namespace moonbase::gateway {
namespace {

// A function's answer is at most 6 MB, and JSON escapes can blow a byte up sixfold.
constexpr JsonLimits answer_limits{.depth_max = 100, .bytes_max = 48u << 20};

// AWS's quota for all headers together, and what keeps hostile answers from costing more than it.
constexpr std::size_t header_bytes_max = 10'240;
constexpr std::size_t header_names_max = 512;

// 100 to 599, as a number or as text.
std::optional<int> status_of(const Value& status) {
  std::int64_t code = 0;
  if (status.is_integer()) {
    code = status.integer();
  } else if (status.is_number()) {
    code = static_cast<std::int64_t>(status.number());
    if (static_cast<double>(code) != status.number()) return std::nullopt;
  } else if (status.is_string()) {
    const auto& text = status.string();
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), code);
    if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  } else {
    return std::nullopt;
  }
  if (code < 100 || code > 599) return std::nullopt;
  return static_cast<int>(code);
}

// Headers that belong to the connection: never taken from a function.
bool is_framing(std::string_view name) {
  constexpr std::array<std::string_view, 6> framing{"transfer-encoding", "content-length", "upgrade", "trailer", "te",
                                                    "keep-alive"};
  return std::any_of(framing.begin(), framing.end(), [&](std::string_view known) { return same_name(known, name); });
}
// Headers that REST APIs hand on under another name.
bool is_remapped(std::string_view name) {
  constexpr std::array<std::string_view, 5> remapped{"connection", "date", "server", "www-authenticate",
                                                     "x-amzn-requestid"};
  return std::any_of(remapped.begin(), remapped.end(), [&](std::string_view known) { return same_name(known, name); });
}

// Takes what a header needs off what is left. False where it does not fit.
bool take(std::size_t& bytes_left, std::string_view name, std::string_view value) {
  const auto bytes = name.size() + value.size();
  if (bytes > bytes_left) return false;
  bytes_left -= bytes;
  return true;
}

// One header of a function's answer. False where it is malformed.
bool add_header(bool rest, std::string_view name, const Value& value, std::size_t& bytes_left, HttpHeaders& headers) {
  std::string text;
  if (value.is_string())
    text = value.string();
  else if (value.is_boolean())
    text = value.boolean() ? "true" : "false";
  else if (!rest && value.is_integer())
    text = std::to_string(value.integer());
  else if (!rest && value.is_number())
    text = to_json(value);
  else
    return false;
  if (!is_header_name(name) || !is_header_value(text) || !take(bytes_left, name, text)) return false;
  if (is_framing(name)) return true;
  if (is_remapped(name)) {
    if (!rest) return true;
    headers.add("x-amzn-Remapped-" + std::string(name), std::move(text));
    return true;
  }
  headers.add(std::string(name), std::move(text));
  return true;
}

// headers and multiValueHeaders; of a name that is in both, only the latter counts.
bool add_headers(EventFormat format, const Value& result, std::size_t& bytes_left, HttpHeaders& headers) {
  const bool rest = format == EventFormat::rest;
  static const Value absent;
  const auto& several = format == EventFormat::http_2 ? absent : result["multiValueHeaders"];
  if (!several.is_null() && (!several.is_map() || several.map().size() > header_names_max)) return false;
  const auto in_several = [&](std::string_view name) {
    return several.is_map() && std::any_of(several.map().begin(), several.map().end(),
                                           [&](const MapEntry& entry) { return same_name(entry.key, name); });
  };
  if (const auto& single = result["headers"]; single.is_map()) {
    if (single.map().size() > header_names_max) return false;
    for (const auto& [name, value] : single.map())
      if (!in_several(name) && !add_header(rest, name, value, bytes_left, headers)) return false;
  } else if (!single.is_null()) {
    return false;
  }
  if (several.is_map())
    for (const auto& [name, values] : several.map()) {
      if (!values.is_list()) return false;
      for (const auto& value : values.list())
        if (!add_header(rest, name, value, bytes_left, headers)) return false;
    }
  return true;
}

// REST APIs decode only what the API lists as binary, by the Accept header or by the answer's own type.
bool decodes(const Stage& stage, std::string_view accept, const HttpHeaders& headers) {
  const auto accepted = media_type_of(accept);
  const auto type = media_type_of(headers.get("Content-Type"));
  return std::any_of(stage.binary_media_types.begin(), stage.binary_media_types.end(), [&](const std::string& known) {
    return media_type_matches(known, accepted) || media_type_matches(known, type) || same_name(known, accepted);
  });
}

bool known_rest_member(std::string_view name) {
  return name == "statusCode" || name == "headers" || name == "multiValueHeaders" || name == "body" ||
         name == "isBase64Encoded";
}

// False where the answer is malformed.
bool answer_rest(const Stage& stage, Value& result, std::string_view accept, HttpResponse& response) {
  if (!result.is_map()) return false;
  for (const auto& [name, value] : result.map())
    if (!known_rest_member(name)) return false;
  if (const auto& status = result["statusCode"]; !status.is_null()) {
    const auto code = status_of(status);
    if (!code) return false;
    response.status = *code;
  }
  auto bytes_left = header_bytes_max;
  if (!add_headers(EventFormat::rest, result, bytes_left, response.headers)) return false;
  if (!response.headers.contains("Content-Type")) response.headers.add("Content-Type", "application/json");
  const auto& encoded = result["isBase64Encoded"];
  if (!encoded.is_null() && !encoded.is_boolean()) return false;
  const auto& body = result["body"];
  if (body.is_null()) return true;
  if (!body.is_string()) return false;
  if (encoded.boolean_or(false) && decodes(stage, accept, response.headers)) {
    auto bytes = from_base64(body.string());
    if (!bytes) return false;
    response.body = std::move(*bytes);
  } else {
    response.body = std::move(result.map().find("body")->string());
  }
  return true;
}

bool answer_http(EventFormat format, Value& result, HttpResponse& response) {
  const auto code = status_of(result["statusCode"]);
  if (!code) return false;
  response.status = *code;
  auto bytes_left = header_bytes_max;
  if (!add_headers(format, result, bytes_left, response.headers)) return false;
  if (!response.headers.contains("Content-Type")) response.headers.add("Content-Type", "text/plain;charset=UTF-8");
  if (const auto& cookies = result["cookies"]; format == EventFormat::http_2 && !cookies.is_null()) {
    if (!cookies.is_list()) return false;
    for (const auto& cookie : cookies.list()) {
      if (!cookie.is_string() || !is_header_value(cookie.string())) return false;
      if (!take(bytes_left, "set-cookie", cookie.string())) return false;
      response.headers.add("set-cookie", cookie.string());
    }
  }
  const auto& body = result["body"];
  if (body.is_null()) return true;
  if (!body.is_string()) return false;
  const auto& encoded = result["isBase64Encoded"];
  if (!encoded.is_null() && !encoded.is_boolean()) return false;
  if (encoded.boolean_or(false)) {
    auto bytes = from_base64(body.string());
    if (!bytes) return false;
    response.body = std::move(*bytes);
  } else {
    response.body = std::move(result.map().find("body")->string());
  }
  return true;
}

}  // namespace

void refuse(HttpResponse& response, const Refusal& refusal) {
  response.status = refusal.status;
  response.headers = {};
  response.headers.add("Content-Type", "application/json");
  if (!refusal.error_type.empty()) response.headers.add("x-amzn-ErrorType", std::string(refusal.error_type));
  response.body = refusal.body;
}

void refuse_not_built(HttpResponse& response, const Error& error) {
  response.status = 501;
  response.headers = {};
  response.headers.add("Content-Type", "application/json");
  response.headers.add("x-amzn-ErrorType", "NotImplemented");
  response.body = R"({"message":)";
  append_json_string(response.body, error.message);
  response.body += '}';
}

void answer(EventFormat format, const Stage& stage, const InvocationResult& invoked, std::string_view accept,
            HttpResponse& response) {
  const bool rest = format == EventFormat::rest;
  const auto& malformed = rest ? refusals::rest_bad_gateway : refusals::http_internal;
  if (!invoked.function_error.empty()) return refuse(response, malformed);
  auto result = parse_json(invoked.payload, answer_limits);
  if (!result) return refuse(response, malformed);
  if (rest) {
    if (!answer_rest(stage, *result, accept, response)) refuse(response, malformed);
    return;
  }
  // Format 2.0 takes what has no statusCode for the body itself.
  if (format == EventFormat::http_2 && (*result)["statusCode"].is_null()) {
    response.headers.add("Content-Type", "application/json");
    response.body = result->is_string() ? result->string() : invoked.payload;
    return;
  }
  if (!answer_http(format, *result, response)) refuse(response, malformed);
}

void answer(EventFormat format, const Error& error, bool timed_out, HttpResponse& response) {
  const bool rest = format == EventFormat::rest;
  if (error.code == "NotImplemented" || error.status == 501) return refuse_not_built(response, error);
  if (error.code == "RequestTooLargeException" || error.code == "RequestEntityTooLargeException")
    return refuse(response, rest ? refusals::rest_too_long : refusals::http_too_long);
  if (timed_out) return refuse(response, rest ? refusals::rest_timeout : refusals::http_unavailable);
  if (!rest && error.code == "TooManyRequestsException") return refuse(response, refusals::http_unavailable);
  refuse(response, rest ? refusals::rest_internal : refusals::http_internal);
}

}  // namespace moonbase::gateway
