// Plugin and Registrar: how a service joins the platform.
//
//   class Plugin final : public moonbase::Plugin {
//     void load(moonbase::Registrar& registrar) override {
//       registrar.model(coupons_model_lua);
//       registrar.schema(schema);
//       registrar.operation("CreateCoupon", create_coupon);
//     }
//   };
//   MOONBASE_PLUGIN(coupons::Plugin, "coupons", "1.0")
#pragma once

#include <moonbase/call.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase {

using Operation = std::function<Result<Value>(Call&)>;

// A run of a durable task (Transaction::schedule). Runs at least once: make it safe to repeat.
struct TaskRun {
  std::string_view handler;
  const Value& payload;
  int attempt;          // 1 at first.
  Time due;             // When it was to run; kernel.clock.now() may be later.
  CallContext& context; // Account and region of what scheduled it; `cause` is its request id.
  KernelServices& kernel;
};
// An Error means: try again later, with backoff (1 s, doubled up to 5 min) on the platform's clock.
using TaskHandler = std::function<Result<Done>(TaskRun&)>;

// A raw HTTP request to a host or path that the plugin asked for.
struct HttpCall {
  HttpRequest& request;
  CallContext& context;
  KernelServices& kernel;
};
using HttpHandler = std::function<HttpResponse(HttpCall&)>;
struct HttpMatch {
  std::vector<std::string> hosts;  // "*.execute-api.*": "*" stands for one or more characters. Without port.
  // Prefixes, such as "/_aws/execute-api/". "*" stands for one segment: "/restapis/*/*/_user_request_".
  std::vector<std::string> paths;
};

// A page of another origin, in somebody's browser, that calls a REST service or asks whether it may (a preflight).
struct PageCall {
  const HttpRequest& request;  // With its Origin. A preflight's method is the one that it asks for.
  std::string_view path;       // As the service's routes know it: with what a virtual host names.
  bool preflight;
  CallContext& context;
  KernelServices& kernel;
};
// The headers of the answer, by which the browser lets the page go on. An Error answers a preflight; other calls are
// then judged as if there were no such rules: a foreign page may read what its own markup could load, no more.
using PageRules = std::function<Result<HttpHeaders>(PageCall&)>;

struct Delivery {
  std::string_view arn;
  const std::string& payload;
  const Value& options;
  CallContext& context;
  KernelServices& kernel;
};
using TargetHandler = std::function<Result<Value>(Delivery&)>;

// What a plugin may ask for while it loads. Used only inside Plugin::load, on the main thread.
class Registrar {
 public:
  virtual ~Registrar() = default;

  // A service model (Lua text, see scripts/lua/moonbase/shape.lua). The text must live as long as
  // the process. Operations without a function answer 501.
  virtual void model(std::string_view lua) = 0;
  // The function behind an operation of the model given last.
  virtual void operation(std::string_view name, Operation operation) = 0;
  // What pages of other origins may do with the service of the model given last. Without, they may change nothing.
  virtual void pages(PageRules rules) = 0;

  // SQL that creates the plugin's tables. Each call is one step of the schema's history: a step runs
  // once per database, in order. Never change a step that was released; add another.
  virtual void schema(std::string_view sql) = 0;

  // For people who look into the plugin's database (moonbase sql): CREATE TEMP VIEW statements, and
  // functions of one blob that answer text. Views may use the functions. `sql` must live as long as the
  // process.
  virtual void views(std::string_view sql) = 0;
  virtual void view_function(std::string_view name, std::function<std::string(std::string_view blob)> text_of) = 0;

  virtual void task(std::string_view handler, TaskHandler run) = 0;
  // Resources whose ARN's service part is `arn_service` may be delivered to.
  virtual void target(std::string_view arn_service, TargetHandler deliver) = 0;
  // Resources whose ARN's service part is `arn_service` may be polled. `source` lives as long as the plugin.
  virtual void event_source(std::string_view arn_service, EventSource& source) = 0;
  virtual void http(HttpMatch match, HttpHandler handler) = 0;
  virtual void function_invoker(FunctionInvoker& invoker) = 0;

  // Stack vocabulary (Lua text): constructors, their options and the methods of their handles. The
  // text must live as long as the process.
  virtual void resources(std::string_view lua) = 0;
  // The vocabulary of all plugins, for a runtime that runs stack code. Complete in ready().
  virtual std::vector<std::string_view> all_resources() const = 0;

  // Empties what the plugin holds outside its store: all of it, or one account's. Tables are
  // emptied by the kernel.
  virtual void on_reset(std::function<void(std::string_view account_id)> reset) = 0;

  // A line of the health answer, such as "sandbox". `state` may be asked on any fiber.
  virtual void health(std::string_view name, std::function<Value()> state) = 0;

  // Lives as long as the plugin. Store, services and the rest work from ready() on.
  virtual KernelServices& kernel() = 0;
};

// No constructor work, no static state: a process may hold several kernels (tests do).
class Plugin {
 public:
  virtual ~Plugin() = default;
  // Registers everything. No I/O beyond starting helper processes: threads do not exist yet.
  virtual void load(Registrar& registrar) = 0;
  // All plugins are loaded and their stores open; runs on a fiber before the first request.
  virtual void ready(KernelServices&) {}
  // No more requests come. Runs on a fiber; destructors run after it, without threads.
  virtual void stop(KernelServices&) {}
};

// The first thing a loader reads. Plain data, checked before any C++ of the plugin runs.
struct PluginDescriptor {
  std::uint64_t magic;
  std::uint32_t abi;            // MOONBASE_ABI of the SDK that the plugin was built with.
  const char* compiler;         // Compiler and its major version.
  const char* standard_library; // Standard library and its ABI.
  const char* name;
  const char* version;
  Plugin* (*create)();
};

inline constexpr std::uint64_t plugin_magic = 0x6d6f6f6e62617365;  // "moonbase"
#define MOONBASE_ABI 4
#define MOONBASE_STRING_(x) #x
#define MOONBASE_STRING(x) MOONBASE_STRING_(x)
#if defined(__clang__)
#define MOONBASE_COMPILER "clang"  // Clang and GCC share one C++ ABI here; the library decides.
#else
#define MOONBASE_COMPILER "gcc"
#endif
#define MOONBASE_STANDARD_LIBRARY "libstdc++ cxx11=" MOONBASE_STRING(_GLIBCXX_USE_CXX11_ABI)

}  // namespace moonbase

#define MOONBASE_PLUGIN(type, plugin_name, plugin_version)                                                       \
  extern "C" __attribute__((visibility("default"))) const moonbase::PluginDescriptor moonbase_plugin_descriptor; \
  const moonbase::PluginDescriptor moonbase_plugin_descriptor = {                                                \
      moonbase::plugin_magic,                                                                                    \
      MOONBASE_ABI,                                                                                              \
      MOONBASE_COMPILER,                                                                                         \
      MOONBASE_STANDARD_LIBRARY,                                                                                 \
      plugin_name,                                                                                               \
      plugin_version,                                                                                            \
      []() -> moonbase::Plugin* { return new type(); }};
