#include "lua_runtime.hpp"

#include <time.h>

#include <algorithm>
#include <cstring>
#include <lua.hpp>

// Embedded by the build: scripts/lua/runtime/prelude.lua and scripts/lua/moonbase/stack.lua.
extern const char runtime_prelude_lua[];
extern const char language_stack_lua[];

namespace moonbase::functions {
namespace {

const char runtime_key = 0, invoke_key = 0, ctx_key = 0, methods_key = 0, enter_key = 0;

void set_registry(lua_State* lua, const char& name) {  // The value is on top.
  lua_pushlightuserdata(lua, const_cast<char*>(&name));
  lua_insert(lua, -2);
  lua_rawset(lua, LUA_REGISTRYINDEX);
}
void push_registry(lua_State* lua, const char& name) {
  lua_pushlightuserdata(lua, const_cast<char*>(&name));
  lua_rawget(lua, LUA_REGISTRYINDEX);
}
LuaRuntime& self(lua_State* lua) {
  push_registry(lua, runtime_key);
  auto* runtime = static_cast<LuaRuntime*>(lua_touserdata(lua, -1));
  lua_pop(lua, 1);
  return *runtime;
}

std::string_view text_at(lua_State* lua, int index) {
  std::size_t length = 0;
  const char* text = lua_tolstring(lua, index, &length);
  return text ? std::string_view(text, length) : std::string_view();
}
void push(lua_State* lua, std::string_view text) { lua_pushlstring(lua, text.data(), text.size()); }

std::int64_t monotonic_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

// While little is alive, collecting less often saves a third of a short handler's time: each cycle
// marks the prelude and the stack language again. Asked once a cycle, by a finalizer that renews itself.
constexpr int small_heap_kb = 8 * 1024;
int pace(lua_State* lua) {
  lua_gc(lua, LUA_GCSETPAUSE, lua_gc(lua, LUA_GCCOUNT, 0) < small_heap_kb ? 400 : 200);
  lua_newuserdata(lua, 0);
  lua_getmetatable(lua, 1);
  lua_setmetatable(lua, -2);
  return 0;
}
void open_pace(lua_State* lua) {
  lua_newuserdata(lua, 0);
  lua_createtable(lua, 0, 1);
  lua_pushcfunction(lua, pace);
  lua_setfield(lua, -2, "__gc");
  lua_setmetatable(lua, -2);
  lua_pop(lua, 1);
}

constexpr int budget_step = 1000;
constexpr std::size_t reserve_bytes = 1024 * 1024;  // Mapped, never touched.

}  // namespace

void append_failure_json(std::string& out, std::string_view type, std::string_view message, std::string_view trace) {
  out.append(R"({"errorMessage":)");
  append_json_text(out, message);
  out.append(R"(,"errorType":)");
  append_json_text(out, type);
  out.append(R"(,"stackTrace":[)");
  bool first = true;
  while (!trace.empty()) {
    const auto end = std::min(trace.find('\n'), trace.size());
    auto line = trace.substr(0, end);
    trace.remove_prefix(std::min(end + 1, trace.size()));
    line.remove_prefix(std::min(line.find_first_not_of("\t "), line.size()));
    // Frames of ours tell nobody anything, and C's show addresses.
    if (line.empty() || line == "stack traceback:" || line.starts_with("prelude:") || line.starts_with("[C]: at "))
      continue;
    if (!first) out.push_back(',');
    first = false;
    append_json_text(out, line);
  }
  out.append("]}");
}

std::string failure_json(std::string_view type, std::string_view message, std::string_view trace) {
  std::string out;
  append_failure_json(out, type, message, trace);
  return out;
}

// What the prelude gets as `host`.
struct LuaRuntime::Functions {
  // call(service, operation, input) -> true, output or false, error
  static int call(lua_State* lua) {
    auto& runtime = self(lua);
    const char* service = luaL_checkstring(lua, 1);
    const char* operation = luaL_checkstring(lua, 2);
    if (!runtime.host_) return luaL_error(lua, "calls need an invocation");
    auto& input = runtime.input_;
    input.clear();
    if (const char* why = runtime.json_.encode(lua, 3, input))
      return luaL_error(lua, "%s.%s: %s", service, operation, why);
    const auto reply = runtime.host_->call(service, operation, input);
    if (input.capacity() > 1024 * 1024) input = {};
    lua_pushboolean(lua, reply.ok);
    if (const char* why = runtime.json_.decode(lua, reply.json))
      return luaL_error(lua, "%s.%s answered something that is not JSON: %s", service, operation, why);
    return 2;
  }

