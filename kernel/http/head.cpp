#include "http/head.hpp"

#include <charconv>
#include <cstring>

#include "http/characters.hpp"

namespace moonbase::http {
namespace {

using State = HeadResult::State;

constexpr std::size_t method_bytes_max = 32;

HeadResult refused(const char* reason, int status = 400) { return {State::refused, 0, status, reason}; }

// The bytes of the head that are left.
struct Cursor {
  const char* at;
  const char* end;
  std::size_t left() const { return static_cast<std::size_t>(end - at); }
};

template <CharacterKind kind>
std::string_view take(Cursor& cursor) {
  const char* begin = cursor.at;
  const char* at = begin;
  while (at != cursor.end && is(*at, kind)) ++at;
  cursor.at = at;
  return {begin, static_cast<std::size_t>(at - begin)};
}

enum class LineEnd { yes, no, unknown };

LineEnd take_line_end(Cursor& cursor) {
  if (cursor.left() == 0) return LineEnd::unknown;
  if (*cursor.at != '\r') return LineEnd::no;
  if (cursor.left() == 1) return LineEnd::unknown;
  if (cursor.at[1] != '\n') return LineEnd::no;
  cursor.at += 2;
  return LineEnd::yes;
}

std::optional<std::uint64_t> decimal(std::string_view digits) {
  // 18 digits always fit; no body is longer.
  if (digits.empty() || digits.size() > 18) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return number;
}

struct Seen {
  int hosts = 0;
  bool content_length = false, transfer_encoding = false;
  bool close = false, keep_alive = false;
};

// The headers that decide on framing. Null when all is well.
const char* look_at(std::string_view name, std::string_view value, Seen& seen, Framing& framing, int& status) {
  switch (name.size()) {
    case 4:
      if (equals_ignoring_case(name, "host")) {
        if (++seen.hosts > 1) return "more than one Host";
        if (!value.empty() && !is_host(value)) return "malformed Host";
      }
      break;
    case 6:
      if (equals_ignoring_case(name, "expect")) {
        if (!equals_ignoring_case(value, "100-continue")) {
          status = 417;
          return "unknown expectation";
        }
        framing.expects_continue = true;
      }
      break;
    case 10:
      if (equals_ignoring_case(name, "connection")) {
        seen.close = seen.close || list_holds(value, "close");
        seen.keep_alive = seen.keep_alive || list_holds(value, "keep-alive");
        framing.wants_upgrade = framing.wants_upgrade || list_holds(value, "upgrade");
      }
      break;
    case 14:
      if (equals_ignoring_case(name, "content-length")) {
        if (seen.content_length) return "more than one Content-Length";
        seen.content_length = true;
        framing.content_length = decimal(value);
        if (!framing.content_length) return "malformed Content-Length";
      }
      break;
    case 17:
      if (equals_ignoring_case(name, "transfer-encoding")) {
        if (seen.transfer_encoding) return "more than one Transfer-Encoding";
        seen.transfer_encoding = true;
        if (!equals_ignoring_case(value, "chunked")) {
          status = 501;
          return "unknown Transfer-Encoding";
        }
        framing.chunked = true;
      }
      break;
    default:
      break;
  }
  return nullptr;
}

bool has_good_escapes(std::string_view path) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (lower_case(c) >= 'a' && lower_case(c) <= 'f'); };
  for (auto at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1)) {
    if (at + 2 >= path.size() || !is_hex(path[at + 1]) || !is_hex(path[at + 2])) return false;
  }
  return true;
}

// Path and query from the request line's middle, and the host from an absolute one.
const char* split_target(std::string_view target, HttpRequest& request, std::string_view& authority) {
  if (target == "*") {
    if (request.method != "OPTIONS") return "malformed request target";
    request.path = "*";
    return nullptr;
  }
  if (!target.empty() && target.front() != '/') {
    const auto scheme_end = target.find("://");
    if (scheme_end == std::string_view::npos) return "malformed request target";
    const auto scheme = target.substr(0, scheme_end);
    if (!equals_ignoring_case(scheme, "http") && !equals_ignoring_case(scheme, "https")) {
      return "malformed request target";
    }
    target.remove_prefix(scheme_end + 3);
    authority = target.substr(0, target.find_first_of("/?"));
    if (authority.empty() || !is_host(authority)) return "malformed request target";
    target.remove_prefix(authority.size());
    if (target.empty() || target.front() == '?') {
      request.path = "/";
      request.query = target.empty() ? target : target.substr(1);
      return nullptr;
    }
  }
  if (target.empty()) return "malformed request target";
  const auto* question = static_cast<const char*>(std::memchr(target.data(), '?', target.size()));
  const auto path_bytes = question ? static_cast<std::size_t>(question - target.data()) : target.size();
  if (!has_good_escapes(target.substr(0, path_bytes))) return "malformed escape in the path";
  request.path = target.substr(0, path_bytes);
  if (question) request.query = target.substr(path_bytes + 1);
  return nullptr;
}

HeadResult incomplete(std::size_t bytes, const Limits& limits) {
  if (bytes >= limits.head_bytes_max) return refused("the head is too long", 431);
  return {};
}

}  // namespace

