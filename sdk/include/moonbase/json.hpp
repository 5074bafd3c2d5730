// JSON text to Value and back.
#pragma once

#include <moonbase/result.hpp>
#include <moonbase/value.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace moonbase {

struct JsonLimits {
  std::size_t depth_max = 100;
  std::size_t bytes_max = 16 * 1024 * 1024;
};

// Strict RFC 8259. Numbers without fraction or exponent that fit 64 bits become integers; of
// duplicate keys the last one counts. The error's code is "SerializationException".
Result<Value> parse_json(std::string_view text, const JsonLimits& limits = {});

// Compact. Invalid UTF-8 is replaced by U+FFFD; numbers that are not finite become null.
std::string to_json(const Value& value);
void append_json(std::string& out, const Value& value);
// The text with its quotes.
void append_json_string(std::string& out, std::string_view text);

}  // namespace moonbase
