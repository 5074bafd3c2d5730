// Functions: Lambda and, as far as they are built, CloudWatch Logs.
#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <moonbase/json.hpp>
#include <moonbase/plugin.hpp>
#include <stdexcept>
#include <string>

#include "lambda/event_invoke.hpp"
#include "lambda/operations.hpp"
#include "lambda/url.hpp"
#include "logs/log_target.hpp"
#include "logs/operations_log.hpp"
#include "runtimes/runtime_api.hpp"

// Embedded by the build.
extern const char lambda_model_lua[];
extern const char lambda_resources_lua[];
extern const char lambda_schema_sql[];
extern const char logs_model_lua[];
extern const char logs_schema_sql[];

namespace moonbase::functions {
namespace {

namespace fs = std::filesystem;

// $MOONBASE_ENVIRONMENT, else beside or above this plugin, else beside the running program.
std::string environment_program() {
  if (const char* named = std::getenv("MOONBASE_ENVIRONMENT")) return named;
  std::vector<fs::path> folders;
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&environment_program), &info) != 0 && info.dli_fname) {
    const auto folder = fs::absolute(info.dli_fname).parent_path();
    folders.push_back(folder);
    folders.push_back(folder.parent_path());
    folders.push_back(folder.parent_path() / "libexec");
  }
  std::error_code ignored;
  folders.push_back(fs::read_symlink("/proc/self/exe", ignored).parent_path());
  for (const auto& folder : folders)
    if (fs::exists(folder / "moonbase-environment", ignored)) return (folder / "moonbase-environment").string();
  throw std::runtime_error(
      "moonbase-environment, in which functions run, is not beside the plugin or the program: "
      "install it there, or name it in MOONBASE_ENVIRONMENT");
}

std::string layers_text(const Hello& hello) {
  std::string text;
  const auto add = [&](std::uint32_t layer, const char* name) {
    if (hello.layers & layer) text += (text.empty() ? "" : ", ") + std::string(name);
  };
  add(layer_seccomp, "seccomp");
  add(layer_landlock, "landlock");
  add(layer_landlock_network, "landlock-network");
  add(layer_namespaces, "namespaces");
  add(layer_process_namespaces, "process-namespaces");
  add(layer_process_users, "process-users");
  if (peers_are_known()) text += (text.empty() ? "" : ", ") + std::string("runtime-api-peers");
  return text.empty() ? "none" : text;
}

class Plugin final : public moonbase::Plugin {
 public:
  void load(Registrar& registrar) override {
    // Before the platform has threads: environments are killed when the thread that began them ends.
    processes_ = std::make_unique<Processes>(environment_program());
    functions_ = std::make_unique<FunctionService>(registrar.kernel(), *processes_);
    registrar_ = &registrar;

    registrar.model(lambda_model_lua);
    registrar.schema(lambda_schema_sql);
    register_concurrency_operations(registrar, *functions_);
    register_event_invoke_operations(registrar, *functions_);
    pollers_ = std::make_unique<Pollers>(*functions_);
    register_event_source_operations(registrar, *functions_, *pollers_);
    register_function_operations(registrar, *functions_);
    register_layer_operations(registrar, *functions_);
    register_invoke_operations(registrar, *functions_);
    register_runtime_management_operations(registrar, *functions_);
    register_stream_operations(registrar, *functions_);
    register_permission_operations(registrar, *functions_);
    register_tag_operations(registrar, *functions_);
    register_url_operations(registrar, *functions_);
    register_version_operations(registrar, *functions_);
    registrar.task("lambda-async", [this](TaskRun& task) { return functions_->run_async(task); });
    registrar.task("lambda-destination", run_delivery);
    registrar.function_invoker(*functions_);
    urls_ = std::make_unique<Urls>(*functions_);
    registrar.http(Urls::match(), [this](HttpCall& call) { return urls_->serve(call); });
    registrar.target("lambda", [this](Delivery& delivery) { return deliver(delivery); });
    registrar.http({.hosts = {}, .paths = {"/_functions/code/"}}, download);

    registrar.model(logs_model_lua);
    registrar.target("logs", deliver_to_log_group);
    registrar.schema(logs_schema_sql);
    register_group_operations(registrar, functions_->logs());
    register_live_tail_operations(registrar, functions_->logs());
    register_log_operations(registrar, functions_->logs());
    register_policy_operations(registrar);
    register_query_definition_operations(registrar);
    register_subscription_operations(registrar, functions_->logs());
    registrar.task("logs-retention", run_retention);
    registrar.task("logs-subscription", run_subscription);

    registrar.resources(lambda_resources_lua);
    registrar.on_reset([this](std::string_view account) {
      pollers_->reset(account);
      functions_->reset(account);
    });
    registrar.health("sandbox", [this] { return Value(layers_text(processes_->hello())); });
  }

