#include "environment/lua_json.hpp"

#include <catch2/catch.hpp>
#include <lua.hpp>

#include <string>

using moonbase::functions::LuaJson;

namespace {

// A state with the codec; what a chunk answers, as text.
struct State {
  LuaJson json;
  lua_State* lua = luaL_newstate();
  State() {
    luaL_openlibs(lua);
    json.open(lua);
  }
  ~State() { lua_close(lua); }

  // Decoded and encoded again; or "! " and why not.
  std::string round_trip(std::string_view text) {
    if (const char* why = json.decode(lua, text)) return std::string("! ") + why;
    std::string out;
    const char* why = json.encode(lua, -1, out);
    lua_pop(lua, 1);
    CHECK(lua_gettop(lua) == 0);
    return why ? std::string("! ") + why : out;
  }
  std::string encode(const std::string& expression) {
    if (luaL_dostring(lua, ("return " + expression).c_str()) != 0) return std::string("? ") + lua_tostring(lua, -1);
    std::string out;
    const char* why = json.encode(lua, -1, out);
    lua_settop(lua, 0);
    return why ? std::string("! ") + why : out;
  }
  // Runs a chunk with the event as its argument.
  std::string with_event(std::string_view text, const std::string& chunk) {
    if (luaL_loadstring(lua, chunk.c_str()) != 0) return lua_tostring(lua, -1);
    if (const char* why = json.decode_event(lua, text, 0)) return std::string("! ") + why;
    if (lua_pcall(lua, 1, 1, 0) != 0) return std::string("? ") + lua_tostring(lua, -1);
    std::string out;
    const char* why = json.encode(lua, -1, out);
    lua_settop(lua, 0);
    return why ? std::string("! ") + why : out;
  }
};

}  // namespace

TEST_CASE("JSON survives the way through Lua") {
  State state;
  for (const char* text : {"null", "true", "false", "0", "-1", "1.5", "9007199254740991", "-9007199254740991", "0.1",
                           "1e-07", "1e+300", "\"\"", "\"a\"", "\"\\\"\\\\\\n\\u0001\"", "[]", "{}", "[[],{},[null]]",
                           "{\"a\":[1,2,{\"b\":null}]}", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\x99\""})
    CHECK(state.round_trip(text) == text);
  CHECK(state.round_trip(" [ 1 , 2 ] ") == "[1,2]");
  CHECK(state.round_trip("\"\\u00e9\\ud83c\\udf19\\/\\b\\f\\r\\t\"") == "\"\xc3\xa9\xf0\x9f\x8c\x99/\\b\\f\\r\\t\"");
  CHECK(state.round_trip("1E2") == "100");
  CHECK(state.round_trip("-0") == "0");
  CHECK(state.round_trip("1e-400") == "0");
}

TEST_CASE("what is not JSON is refused, with a reason") {
  State state;
  for (const char* text :
       {"",        " ",       "nul",      "truex",      "[1,]",        "[,1]",        "[1 2]",
        "[1",      "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}",       "{\"a\" 1}",   "{\"a\":1 \"b\":2}",
        "'a'",     "\"a",     "\"\\x\"",  "\"\\u12\"",  "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"",
        "\"\n\"",  "01",      "-",        "1.",         ".5",          "1e",          "+1",
        "1e999",   "NaN",     "Infinity", "1 2",        "{} x",        "[]]",         "\xff",
        "\"\xc3\""}) {
    INFO(text);
    CHECK(state.round_trip(text).substr(0, 2) == "! ");
  }
}

TEST_CASE("depth is limited both ways") {
  State state;
  const std::string deep(100, '['), deeper(101, '[');
  CHECK(state.round_trip(deep + std::string(100, ']')).size() == 200);
  CHECK(state.round_trip(deeper + std::string(101, ']')) == "! nested too deeply");
  CHECK(state.round_trip(std::string(1'000'000, '[')) == "! nested too deeply");
  CHECK(state.encode("(function() local t = {} t.t = t return t end)()") ==
        "! a table is nested too deeply, or contains itself");
}

TEST_CASE("Lua values that JSON does not have are refused, not guessed") {
  State state;
  CHECK(state.encode("print") == "! a function cannot be JSON");
  CHECK(state.encode("{ f = print }") == "! a function cannot be JSON");
  CHECK(state.encode("coroutine.create(print)") == "! a thread cannot be JSON");
  CHECK(state.encode("{ 1, 2, x = 3 }") == "! a table has both elements and named members");
  CHECK(state.encode("{ [10] = 1 }") == "! a table's keys are neither names nor 1 to n");
  CHECK(state.encode("{ [true] = 1 }") == "! a table's keys are neither names nor 1 to n");
  CHECK(state.encode("{}") == "{}");
  CHECK(state.encode("array {}") == "[]");
  CHECK(state.encode("{ 1, null, 3 }") == "[1,null,3]");
  CHECK(state.encode("0/0") == "null");
  CHECK(state.encode("2^53") == "9007199254740992");
  CHECK(state.encode("'\\255ok'") == "\"\xef\xbf\xbdok\"");
}

TEST_CASE("an event unfolds where it is touched and looks like any table") {
  State state;
  const std::string_view event =
      R"({"a":{"long":"enough to be folded, fifty characters and more","b":{"c":[1,{"d":"deep, and long enough to be folded as well"}]}},"n":1})";
  CHECK(state.with_event(event, "local e = ... return e.a.b.c[2].d") ==
        "\"deep, and long enough to be folded as well\"");
  CHECK(state.with_event(event, "local e = ... return e") == event);
  CHECK(state.with_event(event, "local e = ... return { e.a, e.n }") ==
        "[" + std::string(event.substr(5, event.size() - 12)) + ",1]");
  CHECK(state.with_event(
            event,
            "local e, n = ..., 0 for k in pairs(e) do n = n + 1 end for k in pairs(e.a) do n = n + 1 end return n") ==
        "4");
  CHECK(state.with_event(event, "local e = ... return next(e.a) ~= nil") == "true");
  CHECK(state.with_event(event, "local e = ... return rawget(rawget(e, 'a'), 'long') ~= nil") == "true");
  CHECK(state.with_event(event, "local e = ... e.a.x = 1 return { e.a.x, e.a.long ~= nil }") == "[1,true]");
  CHECK(state.with_event(event, "local e = ... e.new = true return { e.n, e.new }") == "[1,true]");
  CHECK(state.with_event(event, "local e = ... return e.nothing == nil and e.a.nothing == nil") == "true");
  CHECK(state.with_event("[1,2]", "return ...") == "[1,2]");
  CHECK(state.with_event("\"text\"", "return ...") == "\"text\"");
  CHECK(state.with_event("{}", "local e = ... return next(e) == nil") == "true");
  CHECK(state.with_event("  {\"a\" : 1}", "return (...).a") == "1");
}

TEST_CASE("strings are read the same wherever they end") {
  State state;
  // Around the width of a vector, with what is special at every place.
  for (std::size_t length = 0; length < 40; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      std::string text = "\"" + std::string(length, 'x') + "\"";
      text.replace(1 + at, 1, "\\n");
      CHECK(state.round_trip(text) == text);
      text.replace(1 + at, 2, "\x1f");
      CHECK(state.round_trip(text) == "! a text holds a control character");
    }
  }
}
