#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <wire/codec.hpp>

namespace moonbase::wire {
namespace {

using model::Kind;
using model::Shape;
using simdjson::dom::element;
using simdjson::dom::element_type;

constexpr std::size_t kept_bytes_max = 16 * 1024;

// AWS's words for a value of the wrong type.
std::string_view token_name(element value) {
  switch (value.type()) {
    case element_type::STRING:
      return "STRING_VALUE";
    case element_type::DOUBLE:
      return "DECIMAL_VALUE";
    case element_type::BOOL:
      return bool(value) ? "TRUE_VALUE" : "FALSE_VALUE";
    case element_type::NULL_VALUE:
      return "NULL_VALUE";
    default:
      return "NUMBER_VALUE";
  }
}

class Reader {
 public:
  Reader(const Limits& limits, Names names) : limits_(limits), names_(names) {}

  bool read(const Shape& shape, element value, std::size_t depth, Value& out) {
    if (value.is_null()) return true;
    switch (shape.kind) {
      case Kind::list:
        return read_list(shape, value, depth, out);
      case Kind::map:
        return read_map(shape, value, depth, out);
      case Kind::structure:
      case Kind::union_structure:
        return read_structure(shape, Part::all, value, depth, out);
      case Kind::document:
        return read_document(value, depth, out);
      default:
        return read_json_scalar(shape, value, out);
    }
  }

  bool read_structure(const Shape& shape, Part part, element value, std::size_t depth, Value& out) {
    simdjson::dom::object object;
    if (value.get(object) != simdjson::SUCCESS) return wrong_container(shape, value);
    if (depth >= limits_.depth_max) return fail("The request is nested too deeply.");
    out = Map();
    auto& map = out.map();
    map.reserve(std::min(object.size(), shape.members.size()));
    for (const auto [key, entry] : object) {
      const auto* member = names_ == Names::json ? shape.json_member(key) : shape.member(key);
      if (!member || entry.is_null() || !belongs_to(part, *member)) continue;
      if (!read(*member->shape, entry, depth + 1, map.set(std::string(member->name), Value()))) return false;
    }
    return true;
  }

  std::string problem;

 private:
  bool fail(std::string text) {
    problem = std::move(text);
    return false;
  }

  bool wrong_scalar(const Shape& shape, element value) {
    if (value.is_object()) return fail("Start of structure or map found where not expected.");
    if (value.is_array())
      return fail("Unrecognized collection type class java.lang." + std::string(type_name(shape.kind)));
    return fail(std::string(token_name(value)) + " cannot be converted to " + std::string(type_name(shape.kind)));
  }

  bool wrong_container(const Shape& shape, element value) {
    if (value.is_object()) return fail("Start of structure or map found where not expected.");
    if (value.is_array() && shape.kind != Kind::list) return fail("Start of list found where not expected");
    return fail("Unexpected field type");
  }

  bool read_list(const Shape& shape, element value, std::size_t depth, Value& out) {
    simdjson::dom::array array;
    if (value.get(array) != simdjson::SUCCESS) return wrong_container(shape, value);
    if (depth >= limits_.depth_max) return fail("The request is nested too deeply.");
    out = List();
    auto& list = out.list();
    list.reserve(array.size());
    for (const auto entry : array)
      if (!read(*shape.element.shape, entry, depth + 1, list.emplace_back())) return false;
    return true;
  }

  bool read_map(const Shape& shape, element value, std::size_t depth, Value& out) {
    simdjson::dom::object object;
    if (value.get(object) != simdjson::SUCCESS) return wrong_container(shape, value);
    if (depth >= limits_.depth_max) return fail("The request is nested too deeply.");
    out = Map();
    auto& map = out.map();
    map.reserve(object.size());
    for (const auto [key, entry] : object)
      if (!read(*shape.element.shape, entry, depth + 1, map.set(std::string(key), Value()))) return false;
    return true;
  }

