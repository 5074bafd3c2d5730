#include "lua_json.hpp"

#include "frames.hpp"

#include <lua.hpp>
#include <simdjson.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace moonbase::functions {
namespace {

// Registry keys, and the keys under which a folded table keeps what it is made of.
const char array_key = 0, folded_key = 0, text_key = 0, slice_key = 0, methods_key = 0;

void* key(const char& name) { return const_cast<char*>(&name); }
void push_registry(lua_State* lua, const char& name) {
  lua_pushlightuserdata(lua, key(name));
  lua_rawget(lua, LUA_REGISTRYINDEX);
}
void set_registry(lua_State* lua, const char& name) {  // The value is on top.
  lua_pushlightuserdata(lua, key(name));
  lua_insert(lua, -2);
  lua_rawset(lua, LUA_REGISTRYINDEX);
}

// Smaller objects are not worth folding; larger ones would be indexed again on every level.
constexpr std::size_t folded_bytes_min = 48, folded_bytes_max = 64 * 1024;

// Where a folded object lies in its event's text: both numbers fit a double exactly.
constexpr double slice_unit = 16'777'216;  // 2^24 > frame_bytes_max
static_assert(frame_bytes_max < static_cast<std::size_t>(slice_unit));

std::string_view text_of(lua_State* lua, int index) {
  std::size_t length = 0;
  const char* text = lua_tolstring(lua, index, &length);
  return {text, length};
}

bool has_metatable(lua_State* lua, int index, const char& name) {
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
      case '"': return string();
      case '{': return text_ != 0 ? object_or_fold(depth + 1) : object(depth + 1);
      case '[': return array(depth + 1);
      case 't': return literal("true", [this] { lua_pushboolean(lua_, 1); });
      case 'f': return literal("false", [this] { lua_pushboolean(lua_, 0); });
      case 'n': return literal("null", [this] { lua_pushlightuserdata(lua_, nullptr); });
      default: return number();
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
      const __m128i special = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)), control);
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
        case '"': scratch_.push_back('"'); break;
        case '\\': scratch_.push_back('\\'); break;
        case '/': scratch_.push_back('/'); break;
        case 'b': scratch_.push_back('\b'); break;
        case 'f': scratch_.push_back('\f'); break;
        case 'n': scratch_.push_back('\n'); break;
        case 'r': scratch_.push_back('\r'); break;
        case 't': scratch_.push_back('\t'); break;
        case 'u':
          if (const char* why = escape(from)) return why;
          break;
        default: return "a text holds an unknown escape";
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
      add(0xf0 | code >> 18), add(0x80 | (code >> 12 & 0x3f)), add(0x80 | (code >> 6 & 0x3f)), add(0x80 | (code & 0x3f));
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
        case '[': ++open, ++at; break;
        case '}':
        case ']':
          ++at;
          if (--open == 0) return at;
          break;
        default: ++at;
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

}  // namespace

LuaJson::LuaJson() = default;
LuaJson::~LuaJson() = default;

const char* LuaJson::decode(lua_State* lua, std::string_view text) {
  if (!simdjson::validate_utf8(text.data(), text.size())) return "the text is not UTF-8";
  luaL_checkstack(lua, 8, nullptr);
  push_registry(lua, array_key);
  const int metatable = lua_gettop(lua);
  JsonReader reader(lua, unescaped_, text);
  reader.array_metatable(metatable);
  const char* why = reader.document();
  lua_remove(lua, metatable);
  return why;
}

const char* LuaJson::decode_event(lua_State* lua, std::string_view text, int methods) {
  luaL_checkstack(lua, 8, nullptr);
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] != '{') return decode(lua, text);
  // The event itself begins folded too, whatever its size: many a handler never looks.
  lua_createtable(lua, 0, 16);
  lua_pushlightuserdata(lua, key(text_key));
  lua_pushlstring(lua, text.data(), text.size());
  lua_rawset(lua, -3);
  lua_pushlightuserdata(lua, key(slice_key));
  lua_pushnumber(lua, static_cast<double>(first) * slice_unit + static_cast<double>(text.size() - first));
  lua_rawset(lua, -3);
  if (methods != 0) {
    lua_pushlightuserdata(lua, key(methods_key));
    lua_pushvalue(lua, methods);
    lua_rawset(lua, -3);
  }
  push_registry(lua, folded_key);
  lua_setmetatable(lua, -2);
  return nullptr;
}

