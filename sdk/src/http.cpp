#include <moonbase/http.hpp>

#include <algorithm>

namespace moonbase {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr std::size_t read_bytes = 64 * 1024;

}  // namespace

const std::string* HttpHeaders::find(std::string_view name) const noexcept {
  for (const auto& [entry_name, value] : entries_)
    if (same_name(entry_name, name)) return &value;
  return nullptr;
}

std::string_view HttpHeaders::get(std::string_view name) const noexcept {
  const auto* value = find(name);
  return value ? std::string_view(*value) : std::string_view();
}

std::vector<std::string_view> HttpHeaders::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [entry_name, value] : entries_)
    if (same_name(entry_name, name)) values.emplace_back(value);
  return values;
}

void HttpHeaders::add(std::string name, std::string value) { entries_.emplace_back(std::move(name), std::move(value)); }

void HttpHeaders::set(std::string_view name, std::string value) {
  erase(name);
  entries_.emplace_back(name, std::move(value));
}

void HttpHeaders::erase(std::string_view name) {
  std::erase_if(entries_, [&](const Entry& entry) { return same_name(entry.first, name); });
}

Result<Done> HttpRequest::read_body(std::size_t bytes_max) {
  const auto too_large = [] {
    return Error{"RequestEntityTooLargeException", "The request body is too large.", {}, 413};
  };
  if (body.size() > bytes_max) return too_large();
  if (!reader) return done;
  if (const auto length = reader->length(); length) {
    // The length may count what has been read before, so this is a floor; the loop below decides.
    if (*length > bytes_max) return too_large();
    if (body.empty()) body.reserve(static_cast<std::size_t>(*length));
  }
  while (true) {
    auto bytes = reader->read(read_bytes);
    if (!bytes) return bytes.error();
    if (bytes->empty()) break;
    if (bytes->size() > bytes_max - body.size()) return too_large();
    body += *bytes;
  }
  reader.reset();
  return done;
}

std::string HttpRequest::base_url() const {
  std::string url = tls ? "https://" : "http://";
  const auto host = headers.get("host");
  return url.append(host.empty() ? "localhost" : host);
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!query.empty()) {
    const auto part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    if (part.empty()) continue;
    const auto equals = part.find('=');
    parameters.emplace_back(percent_decode(part.substr(0, equals), true),
                            equals == std::string_view::npos ? "" : percent_decode(part.substr(equals + 1), true));
  }
  return parameters;
}

std::string percent_decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      decoded += static_cast<char>(digit(text[i + 1]) << 4 | digit(text[i + 2]));
      i += 2;
    } else {
      decoded += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

std::string percent_encode(std::string_view text, bool keep_slash) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size() + text.size() / 4);
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~' || (keep_slash && c == '/');
    if (plain) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return encoded;
}

}  // namespace moonbase
