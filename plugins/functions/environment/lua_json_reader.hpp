// The reading half of LuaJson, and what both halves share. Included by lua_json.cpp only: it shows Lua.
#pragma once

#include "frames.hpp"
#include "lua_json.hpp"

#include <lua.hpp>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace moonbase::functions {

// Registry keys, and the keys under which a folded table keeps what it is made of.
const char array_key = 0, folded_key = 0, text_key = 0, slice_key = 0, methods_key = 0;

inline void* key(const char& name) { return const_cast<char*>(&name); }
inline void push_registry(lua_State* lua, const char& name) {
  lua_pushlightuserdata(lua, key(name));
  lua_rawget(lua, LUA_REGISTRYINDEX);
}
inline void set_registry(lua_State* lua, const char& name) {  // The value is on top.
  lua_pushlightuserdata(lua, key(name));
  lua_insert(lua, -2);
  lua_rawset(lua, LUA_REGISTRYINDEX);
}

// Smaller objects are not worth folding; larger ones would be indexed again on every level.
constexpr std::size_t folded_bytes_min = 48, folded_bytes_max = 64 * 1024;

// Where a folded object lies in its event's text: both numbers fit a double exactly.
constexpr double slice_unit = 16'777'216;  // 2^24 > frame_bytes_max
static_assert(frame_bytes_max < static_cast<std::size_t>(slice_unit));

inline std::string_view text_of(lua_State* lua, int index) {
  std::size_t length = 0;
  const char* text = lua_tolstring(lua, index, &length);
  return {text, length};
}

inline bool has_metatable(lua_State* lua, int index, const char& name) {
  if (!lua_getmetatable(lua, index)) return false;
  push_registry(lua, name);
  const bool same = lua_rawequal(lua, -1, -2) != 0;
  lua_pop(lua, 2);
  return same;
}

// Reads JSON text straight into Lua values. Strict where the text is a client's; an event, which the
// kernel has checked already, is only skimmed where it is folded.
class JsonReader {
 public:
  JsonReader(lua_State* lua, std::string& scratch, std::string_view text)
      : lua_(lua), scratch_(scratch), begin_(text.data()), at_(text.data()), end_(text.data() + text.size()) {}

  // Folds objects: `text` is the stack index of the Lua string that is being read.
  void fold(int text, int folded_metatable) {
    text_ = text;
    folded_metatable_ = folded_metatable;
  }
  void array_metatable(int index) { array_metatable_ = index; }
  void start_at(std::size_t offset, std::size_t length) {
    at_ = begin_ + offset;
    end_ = at_ + length;
  }

  // Pushes the one value that the text is.
  const char* document() {
    if (const char* why = value(0)) return why;
    skip_space();
    if (at_ == end_) return nullptr;
    lua_pop(lua_, 1);
    return "something follows the value";
  }

  // Adds the members of the object to the table at `table`.
  const char* members_into(int table) {
    ++at_;
    skip_space();
    if (at_ < end_ && *at_ == '}') return ++at_, nullptr;
    for (;;) {
      skip_space();
      if (at_ == end_ || *at_ != '"') return "a member needs a name in quotes";
      if (const char* why = string()) return why;
      skip_space();
      if (at_ == end_ || *at_ != ':') return lua_pop(lua_, 1), "a name needs a colon";
      ++at_;
      if (const char* why = value(depth_)) return lua_pop(lua_, 1), why;
      lua_rawset(lua_, table);
      skip_space();
      if (at_ == end_) return "an object does not end";
      const char next = *at_++;
      if (next == '}') return nullptr;
      if (next != ',') return "an object needs a comma";
    }
  }

 private:
  void skip_space() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  const char* value(int depth) {
    skip_space();
    if (at_ == end_) return "a value is missing";
    switch (*at_) {
      case '"':
        return string();
      case '{':
        return text_ != 0 ? object_or_fold(depth + 1) : object(depth + 1);
      case '[':
        return array(depth + 1);
      case 't':
        return literal("true", [this] { lua_pushboolean(lua_, 1); });
      case 'f':
        return literal("false", [this] { lua_pushboolean(lua_, 0); });
      case 'n':
        return literal("null", [this] { lua_pushlightuserdata(lua_, nullptr); });
      default:
        return number();
    }
  }