  bool read_document(element value, std::size_t depth, Value& out) {
    if (depth >= limits_.depth_max) return fail("The request is nested too deeply.");
    switch (value.type()) {
      case element_type::BOOL:
        out = bool(value);
        return true;
      case element_type::INT64:
        out = std::int64_t(value);
        return true;
      case element_type::UINT64:
      case element_type::DOUBLE:
        out = double(value);
        return true;
      case element_type::STRING:
        out = std::string_view(value);
        return true;
      case element_type::ARRAY: {
        out = List();
        for (const auto entry : simdjson::dom::array(value))
          if (!read_document(entry, depth + 1, out.list().emplace_back())) return false;
        return true;
      }
      case element_type::OBJECT: {
        out = Map();
        for (const auto [key, entry] : simdjson::dom::object(value))
          if (!read_document(entry, depth + 1, out.map().set(std::string(key), Value()))) return false;
        return true;
      }
      default:
        return true;
    }
  }

  bool read_json_scalar(const Shape& shape, element value, Value& out) {
    switch (shape.kind) {
      case Kind::string: {
        std::string_view text;
        if (value.get(text) != simdjson::SUCCESS) return wrong_scalar(shape, value);
        out = text;
        return true;
      }
      case Kind::integer:
      case Kind::long_integer:
        return read_integer(shape, value, out);
      case Kind::number:
      case Kind::float_number:
      case Kind::double_number:
        return read_number(shape, value, out);
      case Kind::boolean: {
        bool boolean = false;
        if (value.get(boolean) != simdjson::SUCCESS) return wrong_scalar(shape, value);
        out = boolean;
        return true;
      }
      case Kind::blob: {
        std::string_view text;
        if (value.get(text) != simdjson::SUCCESS) return wrong_scalar(shape, value);
        auto bytes = from_base64(text);
        if (!bytes) return fail("Invalid Base64 in a Blob.");
        out = std::move(*bytes);
        return true;
      }
      default:
        return read_timestamp(shape, value, out);
    }
  }

  bool read_integer(const Shape& shape, element value, Value& out) {
    std::int64_t integer = 0;
    if (value.type() == element_type::INT64) {
      integer = std::int64_t(value);
    } else if (value.type() == element_type::DOUBLE) {
      // Clients whose only number is a double send 5.0; the fraction of 5.5 would be lost.
      const double number = double(value);
      constexpr double whole_max = 9007199254740992;
      if (std::abs(number) > whole_max || number != std::floor(number)) return wrong_scalar(shape, value);
      integer = static_cast<std::int64_t>(number);
    } else {
      return wrong_scalar(shape, value);
    }
    const bool fits = shape.kind == Kind::long_integer || (integer >= std::numeric_limits<std::int32_t>::min() &&
                                                           integer <= std::numeric_limits<std::int32_t>::max());
    // Imported schemas know no Long, so an Integer without a range of its own may be one.
    if (!fits && shape.constraints && shape.constraints->range_max)
      return fail("NUMBER_VALUE cannot be converted to Integer");
    out = integer;
    return true;
  }

  bool read_number(const Shape& shape, element value, Value& out) {
    if (value.is_int64()) {
      const auto integer = std::int64_t(value);
      if (shape.kind == Kind::number) {
        out = integer;
      } else {
        out = static_cast<double>(integer);
      }
      return true;
    }
    if (value.is_number()) {
      out = double(value);
      return true;
    }
    std::string_view text;
    const bool special = value.get(text) == simdjson::SUCCESS && (text == "NaN" || text.ends_with("Infinity"));
    const auto number = special ? parse_number(text) : std::nullopt;
    if (!number) return wrong_scalar(shape, value);
    out = *number;
    return true;
  }

  bool read_timestamp(const Shape& shape, element value, Value& out) {
    if (value.is_number()) {
      const double seconds = double(value);
      constexpr double seconds_max = 9e15;
      if (!(std::abs(seconds) < seconds_max)) return wrong_scalar(shape, value);
      out = std::int64_t{std::llround(seconds * 1000)};
      return true;
    }
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return wrong_scalar(shape, value);
    auto ms = parse_timestamp(text, TimestampFormat::date_time);
    if (!ms) ms = parse_timestamp(text, TimestampFormat::http_date);
    if (!ms) return wrong_scalar(shape, value);
    out = *ms;
    return true;
  }

