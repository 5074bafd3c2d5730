#include "http/response_head.hpp"

#include "http/characters.hpp"

namespace moonbase::http {
namespace {

HeadResult refused(const char* reason) { return {HeadResult::State::refused, 0, 502, reason}; }

const char* look_at(std::string_view name, std::string_view value, Framing& framing) {
  if (equals_ignoring_case(name, "content-length")) {
    if (framing.content_length) return "more than one Content-Length";
    if (value.empty() || value.size() > 18 || value.find_first_not_of("0123456789") != std::string_view::npos) {
      return "malformed Content-Length";
    }
    std::uint64_t length = 0;
    for (const char c : value) length = length * 10 + static_cast<std::uint64_t>(c - '0');
    framing.content_length = length;
  } else if (equals_ignoring_case(name, "transfer-encoding")) {
    if (framing.chunked || !equals_ignoring_case(value, "chunked")) return "unknown Transfer-Encoding";
    framing.chunked = true;
  }
  return nullptr;
}

}  // namespace

HeadResult parse_response_head(std::string_view bytes, std::size_t head_bytes_max, std::size_t headers_max,
                               HttpResponse& response, Framing& framing) {
  const auto shown = bytes.substr(0, head_bytes_max);
  const auto end = shown.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    return bytes.size() >= head_bytes_max ? refused("the head is too long") : HeadResult{};
  }
  auto lines = shown.substr(0, end + 2);
  const auto take_line = [&] {
    const auto line = lines.substr(0, lines.find("\r\n"));
    lines.remove_prefix(line.size() + 2);
    return line;
  };
  // "HTTP/1.1 200 OK"; the phrase may be missing, with or without its space.
  const auto status_line = take_line();
  const bool version = status_line.starts_with("HTTP/1.1 ") || status_line.starts_with("HTTP/1.0 ");
  if (!version || status_line.size() < 12 || !all_are(status_line, value_character) ||
      (status_line.size() > 12 && status_line[12] != ' ')) {
    return refused("malformed status line");
  }
  response.status = 0;
  for (const char c : status_line.substr(9, 3)) {
    if (c < '0' || c > '9') return refused("malformed status line");
    response.status = response.status * 10 + (c - '0');
  }
  if (response.status < 100 || response.status > 599) return refused("malformed status line");
  while (!lines.empty()) {
    const auto line = take_line();
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return refused("malformed header");
    const auto name = line.substr(0, colon);
    const auto value = trimmed(line.substr(colon + 1));
    if (!all_are(name, token_character) || !all_are(value, value_character)) return refused("malformed header");
    if (response.headers.size() == headers_max) return refused("too many headers");
    if (const char* reason = look_at(name, value, framing)) return refused(reason);
    response.headers.add(std::string(name), std::string(value));
  }
  if (framing.chunked && framing.content_length) return refused("both Content-Length and Transfer-Encoding");
  return {HeadResult::State::complete, end + 4, 200, ""};
}

}  // namespace moonbase::http
