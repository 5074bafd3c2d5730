// Runtime: what runs a function's code. The Lua and the native runtime implement it; templates,
// environments and (for inline Lua) the kernel use it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "frames.hpp"
#include "package.hpp"

namespace moonbase::functions {

// What a runtime asks of whoever runs it. One thread.
class RuntimeHost {
 public:
  virtual ~RuntimeHost() = default;

  struct Reply {
    bool ok = false;
    std::string_view json;  // The output, or {"code": …, "message": …}. Valid until the next request.
    std::string_view body;  // Of fetch().
  };
  // Makes a Call as the function's role.
  virtual Reply call(std::string_view service, std::string_view operation, std::string_view input) = 0;
  // A request to a server outside, as the outbound policy lets it: JSON and body as in a fetch frame, and
  // so the answer.
  virtual Reply fetch(std::string_view request, std::string_view body) = 0;
  // Lines of the function's log; a missing last "\n" is added.
  virtual void log(std::string_view text) = 0;
  virtual std::int64_t now_ms() = 0;            // The platform's time.
  virtual std::string_view random_bytes() = 0;  // random_bytes_each of them, each time new ones.
};

struct RuntimeInvocation {
  std::string_view event;           // JSON
  std::string_view client_context;  // JSON, or empty
  std::string_view request_id;
  std::string_view qualifier;    // Version or alias that it was invoked by, or empty.
  std::int64_t deadline_ns = 0;  // CLOCK_MONOTONIC
  std::int64_t now_ms = 0;
  std::uint64_t random = 0;
};

enum class Outcome { answer, failure, exiting };  // exiting: a failure after which the runtime cannot go on.

class Runtime {
 public:
  virtual ~Runtime() = default;
  // Loads the function's code. Nothing, or the failure as JSON.
  virtual std::string initialise(const Package& package, RuntimeHost& host) = 0;
  // In a fresh environment, before its first invocation. As initialise().
  virtual std::string enter(RuntimeHost& host, std::string_view log_stream_name) = 0;
  // Runs the handler and appends its answer, or the failure, as JSON.
  virtual Outcome invoke(const RuntimeInvocation& invocation, std::string& out) = 0;
};

// {"errorMessage": …, "errorType": …, "stackTrace": []}; `trace` is lines.
std::string failure_json(std::string_view type, std::string_view message, std::string_view trace = {});
void append_failure_json(std::string& out, std::string_view type, std::string_view message,
                         std::string_view trace = {});

}  // namespace moonbase::functions
