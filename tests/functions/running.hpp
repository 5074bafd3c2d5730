// Environments without a kernel: loops, processes, and a host that records what handlers ask for.
#pragma once

#include "environment/package.hpp"
#include "loop/loops.hpp"
#include "pool/environment_process.hpp"

#include <moonbase/json.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase::functions::test {

// A sanitizer's shadow memory is terabytes, so its builds have no limit on address space; and what it
// does when a process breaks ends that process by another signal.
#ifdef __SANITIZE_ADDRESS__
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

inline std::string environment_program() {
  if (const char* named = std::getenv("MOONBASE_ENVIRONMENT")) return named;
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "moonbase-environment")
      .string();
}

struct RealClock final : loop::ClockSource {
  MachineTime machine_time(Time) const override { return MachineTime::max(); }
};

struct Host final : InvocationHost {
  std::string lines;
  std::vector<std::string> calls;
  std::function<Result<std::string>(std::string_view, std::string_view, std::string_view)> answer;
  Time time{1'700'000'000'000};
  int random = 0;

  Result<std::string> call(std::string_view service, std::string_view operation, std::string_view input) override {
    calls.push_back(std::string(service) + "." + std::string(operation) + " " + std::string(input));
    if (answer) return answer(service, operation, input);
    return std::string("{}");
  }
  Result<std::string> fetch(std::string_view request, std::string_view body) override {
    return call("http", request, body);
  }
  void log(std::string_view text) override {
    if (lines.size() < 1'000'000) lines += text;
  }
  Time now() override { return time; }
  std::string random_bytes(std::size_t count) override {
    std::string bytes(count, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(++random * 37);
    return bytes;
  }
};

inline std::string lua_package(std::string_view code, std::string_view config = "{}") {
  std::string package;
  append_package_entry(package, "runtime", "lua");
  append_package_entry(package, "handler", "main.handler");
  append_package_entry(package, "config", config);
  append_package_entry(package, "now_ms", "1700000000000");
  append_package_entry(package, "file:main.lua", code);
  return package;
}

// One for the whole test program: made on its main thread, as the kernel does.
struct Platform {
  RealClock clock;
  loop::Loops loops{1, clock};
  Processes processes{environment_program()};
  Platform() { loops.start(); }
  static Platform& get() {
    static Platform platform;
    return platform;
  }
};

// A function: its template, and environments on demand.
struct Function {
  std::shared_ptr<Template> parent;
  Template::Report report;
  std::string broken;  // Why the template never reported.
  Host host;
  std::unique_ptr<EnvironmentProcess> environment;

  explicit Function(std::string_view package, std::uint64_t memory_mb = 128,
                    std::chrono::milliseconds init = std::chrono::seconds(10)) {
    auto& platform = Platform::get();
    platform.loops.run_on_loop([&] {
      auto started = platform.processes.start_template(package, memory_mb << 20);
      if (!started) throw std::runtime_error(started.error().message);
      parent = std::move(*started);
      auto reported = parent->report(platform.loops.io(), std::chrono::steady_clock::now() + init);
      if (reported) {
        report = *reported;
      } else {
        broken = reported.error().code + ": " + reported.error().message;
      }
    });
  }
  ~Function() { end_environment(); }
  void end_environment() {
    if (environment) Platform::get().loops.run_on_loop([&] { environment->close(Platform::get().loops.io()); });
    environment.reset();
  }

  EnvironmentAnswer invoke(std::string_view event, std::chrono::milliseconds limit = std::chrono::seconds(10),
                           std::string_view client_context = "") {
    EnvironmentAnswer answer;
    auto& platform = Platform::get();
    platform.loops.run_on_loop([&] {
      auto& io = platform.loops.io();
      if (!environment) environment = EnvironmentProcess::start(parent, platform.processes.next_id(), "stream");
      if (!environment) throw std::runtime_error("the template is gone");
      answer = environment->invoke(
          io, {event, client_context, "8a2b8c1e-0000-4000-8000-000000000001", std::chrono::steady_clock::now() + limit},
          host);
      if (!answer.reusable) {
        environment->close(io);
        environment.reset();
      }
    });
    return answer;
  }
  // The handler's answer, parsed.
  Value value(std::string_view event = "{}") {
    const auto answer = invoke(event);
    if (answer.kind != EnvironmentAnswer::Kind::answer)
      throw std::runtime_error("failed: " + answer.json + answer.ending.text());
    return *parse_json(answer.json);
  }
};

}  // namespace moonbase::functions::test
