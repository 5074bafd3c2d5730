// Scalars as text: what XML, Query, headers, labels and query parameters have in common.
#pragma once

#include <cstdint>
#include <model/model.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace moonbase::wire {

using model::TimestampFormat;

// Milliseconds. Seconds and their fraction in digits; ISO 8601 with "Z" or an offset; an HTTP date.
std::optional<std::int64_t> parse_timestamp(std::string_view text, TimestampFormat format);
void append_timestamp(std::string& out, std::int64_t ms, TimestampFormat format);

std::optional<std::int64_t> parse_integer(std::string_view text);
std::optional<double> parse_number(std::string_view text);  // "NaN", "Infinity" and "-Infinity" too.
void append_integer(std::string& out, std::int64_t integer);
void append_number(std::string& out, double number);  // 5.0 as "5.0"; "NaN", "Infinity" and "-Infinity" too.

// One scalar as text; blobs in base64. `format` is the protocol's own timestamp format, for shapes
// that do not choose theirs. False where the text is none of the shape's kind.
bool read_scalar(const model::Shape& shape, std::string_view text, TimestampFormat format, Value& out);
// Throws std::logic_error where the Value is of another kind: a bug of the operation.
void append_scalar(std::string& out, const model::Shape& shape, const Value& value, TimestampFormat format);
inline bool is_scalar(const model::Shape& shape) { return shape.kind < model::Kind::document; }

// "Integer", "String", as AWS's messages name kinds.
std::string_view type_name(model::Kind kind);

bool is_utf8(std::string_view text);
// Escaped for XML. What is not UTF-8 becomes U+FFFD.
void append_xml_text(std::string& out, std::string_view text);

}  // namespace moonbase::wire