  // fetch(request, body) -> true, head, body; or false, error.
  static int fetch(lua_State* lua) {
    auto& runtime = self(lua);
    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_checkstring(lua, 2);
    if (!runtime.host_) return luaL_error(lua, "requests need an invocation");
    auto& request = runtime.input_;
    request.clear();
    if (const char* why = runtime.json_.encode(lua, 1, request)) return luaL_error(lua, "http: %s", why);
    const auto reply = runtime.host_->fetch(request, text_at(lua, 2));
    lua_pushboolean(lua, reply.ok);
    if (const char* why = runtime.json_.decode(lua, reply.json)) return luaL_error(lua, "http: %s", why);
    push(lua, reply.body);
    return 3;
  }

  static int log(lua_State* lua) {
    auto& runtime = self(lua);
    luaL_checkstring(lua, 1);
    if (runtime.host_) runtime.host_->log(text_at(lua, 1));
    return 0;
  }

  static int now_ms(lua_State* lua) {
    auto& runtime = self(lua);
    lua_pushnumber(lua, static_cast<double>(runtime.host_->now_ms()));
    return 1;
  }

  static int uuid(lua_State* lua) {
    auto& runtime = self(lua);
    if (runtime.random_used_ + 16 > runtime.random_.size()) {
      runtime.random_ = runtime.host_->random_bytes();
      runtime.random_used_ = 0;
    }
    unsigned char bytes[16];
    std::memcpy(bytes, runtime.random_.data() + runtime.random_used_, sizeof bytes);
    runtime.random_used_ += sizeof bytes;
    bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
    bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
    static constexpr char digits[] = "0123456789abcdef";
    char text[36];
    std::size_t at = 0;
    for (std::size_t i = 0; i < sizeof bytes; ++i) {
      if (i == 4 || i == 6 || i == 8 || i == 10) text[at++] = '-';
      text[at++] = digits[bytes[i] >> 4];
      text[at++] = digits[bytes[i] & 15];
    }
    lua_pushlstring(lua, text, sizeof text);
    return 1;
  }

  static int remaining_ms(lua_State* lua) {
    auto& runtime = self(lua);
    const auto left = runtime.invocation_ ? runtime.invocation_->deadline_ns - monotonic_ns() : 0;
    lua_pushnumber(lua, static_cast<double>(std::max<std::int64_t>(left, 0) / 1'000'000));
    return 1;
  }

  static int qualifier(lua_State* lua) {
    auto& runtime = self(lua);
    if (!runtime.invocation_ || runtime.invocation_->qualifier.empty()) return 0;
    push(lua, runtime.invocation_->qualifier);
    return 1;
  }

  static int client_context(lua_State* lua) {
    auto& runtime = self(lua);
    if (!runtime.invocation_ || runtime.invocation_->client_context.empty()) return 0;
    if (const char* why = runtime.json_.decode(lua, runtime.invocation_->client_context))
      return luaL_error(lua, "the client context is not JSON: %s", why);
    return 1;
  }

  // base64_decode(text) -> bytes, or nil.
  static int base64_decode(lua_State* lua) {
    luaL_checkstring(lua, 1);
    auto text = text_at(lua, 1);
    while (!text.empty() && text.back() == '=') text.remove_suffix(1);
    luaL_Buffer out;
    luaL_buffinit(lua, &out);
    std::uint32_t bits = 0;
    int held = 0;
    for (const char c : text) {
      int digit = 0;
      if (c >= 'A' && c <= 'Z')
        digit = c - 'A';
      else if (c >= 'a' && c <= 'z')
        digit = c - 'a' + 26;
      else if (c >= '0' && c <= '9')
        digit = c - '0' + 52;
      else if (c == '+' || c == '-')
        digit = 62;
      else if (c == '/' || c == '_')
        digit = 63;
      else
        return lua_pushnil(lua), 1;
      bits = bits << 6 | static_cast<std::uint32_t>(digit);
      held += 6;
      if (held >= 8) {
        held -= 8;
        luaL_addchar(&out, static_cast<char>(bits >> held & 0xff));
      }
    }
    luaL_pushresult(&out);
    return 1;
  }

  static int base64_encode(lua_State* lua) {
    luaL_checkstring(lua, 1);
    static constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    auto bytes = text_at(lua, 1);
    luaL_Buffer out;
    luaL_buffinit(lua, &out);
    while (!bytes.empty()) {
      std::uint32_t group = 0;
      const auto count = std::min<std::size_t>(bytes.size(), 3);
      for (std::size_t i = 0; i < 3; ++i) group = group << 8 | (i < count ? static_cast<unsigned char>(bytes[i]) : 0U);
      for (std::size_t i = 0; i < 4; ++i) luaL_addchar(&out, i <= count ? letters[group >> (18 - 6 * i) & 63] : '=');
      bytes.remove_prefix(count);
    }
    luaL_pushresult(&out);
    return 1;
  }

