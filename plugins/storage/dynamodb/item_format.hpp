// How an item is kept: a compact binary form, quicker to read than JSON.
//
//   item    = version byte, entries
//   entries = count, then per entry: name, attribute;  attribute = type byte, content
//   counts and lengths are LEB128; strings, names, binaries and normalised numbers are length and bytes
#pragma once

#include <moonbase/value.hpp>
#include <string>
#include <string_view>

namespace moonbase::dynamodb {

// `item` must have passed check_attributes().
std::string encode_item(const Map& item);

// The inverse. Throws std::runtime_error for bytes that encode_item() did not make: a broken disk.
Map decode_item(std::string_view bytes);

}  // namespace moonbase::dynamodb
