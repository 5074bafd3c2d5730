// Stacks: runs a stack's configuration pass, plans its resources against what exists, and applies
// the difference through ordinary Calls. The language itself is scripts/lua/moonbase/stack.lua.
#pragma once

#include "store/sqlite_store.hpp"

#include <moonbase/call.hpp>

#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moonbase::stack {

// A vocabulary chunk and the name that its errors show.
struct Vocabulary {
  std::string name;
  std::string_view text;
};

// What a stack's configuration pass read: to be watched, and to be shipped to its functions.
struct Sources {
  std::vector<std::filesystem::path> files;
};

// The Lua plugins that a stack asks for in its first line, require "stack" { plugins = { "../coupons" } }:
// folders, absolute. Runs the stack up to that line only; none where that fails (apply says why).
std::vector<std::filesystem::path> plugins_of(const std::filesystem::path& file);

// The schema step of the store that Stacks keeps its records in.
extern const std::string_view records_schema;

// Any fiber may use it; one stack is worked on at a time.
class Stacks {
 public:
  Stacks(Services& services, store::SqliteStore& records, std::vector<Vocabulary> vocabulary);

  // What apply() would do: a list of { action, type, constructor, name, changed }. Errors carry file
  // and line of the stack: "stack.lua:12: …" (code StackError).
  Result<Value> plan(const CallContext& context, const std::filesystem::path& file, Sources* sources = nullptr);
  // Does it. Answers { stack, steps }, each step with the attributes of its resource.
  Result<Value> apply(const CallContext& context, const std::filesystem::path& file, Sources* sources = nullptr);
  // Deletes what the stack of that name made.
  Result<Value> down(const CallContext& context, const std::string& name);
  // What the platform's own requests may reach, as all stacks together say (their `outbound` setting).
  // Called after a stack changes it.
  void on_outbound(std::function<void(std::vector<std::string>)> allow) { allow_ = std::move(allow); }
  void read_outbound();  // At start: what the stacks said before.
  // Every resource that a stack made, with its attributes.
  Result<Value> list(const CallContext& context);

 private:
  class Pass;
  Services& services_;
  store::SqliteStore& records_;
  const std::vector<Vocabulary> vocabulary_;
  std::function<void(std::vector<std::string>)> allow_ = [](std::vector<std::string>) {};
};

}  // namespace moonbase::stack