  // load(text [, name [, mode [, env]]]), text only: bytecode can do what Lua cannot.
  static int load(lua_State* lua) {
    lua_settop(lua, 4);
    if (lua_isfunction(lua, 1)) {  // Pieces; joined, so that no piece decides alone.
      luaL_Buffer pieces;
      luaL_buffinit(lua, &pieces);
      for (;;) {
        lua_pushvalue(lua, 1);
        lua_call(lua, 0, 1);
        if (lua_isnil(lua, -1) || (lua_isstring(lua, -1) && lua_objlen(lua, -1) == 0)) {
          lua_pop(lua, 1);
          break;
        }
        if (!lua_isstring(lua, -1)) return luaL_error(lua, "reader function must return a string");
        luaL_addvalue(&pieces);
      }
      luaL_pushresult(&pieces);
      lua_replace(lua, 1);
    }
    const char* text = luaL_checkstring(lua, 1);
    const char* name = luaL_optstring(lua, 2, text);
    const char* mode = luaL_optstring(lua, 3, "t");
    if (!std::strchr(mode, 't')) {
      lua_pushnil(lua);
      lua_pushliteral(lua, "only text can be loaded");
      return 2;
    }
    const auto chunk = text_at(lua, 1);
    if (luaL_loadbufferx(lua, chunk.data(), chunk.size(), name, "t") != 0) {
      lua_pushnil(lua);
      lua_insert(lua, -2);
      return 2;
    }
    if (!lua_isnil(lua, 4)) {
      lua_pushvalue(lua, 4);
      lua_setfenv(lua, -2);
    }
    return 1;
  }

