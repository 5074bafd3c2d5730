#include "item_format.hpp"

#include <stdexcept>

#include "attribute.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr char format_version = 1;

// A boolean is its own type byte, so that it needs no content.
constexpr unsigned char type_true = 0x40;

void append_count(std::string& out, std::size_t count) {
  for (; count >= 0x80; count >>= 7) out += static_cast<char>(count | 0x80);
  out += static_cast<char>(count);
}

void append_bytes(std::string& out, std::string_view bytes) {
  append_count(out, bytes.size());
  out += bytes;
}

void append_attribute(std::string& out, const Value& attribute) {
  const auto type = type_of(attribute);
  const auto& content = content_of(attribute);
  if (type == Type::boolean && content.boolean()) {
    out += static_cast<char>(type_true);
    return;
  }
  out += static_cast<char>(type);
  switch (type) {
    case Type::string:
    case Type::number:
    case Type::binary:
      append_bytes(out, content.string());
      break;
    case Type::boolean:
    case Type::null:
      break;
    case Type::map:
      append_count(out, content.map().size());
      for (const auto& [name, value] : content.map()) {
        append_bytes(out, name);
        append_attribute(out, value);
      }
      break;
    case Type::list:
      append_count(out, content.list().size());
      for (const auto& element : content.list()) append_attribute(out, element);
      break;
    case Type::string_set:
    case Type::number_set:
    case Type::binary_set:
      append_count(out, content.list().size());
      for (const auto& member : content.list()) append_bytes(out, member.string());
      break;
  }
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  Map item() {
    if (byte() != static_cast<unsigned char>(format_version)) broken();
    Map map = entries(0);
    if (!rest_.empty()) broken();
    return map;
  }

 private:
  [[noreturn]] static void broken() { throw std::runtime_error("a stored DynamoDB item is damaged"); }

  unsigned char byte() {
    if (rest_.empty()) broken();
    const auto value = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }

  // Never more than the bytes that are left: each thing counted takes at least one.
  std::size_t count() {
    std::size_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
      const auto next = byte();
      value |= static_cast<std::size_t>(next & 0x7f) << shift;
      if (next < 0x80) {
        if (value > rest_.size()) broken();
        return value;
      }
    }
    broken();
  }

  std::string text() {
    const auto length = count();
    std::string value(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return value;
  }

  Map entries(std::size_t depth) {
    Map map;
    const auto size = count();
    map.reserve(size);
    for (std::size_t i = 0; i < size; ++i) {
      auto name = text();
      map.set(std::move(name), attribute(depth));
    }
    return map;
  }

  Value attribute(std::size_t depth) {
    if (depth > nesting_max) broken();
    const auto tag = byte();
    if (tag == type_true) return make_attribute(Type::boolean, true);
    if (tag > static_cast<unsigned char>(Type::binary_set)) broken();
    const auto type = static_cast<Type>(tag);
    switch (type) {
      case Type::string:
      case Type::number:
      case Type::binary:
        return make_attribute(type, text());
      case Type::boolean:
        return make_attribute(type, false);
      case Type::null:
        return make_attribute(type, true);
      case Type::map:
        return make_attribute(type, entries(depth + 1));
      default: {
        List list;
        const auto size = count();
        list.reserve(size);
        for (std::size_t i = 0; i < size; ++i)
          list.push_back(type == Type::list ? attribute(depth + 1) : Value(text()));
        return make_attribute(type, std::move(list));
      }
    }
  }

  std::string_view rest_;
};

}  // namespace

std::string encode_item(const Map& item) {
  std::string out(1, format_version);
  append_count(out, item.size());
  for (const auto& [name, value] : item) {
    append_bytes(out, name);
    append_attribute(out, value);
  }
  return out;
}

Map decode_item(std::string_view bytes) { return Reader(bytes).item(); }

}  // namespace moonbase::dynamodb