// Fills the folded table at `index` with its members and makes it an ordinary one.
const char* LuaJson::unfold_at(lua_State* lua, int index) {
  luaL_checkstack(lua, 12, nullptr);
  const int table = index > 0 ? index : lua_gettop(lua) + index + 1;
  const auto take = [&](const char& name) {  // Pushes the field's value and forgets the field.
    lua_pushlightuserdata(lua, key(name));
    lua_rawget(lua, table);
    lua_pushlightuserdata(lua, key(name));
    lua_pushnil(lua);
    lua_rawset(lua, table);
  };
  take(methods_key);
  take(slice_key);
  take(text_key);
  const int text = lua_gettop(lua), methods = text - 2;
  const double slice = lua_tonumber(lua, text - 1);
  const auto offset = static_cast<std::size_t>(slice / slice_unit);
  const auto length = static_cast<std::size_t>(slice - static_cast<double>(offset) * slice_unit);

  if (lua_isnil(lua, methods)) {
    lua_pushnil(lua);
  } else {
    lua_pushvalue(lua, methods);  // The methods table is its own metatable: __index is itself.
  }
  lua_setmetatable(lua, table);

  push_registry(lua, array_key);
  push_registry(lua, folded_key);
  JsonReader reader(lua, unescaped_, text_of(lua, text));
  reader.array_metatable(text + 1);
  reader.fold(text, text + 2);
  reader.start_at(offset, length);
  if (const char* why = reader.members_into(table)) return why;
  lua_settop(lua, methods - 1);
  return nullptr;
}

int LuaJson::unfold(lua_State* lua) {
  auto* self = static_cast<LuaJson*>(lua_touserdata(lua, lua_upvalueindex(1)));
  if (has_metatable(lua, 1, folded_key))
    if (const char* why = self->unfold_at(lua, 1)) return luaL_error(lua, "the event is not valid JSON: %s", why);
  return 0;
}

int LuaJson::index_folded(lua_State* lua) {
  unfold(lua);
  lua_settop(lua, 2);
  lua_gettable(lua, 1);  // With what metatable it has now: the event's methods.
  return 1;
}

int LuaJson::set_folded(lua_State* lua) {
  unfold(lua);
  lua_settop(lua, 3);
  lua_rawset(lua, 1);
  return 0;
}

void append_json_text(std::string& out, std::string_view text) {
  static constexpr auto plain = [] {
    std::array<bool, 256> table{};
    for (int c = 0x20; c < 0x80; ++c) table[static_cast<std::size_t>(c)] = c != '"' && c != '\\';
    return table;
  }();
  static constexpr char digits[] = "0123456789abcdef";
  out.push_back('"');
  bool valid = false, checked = false;
  std::size_t from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (plain[c]) continue;
    if (c >= 0x80) {
      if (!checked) {
        valid = simdjson::validate_utf8(text.data(), text.size());
        checked = true;
      }
      if (valid) continue;
      // Some byte is wrong: take this sequence if it is right by itself.
      const std::size_t length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
      if (c >= 0xc2 && i + length <= text.size() && simdjson::validate_utf8(text.data() + i, length)) {
        i += length - 1;
        continue;
      }
      out.append(text, from, i - from);
      out.append("\xef\xbf\xbd");
      from = i + 1;
      continue;
    }
    out.append(text, from, i - from);
    from = i + 1;
    switch (c) {
      case '"': out.append("\\\""); break;
      case '\\': out.append("\\\\"); break;
      case '\n': out.append("\\n"); break;
      case '\r': out.append("\\r"); break;
      case '\t': out.append("\\t"); break;
      case '\b': out.append("\\b"); break;
      case '\f': out.append("\\f"); break;
      default:
        out.append("\\u00");
        out.push_back(digits[c >> 4]);
        out.push_back(digits[c & 15]);
    }
  }
  out.append(text, from);
  out.push_back('"');
}

