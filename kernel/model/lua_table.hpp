// A Lua state that can run one model and nothing else, and a reader of the tables that it leaves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <lua.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace moonbase::model {

// Runs model texts: `require "moonbase.shape"` and nothing else, JIT off, with a budget of
// instructions. Throws std::runtime_error with chunk, line and reason. One thread at a time.
class ModelState {
 public:
  ModelState();
  ~ModelState();
  ModelState(const ModelState&) = delete;
  ModelState& operator=(const ModelState&) = delete;

  // Leaves the chunk's table on the stack.
  void run(std::string_view text, const std::string& chunk);
  lua_State* lua() const { return lua_; }

 private:
  lua_State* lua_;
};

// One table on the Lua stack, by absolute position. `where` names it in messages.
class Table {
 public:
  Table(lua_State* lua, int position, std::string where) : lua_(lua), position_(position), where_(std::move(where)) {}

  [[noreturn]] void fail(const std::string& problem) const;
  const std::string& where() const { return where_; }
  lua_State* lua() const { return lua_; }

  // A field's content, where it is there. Throws where it is of another kind.
  std::optional<std::string> text(const char* field) const;
  std::optional<double> number(const char* field) const;
  bool flag(const char* field) const;
  std::string text_or(const char* field, std::string_view otherwise) const;

  std::size_t length() const { return lua_objlen(lua_, position_); }
  // Pushes the field, or the element, and answers its Lua type; the caller pops it.
  int push(const char* field) const;
  int push(int element) const;

  // Calls `visit` with each text key (and the value on top of the stack).
  void each(const std::function<void(std::string_view key)>& visit) const;
  // Calls `visit` with the table in this field, if there is one.
  void with_table(const char* field, const std::function<void(const Table&)>& visit) const;
  // The texts of a list in this field.
  void each_text(const char* field, const std::function<void(std::string)>& visit) const;

 private:
  lua_State* lua_;
  int position_;
  std::string where_;
};

}  // namespace moonbase::model
