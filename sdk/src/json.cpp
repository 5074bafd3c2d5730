#include <simdjson.h>

#include <array>
#include <charconv>
#include <cmath>
#include <moonbase/json.hpp>
#include <string>
#include <system_error>

namespace moonbase {
namespace {

Error malformed(std::string why) { return {"SerializationException", std::move(why)}; }

// Beyond this a parser's buffers, fourteen times the text, are given back after use: one large request
// must not cost every thread its size for ever.
constexpr std::size_t kept_bytes_max = 16 * 1024;

class Reader {
 public:
  explicit Reader(const JsonLimits& limits) : limits_(limits) {}

  // False beyond the depth that the limits allow.
  bool read(simdjson::dom::element element, std::size_t depth, Value& out) const {
    using simdjson::dom::element_type;
    switch (element.type()) {
      case element_type::NULL_VALUE:
        return true;
      case element_type::BOOL:
        out = bool(element);
        return true;
      case element_type::INT64:
        out = std::int64_t(element);
        return true;
      case element_type::UINT64:
        out = static_cast<double>(std::uint64_t(element));
        return true;
      case element_type::DOUBLE:
        out = double(element);
        return true;
      case element_type::STRING:
        out = std::string_view(element);
        return true;
      case element_type::ARRAY:
        return read_list(element, depth, out);
      case element_type::OBJECT:
        return read_map(element, depth, out);
    }
    return true;
  }

 private:
  bool read_list(simdjson::dom::array array, std::size_t depth, Value& out) const {
    if (depth >= limits_.depth_max) return false;
    List list;
    list.reserve(array.size());
    for (const auto element : array)
      if (!read(element, depth + 1, list.emplace_back())) return false;
    out = std::move(list);
    return true;
  }

  bool read_map(simdjson::dom::object object, std::size_t depth, Value& out) const {
    if (depth >= limits_.depth_max) return false;
    Map map;
    map.reserve(object.size());
    for (const auto [key, element] : object)
      if (!read(element, depth + 1, map.set(std::string(key), Value()))) return false;
    out = std::move(map);
    return true;
  }

  const JsonLimits& limits_;
};

// simdjson refuses integers beyond 64 bits. JSON allows them, as doubles: ".0" behind them says so.
std::string with_large_integers_as_fractions(std::string_view text) {
  std::string changed;
  changed.reserve(text.size() + 64);
  bool quoted = false;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (quoted) {
      const std::size_t length = c == '\\' && at + 1 < text.size() ? 2 : 1;
      changed.append(text, at, length);
      at += length;
      if (c == '"') quoted = false;
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      const auto end = std::min(text.find_first_not_of("+-.0123456789eE", at), text.size());
      const auto token = text.substr(at, end - at);
      changed += token;
      if (token.size() > 18 && token.find_first_of(".eE") == std::string_view::npos) changed += ".0";
      at = end;
    } else {
      quoted = c == '"';
      changed += c;
      ++at;
    }
  }
  return changed;
}

// 1: must be escaped. 2: the first byte of a longer UTF-8 sequence, or an invalid one.
constexpr auto special_bytes = [] {
  std::array<unsigned char, 256> special{};
  for (unsigned byte = 0; byte < 0x20; ++byte) special[byte] = 1;
  special['"'] = special['\\'] = 1;
  for (unsigned byte = 0x80; byte < 0x100; ++byte) special[byte] = 2;
  return special;
}();

// The length of the valid UTF-8 sequence at `at`, or 0.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0;
  };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned first = byte(0);
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) > 0x9f;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && byte(1) < 0x90;
    const bool beyond = first == 0xf4 && byte(1) > 0x8f;
    return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

void append_escape(std::string& out, char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += {'\\', 'u', '0', '0', digits[static_cast<unsigned char>(c) >> 4], digits[c & 15]};
  }
}

void append_number(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  std::array<char, 32> text{};
  const auto [end, problem] = std::to_chars(text.data(), text.data() + text.size(), number);
  const std::string_view digits(text.data(), static_cast<std::size_t>(end - text.data()));
  out += digits;
  // 5.0 stays a fraction: what reads it again must see the same kind.
  if (digits.find_first_of(".e") == std::string_view::npos) out += ".0";
}

}  // namespace

Result<Value> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes_max)
    return malformed("The JSON text is longer than " + std::to_string(limits.bytes_max) + " bytes.");

  thread_local simdjson::dom::parser parser;
  simdjson::dom::element root;
  auto problem = parser.parse(text.data(), text.size()).get(root);
  if (problem == simdjson::NUMBER_ERROR) {
    const auto changed = with_large_integers_as_fractions(text);
    problem = parser.parse(changed).get(root);
  }
  if (problem) return malformed(std::string("Malformed JSON: ") + simdjson::error_message(problem));

  Value value;
  const bool shallow = Reader(limits).read(root, 0, value);
  if (parser.capacity() > kept_bytes_max) parser = simdjson::dom::parser();
  if (!shallow)
    return malformed("The JSON text is nested deeper than " + std::to_string(limits.depth_max) + " levels.");
  return value;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t plain = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto special = special_bytes[static_cast<unsigned char>(text[at])];
    if (special == 0) {
      ++at;
      continue;
    }
    if (special == 2) {
      if (const auto length = utf8_length(text, at); length > 0) {
        at += length;
        continue;
      }
    }
    out.append(text, plain, at - plain);
    if (special == 1) {
      append_escape(out, text[at]);
    } else {
      out += "\xef\xbf\xbd";
    }
    plain = ++at;
  }
  out.append(text, plain);
  out += '"';
}

void append_json(std::string& out, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null:
      out += "null";
      return;
    case Value::Kind::boolean:
      out += value.boolean() ? "true" : "false";
      return;
    case Value::Kind::integer: {
      std::array<char, 24> digits{};
      const auto [end, problem] = std::to_chars(digits.data(), digits.data() + digits.size(), value.integer());
      out.append(digits.data(), end);
      return;
    }
    case Value::Kind::number:
      append_number(out, value.number());
      return;
    case Value::Kind::string:
      append_json_string(out, value.string());
      return;
    case Value::Kind::list: {
      char separator = '[';
      for (const auto& element : value.list()) {
        out += separator;
        append_json(out, element);
        separator = ',';
      }
      out += separator == '[' ? "[]" : "]";
      return;
    }
    case Value::Kind::map: {
      char separator = '{';
      for (const auto& [key, element] : value.map()) {
        out += separator;
        append_json_string(out, key);
        out += ':';
        append_json(out, element);
        separator = ',';
      }
      out += separator == '{' ? "{}" : "}";
      return;
    }
  }
}

std::string to_json(const Value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

}  // namespace moonbase
