#include "runtime/mock.hpp"

#include <algorithm>

#include "runtime/text.hpp"

namespace moonbase::gateway {
namespace {

bool is_constant(std::string_view text) { return text.find_first_of("$#") == std::string_view::npos; }

// The number behind statusCode, quoted or not: templates are JSON as a person writes it.
int status_in(std::string_view text) {
  const auto at = text.find("statusCode");
  if (at == std::string_view::npos) return 0;
  auto rest = text.substr(at + std::string_view("statusCode").size());
  const auto digit = rest.find_first_not_of(" \t\r\n\"':");
  if (digit == std::string_view::npos) return 0;
  rest.remove_prefix(digit);
  int status = 0;
  std::size_t digits = 0;
  for (; digits < rest.size() && digits < 4 && rest[digits] >= '0' && rest[digits] <= '9'; ++digits)
    status = status * 10 + (rest[digits] - '0');
  return digits == 3 && status >= 100 && status <= 599 ? status : 0;
}

// A regular expression that means itself.
bool is_plain(std::string_view pattern) {
  return std::all_of(pattern.begin(), pattern.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
}

Mock::Response response_from(const Value& given) {
  Mock::Response response;
  const auto& status = given["statusCode"];
  response.status = status_in("statusCode:" + status.string_or("200"));
  response.pattern = given["selectionPattern"].string_or("");
  if (!is_plain(response.pattern)) response.not_built = "the selection pattern " + response.pattern;
  if (const auto& parameters = given["responseParameters"]; parameters.is_map()) {
    constexpr std::string_view header = "method.response.header.";
    for (const auto& [name, source] : parameters.map()) {
      const std::string_view value = source.string();
      const bool is_literal = value.size() >= 2 && value.front() == '\'' && value.back() == '\'';
      if (!name.starts_with(header) || !is_literal)
        response.not_built = "the response parameter " + name;
      else
        response.headers.emplace_back(name.substr(header.size()), value.substr(1, value.size() - 2));
    }
  }
  if (const auto& templates = given["responseTemplates"]; templates.is_map())
    for (const auto& [type, body] : templates.map()) {
      if (!is_constant(body.string_or(""))) response.not_built = "a response template with expressions";
      response.templates.emplace_back(type, body.string_or(""));
    }
  return response;
}

const Mock::Response* response_for(const Mock& mock, int status, std::string& not_built) {
  const auto code = std::to_string(status);
  const Mock::Response* otherwise = nullptr;
  for (const auto& response : mock.responses) {
    if (response.pattern.empty()) {
      otherwise = &response;
    } else if (!is_plain(response.pattern)) {
      not_built = response.not_built;
      return nullptr;
    } else if (response.pattern == code) {
      return &response;
    }
  }
  return otherwise;
}

}  // namespace

Mock Mock::from(const Value& integration) {
  Mock mock;
  mock.passes_through = integration["passthroughBehavior"].string_or("WHEN_NO_MATCH") == "WHEN_NO_MATCH";
  if (const auto& templates = integration["requestTemplates"]; templates.is_map()) {
    for (const auto& [type, text] : templates.map()) {
      const auto body = text.string_or("");
      Request request{type, status_in(body), {}};
      if (!is_constant(body)) request.not_built = "a request template with expressions";
      mock.requests.push_back(std::move(request));
    }
  } else if (integration["passthroughBehavior"].string_or("") == "WHEN_NO_TEMPLATES") {
    mock.passes_through = true;
  }
  if (const auto& responses = integration["integrationResponses"]; responses.is_map())
    for (const auto& [code, given] : responses.map()) mock.responses.push_back(response_from(given));
  return mock;
}

bool answer_mock(const Mock& mock, const HttpRequest& request, HttpResponse& response, std::string& not_built) {
  const auto sent = media_type_of(request.headers.get("Content-Type"));
  const auto type = sent.empty() ? std::string_view("application/json") : sent;
  const auto chosen = std::find_if(mock.requests.begin(), mock.requests.end(),
                                   [&](const Mock::Request& known) { return same_name(known.content_type, type); });
  int status = 0;
  if (chosen != mock.requests.end()) {
    not_built = chosen->not_built;
    if (!not_built.empty()) return true;
    status = chosen->status;
  } else if (mock.passes_through) {
    status = status_in(request.body);
  } else {
    response.status = 415;
    response.headers.set("x-amzn-ErrorType", "UnsupportedMediaTypeException");
    response.headers.set("Content-Type", "application/json");
    response.body = R"({"message":"Unsupported Media Type"})";
    return true;
  }
  if (status == 0) return false;
  const auto* found = response_for(mock, status, not_built);
  if (!not_built.empty()) return true;
  if (!found || found->status == 0) return false;
  not_built = found->not_built;
  if (!not_built.empty()) return true;

  response.status = found->status;
  const auto accepted = media_type_of(request.headers.get("Accept"));
  const auto body_for = [&](std::string_view wanted) {
    return std::find_if(found->templates.begin(), found->templates.end(),
                        [&](const auto& known) { return same_name(known.first, wanted); });
  };
  auto body = body_for(accepted);
  if (body == found->templates.end()) body = body_for("application/json");
  if (body == found->templates.end()) body = found->templates.begin();
  response.headers.set("Content-Type", body == found->templates.end() ? "application/json" : body->first);
  if (body != found->templates.end()) response.body = body->second;
  for (const auto& [name, value] : found->headers)
    if (is_header_name(name) && is_header_value(value)) response.headers.set(name, value);
  return true;
}

}  // namespace moonbase::gateway
