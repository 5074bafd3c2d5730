#include "lua/state.hpp"

#include <lua.hpp>

#include <cmath>

namespace moonbase::lua {
namespace {

constexpr int depth_max = 100;
constexpr int hook_instructions = 10'000;
constexpr char list_metatable[] = "moonbase.list";
constexpr char function_metatable[] = "moonbase.function";
constexpr char budget_key[] = "moonbase.budget";

void count_instructions(lua_State* state, lua_Debug*) {
  lua_getfield(state, LUA_REGISTRYINDEX, budget_key);
  auto* left = static_cast<std::int64_t*>(lua_touserdata(state, -1));
  lua_pop(state, 1);
  *left -= hook_instructions;
  if (*left < 0) luaL_error(state, "this runs too long: Lua that configures the platform has a budget of instructions");
}

// Calls the C++ function. Leaves true and the answer, or false and what to raise; no Lua error may
// cross C++ frames with destructors, so raising is left to Lua.
int trampoline(lua_State* state) {
  auto* function = static_cast<Function*>(lua_touserdata(state, lua_upvalueindex(1)));
  bool good = false;
  {
    List arguments;
    Error problem;
    for (int i = 1; i <= lua_gettop(state) && problem.code.empty(); ++i) {
      auto argument = read(state, i);
      if (argument)
        arguments.push_back(std::move(*argument));
      else
        problem = argument.error();
    }
    if (problem.code.empty()) {
      auto answer = (*function)(arguments);
      if (answer) {
        good = true;
        lua_pushboolean(state, 1);
        push(state, *answer);
      } else {
        problem = answer.error();
      }
    }
    if (!good) {
      lua_pushboolean(state, 0);
      push(state, Map{{"code", problem.code}, {"message", problem.message}, {"status", problem.status}});
    }
  }
  return 2;
}

constexpr char raise_chunk[] =
    "local call = ... return function(...) local good, answer = call(...) if good then return answer end "
    "error(answer, 0) end";

int destroy_function(lua_State* state) {
  static_cast<Function*>(lua_touserdata(state, 1))->~Function();
  return 0;
}

Result<Value> read_at(lua_State* state, int index, int depth) {
  if (index < 0) index = lua_gettop(state) + index + 1;
  switch (lua_type(state, index)) {
    case LUA_TNIL:
      return Value();
    case LUA_TBOOLEAN:
      return Value(lua_toboolean(state, index) != 0);
    case LUA_TNUMBER: {
      const double number = lua_tonumber(state, index);
      if (number == std::floor(number) && std::fabs(number) <= 9007199254740992.0)
        return Value(static_cast<std::int64_t>(number));
      return Value(number);
    }
    case LUA_TSTRING: {
      std::size_t size = 0;
      const char* bytes = lua_tolstring(state, index, &size);
      return Value(std::string(bytes, size));
    }
    case LUA_TTABLE:
      break;
    default:
      return Error{"LuaError", std::string("a ") + luaL_typename(state, index) + " cannot be passed on as data"};
  }
  if (depth >= depth_max || !lua_checkstack(state, 8))
    return Error{"LuaError", "a table is nested too deeply, or contains itself"};

  bool is_list = lua_objlen(state, index) > 0;
  if (lua_getmetatable(state, index)) {
    luaL_getmetatable(state, list_metatable);
    is_list = is_list || lua_rawequal(state, -1, -2) != 0;
    lua_pop(state, 2);
  }
  if (is_list) {
    List list;
    const auto size = lua_objlen(state, index);
    for (std::size_t i = 1; i <= size; ++i) {
      lua_rawgeti(state, index, static_cast<int>(i));
      auto element = read_at(state, -1, depth + 1);
      lua_pop(state, 1);
      if (!element) return element;
      list.push_back(std::move(*element));
    }
    return Value(std::move(list));
  }
  Map map;
  lua_pushnil(state);
  while (lua_next(state, index) != 0) {
    if (lua_type(state, -2) != LUA_TSTRING && lua_type(state, -2) != LUA_TNUMBER) {
      lua_pop(state, 2);
      return Error{"LuaError", "only strings can be keys of data"};
    }
    lua_pushvalue(state, -2);  // lua_tolstring would change the key itself.
    std::size_t size = 0;
    const char* bytes = lua_tolstring(state, -1, &size);
    std::string key(bytes, size);
    lua_pop(state, 1);
    auto member = read_at(state, -1, depth + 1);
    lua_pop(state, 1);
    if (!member) {
      lua_pop(state, 1);
      return Error{member.error().code, member.error().message + " (in " + key + ")"};
    }
    map.set(std::move(key), std::move(*member));
  }
  return Value(std::move(map));
}

}  // namespace

void State::Close::operator()(lua_State* state) const { lua_close(state); }

State::State() : budget_(std::make_unique<std::int64_t>(INT64_MAX)), state_(luaL_newstate()) {
  lua_State* state = state_.get();
  const auto open = [&](const char* name, lua_CFunction function) {
    lua_pushcfunction(state, function);
    lua_pushstring(state, name);
    lua_call(state, 1, 0);
  };
  open("", luaopen_base);
  open(LUA_TABLIBNAME, luaopen_table);
  open(LUA_STRLIBNAME, luaopen_string);
  open(LUA_MATHLIBNAME, luaopen_math);
  luaJIT_setmode(state, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
  for (const char* name : {"dofile", "loadfile", "load", "loadstring", "print", "collectgarbage", "newproxy", "getfenv",
                           "setfenv", "gcinfo"}) {
    lua_pushnil(state);
    lua_setglobal(state, name);
  }
  lua_getglobal(state, "math");
  for (const char* name : {"random", "randomseed"}) {
    lua_pushnil(state);
    lua_setfield(state, -2, name);
  }
  lua_pop(state, 1);
  lua_getglobal(state, "string");
  lua_pushnil(state);
  lua_setfield(state, -2, "dump");
  lua_pop(state, 1);

  luaL_newmetatable(state, list_metatable);
  lua_pop(state, 1);
  luaL_newmetatable(state, function_metatable);
  lua_pushcfunction(state, destroy_function);
  lua_setfield(state, -2, "__gc");
  lua_pop(state, 1);
  lua_pushlightuserdata(state, budget_.get());
  lua_setfield(state, LUA_REGISTRYINDEX, budget_key);
  lua_sethook(state, count_instructions, LUA_MASKCOUNT, hook_instructions);
}

State::~State() = default;
State::State(State&&) noexcept = default;
State& State::operator=(State&&) noexcept = default;

void State::set_budget(std::int64_t instructions) { *budget_ = instructions; }

Result<Done> State::load(std::string_view text, const std::string& name) {
  if (luaL_loadbufferx(get(), text.data(), text.size(), name.c_str(), "t") != 0) return error_at_top(get());
  return done;
}

Result<Done> State::call(int arguments, int results) {
  if (lua_pcall(get(), arguments, results, 0) != 0) return error_at_top(get());
  return done;
}

void State::push(Function function) {
  lua_State* state = get();
  luaL_loadstring(state, raise_chunk);
  new (lua_newuserdata(state, sizeof(Function))) Function(std::move(function));
  luaL_getmetatable(state, function_metatable);
  lua_setmetatable(state, -2);
  lua_pushcclosure(state, trampoline, 1);
  lua_call(state, 1, 1);
}

void mark_list(lua_State* state) {
  luaL_getmetatable(state, list_metatable);
  lua_setmetatable(state, -2);
}

void push(lua_State* state, const Value& value) {
  luaL_checkstack(state, 8, "data is nested too deeply");
  switch (value.kind()) {
    case Value::Kind::null:
      lua_pushnil(state);
      break;
    case Value::Kind::boolean:
      lua_pushboolean(state, value.boolean());
      break;
    case Value::Kind::integer:
    case Value::Kind::number:
      lua_pushnumber(state, value.number());
      break;
    case Value::Kind::string:
      lua_pushlstring(state, value.string().data(), value.string().size());
      break;
    case Value::Kind::list: {
      lua_createtable(state, static_cast<int>(value.list().size()), 0);
      mark_list(state);
      int position = 0;
      for (const auto& element : value.list()) {
        push(state, element);
        lua_rawseti(state, -2, ++position);
      }
      break;
    }
    case Value::Kind::map:
      lua_createtable(state, 0, static_cast<int>(value.map().size()));
      for (const auto& [key, member] : value.map()) {
        lua_pushlstring(state, key.data(), key.size());
        push(state, member);
        lua_rawset(state, -3);
      }
      break;
  }
}

Result<Value> read(lua_State* state, int index) { return read_at(state, index, 0); }

Error error_at_top(lua_State* state) {
  Error error{"LuaError", "an error without a text"};
  if (lua_type(state, -1) == LUA_TTABLE) {
    const auto raised = read(state, -1);
    if (raised) {
      error.members = raised->map();
      error.message = (*raised)["message"].is_string() ? (*raised)["message"].string() : "an error without a text";
      if ((*raised)["code"].is_string()) error.code = (*raised)["code"].string();
      if ((*raised)["status"].is_integer()) error.status = static_cast<int>((*raised)["status"].integer());
      if ((*raised)["moonbase"].is_boolean()) {
        error.code = "StackError";
        if ((*raised)["file"].is_string())
          error.message = (*raised)["file"].string() + ":" + std::to_string((*raised)["line"].integer_or(0)) + ": " +
                          error.message;
      }
    }
  } else if (lua_isstring(state, -1)) {
    std::size_t size = 0;
    const char* text = lua_tolstring(state, -1, &size);
    error.message.assign(text, size);
  }
  lua_pop(state, 1);
  return error;
}

}  // namespace moonbase::lua
