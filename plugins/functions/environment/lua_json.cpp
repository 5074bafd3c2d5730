#include "lua_json_reader.hpp"

#include <simdjson.h>

#include <array>

namespace moonbase::functions {

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
      case '"':
        out.append("\\\"");
        break;
      case '\\':
        out.append("\\\\");
        break;
      case '\n':
        out.append("\\n");
        break;
      case '\r':
        out.append("\\r");
        break;
      case '\t':
        out.append("\\t");
        break;
      case '\b':
        out.append("\\b");
        break;
      case '\f':
        out.append("\\f");
        break;
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
    case LUA_TNIL:
      out.append("null");
      return nullptr;
    case LUA_TBOOLEAN:
      out.append(lua_toboolean(lua, index) ? "true" : "false");
      return nullptr;
    case LUA_TNUMBER:
      append_number(out, lua_tonumber(lua, index));
      return nullptr;
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
    case LUA_TTABLE:
      return encode_table(lua, index, out, depth + 1);
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
      out.append(lua_tostring(lua, -1) + offset,
                 static_cast<std::size_t>(slice - static_cast<double>(offset) * slice_unit));
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
