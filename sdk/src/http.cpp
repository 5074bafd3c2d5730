#include <algorithm>
#include <moonbase/http.hpp>

namespace moonbase {
namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool same_name(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

Error body_too_long(std::size_t bytes_max) {
  return {.code = "RequestEntityTooLargeException",
          .message = "The request body must not be longer than " + std::to_string(bytes_max) + " bytes.",
          .status = 413};
}

}  // namespace

const std::string* HttpHeaders::find(std::string_view name) const noexcept {
  for (const auto& [key, value] : entries_) {
    if (same_name(key, name)) return &value;
  }
  return nullptr;
}

std::string_view HttpHeaders::get(std::string_view name) const noexcept {
  const auto* value = find(name);
  return value ? std::string_view(*value) : std::string_view();
}

std::vector<std::string_view> HttpHeaders::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : entries_) {
    if (same_name(key, name)) values.emplace_back(value);
  }
  return values;
}

void HttpHeaders::add(std::string name, std::string value) { entries_.emplace_back(std::move(name), std::move(value)); }

void HttpHeaders::set(std::string_view name, std::string value) {
  erase(name);
  entries_.emplace_back(std::string(name), std::move(value));
}

void HttpHeaders::erase(std::string_view name) {
  std::erase_if(entries_, [&](const Entry& entry) { return same_name(entry.first, name); });
}

Result<Done> HttpRequest::read_body(std::size_t bytes_max) {
  if (body.size() > bytes_max) return body_too_long(bytes_max);
  if (!reader) return done;
  if (const auto rest = reader->length()) {
    // Refused before it is read: a client that expects "100 Continue" need not send it.
    if (*rest > bytes_max - body.size()) return body_too_long(bytes_max);
    // Grown as it arrives, not by what the client claims.
    body.reserve(body.size() + static_cast<std::size_t>(std::min<std::uint64_t>(*rest, 64 * 1024)));
  }
  while (true) {
    // One byte more than allowed tells "too long" from "just fits".
    const auto left = bytes_max - body.size();
    auto bytes = reader->read(std::min<std::size_t>(left + (left < 64 * 1024 ? 1 : 0), 64 * 1024));
    if (!bytes) return std::move(bytes).error();
    if (bytes->empty()) break;
    if (bytes->size() > left) return body_too_long(bytes_max);
    body += *bytes;
  }
  reader.reset();
  return done;
}

std::string HttpRequest::base_url() const {
  const auto host = headers.get("host");
  std::string url = tls ? "https://" : "http://";
  url += host.empty() ? std::string_view("localhost") : host;
  return url;
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    const auto value = equals < pair.size() ? pair.substr(equals + 1) : std::string_view();
    parameters.emplace_back(percent_decode(pair.substr(0, equals), true), percent_decode(value, true));
  }
  return parameters;
}

std::string percent_decode(std::string_view text, bool plus_is_space) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      plain += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else if (text[i] == '+' && plus_is_space) {
      plain += ' ';
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::string percent_encode(std::string_view text, bool keep_slash) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (unreserved(c) || (c == '/' && keep_slash)) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += '%';
      encoded += digits[byte >> 4];
      encoded += digits[byte & 15];
    }
  }
  return encoded;
}

}  // namespace moonbase
