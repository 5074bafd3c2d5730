#include <cstring>
#include <model/lua_table.hpp>
#include <stdexcept>

extern const char lua_shape_lua[];  // scripts/lua/moonbase/shape.lua, embedded by the build.

namespace moonbase::model {
namespace {

constexpr int instructions_max = 200'000'000;

void stop(lua_State* lua, lua_Debug*) { luaL_error(lua, "the model runs for too long"); }

int require_shape(lua_State* lua) {
  const char* name = luaL_checkstring(lua, 1);
  if (std::strcmp(name, "moonbase.shape") != 0) return luaL_error(lua, "a model may only require moonbase.shape");
  lua_pushvalue(lua, lua_upvalueindex(1));
  return 1;
}

int model_setmetatable(lua_State* lua) {
  lua_settop(lua, 2);
  lua_setmetatable(lua, 1);
  return 1;
}

int model_next(lua_State* lua) {
  lua_settop(lua, 2);
  return lua_next(lua, 1) != 0 ? 2 : 0;
}

int model_pairs(lua_State* lua) {
  luaL_checktype(lua, 1, LUA_TTABLE);
  lua_pushcfunction(lua, model_next);
  lua_pushvalue(lua, 1);
  lua_pushnil(lua);
  return 3;
}

int model_type(lua_State* lua) {
  lua_pushstring(lua, luaL_typename(lua, 1));
  return 1;
}

}  // namespace

ModelState::ModelState() : lua_(luaL_newstate()) {
  if (!lua_) throw std::runtime_error("no memory for a Lua state");
  luaJIT_setmode(lua_, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
  // What shape.lua itself needs; the models see `require` alone.
  lua_pushcfunction(lua_, model_setmetatable);
  lua_setglobal(lua_, "setmetatable");
  lua_pushcfunction(lua_, model_pairs);
  lua_setglobal(lua_, "pairs");
  lua_pushcfunction(lua_, model_type);
  lua_setglobal(lua_, "type");
  run(lua_shape_lua, "moonbase/shape.lua");

  lua_newtable(lua_);
  lua_pushvalue(lua_, -2);
  lua_pushcclosure(lua_, require_shape, 1);
  lua_setfield(lua_, -2, "require");
  lua_setfield(lua_, LUA_REGISTRYINDEX, "moonbase.model");
  lua_settop(lua_, 0);
  lua_sethook(lua_, stop, LUA_MASKCOUNT, instructions_max);
}

ModelState::~ModelState() { lua_close(lua_); }

void ModelState::run(std::string_view text, const std::string& chunk) {
  const auto name = "=" + chunk;
  int problem = luaL_loadbufferx(lua_, text.data(), text.size(), name.c_str(), "t");
  if (problem == 0) {
    lua_getfield(lua_, LUA_REGISTRYINDEX, "moonbase.model");
    if (lua_istable(lua_, -1)) {
      lua_setfenv(lua_, -2);
    } else {
      lua_pop(lua_, 1);  // shape.lua itself, while the state is made.
    }
    problem = lua_pcall(lua_, 0, 1, 0);
  }
  if (problem != 0) {
    const char* message = lua_tostring(lua_, -1);
    const std::string reason = message ? message : "an error without a message";
    lua_pop(lua_, 1);
    throw std::runtime_error(reason);
  }
  if (!lua_istable(lua_, -1)) {
    lua_pop(lua_, 1);
    throw std::runtime_error(chunk + ": the chunk returns no table");
  }
}

void Table::fail(const std::string& problem) const { throw std::runtime_error(where_ + ": " + problem); }

int Table::push(const char* field) const {
  luaL_checkstack(lua_, 8, "too deeply nested");
  lua_pushstring(lua_, field);
  lua_rawget(lua_, position_);
  return lua_type(lua_, -1);
}

int Table::push(int element) const {
  luaL_checkstack(lua_, 8, "too deeply nested");
  lua_rawgeti(lua_, position_, element);
  return lua_type(lua_, -1);
}

std::optional<std::string> Table::text(const char* field) const {
  const int type = push(field);
  std::optional<std::string> found;
  if (type == LUA_TSTRING) {
    std::size_t length = 0;
    const char* text = lua_tolstring(lua_, -1, &length);
    found.emplace(text, length);
  }
  lua_pop(lua_, 1);
  if (type != LUA_TSTRING && type != LUA_TNIL) fail(std::string(field) + " must be a string");
  return found;
}

std::string Table::text_or(const char* field, std::string_view otherwise) const {
  auto found = text(field);
  return found ? std::move(*found) : std::string(otherwise);
}

std::optional<double> Table::number(const char* field) const {
  const int type = push(field);
  std::optional<double> found;
  if (type == LUA_TNUMBER) found = lua_tonumber(lua_, -1);
  lua_pop(lua_, 1);
  if (type != LUA_TNUMBER && type != LUA_TNIL) fail(std::string(field) + " must be a number");
  return found;
}

bool Table::flag(const char* field) const {
  const int type = push(field);
  const bool set = lua_toboolean(lua_, -1) != 0;
  lua_pop(lua_, 1);
  if (type != LUA_TBOOLEAN && type != LUA_TNIL) fail(std::string(field) + " must be true or false");
  return set;
}

void Table::each(const std::function<void(std::string_view key)>& visit) const {
  luaL_checkstack(lua_, 8, "too deeply nested");
  lua_pushnil(lua_);
  while (lua_next(lua_, position_) != 0) {
    if (lua_type(lua_, -2) == LUA_TSTRING) {
      std::size_t length = 0;
      const char* key = lua_tolstring(lua_, -2, &length);
      visit({key, length});
    }
    lua_pop(lua_, 1);
  }
}

void Table::with_table(const char* field, const std::function<void(const Table&)>& visit) const {
  const int type = push(field);
  if (type == LUA_TTABLE) visit(Table(lua_, lua_gettop(lua_), where_ + "." + field));
  lua_pop(lua_, 1);
  if (type != LUA_TTABLE && type != LUA_TNIL) fail(std::string(field) + " must be a table");
}

void Table::each_text(const char* field, const std::function<void(std::string)>& visit) const {
  with_table(field, [&](const Table& list) {
    for (std::size_t i = 1; i <= list.length(); ++i) {
      if (list.push(static_cast<int>(i)) != LUA_TSTRING) list.fail("must hold strings only");
      std::size_t length = 0;
      const char* text = lua_tolstring(lua_, -1, &length);
      visit({text, length});
      lua_pop(lua_, 1);
    }
  });
}

}  // namespace moonbase::model
