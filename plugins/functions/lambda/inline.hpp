// Inline functions: short Lua of the stack's own author that runs in the request path, in the kernel's
// process. No JIT, an instruction budget, no Calls, no I/O. For trusted code: a Lua state that eats
// memory eats the kernel's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "environment/lua_runtime.hpp"
#include "lambda/invocation_log.hpp"

namespace moonbase::functions {

inline constexpr std::int64_t inline_instructions_max = 10'000'000;

// One Lua state, used by one thread.
class InlineFunction final : private RuntimeHost {
 public:
  struct Surroundings {
    std::function<void(std::string_view)> log;
    std::function<std::int64_t()> now_ms;
    std::function<std::string(std::size_t)> random_bytes;
  };
  explicit InlineFunction(Surroundings surroundings);

  // Nothing, or the failure as JSON.
  std::string initialise(std::string_view package, std::string_view log_stream_name);
  Outcome invoke(const RuntimeInvocation& invocation, std::string& out);

  std::size_t memory_bytes() const { return runtime_.memory_bytes(); }

  std::shared_ptr<void> stream;  // The owner's note: its log stream.
  InvocationLog* log_to = nullptr;  // Gets what the handler prints; null while the code is loaded.

 private:
  Reply fetch(std::string_view request, std::string_view body) override;
  Reply call(std::string_view service, std::string_view operation, std::string_view input) override;
  void log(std::string_view text) override;
  std::int64_t now_ms() override { return surroundings_.now_ms(); }
  std::string_view random_bytes() override;

  Surroundings surroundings_;
  std::string random_;
  LuaRuntime runtime_;
};

}  // namespace moonbase::functions