  void ready(KernelServices& kernel) override {
    functions_->vocabularies(registrar_->all_resources());
    Packages::settle(kernel);
    functions_->logs().begin();
    functions_->provision_all();
    pollers_->begin();
    // Set by --require-sandbox.
    if (const char* required = std::getenv("MOONBASE_REQUIRE_SANDBOX"); required && *required) {
      constexpr auto wanted = layer_seccomp | layer_landlock;
      const auto& hello = processes_->hello();
      if ((hello.layers & wanted) != wanted)
        throw std::runtime_error("this host does not offer the sandbox that --require-sandbox asks for; it has: " +
                                 layers_text(hello));
    }
    // Finding out takes the spawner some milliseconds: nobody waits for them.
    kernel.io.spawn([this, &kernel] {
      kernel.io.blocking([this] { processes_->hello(); });
      const auto& hello = processes_->hello();
      kernel.log.info("functions are sandboxed by: " + layers_text(hello));
      kernel.metrics.gauge("sandbox_layers", static_cast<std::int64_t>(hello.layers));
    });
  }

  void stop(KernelServices&) override { functions_->stop(); }

 private:
  // Event sources deliver asynchronously, as Lambda's own do, unless they ask for the answer.
  Result<Value> deliver(Delivery& delivery) {
    const auto name = parse_function_name(delivery.arn, delivery.context);
    if (!name) return name.error();
    if (const auto parsed = parse_json(delivery.payload, {json_depth_max, request_bytes_max}); !parsed)
      return Error{"InvalidRequestContentException",
                   "Could not parse request body into json: " + parsed.error().message};
    Invocation invocation;
    invocation.function = delivery.arn;
    invocation.payload = delivery.payload;
    invocation.event = delivery.options["InvocationType"].string_or("Event") == "Event";
    auto result = functions_->invoke(delivery.context, std::move(invocation));
    if (!result) return result.error();
    if (result->function_error.empty()) return Value(Map{{"Payload", std::move(result->payload)}});
    return Value(Map{{"Payload", std::move(result->payload)}, {"FunctionError", std::move(result->function_error)}});
  }

  // What GetFunction's Code.Location leads to. The name is the package's own digest: whoever knows it
  // has been told.
  static HttpResponse download(HttpCall& call) {
    const auto blob = call.request.path.substr(call.request.path.rfind('/') + 1);
    HttpResponse response;
    if (call.request.method != "GET" || blob.size() != 64 || blob.find_first_not_of("0123456789abcdef") != blob.npos ||
        !call.kernel.blobs.contains(blob)) {
      response.status = 404;
      return response;
    }
    response.headers.set("Content-Type", "application/zip");
    response.body = call.kernel.blobs.get(blob);
    return response;
  }

  std::unique_ptr<Processes> processes_;
  std::unique_ptr<FunctionService> functions_;
  std::unique_ptr<Urls> urls_;
  std::unique_ptr<Pollers> pollers_;
  Registrar* registrar_ = nullptr;
};

}  // namespace
}  // namespace moonbase::functions

MOONBASE_PLUGIN(moonbase::functions::Plugin, "functions", "1.0")
