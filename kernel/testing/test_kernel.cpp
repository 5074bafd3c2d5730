#include <moonbase/testing.hpp>

#include "dispatch/calls.hpp"
#include "dispatch/directory.hpp"
#include "kernel.hpp"
#include "loop/loops.hpp"
#include "plugin/member.hpp"
#include "stack/stacks.hpp"
#include "tasks/clock.hpp"
#include "tasks/runner.hpp"

#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <stdexcept>

namespace moonbase::testing {
namespace {

namespace fs = std::filesystem;

constexpr auto patience = std::chrono::seconds(60);

fs::path plugin_file(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  std::vector<fs::path> folders;
  if (const char* folder = std::getenv("MOONBASE_PLUGINS")) folders.emplace_back(folder);
  const auto program = fs::read_symlink("/proc/self/exe").parent_path();
  for (const auto& above : {program, program.parent_path(), program.parent_path().parent_path()}) {
    folders.push_back(above / "plugins");
    folders.push_back(above);
  }
  for (const auto& folder : folders)
    if (fs::exists(folder / (name + ".so"))) return folder / (name + ".so");
  throw std::runtime_error("there is no plugin " + name + ".so near the test; set MOONBASE_PLUGINS to its folder");
}

std::string text_of(const Error& error) { return error.code + ": " + error.message; }

}  // namespace

struct TestClock::Inside {
  std::string service;
  TestOptions options;
  fs::path folder;
  std::unique_ptr<kernel::Kernel> kernel;
  Time now;

  void start() {
    kernel::Options kernel_options;
    kernel_options.data = folder;
    kernel_options.seed = options.seed;
    kernel_options.loops = 1;
    kernel_options.log_level = std::getenv("MOONBASE_TEST_LOG") ? "debug" : "off";
    const auto plugins = options.plugins.empty() ? std::vector<std::string>{service} : options.plugins;
    for (const auto& plugin : plugins)
      (fs::is_directory(plugin) ? kernel_options.lua_plugins : kernel_options.plugins).push_back(plugin_file(plugin));
    kernel = std::make_unique<kernel::Kernel>(std::move(kernel_options));
    kernel->clock().stop();
    kernel->clock().set(now);
    kernel->start();
  }
  void stop() {
    now = kernel->clock().now();
    kernel.reset();
  }
};

Time TestClock::now() const { return inside_->kernel->clock().now(); }

void TestClock::advance_ms(std::int64_t ms) {
  auto& kernel = *inside_->kernel;
  kernel.loops().run_on_loop([&] {
    const Time target{kernel.clock().now().ms + ms};
    if (kernel.tasks().advance_to(kernel.loops().io(), target, MachineTime::clock::now() + patience) > 0)
      throw std::runtime_error("tasks that fell due did not end within a minute");
  });
}

TestKernel::TestKernel(std::string service, TestOptions options) : inside_(std::make_unique<TestClock::Inside>()) {
  context.identity.account_id = options.account_id;
  context.identity.arn = "arn:aws:iam::" + options.account_id + ":root";
  context.region = options.region;
  context.base_url = "http://127.0.0.1:4566";
  std::string folder = (fs::temp_directory_path() / "moonbase-test-XXXXXX").string();
  if (!::mkdtemp(folder.data())) throw std::runtime_error("cannot make a folder " + folder);
  inside_->service = std::move(service);
  inside_->now = Time{options.starts_at_ms};
  inside_->options = std::move(options);
  inside_->folder = folder;
  inside_->start();
  clock.inside_ = inside_.get();
}

TestKernel::~TestKernel() {
  inside_->kernel.reset();
  std::error_code ignored;  // A temporary folder that stays does no harm.
  fs::remove_all(inside_->folder, ignored);
}

void TestKernel::restart() {
  inside_->stop();
  inside_->start();
}

Result<Value> TestKernel::try_call_as(const CallContext& caller, std::string_view service, std::string_view operation,
                                      Map input) {
  std::optional<Result<Value>> result;
  auto& kernel = *inside_->kernel;
  kernel.loops().run_on_loop([&] { result = kernel.calls().call(caller, service, operation, Value(std::move(input))); });
  return std::move(*result);
}

Result<Value> TestKernel::try_call(std::string_view service, std::string_view operation, Map input) {
  return try_call_as(context, service, operation, std::move(input));
}

Value TestKernel::call(std::string_view operation, Map input) {
  auto result = try_call(inside_->service, operation, std::move(input));
  if (!result) throw std::runtime_error(std::string(operation) + " answered " + text_of(result.error()));
  return std::move(*result);
}

Error TestKernel::error(std::string_view operation, Map input) {
  auto result = try_call(inside_->service, operation, std::move(input));
  if (result) throw std::runtime_error(std::string(operation) + " was expected to fail, and did not");
  return std::move(result.error());
}

HttpResponse TestKernel::http(HttpRequest request) {
  HttpResponse response;
  auto& kernel = *inside_->kernel;
  kernel.loops().run_on_loop([&] {
    kernel.handle(request, response);
    if (!response.stream) return;
    struct Collect final : BodyWriter {
      std::string bytes;
      bool write(std::string_view more) override {
        bytes.append(more);
        return true;
      }
    } collect;
    response.stream(collect);
    response.stream = nullptr;
    response.body = std::move(collect.bytes);
  });
  return response;
}

Result<Value> TestKernel::plan(const std::string& stack_file) {
  std::optional<Result<Value>> result;
  auto& kernel = *inside_->kernel;
  kernel.loops().run_on_loop([&] { result = kernel.stacks().plan(context, fs::absolute(stack_file)); });
  return std::move(*result);
}

Result<Value> TestKernel::apply(const std::string& stack_file) {
  std::optional<Result<Value>> result;
  auto& kernel = *inside_->kernel;
  kernel.loops().run_on_loop([&] { result = kernel.stacks().apply(context, fs::absolute(stack_file)); });
  return std::move(*result);
}

Result<Value> TestKernel::down(const std::string& stack_name) {
  std::optional<Result<Value>> result;
  auto& kernel = *inside_->kernel;
  kernel.loops().run_on_loop([&] { result = kernel.stacks().down(context, stack_name); });
  return std::move(*result);
}

void TestKernel::on_fiber(const std::function<void(KernelServices&, CallContext&)>& work) {
  auto& kernel = *inside_->kernel;
  auto* service = kernel.directory().find(inside_->service);
  if (!service) throw std::runtime_error("no plugin brings the service " + inside_->service);
  kernel.loops().run_on_loop([&] { work(*service->member->kernel, context); });
}

}  // namespace moonbase::testing