namespace {

void append_number(std::string& out, double number) {
  char text[32];
  if (!std::isfinite(number)) {
    out.append("null");  // As JSON.stringify does.
    return;
  }
  constexpr double exact = 9'007'199'254'740'992;  // 2^53
  const bool integral = number > -exact && number < exact && number == std::trunc(number);
  const auto end = integral ? std::to_chars(text, text + sizeof text, static_cast<std::int64_t>(number)).ptr
                            : std::to_chars(text, text + sizeof text, number).ptr;
  out.append(text, end);
}

}  // namespace

const char* LuaJson::encode(lua_State* lua, int index, std::string& out) {
  return encode_value(lua, index > 0 || index <= LUA_REGISTRYINDEX ? index : lua_gettop(lua) + index + 1, out, 0);
}

const char* LuaJson::encode_value(lua_State* lua, int index, std::string& out, int depth) {
  switch (const int type = lua_type(lua, index)) {
    case LUA_TNIL: out.append("null"); return nullptr;
    case LUA_TBOOLEAN: out.append(lua_toboolean(lua, index) ? "true" : "false"); return nullptr;
    case LUA_TNUMBER: append_number(out, lua_tonumber(lua, index)); return nullptr;
    case LUA_TSTRING: {
      std::size_t length = 0;
      const char* text = lua_tolstring(lua, index, &length);
      append_json_text(out, {text, length});
      return nullptr;
    }
    case LUA_TLIGHTUSERDATA:
      if (lua_touserdata(lua, index)) return "a userdata cannot be JSON";
      out.append("null");
      return nullptr;
    case LUA_TTABLE: return encode_table(lua, index, out, depth + 1);
    default:
      message_ = std::string("a ") + lua_typename(lua, type) + " cannot be JSON";
      return message_.c_str();
  }
}

const char* LuaJson::encode_table(lua_State* lua, int index, std::string& out, int depth) {
  if (depth > json_depth_max) return "a table is nested too deeply, or contains itself";
  // The answer is far beyond any limit; its caller will say so.
  if (out.size() > 2 * frame_bytes_max) return "the value is too large";
  luaL_checkstack(lua, 6, nullptr);

  bool array = false;
  if (lua_getmetatable(lua, index)) {
    push_registry(lua, folded_key);
    if (lua_rawequal(lua, -1, -2)) {
      lua_pop(lua, 2);
      lua_pushlightuserdata(lua, key(slice_key));
      lua_rawget(lua, index);
      lua_pushlightuserdata(lua, key(text_key));
      lua_rawget(lua, index);
      const double slice = lua_tonumber(lua, -2);
      const auto offset = static_cast<std::size_t>(slice / slice_unit);
      out.append(lua_tostring(lua, -1) + offset, static_cast<std::size_t>(slice - static_cast<double>(offset) * slice_unit));
      lua_pop(lua, 2);
      return nullptr;
    }
    push_registry(lua, array_key);
    array = lua_rawequal(lua, -1, -3) != 0;
    lua_pop(lua, 3);
  }

  std::size_t elements = lua_objlen(lua, index);
  if (elements > 0 && !array) {
    // Numbers only, and as many as the length says: an array.
    std::size_t counted = 0;
    bool other = false;
    lua_pushnil(lua);
    while (lua_next(lua, index)) {
      lua_pop(lua, 1);
      if (lua_type(lua, -1) != LUA_TNUMBER) other = true;
      ++counted;
    }
    if (other) return "a table has both elements and named members";
    if (counted != elements) return "an array has holes";
    array = true;
  }
  if (array) {
    out.push_back('[');
    for (std::size_t i = 1; i <= elements; ++i) {
      if (i > 1) out.push_back(',');
      lua_rawgeti(lua, index, static_cast<int>(i));
      if (const char* why = encode_value(lua, lua_gettop(lua), out, depth)) return lua_pop(lua, 1), why;
      lua_pop(lua, 1);
      if (out.size() > 2 * frame_bytes_max) return "the value is too large";
    }
    out.push_back(']');
    return nullptr;
  }

  out.push_back('{');
  bool first = true;
  lua_pushnil(lua);
  while (lua_next(lua, index)) {
    if (lua_type(lua, -2) != LUA_TSTRING) {
      lua_pop(lua, 2);
      return "a table's keys are neither names nor 1 to n";
    }
    if (!first) out.push_back(',');
    first = false;
    std::size_t length = 0;
    const char* name = lua_tolstring(lua, -2, &length);
    append_json_text(out, {name, length});
    out.push_back(':');
    if (const char* why = encode_value(lua, lua_gettop(lua), out, depth)) return lua_pop(lua, 2), why;
    lua_pop(lua, 1);
    if (out.size() > 2 * frame_bytes_max) return lua_pop(lua, 1), "the value is too large";
  }
  out.push_back('}');
  return nullptr;
}

