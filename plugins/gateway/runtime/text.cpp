#include "runtime/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace moonbase::gateway {
namespace {

constexpr auto lower_case = [] {
  std::array<unsigned char, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte)
    table[byte] = static_cast<unsigned char>(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
  return table;
}();

}  // namespace

std::string lower(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) c = lower(c);
  return lowered;
}

bool same_name(std::string_view a, std::string_view b) { return a.size() == b.size() && compare_names(a, b) == 0; }

int compare_names(std::string_view a, std::string_view b) {
  const auto common = std::min(a.size(), b.size());
  for (std::size_t i = 0; i < common; ++i) {
    const auto left = lower_case[static_cast<unsigned char>(a[i])];
    const auto right = lower_case[static_cast<unsigned char>(b[i])];
    if (left != right) return left < right ? -1 : 1;
  }
  return a.size() == b.size() ? 0 : a.size() < b.size() ? -1 : 1;
}

bool is_utf8(std::string_view text) {
  const auto follows = [&](std::size_t at) { return at < text.size() && (text[at] & 0xc0) == 0x80; };
  for (std::size_t at = 0; at < text.size();) {
    const auto first = static_cast<unsigned char>(text[at]);
    if (first < 0x80) {
      ++at;
      continue;
    }
    const auto second = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0;
    std::size_t length = 0;
    if (first >= 0xc2 && first <= 0xdf) length = 2;
    // Neither overlong forms nor surrogates.
    if (first >= 0xe0 && first <= 0xef && (first != 0xe0 || second >= 0xa0) && (first != 0xed || second < 0xa0))
      length = 3;
    if (first >= 0xf0 && first <= 0xf4 && (first != 0xf0 || second >= 0x90) && (first != 0xf4 || second < 0x90))
      length = 4;
    if (length == 0) return false;
    for (std::size_t i = 1; i < length; ++i)
      if (!follows(at + i)) return false;
    at += length;
  }
  return true;
}

void append_number(std::string& out, std::int64_t number) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

void append_request_time(std::string& out, Time time) {
  constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  namespace chrono = std::chrono;
  const chrono::sys_time<chrono::milliseconds> moment{chrono::milliseconds(time.ms)};
  const auto day = chrono::floor<chrono::days>(moment);
  const chrono::year_month_day date{day};
  const auto second = static_cast<int>(chrono::floor<chrono::seconds>(moment - day).count());
  const auto two_digits = [&](int number) {
    out += static_cast<char>('0' + number / 10 % 10);
    out += static_cast<char>('0' + number % 10);
  };
  two_digits(static_cast<int>(static_cast<unsigned>(date.day())));
  out += '/';
  out += months.at(static_cast<unsigned>(date.month()) - 1);
  out += '/';
  two_digits(static_cast<int>(date.year()) / 100);
  two_digits(static_cast<int>(date.year()));
  out += ':';
  two_digits(second / 3600);
  out += ':';
  two_digits(second / 60 % 60);
  out += ':';
  two_digits(second % 60);
  out += " +0000";
}

std::string_view media_type_of(std::string_view content_type) {
  auto type = content_type.substr(0, content_type.find_first_of(";,"));
  while (!type.empty() && (type.front() == ' ' || type.front() == '\t')) type.remove_prefix(1);
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  return type;
}

bool media_type_matches(std::string_view pattern, std::string_view type) {
  if (pattern == "*/*") return true;
  if (pattern.ends_with("/*")) {
    const auto family = pattern.substr(0, pattern.size() - 1);
    return type.size() > family.size() && same_name(type.substr(0, family.size()), family);
  }
  return same_name(pattern, type);
}

bool is_header_name(std::string_view name) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           marks.find(c) != std::string_view::npos;
  });
}

bool is_header_value(std::string_view value) {
  return std::none_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

}  // namespace moonbase::gateway
