// A Lua state of the kernel's own, for trusted text: models, vocabularies, stacks, Lua plugins. The
// JIT is off, so that the instruction budget holds; no I/O, no clock, no randomness.
#pragma once

#include <moonbase/result.hpp>
#include <moonbase/value.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

struct lua_State;

namespace moonbase::lua {

// A C++ function that Lua calls. An Error is raised as { code, message }.
using Function = std::function<Result<Value>(const List& arguments)>;

// Used by one fiber at a time.
class State {
 public:
  State();
  ~State();
  State(State&&) noexcept;
  State& operator=(State&&) noexcept;

  lua_State* get() const { return state_.get(); }

  // Beyond so many VM instructions in one call(), an error is raised.
  void set_budget(std::int64_t instructions);

  // Compiles text (never bytecode). `name` is the file that errors show. Leaves the function on the stack.
  Result<Done> load(std::string_view text, const std::string& name);
  // Calls the function below `arguments` values; leaves `results` values, or answers what was raised.
  Result<Done> call(int arguments, int results);

  // A Lua function that calls `function`. Lives as long as the state.
  void push(Function function);

 private:
  struct Close {
    void operator()(lua_State* state) const;
  };
  std::unique_ptr<std::int64_t> budget_;
  std::unique_ptr<lua_State, Close> state_;
};

// Value to Lua and back. A list carries a metatable, so that an empty one stays a list; null becomes
// nil inside maps. Reading refuses functions, cycles and depths beyond 100.
void push(lua_State* state, const Value& value);
Result<Value> read(lua_State* state, int index);
// Marks the table at the top of the stack as a list.
void mark_list(lua_State* state);

// The error on the top of the stack as a value: { code, message }, a refusal of the stack language
// ("file:line: message", code "StackError"), or text (code "LuaError").
Error error_at_top(lua_State* state);

}  // namespace moonbase::lua
