// The Lua runtime: libraries by list, the prelude (scripts/lua/runtime), the function's package, its
// handler. One state, one thread.
#pragma once

#include "lua_json.hpp"
#include "runtime.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct lua_Debug;
struct lua_State;

namespace moonbase::functions {

struct LuaOptions {
  // Inside the kernel: at most this many virtual instructions an invocation, and no JIT, because
  // compiled code is not counted. 0: no limit, and the JIT is on: the process is the boundary.
  std::int64_t instructions_max = 0;
};

class LuaRuntime final : public Runtime {
 public:
  explicit LuaRuntime(LuaOptions options = {});
  ~LuaRuntime() override;
  LuaRuntime(const LuaRuntime&) = delete;
  LuaRuntime& operator=(const LuaRuntime&) = delete;

  std::string initialise(const Package& package, RuntimeHost& host) override;
  std::string enter(RuntimeHost& host, std::string_view log_stream_name) override;
  Outcome invoke(const RuntimeInvocation& invocation, std::string& out) override;

  std::size_t memory_bytes() const;  // Held by the state now.

 private:
  struct Functions;  // What Lua calls.
  friend struct Functions;

  static void count(lua_State* lua, lua_Debug* event);
  bool run(int arguments, int results);  // Calls what is on the stack; false: error_* say why.
  void begin_budget();
  void end_budget();
  void open_libraries();
  bool load(std::string_view text, const char* name);

  LuaOptions options_;
  lua_State* lua_ = nullptr;
  LuaJson json_;
  RuntimeHost* host_ = nullptr;
  const RuntimeInvocation* invocation_ = nullptr;
  std::string error_type_, error_message_, error_trace_;
  std::unique_ptr<char[]> reserve_;  // Given back when memory runs out, so that there is some to say so.
  bool exhausted_ = false;           // Out of memory: the state cannot be trusted to go on.
  std::int64_t instructions_left_ = 0;
  std::string input_;   // Of the Call being made: not on the stack, which Lua errors may unwind.
  std::string random_;  // Unused random bytes.
  std::size_t random_used_ = 0;
};

}  // namespace moonbase::functions
