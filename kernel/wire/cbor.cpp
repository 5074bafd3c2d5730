#include <bit>
#include <cmath>
#include <limits>
#include <moonbase/cbor.hpp>
#include <wire/codec.hpp>

namespace moonbase::wire {
namespace {

using model::Kind;
using model::Shape;

enum Major : unsigned { positive, negative, bytes, text, list, map, tag, simple };
constexpr unsigned indefinite = 31;

struct Head {
  unsigned major = 0, info = 0;
  std::uint64_t argument = 0;
  bool is_indefinite() const { return info == indefinite; }
};

double half_to_double(std::uint64_t half) {
  const auto exponent = static_cast<int>(half >> 10 & 31);
  const auto mantissa = static_cast<double>(half & 1023);
  double number = 0;
  if (exponent == 0) {
    number = std::ldexp(mantissa, -24);
  } else if (exponent == 31) {
    number = mantissa == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  } else {
    number = std::ldexp(mantissa + 1024, exponent - 25);
  }
  return (half & 0x8000) != 0 ? -number : number;
}

// Straight from bytes into the shape: unlike a Value, the bytes still tell text from bytes and times
// from numbers.
class Reader {
 public:
  Reader(std::string_view input, const Limits& limits) : rest_(input), limits_(limits) {}

  bool read(const Shape* shape, std::size_t depth, Value* out) {
    Head head;
    return take_head(head) && read_content(shape, head, depth, out);
  }
  bool at_end() const { return rest_.empty(); }
  std::string problem;

 private:
  bool fail(std::string why) {
    if (problem.empty()) problem = std::move(why);
    return false;
  }
  bool wrong(const Shape& shape) {
    return fail("Found a CBOR item that cannot be converted to " + std::string(type_name(shape.kind)));
  }

  bool take_head(Head& head) {
    if (rest_.empty()) return fail("The CBOR ends too early.");
    const unsigned first = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    head = {first >> 5, first & 31, first & 31};
    if (head.info < 24) return true;
    if (head.info == indefinite) return (head.major >= bytes && head.major <= map) || fail("Malformed CBOR.");
    if (head.info > 27) return fail("Malformed CBOR.");
    const std::size_t size = std::size_t{1} << (head.info - 24);
    if (rest_.size() < size) return fail("The CBOR ends too early.");
    head.argument = 0;
    for (std::size_t i = 0; i < size; ++i) head.argument = head.argument << 8 | static_cast<unsigned char>(rest_[i]);
    rest_.remove_prefix(size);
    return true;
  }

