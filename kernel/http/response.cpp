#include "http/response.hpp"

#include "http/characters.hpp"
#include "http/gzip.hpp"
#include "http/server.hpp"

namespace moonbase::http {
namespace {

constexpr std::size_t gzip_bytes_min = 1024;

bool takes_gzip(std::string_view accept_encoding) {
  while (!accept_encoding.empty()) {
    const auto end = accept_encoding.find(',');
    auto coding = trimmed(accept_encoding.substr(0, end));
    const auto semicolon = coding.find(';');
    const auto parameters = semicolon == std::string_view::npos ? std::string_view() : coding.substr(semicolon + 1);
    coding = trimmed(coding.substr(0, semicolon));
    if (equals_ignoring_case(coding, "gzip") || coding == "*") {
      const auto q = trimmed(parameters);
      return !(q.starts_with("q=0") && q.find_first_of("123456789") == std::string_view::npos);
    }
    if (end == std::string_view::npos) break;
    accept_encoding.remove_prefix(end + 1);
  }
  return false;
}

bool is_text(std::string_view content_type) {
  const auto type = trimmed(content_type.substr(0, content_type.find(';')));
  std::string lower(type);
  for (auto& c : lower) c = lower_case(c);
  return lower.starts_with("text/") || lower == "application/json" || lower == "application/javascript" ||
         lower == "application/xml" || lower == "image/svg+xml" || lower.ends_with("+json") ||
         lower.ends_with("+xml") || lower.starts_with("application/x-amz-json-");
}

}  // namespace

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 203:
      return "Non-Authoritative Information";
    case 204:
      return "No Content";
    case 205:
      return "Reset Content";
    case 206:
      return "Partial Content";
    case 207:
      return "Multi-Status";
    case 300:
      return "Multiple Choices";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 418:
      return "I'm a teapot";
    case 422:
      return "Unprocessable Content";
    case 423:
      return "Locked";
    case 424:
      return "Failed Dependency";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 451:
      return "Unavailable For Legal Reasons";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Status";
  }
}

bool may_have_body(int status) { return status >= 200 && status != 204 && status != 304; }

bool is_clean(const HttpResponse& response) {
  // 1xx is the server's own to send.
  if (response.status < 200 || response.status > 599) return false;
  for (const auto& [name, value] : response.headers) {
    if (name.empty() || !all_are(name, token_character) || !all_are(value, value_character)) return false;
  }
  return true;
}

bool is_framing_header(std::string_view name) {
  switch (name.size()) {
    case 7:
      return equals_ignoring_case(name, "trailer") || equals_ignoring_case(name, "upgrade");
    case 10:
      return equals_ignoring_case(name, "connection") || equals_ignoring_case(name, "keep-alive");
    case 14:
      return equals_ignoring_case(name, "content-length");
    case 16:
      return equals_ignoring_case(name, "proxy-connection");
    case 17:
      return equals_ignoring_case(name, "transfer-encoding");
    default:
      return false;
  }
}

void make_internal_failure(HttpResponse& response) {
  response = HttpResponse{};
  response.status = 500;
  response.headers.add("Content-Type", "application/json");
  response.headers.add("x-amzn-ErrorType", "InternalFailure");
  response.body =
      R"({"__type":"InternalFailure","message":"The request could not be handled because of an internal failure."})";
}

void compress_if_allowed(const HttpRequest& request, HttpResponse& response) {
  if (!response.headers.contains(allow_gzip_header)) return;
  response.headers.erase(allow_gzip_header);
  if (response.stream || response.body.size() < gzip_bytes_min || response.headers.contains("content-encoding")) return;
  if (!is_text(response.headers.get("content-type"))) return;
  response.headers.add("Vary", "Accept-Encoding");
  if (!takes_gzip(request.headers.get("accept-encoding"))) return;
  response.body = gzip(response.body);
  response.headers.add("Content-Encoding", "gzip");
}

}  // namespace moonbase::http
