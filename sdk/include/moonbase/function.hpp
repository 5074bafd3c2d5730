// Functions in C++: runtime `native`. Build a shared library from this one header and name it in the
// function's package:
//
//   #include <moonbase/function.hpp>
//
//   moonbase::Result<moonbase::Value> price(const moonbase::Value& event, moonbase::Context& context) {
//     context.log("pricing " + event["id"].string());
//     return moonbase::Value(moonbase::Map{{"gross", event["net"].number() * 1.19}});
//   }
//   MOONBASE_FUNCTION(price)
//
// The function's Handler is "<file without .so>.<anything>". It runs in an execution environment: a
// sandboxed process of its own that runs one invocation at a time. An Error, or an exception, becomes
// the invocation's failure.
#pragma once

#include <moonbase/clock.hpp>
#include <moonbase/result.hpp>
#include <moonbase/value.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace moonbase {

// What Lambda calls the context. Belongs to the invocation.
class Context {
 public:
  virtual ~Context() = default;

  virtual const std::string& aws_request_id() const = 0;
  virtual const std::string& function_name() const = 0;
  virtual const std::string& function_version() const = 0;
  virtual const std::string& invoked_function_arn() const = 0;
  virtual const std::string& log_group_name() const = 0;
  virtual const std::string& log_stream_name() const = 0;
  virtual std::int64_t memory_limit_in_mb() const = 0;
  virtual const Value& client_context() const = 0;
  virtual std::chrono::milliseconds remaining_time() const = 0;
  // A variable of the function's configuration; empty where there is none.
  virtual std::string environment(std::string_view name) const = 0;

  virtual Time now() = 0;          // The platform's clock.
  virtual std::string uuid() = 0;  // With --seed they repeat.
  virtual void log(std::string_view line) = 0;
  // Makes a Call as the function's role: call("dynamodb", "GetItem", …).
  virtual Result<Value> call(std::string_view service, std::string_view operation, const Value& input) = 0;
};

using FunctionHandler = Result<Value> (*)(const Value& event, Context& context);

// The first thing the environment reads of the library.
struct FunctionDescriptor {
  std::uint64_t magic;
  std::uint32_t abi;
  FunctionHandler handler;
};
inline constexpr std::uint64_t function_magic = 0x6e6f6974636e7566;  // "function"
inline constexpr std::uint32_t function_abi = 1;

}  // namespace moonbase

#define MOONBASE_FUNCTION(handler)                                                                                \
  extern "C" __attribute__((visibility("default"))) const moonbase::FunctionDescriptor moonbase_function_descriptor; \
  const moonbase::FunctionDescriptor moonbase_function_descriptor = {moonbase::function_magic,                   \
                                                                     moonbase::function_abi, handler};
