// Small texts that HTTP and events share. Pure functions.
#pragma once

#include <cstdint>
#include <moonbase/clock.hpp>
#include <string>
#include <string_view>

namespace moonbase::gateway {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
std::string lower(std::string_view text);
// Without regard to case (ASCII).
bool same_name(std::string_view a, std::string_view b);
// Like std::string_view::compare, without regard to case.
int compare_names(std::string_view a, std::string_view b);

bool is_utf8(std::string_view text);

// "21/Nov/2026:10:00:00 +0000"
void append_request_time(std::string& out, Time time);
void append_number(std::string& out, std::int64_t number);

// "application/json" of "Application/JSON; charset=utf-8", with spaces trimmed, in its own case.
std::string_view media_type_of(std::string_view content_type);
// Whether "image/png" is among "image/png", "image/*" and "*/*".
bool media_type_matches(std::string_view pattern, std::string_view type);

// A header that may be sent: a token, and a value without control characters.
bool is_header_name(std::string_view name);
bool is_header_value(std::string_view value);

}  // namespace moonbase::gateway
