#include <simdjson.h>

#include <bit>
#include <cmath>
#include <limits>
#include <moonbase/cbor.hpp>

namespace moonbase {
namespace {

enum Major : unsigned { positive, negative, bytes, text, list, map, tag, simple };
constexpr unsigned indefinite = 31;
constexpr unsigned char stop = 0xff;

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

class Reader {
 public:
  Reader(std::string_view input, const CborLimits& limits) : rest_(input), limits_(limits) {}

  // False, with a reason in problem(), for bytes that are no CBOR or none that we take.
  bool read_item(std::size_t depth, Value& out) {
    Head head;
    return read_head(head) && read_content(head, depth, out);
  }
  bool at_end() const { return rest_.empty(); }
  const char* problem() const { return problem_; }

 private:
  struct Head {
    unsigned major = 0, info = 0;
    std::uint64_t argument = 0;
    bool is_indefinite() const { return info == indefinite; }
  };

  bool fail(const char* problem) {
    problem_ = problem;
    return false;
  }

  bool read_head(Head& head) {
    if (rest_.empty()) return fail("it ends too early");
    const unsigned first = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    head = {first >> 5, first & 31, first & 31};
    if (head.info < 24) return true;
    if (head.info == indefinite) {
      const bool allowed = head.major >= bytes && head.major <= map;
      return allowed || fail("a break or an indefinite length stands where none may");
    }
    if (head.info > 27) return fail("a reserved length");
    const std::size_t size = std::size_t{1} << (head.info - 24);
    if (rest_.size() < size) return fail("it ends too early");
    head.argument = 0;
    for (std::size_t i = 0; i < size; ++i) head.argument = head.argument << 8 | static_cast<unsigned char>(rest_[i]);
    rest_.remove_prefix(size);
    return true;
  }

  bool read_content(const Head& head, std::size_t depth, Value& out) {
    constexpr std::uint64_t integer_max = std::numeric_limits<std::int64_t>::max();
    switch (head.major) {
      case positive:
        if (head.argument > integer_max) return fail("an integer beyond 64 bits");
        out = static_cast<std::int64_t>(head.argument);
        return true;
      case negative:
        if (head.argument > integer_max) return fail("an integer beyond 64 bits");
        out = -1 - static_cast<std::int64_t>(head.argument);
        return true;
      case bytes:
      case text: {
        std::string content;
        if (!read_string(head, content)) return false;
        out = std::move(content);
        return true;
      }
      case list:
        return read_list(head, depth, out);
      case map:
        return read_map(head, depth, out);
      case tag:
        return read_tag(head, depth, out);
      default:
        return read_simple(head, out);
    }
  }

  bool read_string(const Head& head, std::string& out) {
    if (!head.is_indefinite()) return append_chunk(head, out);
    while (!at_stop()) {
      Head chunk;
      if (!read_head(chunk)) return false;
      if (chunk.major != head.major || chunk.is_indefinite()) return fail("a string's parts are of another kind");
      if (!append_chunk(chunk, out)) return false;
    }
    return problem_ == nullptr;
  }

  bool append_chunk(const Head& head, std::string& out) {
    if (head.argument > rest_.size()) return fail("it ends too early");
    const auto content = rest_.substr(0, static_cast<std::size_t>(head.argument));
    if (head.major == text && !simdjson::validate_utf8(content.data(), content.size()))
      return fail("text that is not UTF-8");
    out += content;
    rest_.remove_prefix(content.size());
    return true;
  }