  // A break, or the end of the input, which is then a problem.
  bool at_stop() {
    if (rest_.empty()) {
      fail("The CBOR ends too early.");
      return true;
    }
    if (static_cast<unsigned char>(rest_.front()) != 0xff) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // `shape` is null for what the model does not know: it is read, because it must be well-formed,
  // and dropped.
  bool read_content(const Shape* shape, const Head& head, std::size_t depth, Value* out) {
    if (depth > limits_.depth_max) return fail("The request is nested too deeply.");
    const bool null = head.major == simple && (head.info == 22 || head.info == 23);
    if (null) return true;
    switch (head.major) {
      case positive:
      case negative:
        return read_integer(shape, head, out);
      case bytes:
      case text: {
        std::string content;
        if (!take_string(head, content)) return false;
        if (!shape) return true;
        const bool fits = shape->kind == (head.major == bytes ? Kind::blob : Kind::string) ||
                          (shape->kind == Kind::document && head.major == text);
        if (!fits) return wrong(*shape);
        *out = std::move(content);
        return true;
      }
      case list:
        return read_list(shape, head, depth, out);
      case map:
        return read_entries(shape, head, depth, out);
      case tag:
        return read_tag(shape, head, depth, out);
      default:
        return read_simple(shape, head, out);
    }
  }

  bool read_integer(const Shape* shape, const Head& head, Value* out) {
    if (head.argument > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      return fail("The CBOR holds an integer beyond 64 bits.");
    if (!shape) return true;
    const auto magnitude = static_cast<std::int64_t>(head.argument);
    return take_number(*shape, head.major == positive ? magnitude : -1 - magnitude, out);
  }

  bool take_number(const Shape& shape, std::int64_t integer, Value* out) {
    switch (shape.kind) {
      case Kind::integer:
      case Kind::long_integer:
      case Kind::number:
      case Kind::document:
        *out = integer;
        return true;
      case Kind::float_number:
      case Kind::double_number:
        *out = static_cast<double>(integer);
        return true;
      default:
        return wrong(shape);
    }
  }

  bool take_fraction(const Shape* shape, double number, Value* out) {
    if (!shape) return true;
    switch (shape->kind) {
      case Kind::number:
      case Kind::float_number:
      case Kind::double_number:
      case Kind::document:
        *out = number;
        return true;
      case Kind::integer:
      case Kind::long_integer: {
        constexpr double whole_max = 9007199254740992;
        if (!(std::abs(number) <= whole_max) || number != std::floor(number)) return wrong(*shape);
        *out = static_cast<std::int64_t>(number);
        return true;
      }
      default:
        return wrong(*shape);
    }
  }

  bool take_string(const Head& head, std::string& out) {
    const auto take_chunk = [&](const Head& chunk) {
      if (chunk.argument > rest_.size()) return fail("The CBOR ends too early.");
      const auto content = rest_.substr(0, static_cast<std::size_t>(chunk.argument));
      if (chunk.major == text && !is_utf8(content)) return fail("The CBOR holds text that is not UTF-8.");
      out += content;
      rest_.remove_prefix(content.size());
      return true;
    };
    if (!head.is_indefinite()) return take_chunk(head);
    while (!at_stop()) {
      Head chunk;
      if (!take_head(chunk)) return false;
      if (chunk.major != head.major || chunk.is_indefinite()) return fail("Malformed CBOR.");
      if (!take_chunk(chunk)) return false;
    }
    return problem.empty();
  }

  bool read_list(const Shape* shape, const Head& head, std::size_t depth, Value* out) {
    const bool document = shape && shape->kind == Kind::document;
    if (shape && !document && shape->kind != Kind::list) return wrong(*shape);
    const auto* element = !shape ? nullptr : document ? shape : shape->element.shape;
    if (shape) *out = List();
    const auto read_element = [&] { return read(element, depth + 1, element ? &out->list().emplace_back() : nullptr); };
    if (!head.is_indefinite()) {
      if (head.argument > rest_.size()) return fail("The CBOR ends too early.");
      for (std::uint64_t i = 0; i < head.argument; ++i)
        if (!read_element()) return false;
      return true;
    }
    while (!at_stop())
      if (!read_element()) return false;
    return problem.empty();
  }

  bool read_entries(const Shape* shape, const Head& head, std::size_t depth, Value* out) {
    const bool fits = !shape || shape->kind == Kind::map || shape->kind == Kind::document || shape->is_structure();
    if (!fits) return wrong(*shape);
    if (shape) *out = Map();
    if (!head.is_indefinite()) {
      if (head.argument > rest_.size() / 2) return fail("The CBOR ends too early.");
      for (std::uint64_t i = 0; i < head.argument; ++i)
        if (!read_entry(shape, depth, out)) return false;
      return true;
    }
    while (!at_stop())
      if (!read_entry(shape, depth, out)) return false;
    return problem.empty();
  }

  bool read_entry(const Shape* shape, std::size_t depth, Value* out) {
    Head head;
    if (!take_head(head)) return false;
    if (head.major != text) return fail("The CBOR holds a map whose key is no text.");
    std::string key;
    if (!take_string(head, key)) return false;
    Head content;
    if (!take_head(content)) return false;
    const Shape* entry = shape;
    if (shape && shape->kind == Kind::map) entry = shape->element.shape;
    if (shape && shape->is_structure()) {
      const auto* member = shape->member(key);
      entry = member ? member->shape : nullptr;
      const bool null = content.major == simple && (content.info == 22 || content.info == 23);
      if (null) return true;
    }
    return read_content(entry, content, depth + 1, entry ? &out->map().set(std::move(key), Value()) : nullptr);
  }

  bool read_tag(const Shape* shape, const Head& head, std::size_t depth, Value* out) {
    if (!shape) return read(nullptr, depth + 1, nullptr);
    if (head.argument != 1 || shape->kind != Kind::timestamp) return wrong(*shape);
    static const Shape number = [] {
      Shape plain;
      plain.kind = Kind::double_number;
      return plain;
    }();
    Value seconds;
    if (!read(&number, depth + 1, &seconds)) return false;
    constexpr double seconds_max = 9e15;
    if (seconds.is_null() || !(std::abs(seconds.number()) < seconds_max)) return wrong(*shape);
    *out = std::int64_t{std::llround(seconds.number() * 1000)};
    return true;
  }

  bool read_simple(const Shape* shape, const Head& head, Value* out) {
    switch (head.info) {
      case 20:
      case 21:
        if (!shape) return true;
        if (shape->kind != Kind::boolean && shape->kind != Kind::document) return wrong(*shape);
        *out = head.info == 21;
        return true;
      case 25:
        return take_fraction(shape, half_to_double(head.argument), out);
      case 26:
        return take_fraction(shape, std::bit_cast<float>(static_cast<std::uint32_t>(head.argument)), out);
      case 27:
        return take_fraction(shape, std::bit_cast<double>(head.argument), out);
      default:
        return fail("Malformed CBOR.");
    }
  }

  std::string_view rest_;
  const Limits& limits_;
};

void write_document(std::string& out, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null:
      return append_cbor_null(out);
    case Value::Kind::boolean:
      return append_cbor_boolean(out, value.boolean());
    case Value::Kind::integer:
      return append_cbor_integer(out, value.integer());
    case Value::Kind::number:
      return append_cbor_number(out, value.number());
    case Value::Kind::string:
      return append_cbor_text(out, value.string());
    case Value::Kind::list:
      append_cbor_list(out, value.list().size());
      for (const auto& entry : value.list()) write_document(out, entry);
      return;
    case Value::Kind::map:
      append_cbor_map(out, value.map().size());
      for (const auto& [key, entry] : value.map()) {
        append_cbor_text(out, key);
        write_document(out, entry);
      }
      return;
  }
}

void write(std::string& out, const Shape& shape, const Value& value) {
  if (value.is_null()) return append_cbor_null(out);
  switch (shape.kind) {
    case Kind::string:
      return append_cbor_text(out, value.string());
    case Kind::blob:
      return append_cbor_bytes(out, value.string());
    case Kind::boolean:
      return append_cbor_boolean(out, value.boolean());
    case Kind::integer:
    case Kind::long_integer:
      return append_cbor_integer(out, value.integer());
    case Kind::number:
      return value.is_integer() ? append_cbor_integer(out, value.integer()) : append_cbor_number(out, value.number());
    case Kind::float_number:
    case Kind::double_number:
      return append_cbor_number(out, value.number());
    case Kind::timestamp:
      return append_cbor_timestamp(out, value.integer());
    case Kind::document:
      return write_document(out, value);
    case Kind::list: {
      std::size_t count = 0;
      for (const auto& entry : value.list()) count += shape.sparse || !entry.is_null() ? 1 : 0;
      append_cbor_list(out, count);
      for (const auto& entry : value.list())
        if (shape.sparse || !entry.is_null()) write(out, *shape.element.shape, entry);
      return;
    }
    case Kind::map: {
      std::size_t count = 0;
      for (const auto& [key, entry] : value.map()) count += shape.sparse || !entry.is_null() ? 1 : 0;
      append_cbor_map(out, count);
      for (const auto& [key, entry] : value.map()) {
        if (!shape.sparse && entry.is_null()) continue;
        append_cbor_text(out, key);
        write(out, *shape.element.shape, entry);
      }
      return;
    }
    case Kind::structure:
    case Kind::union_structure: {
      std::size_t count = 0;
      for (const auto& [name, entry] : value.map()) count += !entry.is_null() && shape.member(name) ? 1 : 0;
      append_cbor_map(out, count);
      for (const auto& [name, entry] : value.map()) {
        const auto* member = entry.is_null() ? nullptr : shape.member(name);
        if (!member) continue;
        append_cbor_text(out, name);
        write(out, *member->shape, entry);
      }
      return;
    }
  }
}

}  // namespace

Problem read_cbor(const Shape& shape, std::string_view input, const Limits& limits, Value& out) {
  out = Map();
  if (input.empty()) return std::nullopt;
  Reader reader(input, limits);
  if (!reader.read(&shape, 0, &out)) return Error{"SerializationException", std::move(reader.problem)};
  if (!reader.at_end()) return Error{"SerializationException", "Bytes follow the CBOR."};
  return std::nullopt;
}

void append_cbor(std::string& out, const Shape& shape, const Value& value) {
  if (shape.is_structure() && value.is_null()) return append_cbor_map(out, 0);
  write(out, shape, value);
}

}  // namespace moonbase::wire