  template <class Push>
  const char* literal(std::string_view word, Push push) {
    if (static_cast<std::size_t>(end_ - at_) < word.size() || std::memcmp(at_, word.data(), word.size()) != 0)
      return "a value is neither text, number, true, false nor null";
    at_ += word.size();
    push();
    return nullptr;
  }

  const char* object(int depth) {
    if (depth > json_depth_max) return "nested too deeply";
    luaL_checkstack(lua_, 6, nullptr);
    lua_createtable(lua_, 0, 4);
    const int outer = depth_;
    depth_ = depth;
    const char* why = members_into(lua_gettop(lua_));
    depth_ = outer;
    if (why) lua_pop(lua_, 1);
    return why;
  }

  const char* array(int depth) {
    if (depth > json_depth_max) return "nested too deeply";
    luaL_checkstack(lua_, 6, nullptr);
    ++at_;
    lua_createtable(lua_, 0, 0);
    lua_pushvalue(lua_, array_metatable_);
    lua_setmetatable(lua_, -2);
    skip_space();
    if (at_ < end_ && *at_ == ']') return ++at_, nullptr;
    for (int position = 1;; ++position) {
      if (const char* why = value(depth)) return lua_pop(lua_, 1), why;
      lua_rawseti(lua_, -2, position);
      skip_space();
      const char next = at_ < end_ ? *at_++ : '\0';
      if (next == ']') return nullptr;
      if (next != ',') return lua_pop(lua_, 1), "an array needs a comma";
    }
  }

  // Stops at the first byte of a string that is not plain: a quote, a backslash or a control character.
  const char* plain_end(const char* from) const {
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), last_control = _mm_set1_epi8(0x1f);
    for (; end_ - from >= 16; from += 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
      const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
      const __m128i special =
          _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)), control);
      if (const int mask = _mm_movemask_epi8(special)) return from + __builtin_ctz(static_cast<unsigned>(mask));
    }
