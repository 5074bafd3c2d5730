// The native runtime: a .so whose handler takes and answers Values (moonbase/function.hpp), loaded by
// Boost.DLL in the environment, never in its template, so that its static objects are made inside the
// whole sandbox.
#pragma once

#include "runtime.hpp"

#include <memory>

namespace moonbase::functions {

class NativeRuntime final : public Runtime {
 public:
  NativeRuntime();
  ~NativeRuntime() override;

  std::string initialise(const Package& package, RuntimeHost& host) override;
  std::string enter(RuntimeHost& host, std::string_view log_stream_name) override;
  Outcome invoke(const RuntimeInvocation& invocation, std::string& out) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace moonbase::functions