  // Takes a break. At the end of the input too, which is then a problem.
  bool at_stop() {
    if (rest_.empty()) {
      fail("it ends too early");
      return true;
    }
    if (static_cast<unsigned char>(rest_.front()) != stop) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool read_list(const Head& head, std::size_t depth, Value& out) {
    if (depth >= limits_.depth_max) return fail("it is nested too deeply");
    List elements;
    if (!head.is_indefinite()) {
      if (head.argument > rest_.size()) return fail("it ends too early");  // An element takes a byte at least.
      for (std::uint64_t i = 0; i < head.argument; ++i)
        if (!read_item(depth + 1, elements.emplace_back())) return false;
    } else {
      while (!at_stop())
        if (!read_item(depth + 1, elements.emplace_back())) return false;
    }
    out = std::move(elements);
    return problem_ == nullptr;
  }

  bool read_map(const Head& head, std::size_t depth, Value& out) {
    if (depth >= limits_.depth_max) return fail("it is nested too deeply");
    Map entries;
    if (!head.is_indefinite()) {
      if (head.argument > rest_.size() / 2) return fail("it ends too early");
      for (std::uint64_t i = 0; i < head.argument; ++i)
        if (!read_entry(depth, entries)) return false;
    } else {
      while (!at_stop())
        if (!read_entry(depth, entries)) return false;
    }
    out = std::move(entries);
    return problem_ == nullptr;
  }

  bool read_entry(std::size_t depth, Map& entries) {
    Head head;
    if (!read_head(head)) return false;
    if (head.major != text) return fail("a map's key is no text");
    std::string key;
    return read_string(head, key) && read_item(depth + 1, entries.set(std::move(key), Value()));
  }

  bool read_tag(const Head& head, std::size_t depth, Value& out) {
    if (head.argument != 1) return fail("a tag other than 1, epoch time");
    if (depth >= limits_.depth_max) return fail("it is nested too deeply");
    Value seconds;
    if (!read_item(depth + 1, seconds)) return false;
    if (!seconds.is_integer() && !seconds.is_number()) return fail("a time that is no number");
    constexpr double seconds_max = 9e15;
    if (!(std::abs(seconds.number()) < seconds_max)) return fail("a time out of range");
    out = seconds.is_integer() ? seconds.integer() * 1000 : std::llround(seconds.number() * 1000);
    return true;
  }

  bool read_simple(const Head& head, Value& out) {
    switch (head.info) {
      case 20:
      case 21:
        out = head.info == 21;
        return true;
      case 22:
        out = nullptr;
        return true;
      case 25:
        out = half_to_double(head.argument);
        return true;
      case 26:
        out = static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(head.argument)));
        return true;
      case 27:
        out = std::bit_cast<double>(head.argument);
        return true;
      default:
        return fail("\"undefined\" or an unknown simple value");
    }
  }

  std::string_view rest_;
  const CborLimits& limits_;
  const char* problem_ = nullptr;
};

void append_head(std::string& out, unsigned major, std::uint64_t argument) {
  const auto put = [&](unsigned info, int size) {
    out += static_cast<char>(major << 5 | info);
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) out += static_cast<char>(argument >> shift & 0xff);
  };
  if (argument < 24) return put(static_cast<unsigned>(argument), 0);
  if (argument <= 0xff) return put(24, 1);
  if (argument <= 0xffff) return put(25, 2);
  if (argument <= 0xffffffff) return put(26, 4);
  put(27, 8);
}

}  // namespace

Result<Value> parse_cbor(std::string_view input, const CborLimits& limits) {
  const auto malformed = [](std::string why) {
    return Error{"SerializationException", "Malformed CBOR: " + std::move(why) + "."};
  };
  if (input.size() > limits.bytes_max) return malformed("longer than " + std::to_string(limits.bytes_max) + " bytes");
  Reader reader(input, limits);
  Value value;
  if (!reader.read_item(0, value)) return malformed(reader.problem());
  if (!reader.at_end()) return malformed("bytes follow the item");
  return value;
}

void append_cbor_map(std::string& out, std::size_t entries) { append_head(out, map, entries); }
void append_cbor_list(std::string& out, std::size_t elements) { append_head(out, list, elements); }

void append_cbor_text(std::string& out, std::string_view content) {
  append_head(out, text, content.size());
  out += content;
}

void append_cbor_bytes(std::string& out, std::string_view content) {
  append_head(out, bytes, content.size());
  out += content;
}

void append_cbor_integer(std::string& out, std::int64_t integer) {
  if (integer >= 0) {
    append_head(out, positive, static_cast<std::uint64_t>(integer));
  } else {
    append_head(out, negative, static_cast<std::uint64_t>(-1 - integer));
  }
}

void append_cbor_number(std::string& out, double number) {
  out += static_cast<char>(simple << 5 | 27);
  const auto bits = std::bit_cast<std::uint64_t>(number);
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(bits >> shift & 0xff);
}

void append_cbor_boolean(std::string& out, bool boolean) { out += boolean ? '\xf5' : '\xf4'; }
void append_cbor_null(std::string& out) { out += '\xf6'; }

void append_cbor_timestamp(std::string& out, std::int64_t ms) {
  append_head(out, tag, 1);
  append_cbor_number(out, static_cast<double>(ms) / 1000);
}

}  // namespace moonbase
