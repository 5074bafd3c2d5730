// CBOR (RFC 8949) to Value and back.
#pragma once

#include <moonbase/result.hpp>
#include <moonbase/value.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace moonbase {

struct CborLimits {
  std::size_t depth_max = 100;
  std::size_t bytes_max = 16 * 1024 * 1024;
};

// One item and nothing behind it; indefinite lengths are accepted. Byte strings and text strings
// both become strings; tag 1 (epoch time) becomes integer milliseconds; bignums, other tags and
// "undefined" are refused. The error's code is "SerializationException".
Result<Value> parse_cbor(std::string_view bytes, const CborLimits& limits = {});

// Building blocks for an encoder that knows the shapes.
void append_cbor_map(std::string& out, std::size_t entries);
void append_cbor_list(std::string& out, std::size_t elements);
void append_cbor_text(std::string& out, std::string_view text);
void append_cbor_bytes(std::string& out, std::string_view bytes);
void append_cbor_integer(std::string& out, std::int64_t integer);
void append_cbor_number(std::string& out, double number);
void append_cbor_boolean(std::string& out, bool boolean);
void append_cbor_null(std::string& out);
void append_cbor_timestamp(std::string& out, std::int64_t ms);  // Tag 1, seconds as a double.

}  // namespace moonbase