#endif
    while (from < end_ && *from != '"' && *from != '\\' && static_cast<unsigned char>(*from) >= 0x20) ++from;
    return from;
  }

  const char* string() {
    const char* from = at_ + 1;
    const char* stop = plain_end(from);
    if (stop < end_ && *stop == '"') {
      lua_pushlstring(lua_, from, static_cast<std::size_t>(stop - from));
      at_ = stop + 1;
      return nullptr;
    }
    scratch_.clear();
    for (;;) {
      scratch_.append(from, stop);
      if (stop == end_) return "a text does not end";
      if (*stop == '"') break;
      if (*stop != '\\') return "a text holds a control character";
      if (end_ - stop < 2) return "a text does not end";
      from = stop + 2;
      switch (stop[1]) {
        case '"':
          scratch_.push_back('"');
          break;
        case '\\':
          scratch_.push_back('\\');
          break;
        case '/':
          scratch_.push_back('/');
          break;
        case 'b':
          scratch_.push_back('\b');
          break;
        case 'f':
          scratch_.push_back('\f');
          break;
        case 'n':
          scratch_.push_back('\n');
          break;
        case 'r':
          scratch_.push_back('\r');
          break;
        case 't':
          scratch_.push_back('\t');
          break;
        case 'u':
          if (const char* why = escape(from)) return why;
          break;
        default:
          return "a text holds an unknown escape";
      }
      stop = plain_end(from);
    }
    lua_pushlstring(lua_, scratch_.data(), scratch_.size());
    at_ = stop + 1;
    return nullptr;
  }

  bool hex4(const char* from, unsigned& code) const {
    if (end_ - from < 4) return false;
    const auto [stop, error] = std::from_chars(from, from + 4, code, 16);
    return error == std::errc() && stop == from + 4;
  }

  const char* escape(const char*& from) {
    unsigned code = 0;
    if (!hex4(from, code)) return "a text holds a malformed escape";
    from += 4;
    if (code >= 0xd800 && code < 0xe000) {
      unsigned low = 0;
      if (code >= 0xdc00 || end_ - from < 6 || from[0] != '\\' || from[1] != 'u' || !hex4(from + 2, low) ||
          low < 0xdc00 || low >= 0xe000)
        return "a text holds half a surrogate pair";
      from += 6;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    const auto add = [this](unsigned byte) { scratch_.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
      add(code);
    } else if (code < 0x800) {
      add(0xc0 | code >> 6), add(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
      add(0xe0 | code >> 12), add(0x80 | (code >> 6 & 0x3f)), add(0x80 | (code & 0x3f));
    } else {
      add(0xf0 | code >> 18), add(0x80 | (code >> 12 & 0x3f)), add(0x80 | (code >> 6 & 0x3f)),
          add(0x80 | (code & 0x3f));
    }
    return nullptr;
  }

  const char* number() {
    const char* const from = at_;
    const auto digits = [this] {
      const char* first = at_;
      while (at_ < end_ && *at_ >= '0' && *at_ <= '9') ++at_;
      return at_ - first;
    };
    const bool negative = *at_ == '-';
    if (negative) ++at_;
    const char* const first = at_;
    const auto count = digits();
    if (count == 0) return "a value is neither text, number, true, false nor null";
    if (count > 1 && *first == '0') return "a number begins with 0";
    bool integer = true;
    if (at_ < end_ && *at_ == '.') {
      integer = false;
      ++at_;
      if (digits() == 0) return "a number ends with its point";
    }
    if (at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
      integer = false;
      ++at_;
      if (at_ < end_ && (*at_ == '+' || *at_ == '-')) ++at_;
      if (digits() == 0) return "a number has an empty exponent";
    }
    double number = 0;
    if (integer && count <= 15) {
      std::int64_t exact = 0;
      for (const char* digit = first; digit < at_; ++digit) exact = exact * 10 + (*digit - '0');
      number = static_cast<double>(exact);
      if (negative) number = -number;
    } else {
      const auto [stop, error] = std::from_chars(from, at_, number);
      // Too small to tell from 0 is 0; too large to be a double is refused.
      if (error == std::errc::result_out_of_range) {
        number = std::strtod(std::string(from, at_).c_str(), nullptr);
        if (std::isinf(number)) return "a number is out of range";
      } else if (stop != at_) {
        return "a malformed number";
      }
    }
    lua_pushnumber(lua_, number);
    return nullptr;
  }

  // Where the object that begins here ends: brackets outside of strings, counted.
  const char* skim() const {
    int open = 0;
    for (const char* at = at_; at < end_;) {
      switch (*at) {
        case '"':
          for (at = plain_end(at + 1); at < end_ && *at != '"'; at = plain_end(at)) at += *at == '\\' ? 2 : 1;
          ++at;
          break;
        case '{':
        case '[':
          ++open, ++at;
          break;
        case '}':
        case ']':
          ++at;
          if (--open == 0) return at;
          break;
        default:
          ++at;
      }
    }
    return nullptr;
  }

  const char* object_or_fold(int depth) {
    const char* stop = skim();
    if (!stop) return "an object does not end";
    const auto length = static_cast<std::size_t>(stop - at_);
    if (length < folded_bytes_min || length > folded_bytes_max) return object(depth);
    luaL_checkstack(lua_, 6, nullptr);
    lua_createtable(lua_, 0, 4);
    lua_pushlightuserdata(lua_, key(text_key));
    lua_pushvalue(lua_, text_);
    lua_rawset(lua_, -3);
    lua_pushlightuserdata(lua_, key(slice_key));
    lua_pushnumber(lua_, static_cast<double>(at_ - begin_) * slice_unit + static_cast<double>(length));
    lua_rawset(lua_, -3);
    lua_pushvalue(lua_, folded_metatable_);
    lua_setmetatable(lua_, -2);
    at_ = stop;
    return nullptr;
  }

  lua_State* lua_;
  std::string& scratch_;
  const char *begin_, *at_, *end_;
  int text_ = 0, folded_metatable_ = 0, array_metatable_ = 0, depth_ = 1;
};

}  // namespace moonbase::functions