bool is_host(std::string_view host) {
  if (host.empty() || !all_are(host, host_character)) return false;
  std::size_t port_at = std::string_view::npos;
  if (host.front() == '[') {
    const auto close = host.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    for (const char c : host.substr(1, close - 1)) {
      const char l = lower_case(c);
      if (!((l >= '0' && l <= '9') || (l >= 'a' && l <= 'f') || l == ':' || l == '.')) return false;
    }
    if (close + 1 < host.size()) port_at = close + 1;
    if (port_at != std::string_view::npos && host[port_at] != ':') return false;
  } else {
    if (host.find_first_of("[]") != std::string_view::npos) return false;
    port_at = host.find(':');
    if (port_at == 0) return false;
  }
  if (port_at == std::string_view::npos) return true;
  const auto port = host.substr(port_at + 1);
  const auto number = port.empty() ? std::optional<std::uint64_t>(0) : decimal(port);
  return number && *number <= 65535;
}

HeadResult parse_head(std::string_view bytes, const Limits& limits, HttpRequest& request, Framing& framing) {
  Cursor cursor{bytes.data(), bytes.data() + std::min(bytes.size(), limits.head_bytes_max)};

  // One empty line before the request is borne, as RFC 9112 section 2.2 asks.
  if (cursor.left() > 0 && *cursor.at == '\r') {
    const auto line_end = take_line_end(cursor);
    if (line_end == LineEnd::unknown) return incomplete(bytes.size(), limits);
    if (line_end == LineEnd::no) return refused("malformed request line");
  }

  const auto method = take<token_character>(cursor);
  if (method.size() > method_bytes_max) return refused("the method is too long", 501);
  if (cursor.left() == 0) return incomplete(bytes.size(), limits);
  if (method.empty() || *cursor.at != ' ') return refused("malformed request line");
  ++cursor.at;
  request.method = method;

  const auto target = take<target_character>(cursor);
  if (target.size() > limits.target_bytes_max) return refused("the request target is too long", 414);
  if (cursor.left() == 0) return incomplete(bytes.size(), limits);
  if (*cursor.at != ' ') return refused("malformed request target");
  ++cursor.at;

  constexpr std::string_view version = "HTTP/1.";
  if (std::string_view(cursor.at, std::min(cursor.left(), version.size())) !=
      version.substr(0, std::min(cursor.left(), version.size()))) {
    const std::string_view rest(cursor.at, std::min<std::size_t>(cursor.left(), 6));
    if (rest.size() == 6 && rest.starts_with("HTTP/") && rest[5] >= '0' && rest[5] <= '9') {
      return refused("unknown HTTP version", 505);
    }
    return refused("malformed request line");
  }
  if (cursor.left() <= version.size()) return incomplete(bytes.size(), limits);
  cursor.at += version.size();
  const char minor = *cursor.at++;
  if (minor != '0' && minor != '1') return refused("unknown HTTP version", 505);
  request.http_major = 1;
  request.http_minor = minor - '0';
  switch (take_line_end(cursor)) {
    case LineEnd::yes:
      break;
    case LineEnd::no:
      return refused("malformed request line");
    case LineEnd::unknown:
      return incomplete(bytes.size(), limits);
  }
  if (request.method == "CONNECT") return refused("CONNECT is not served", 501);
  std::string_view authority;
  if (const char* reason = split_target(target, request, authority)) return refused(reason);

  Seen seen;
  request.headers.reserve(16);
  while (true) {
    if (cursor.left() == 0) return incomplete(bytes.size(), limits);
    if (*cursor.at == '\r') {
      switch (take_line_end(cursor)) {
        case LineEnd::yes:
          break;
        case LineEnd::no:
          return refused("malformed header");
        case LineEnd::unknown:
          return incomplete(bytes.size(), limits);
      }
      break;
    }
    // A line that begins with white space would continue the one before: no name begins so.
    const auto name = take<token_character>(cursor);
    if (cursor.left() == 0) return incomplete(bytes.size(), limits);
    if (name.empty() || *cursor.at != ':') return refused("malformed header name");
    ++cursor.at;
    const auto value = trimmed(take<value_character>(cursor));
    switch (take_line_end(cursor)) {
      case LineEnd::yes:
        break;
      case LineEnd::no:
        return refused("malformed header value");
      case LineEnd::unknown:
        return incomplete(bytes.size(), limits);
    }
    if (request.headers.size() == limits.headers_max) return refused("too many headers", 431);
    int status = 400;
    if (const char* reason = look_at(name, value, seen, framing, status)) return refused(reason, status);
    request.headers.add(std::string(name), std::string(value));
  }

  const bool http_1_0 = request.http_minor == 0;
  if (seen.hosts == 0 && !http_1_0) return refused("no Host");
  if (framing.chunked && framing.content_length) return refused("both Content-Length and Transfer-Encoding");
  if (framing.chunked && http_1_0) return refused("Transfer-Encoding in HTTP/1.0");
  if (http_1_0) framing.expects_continue = false;  // RFC 9110 section 10.1.1.
  framing.keep_alive = http_1_0 ? seen.keep_alive && !seen.close : !seen.close;
  if (!authority.empty()) request.headers.set("Host", std::string(authority));
  return {State::complete, static_cast<std::size_t>(cursor.at - bytes.data()), 200, ""};
}

}  // namespace moonbase::http
