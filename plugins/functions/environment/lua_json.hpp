// JSON text <-> Lua values, for one Lua state.
//
//   object  table            array   table that remembers being one, so that an empty one stays "[]"
//   null    the value `null` number  double; integers up to 2^53 are exact both ways
//
// Events are large and handlers look at little of them, so objects inside an event are unfolded when
// first touched. The Lua side cannot tell (`pairs`, `next` and `rawget` know).
//
// Everything here belongs to the state's thread. Functions that take a lua_State may raise Lua errors.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

struct lua_State;

namespace moonbase::functions {

class LuaJson {
 public:
  LuaJson();
  ~LuaJson();
  LuaJson(const LuaJson&) = delete;
  LuaJson& operator=(const LuaJson&) = delete;

  // Makes the metatables and the global functions `null`, `array`, `json`, `pairs`, `next`, `rawget`.
  // The object must outlive the state.
  void open(lua_State* lua);

  // Pushes the value, all of it, checked strictly. Where the text is not JSON: pushes nothing and
  // returns why.
  const char* decode(lua_State* lua, std::string_view text);
  // Pushes an event: the text is one that the kernel has checked. Its methods are those of the table
  // under `methods` (an absolute stack index; 0 for none).
  const char* decode_event(lua_State* lua, std::string_view text, int methods);

  // Appends the value at `index`. Returns why it cannot be JSON, or null. Values beyond twice the
  // largest frame are refused; lower limits are the caller's.
  const char* encode(lua_State* lua, int index, std::string& out);

 private:
  static int unfold(lua_State* lua);
  static int index_folded(lua_State* lua);
  static int set_folded(lua_State* lua);
  const char* unfold_at(lua_State* lua, int index);
  const char* encode_value(lua_State* lua, int index, std::string& out, int depth);
  const char* encode_table(lua_State* lua, int index, std::string& out, int depth);

  std::string message_, scratch_, unescaped_;
};

// Appends the text with its quotes. Invalid UTF-8 becomes U+FFFD.
void append_json_text(std::string& out, std::string_view text);

}  // namespace moonbase::functions