  const Limits& limits_;
  Names names_;
};

Error malformed(std::string text) { return {"SerializationException", std::move(text)}; }

}  // namespace

Problem read_json(const Shape& shape, Part part, std::string_view text, const Limits& limits, Value& out, Names names) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    out = Map();
    return std::nullopt;
  }
  thread_local simdjson::dom::parser parser;
  element root;
  if (const auto problem = parser.parse(text.data(), text.size()).get(root); problem != simdjson::SUCCESS)
    return malformed(std::string("Malformed JSON: ") + simdjson::error_message(problem));
  Reader reader(limits, names);
  const bool good =
      shape.is_structure() ? reader.read_structure(shape, part, root, 0, out) : reader.read(shape, root, 0, out);
  if (parser.capacity() > kept_bytes_max) parser = simdjson::dom::parser();
  if (!good) return malformed(std::move(reader.problem));
  return std::nullopt;
}

namespace {

void write(std::string& out, const Shape& shape, const Value& value, Names names);

void write_members(std::string& out, const Shape& shape, Part part, const Map& map, Names names) {
  char separator = '{';
  for (const auto& [name, value] : map) {
    const auto* member = value.is_null() ? nullptr : shape.member(name);
    if (!member || !belongs_to(part, *member)) continue;
    out += separator;
    if (names == Names::json) {
      out += member->json_key;
    } else {
      append_json_string(out, name);
      out += ':';
    }
    write(out, *member->shape, value, names);
    separator = ',';
  }
  out += separator == '{' ? "{}" : "}";
}

void write_json_number(std::string& out, double number) {
  const bool finite = std::isfinite(number);
  if (!finite) out += '"';
  append_number(out, number);
  if (!finite) out += '"';
}

void write(std::string& out, const Shape& shape, const Value& value, Names names) {
  if (value.is_null()) {
    out += "null";
    return;
  }
  switch (shape.kind) {
    case Kind::string:
      append_json_string(out, value.string());
      return;
    case Kind::blob:
      out += '"';
      out += base64(value.string());
      out += '"';
      return;
    case Kind::number:
      if (value.is_integer()) return append_integer(out, value.integer());
      return write_json_number(out, value.number());
    case Kind::float_number:
    case Kind::double_number:
      return write_json_number(out, value.number());
    case Kind::timestamp: {
      const bool quoted =
          shape.timestamp_format == TimestampFormat::date_time || shape.timestamp_format == TimestampFormat::http_date;
      if (quoted) out += '"';
      append_scalar(out, shape, value, TimestampFormat::epoch_seconds);
      if (quoted) out += '"';
      return;
    }
    case Kind::document:
      return moonbase::append_json(out, value);
    case Kind::list: {
      char separator = '[';
      for (const auto& entry : value.list()) {
        if (entry.is_null() && !shape.sparse) continue;
        out += separator;
        write(out, *shape.element.shape, entry, names);
        separator = ',';
      }
      out += separator == '[' ? "[]" : "]";
      return;
    }
    case Kind::map: {
      char separator = '{';
      for (const auto& [key, entry] : value.map()) {
        if (entry.is_null() && !shape.sparse) continue;
        out += separator;
        append_json_string(out, key);
        out += ':';
        write(out, *shape.element.shape, entry, names);
        separator = ',';
      }
      out += separator == '{' ? "{}" : "}";
      return;
    }
    case Kind::structure:
    case Kind::union_structure:
      return write_members(out, shape, Part::all, value.map(), names);
    default:
      return append_scalar(out, shape, value, TimestampFormat::epoch_seconds);
  }
}

}  // namespace

void append_json(std::string& out, const Shape& shape, Part part, const Value& value, Names names) {
  if (shape.is_structure() && value.is_null()) {
    out += "{}";
  } else if (shape.is_structure()) {
    write_members(out, shape, part, value.map(), names);
  } else {
    write(out, shape, value, names);
  }
}

}  // namespace moonbase::wire