void LuaJson::open(lua_State* lua) {
  lua_newtable(lua);
  lua_pushliteral(lua, "array");
  lua_setfield(lua, -2, "__name");
  set_registry(lua, array_key);

  lua_newtable(lua);
  lua_pushlightuserdata(lua, this);
  lua_pushcclosure(lua, index_folded, 1);
  lua_setfield(lua, -2, "__index");
  lua_pushlightuserdata(lua, this);
  lua_pushcclosure(lua, set_folded, 1);
  lua_setfield(lua, -2, "__newindex");
  lua_pushboolean(lua, 0);  // getmetatable() answers false: how the functions below know one.
  lua_setfield(lua, -2, "__metatable");
  set_registry(lua, folded_key);

  lua_pushlightuserdata(lua, nullptr);
  lua_setglobal(lua, "null");

  push_registry(lua, array_key);
  lua_pushcclosure(
      lua,
      [](lua_State* state) {
        if (lua_isnoneornil(state, 1)) {
          lua_settop(state, 0);
          lua_newtable(state);
        }
        luaL_checktype(state, 1, LUA_TTABLE);
        lua_settop(state, 1);
        lua_pushvalue(state, lua_upvalueindex(1));
        lua_setmetatable(state, 1);
        return 1;
      },
      1);
  lua_setglobal(lua, "array");

  lua_newtable(lua);
  lua_pushlightuserdata(lua, this);
  lua_pushcclosure(
      lua,
      [](lua_State* state) {
        auto* self = static_cast<LuaJson*>(lua_touserdata(state, lua_upvalueindex(1)));
        std::size_t length = 0;
        const char* text = luaL_checklstring(state, 1, &length);
        if (length > 2 * frame_bytes_max) return luaL_error(state, "the text is too large");
        if (const char* why = self->decode(state, {text, length})) return luaL_error(state, "not JSON: %s", why);
        return 1;
      },
      1);
  lua_setfield(lua, -2, "decode");
  lua_pushlightuserdata(lua, this);
  lua_pushcclosure(
      lua,
      [](lua_State* state) {
        auto* self = static_cast<LuaJson*>(lua_touserdata(state, lua_upvalueindex(1)));
        luaL_checkany(state, 1);
        self->scratch_.clear();
        if (const char* why = self->encode(state, 1, self->scratch_)) return luaL_error(state, "%s", why);
        lua_pushlstring(state, self->scratch_.data(), self->scratch_.size());
        if (self->scratch_.capacity() > 1024 * 1024) self->scratch_ = {};
        return 1;
      },
      1);
  lua_setfield(lua, -2, "encode");
  lua_pushlightuserdata(lua, nullptr);
  lua_setfield(lua, -2, "null");
  lua_getglobal(lua, "array");
  lua_setfield(lua, -2, "array");
  lua_setglobal(lua, "json");

  // In Lua, so that loops over ordinary tables stay compiled.
  static constexpr char iteration[] = R"lua(
    local unfold = ...
    local getmetatable, raw_pairs, raw_next, raw_get = getmetatable, pairs, next, rawget
    function pairs(t)
      if getmetatable(t) == false then unfold(t) end
      return raw_pairs(t)
    end
    function next(t, k)
      if getmetatable(t) == false then unfold(t) end
      return raw_next(t, k)
    end
    function rawget(t, k)
      if getmetatable(t) == false then unfold(t) end
      return raw_get(t, k)
    end
  )lua";
  if (luaL_loadbuffer(lua, iteration, sizeof iteration - 1, "=json") != 0) lua_error(lua);
  lua_pushlightuserdata(lua, this);
  lua_pushcclosure(lua, unfold, 1);
  lua_call(lua, 1, 0);
}

}  // namespace moonbase::functions