  // Makes an error a table's fields or a text, and keeps where it came from.
  static int trace(lua_State* lua) {
    auto& runtime = self(lua);
    luaL_traceback(lua, lua, nullptr, 1);
    runtime.error_trace_ = text_at(lua, -1);
    lua_pop(lua, 1);
    return 1;
  }
};

LuaRuntime::LuaRuntime(LuaOptions options) : options_(options) {}

LuaRuntime::~LuaRuntime() {
  if (lua_) lua_close(lua_);
}

std::size_t LuaRuntime::memory_bytes() const {
  if (!lua_) return 0;
  return static_cast<std::size_t>(lua_gc(lua_, LUA_GCCOUNT, 0)) * 1024 +
         static_cast<std::size_t>(lua_gc(lua_, LUA_GCCOUNTB, 0));
}

void LuaRuntime::open_libraries() {
  const auto open = [&](const char* name, lua_CFunction function) {
    lua_pushcfunction(lua_, function);
    lua_pushstring(lua_, name);
    lua_call(lua_, 1, 0);
  };
  open("", luaopen_base);
  open(LUA_TABLIBNAME, luaopen_table);
  open(LUA_STRLIBNAME, luaopen_string);
  open(LUA_MATHLIBNAME, luaopen_math);
  open(LUA_BITLIBNAME, luaopen_bit);
  open(LUA_OSLIBNAME, luaopen_os);  // The prelude keeps clock, date, difftime and time of it.
  if (options_.instructions_max == 0) open(LUA_JITLIBNAME, luaopen_jit);  // Opening it starts the compiler.
  for (const char* name : {"jit", "dofile", "loadfile", "loadstring", "load", "newproxy", "getfenv", "setfenv",
                           "module", "require", "package", "gcinfo"}) {
    lua_pushnil(lua_);
    lua_setglobal(lua_, name);
  }
  lua_getglobal(lua_, LUA_STRLIBNAME);
  lua_pushnil(lua_);
  lua_setfield(lua_, -2, "dump");
  lua_pop(lua_, 1);
  lua_pushcfunction(lua_, Functions::load);
  lua_setglobal(lua_, "load");
  lua_pushcfunction(lua_, Functions::load);
  lua_setglobal(lua_, "loadstring");
  // What the libraries registered on the way would lead around the list.
  lua_pushnil(lua_);
  lua_setfield(lua_, LUA_REGISTRYINDEX, "_LOADED");
  lua_pushnil(lua_);
  lua_setfield(lua_, LUA_REGISTRYINDEX, "_PRELOAD");
}

void LuaRuntime::count(lua_State* lua, lua_Debug*) {
  auto& runtime = self(lua);
  runtime.instructions_left_ -= budget_step;
  if (runtime.instructions_left_ > 0) return;
  // From now on before every instruction, so that pcall catches it only to meet it again.
  lua_sethook(lua, count, LUA_MASKCOUNT, 1);
  luaL_error(lua, "the instruction budget of inline functions is used up");
}

void LuaRuntime::begin_budget() {
  if (options_.instructions_max == 0) return;
  instructions_left_ = options_.instructions_max;
  lua_sethook(lua_, count, LUA_MASKCOUNT, budget_step);
}

void LuaRuntime::end_budget() {
  if (options_.instructions_max != 0) lua_sethook(lua_, nullptr, 0, 0);
}

bool LuaRuntime::run(int arguments, int results) {
  const int base = lua_gettop(lua_) - arguments;
  lua_pushcfunction(lua_, Functions::trace);
  lua_insert(lua_, base);
  error_trace_.clear();
  begin_budget();
  const int status = lua_pcall(lua_, arguments, results, base);
  end_budget();
  lua_remove(lua_, base);
  if (status == 0) return true;

  if (status == LUA_ERRMEM) {
    reserve_.reset();
    exhausted_ = true;
    error_type_ = "Runtime.OutOfMemory";
    error_message_ = "not enough memory";
    error_trace_.clear();
  } else if (lua_istable(lua_, -1)) {
    // As Calls raise it, or as a handler does that wants a type: error{code = …, message = …}.
    const int error = lua_gettop(lua_);
    const auto field = [&](const char* name, const char* other) {
      for (const char* key : {name, other}) {
        lua_pushstring(lua_, key);
        lua_rawget(lua_, error);
        const std::string text(text_at(lua_, -1));
        lua_pop(lua_, 1);
        if (!text.empty()) return text;
      }
      return std::string();
    };
    error_type_ = field("code", "errorType");
    error_message_ = field("message", "errorMessage");
    if (error_type_.empty()) error_type_ = "Error";
    if (error_message_.empty() && json_.encode(lua_, error, error_message_)) error_message_ = "(a table)";
  } else {
    const auto text = text_at(lua_, -1);
    error_type_ = "Error";
    error_message_ = text.data() ? std::string(text) : std::string("(") + luaL_typename(lua_, -1) + ")";
    // Where even its text could not be made (an allocation failed while handling an error).
    if (text == "not enough memory") exhausted_ = true, error_type_ = "Runtime.OutOfMemory";
  }
  lua_pop(lua_, 1);
  return false;
}

bool LuaRuntime::load(std::string_view text, const char* name) {
  if (luaL_loadbufferx(lua_, text.data(), text.size(), name, "t") == 0) return true;
  error_type_ = "Runtime.UserCodeSyntaxError";
  error_message_ = text_at(lua_, -1);
  error_trace_.clear();
  lua_pop(lua_, 1);
  return false;
}

std::string LuaRuntime::initialise(const Package& package, RuntimeHost& host) {
  host_ = &host;
  reserve_ = std::make_unique_for_overwrite<char[]>(reserve_bytes);
  lua_ = luaL_newstate();
  if (!lua_) return failure_json("Runtime.OutOfMemory", "not enough memory for a Lua state");
  lua_pushlightuserdata(lua_, this);
  set_registry(lua_, runtime_key);
  open_libraries();
  json_.open(lua_);
  open_pace(lua_);

  const auto fail = [&] { return failure_json(error_type_, error_message_, error_trace_); };
  if (!load(runtime_prelude_lua, "=prelude")) return fail();

  lua_createtable(lua_, 0, 16);
  const auto function = [&](const char* name, lua_CFunction code) {
    lua_pushcfunction(lua_, code);
    lua_setfield(lua_, -2, name);
  };
  function("call", Functions::call);
  function("fetch", Functions::fetch);
  function("log", Functions::log);
  function("now_ms", Functions::now_ms);
  function("uuid", Functions::uuid);
  function("remaining_ms", Functions::remaining_ms);
  function("qualifier", Functions::qualifier);
  function("client_context", Functions::client_context);
  function("base64_decode", Functions::base64_decode);
  function("base64_encode", Functions::base64_encode);

  lua_createtable(lua_, 0, 8);
  lua_createtable(lua_, 0, 8);
  lua_createtable(lua_, 4, 0);
  for (const auto& [name, text] : package.entries()) {
    if (name.starts_with("file:")) {
      push(lua_, name.substr(5));
      push(lua_, text);
      lua_rawset(lua_, -4);
    } else if (name.starts_with("vocabulary:")) {
      const auto colon = name.find(':');
      lua_createtable(lua_, 0, 2);
      push(lua_, name.substr(colon + 1));
      lua_setfield(lua_, -2, "name");
      push(lua_, text);
      lua_setfield(lua_, -2, "text");
      lua_rawseti(lua_, -2, static_cast<int>(lua_objlen(lua_, -2)) + 1);
    }
  }
  lua_setfield(lua_, -3, "vocabularies");
  lua_setfield(lua_, -2, "files");
  push(lua_, package.find("handler"));
  lua_setfield(lua_, -2, "handler");
  push(lua_, language_stack_lua);
  lua_setfield(lua_, -2, "stack_language");
  if (const auto config = package.find("config"); !config.empty()) {
    if (const char* why = json_.decode(lua_, config)) return failure_json("Runtime.InvalidConfiguration", why);
  } else {
    lua_newtable(lua_);
  }
  lua_setfield(lua_, -2, "config");

  // The prelude answers: invoke, the metatable of ctx, the methods of events, enter.
  if (!run(2, 4)) return fail();
  set_registry(lua_, enter_key);
  set_registry(lua_, methods_key);
  set_registry(lua_, ctx_key);
  set_registry(lua_, invoke_key);
  lua_gc(lua_, LUA_GCCOLLECT, 0);  // Less for forks to share, and to copy.
  return {};
}

std::string LuaRuntime::enter(RuntimeHost& host, std::string_view log_stream_name) {
  host_ = &host;
  push_registry(lua_, enter_key);
  push(lua_, log_stream_name);
  if (!run(1, 0)) return failure_json(error_type_, error_message_, error_trace_);
  return {};
}

Outcome LuaRuntime::invoke(const RuntimeInvocation& invocation, std::string& out) {
  invocation_ = &invocation;
  const auto before = out.size();
  const auto fail = [&] {
    lua_settop(lua_, 0);
    invocation_ = nullptr;
    out.resize(before);
    append_failure_json(out, error_type_, error_message_, error_trace_);
    return exhausted_ ? Outcome::exiting : Outcome::failure;
  };
  // Everything that may raise runs inside one protected call: [1] invoke, [2] event, [3] ctx.
  struct Arguments {
    LuaRuntime& runtime;
    const RuntimeInvocation& invocation;
    const char* why = nullptr;
  } arguments{*this, invocation};
  lua_pushcfunction(lua_, [](lua_State* lua) {
    auto& given = *static_cast<Arguments*>(lua_touserdata(lua, 1));
    push_registry(lua, invoke_key);
    push_registry(lua, methods_key);
    const int methods = lua_gettop(lua);
    given.why = given.runtime.json_.decode_event(lua, given.invocation.event, methods);
    if (given.why) return luaL_error(lua, "the event is not valid JSON: %s", given.why);
    lua_remove(lua, methods);
    lua_createtable(lua, 0, 2);
    push(lua, given.invocation.request_id);
    lua_setfield(lua, -2, "aws_request_id");
    push_registry(lua, ctx_key);
    lua_setmetatable(lua, -2);
    if (given.invocation.random != 0) {
      lua_pushnumber(lua, static_cast<double>(given.invocation.random >> 11));
    } else {
      lua_pushnil(lua);
    }
    lua_call(lua, 3, 1);
    return 1;
  });
  lua_pushlightuserdata(lua_, &arguments);
  if (!run(1, 1)) return fail();
  // Encoding may still run out of memory or stack, so it is protected too.
  struct Encoding {
    LuaRuntime& runtime;
    std::string& out;
    const char* why;
  } encoding{*this, out, nullptr};
  lua_pushcfunction(lua_, [](lua_State* lua) {
    auto& given = *static_cast<Encoding*>(lua_touserdata(lua, 2));
    given.why = given.runtime.json_.encode(lua, 1, given.out);
    return 0;
  });
  lua_insert(lua_, -2);
  lua_pushlightuserdata(lua_, &encoding);
  if (lua_pcall(lua_, 2, 0, 0) != 0) {
    error_type_ = "Error";
    error_message_ = text_at(lua_, -1);
    error_trace_.clear();
    return fail();
  }
  invocation_ = nullptr;
  if (encoding.why) {
    error_type_ = "Runtime.MarshalError";
    error_message_ = std::string("Unable to marshal response: ") + encoding.why;
    error_trace_.clear();
    return fail();
  }
  return Outcome::answer;
}

}  // namespace moonbase::functions
