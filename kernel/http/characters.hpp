// Which characters may stand where in a message. RFC 9110 section 5, RFC 3986.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace moonbase::http {

enum CharacterKind : std::uint8_t {
  token_character = 1,   // Methods and header names.
  value_character = 2,   // Header values: visible, space, tab and bytes above ASCII.
  target_character = 4,  // Visible ASCII without "#": a fragment never leaves a client.
  host_character = 8,
};

namespace internal {
constexpr std::array<std::uint8_t, 256> character_kinds() {
  std::array<std::uint8_t, 256> kinds{};
  for (int c = 0; c < 256; ++c) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    const auto in = [c](std::string_view set) {
      for (const char other : set) {
        if (c == other) return true;
      }
      return false;
    };
    std::uint8_t kind = 0;
    if (alphanumeric || in("!#$%&'*+-.^_`|~")) kind |= token_character;
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) kind |= value_character;
    if (c > 0x20 && c < 0x7f && c != '#') kind |= target_character;
    if (alphanumeric || in("-._~%!$&'()*+,;=:[]")) kind |= host_character;
    kinds[static_cast<std::size_t>(c)] = kind;
  }
  return kinds;
}
}  // namespace internal

inline constexpr auto character_kinds = internal::character_kinds();

inline bool is(char c, CharacterKind kind) { return (character_kinds[static_cast<unsigned char>(c)] & kind) != 0; }

inline bool all_are(std::string_view text, CharacterKind kind) {
  for (const char c : text) {
    if (!is(c, kind)) return false;
  }
  return true;
}

inline char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// `lower` must be in lower case.
inline bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (lower_case(text[i]) != lower[i]) return false;
  }
  return true;
}

inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Does a comma-separated list hold this element? `lower` must be in lower case.
inline bool list_holds(std::string_view list, std::string_view lower) {
  while (!list.empty()) {
    const auto end = list.find(',');
    if (equals_ignoring_case(trimmed(list.substr(0, end)), lower)) return true;
    if (end == std::string_view::npos) break;
    list.remove_prefix(end + 1);
  }
  return false;
}

}  // namespace moonbase::http
