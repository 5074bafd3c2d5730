// moonbase up: the platform itself.
#include "cli/commands.hpp"
#include "cli/watcher.hpp"
#include "http/server.hpp"
#include "kernel.hpp"
#include "loop/loops.hpp"
#include "plugin/loader.hpp"
#include "stack/stacks.hpp"
#include "tasks/clock.hpp"

#include <fmt/color.h>
#include <fmt/core.h>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <stdexcept>

namespace moonbase::cli {
namespace {

namespace fs = std::filesystem;

constexpr auto drain_time = std::chrono::seconds(8);

sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// Where a resource is reached: its own url, or its path on this platform.
std::string place_of(const Value& attributes, const std::string& base_url) {
  if (attributes["url"].is_string()) return attributes["url"].string();
  return attributes["path"].is_string() ? base_url + attributes["path"].string() : "";
}

void print_steps(const Value& applied, const std::string& base_url) {
  for (const auto& step : applied["steps"].list()) {
    const auto& action = step["action"].string();
    if (action == "keep") continue;
    const char* sign = action == "create" ? "+" : action == "delete" ? "-" : action == "replace" ? "±" : "~";
    const auto place = place_of(step["attributes"], base_url);
    std::string changed;
    if (step["changed"].is_list())
      for (const auto& name : step["changed"].list()) changed += (changed.empty() ? "" : ", ") + name.string();
    fmt::print("  {} {:<12} {:<24} {}\n", sign, step["constructor"].string(), step["name"].string(),
               changed.empty() ? place : changed);
  }
  std::fflush(stdout);
}

class Platform {
 public:
  explicit Platform(const UpOptions& options) : options_(options), kernel_(kernel_options(options)) {}

  int run() {
    const sigset_t signals = ending_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // In every thread that starts from here on.

    http::Options http;
    http.address = options_.host;
    http.port = options_.port;
    http.clock = &kernel_.clock();
    http.log = &kernel_.log();
    http.certificate_folder = (kernel_.options().data / "tls").string();
    http::Server server(kernel_.loops(), http,
                        [this](HttpRequest& request, HttpResponse& response) { kernel_.handle(request, response); });
    if (const auto listening = server.listen(); !listening) {
      fmt::print(stderr, "moonbase: {}\n", listening.error().message);
      return 1;
    }
    const std::string shown = options_.host == "0.0.0.0" || options_.host == "::" ? "127.0.0.1" : options_.host;
    const std::string url = fmt::format("http://{}:{}", shown, server.port());
    kernel_.set_base_url(url);
    kernel_.start();
    for (const auto& stack : options_.stacks)
      if (!apply(stack)) {
        kernel_.stop();
        return 1;
      }
    server.serve();
    fmt::print("ready {}\n", url);
    std::fflush(stdout);

    wait(signals);
    kernel_.end_waits();
    if (!server.drain(MachineTime::clock::now() + drain_time))
      fmt::print(stderr, "moonbase: some requests had not ended and were cut off\n");
    server.stop();
    kernel_.stop();
    return 0;
  }

 private:
  static kernel::Options kernel_options(const UpOptions& options) {
    kernel::Options kernel_options;
    kernel_options.data = options.data;
    kernel_options.memory = options.memory;
    kernel_options.seed = options.seed;
    kernel_options.loops = options.loops;
    kernel_options.log_level = options.log_level;
    kernel_options.allowed_hosts = options.allowed_hosts;
    kernel_options.allowed_origins = options.allowed_origins;
    kernel_options.outbound = options.outbound;
    kernel_options.trusted_certificates = options.trusted_certificates;
    const fs::path beside = fs::read_symlink("/proc/self/exe").parent_path() / "plugins";
    kernel_options.plugins = plugin::find(options.plugins_folder.empty() ? beside : fs::path(options.plugins_folder));
    for (const fs::path file : options.plugins)
      (fs::is_directory(file) ? kernel_options.lua_plugins : kernel_options.plugins).push_back(file);
    for (const auto& stack : options.stacks)
      for (auto& folder : stack::plugins_of(fs::absolute(stack)))
        if (std::find(kernel_options.lua_plugins.begin(), kernel_options.lua_plugins.end(), folder) ==
            kernel_options.lua_plugins.end())
          kernel_options.lua_plugins.push_back(std::move(folder));
    return kernel_options;
  }

  bool apply(const fs::path& file) {
    std::optional<Result<Value>> applied;
    stack::Sources sources;
    kernel_.loops().run_on_loop([&] {
      CallContext context;
      context.request_id = kernel_.ids().uuid();
      context.base_url = kernel_.base_url();
      applied = kernel_.stacks().apply(context, fs::absolute(file), &sources);
    });
    for (const auto& source : sources.files) watcher_.watch(source, file);
    if (!*applied) {
      fmt::print(stderr, "moonbase: {}\n", applied->error().message);
      watcher_.watch(fs::absolute(file), file);
      return false;
    }
    print_steps(**applied, kernel_.base_url());
    return true;
  }

  // Until a signal ends the platform; applies stacks that change.
  void wait(const sigset_t& signals) {
    const int signal_descriptor = ::signalfd(-1, &signals, SFD_CLOEXEC);
    const bool watching = !options_.no_watch && !options_.stacks.empty();
    for (;;) {
      pollfd polled[] = {{signal_descriptor, POLLIN, 0}, {watcher_.descriptor(), POLLIN, 0}};
      if (::poll(polled, watching ? 2 : 1, -1) < 0) continue;
      if (polled[0].revents != 0) break;
      for (const auto& stack : watcher_.changed()) {
        fmt::print("{} changed\n", stack.string());
        apply(stack);
      }
    }
    ::close(signal_descriptor);
  }

  const UpOptions& options_;
  Watcher watcher_;
  kernel::Kernel kernel_;
};

}  // namespace

int up(const UpOptions& options) {
  try {
    Platform platform(options);
    return platform.run();
  } catch (const std::exception& failure) {
    fmt::print(stderr, "moonbase: {}\n", failure.what());
    return 1;
  }
}

}  // namespace moonbase::cli
