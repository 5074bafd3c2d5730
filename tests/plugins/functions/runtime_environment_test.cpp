// One environment by itself: extensions, layers, the API's refusals, what is left behind.
#include "runtimes/platform_log.hpp"
#include "runtimes/runtime_environment.hpp"
#include "runtimes/unpack.hpp"
#include "support.hpp"

#include <catch2/catch.hpp>

#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

using namespace moonbase;
using namespace moonbase::functions;
using moonbase::testing::TestKernel;
namespace fs = std::filesystem;

namespace {

std::string environment_program() {
  if (const char* named = std::getenv("MOONBASE_ENVIRONMENT")) return named;
  return (fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "moonbase-environment").string();
}

// Folders of a test's own, gone behind it.
struct Folders {
  fs::path root;
  Folders() {
    auto name = (fs::temp_directory_path() / "runtime-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("no folder");
    root = name;
    for (const char* folder : {"code", "layers/extensions", "runtime"}) fs::create_directories(root / folder);
    fs::permissions(root, fs::perms(0755));
  }
  ~Folders() { fs::remove_all(root); }
  void program(const std::string& name, const std::string& text) const {
    std::ofstream(root / name) << text;
    fs::permissions(root / name, fs::perms(0755));
  }
};

constexpr auto bootstrap = R"sh(#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
echo "runtime begins"
while :; do
  event=$(curl -sS -D "${TMPDIR:-/tmp}/head" "$api/invocation/next")
  id=$(sed -n 's/^Lambda-Runtime-Aws-Request-Id: *\([0-9a-f-]*\).*/\1/ip' "${TMPDIR:-/tmp}/head")
  answer=$(sh -c "$event")
  curl -s -o /dev/null "$api/invocation/$id/response" --data-binary "$answer"
done
)sh";

constexpr auto extension = R"sh(#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
trap '' TERM
echo "extension begins"
curl -s -D "${TMPDIR:-/tmp}/ext" -o "${TMPDIR:-/tmp}/registered" "$api/register" -H "Lambda-Extension-Name: $(basename "$0")" \
  -d '{"events":["INVOKE","SHUTDOWN"]}'
echo "extension registered $(cat "${TMPDIR:-/tmp}/registered")"
id=$(sed -n 's/^Lambda-Extension-Identifier: *\([0-9a-f-]*\).*/\1/ip' "${TMPDIR:-/tmp}/ext")
while :; do
  event=$(curl -s "$api/event/next" -H "Lambda-Extension-Identifier: $id")
  echo "extension got $event"
  case $event in *SHUTDOWN*) exit 0;; esac
done
)sh";

// An environment of /bin/sh on a kernel's fiber.
struct Running {
  Folders folders;
  // Outlive the kernel, whose fibers use them to the end.
  std::string log;
  Processes processes{environment_program()};
  TestKernel kernel{"lambda", support::functions};
  std::shared_ptr<RuntimeEnvironment> environment;
  RuntimeEnvironment::Init init;

  void start(std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    kernel.on_fiber([&](KernelServices& services, CallContext&) {
      auto launch = std::make_shared<RuntimeLaunch>();
      const bool namespaces = processes.hello().layers & layer_process_namespaces;
      launch->code = (folders.root / "code").string();
      launch->layers = (folders.root / "layers").string();
      launch->runtime_folder = (folders.root / "runtime").string();
      launch->arguments = {(namespaces ? "/var/task" : launch->code) + "/bootstrap"};
      launch->working_folder = namespaces ? "/var/task" : launch->code;
      launch->extensions_folder = (namespaces ? "/opt" : launch->layers) + "/extensions";
      launch->memory_bytes = 256 << 20;
      launch->tmp_bytes = 8 << 20;
      launch->function_name = "f";
      launch->function_version = "7";
      launch->handler = "h";
      launch->account = "000000000000";
      if (!namespaces) launch->tmp_parent = folders.root.string();
      environment = std::make_shared<RuntimeEnvironment>(services, processes, launch, "stream",
                                                         [this](std::string_view text, bool) {
                                                           log.append(text);
                                                           if (log.back() != '\n') log += '\n';
                                                         });
      auto started = environment->start({{"PATH", "/usr/bin:/bin"}}, std::chrono::steady_clock::now() + limit);
      if (!started) throw std::runtime_error(started.error().message);
      init = *started;
    });
  }
  RuntimeEnvironment::Answer invoke(std::string_view script,
                                    std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    RuntimeEnvironment::Answer answer;
    kernel.on_fiber([&](KernelServices&, CallContext&) {
      const auto deadline = std::chrono::steady_clock::now() + limit;
      answer = environment->invoke({.event = script,
                                    .client_context = {},
                                    .request_id = "8a2b8c1e-0000-4000-8000-000000000001",
                                    .trace_id = "Root=1",
                                    .function_arn = "arn:f",
                                    .deadline = deadline,
                                    .deadline_ms = 12345,
                                    .sink = nullptr});
      environment->settle(deadline);
      environment->drain();
    });
    return answer;
  }
  void close(std::string_view reason) {
    kernel.on_fiber([&](KernelServices& services, CallContext&) {
      environment->close(reason);
      // Its extensions get two seconds; they need less.
      for (int i = 0; i < 300 && !environment->gone(); ++i)
        services.io.sleep_until(std::chrono::steady_clock::now() + std::chrono::milliseconds(10));
    });
  }
  ~Running() {
    if (environment) close("spindown");
    // On its loop: it owns descriptors there.
    kernel.on_fiber([&](KernelServices&, CallContext&) { environment.reset(); });
  }
};

using Kind = RuntimeEnvironment::Answer::Kind;

}  // namespace

TEST_CASE("external extensions register before the runtime begins, see invocations and the end") {
  Running running;
  running.folders.program("code/bootstrap", bootstrap);
  running.folders.program("layers/extensions/watch.sh", extension);
  running.start();
  REQUIRE(running.init.kind == RuntimeEnvironment::Init::Kind::ready);
  const auto begun = running.log.find("extension begins");
  REQUIRE(begun != std::string::npos);
  CHECK(begun < running.log.find("runtime begins"));
  CHECK(running.log.find(R"(extension registered {"functionName":"f","functionVersion":"7","handler":"h"})") !=
        std::string::npos);

  const auto answer = running.invoke("echo '\"hello\"'");
  CHECK(answer.kind == Kind::answer);
  CHECK(answer.body == "\"hello\"");
  CHECK(running.log.find(R"("eventType":"INVOKE","deadlineMs":12345,)"
                         R"("requestId":"8a2b8c1e-0000-4000-8000-000000000001","invokedFunctionArn":"arn:f",)") !=
        std::string::npos);
  running.close("timeout");
  CHECK(running.log.find(R"({"eventType":"SHUTDOWN","shutdownReason":"timeout","deadlineMs":)") != std::string::npos);
}

TEST_CASE("an extension that does not register holds the init phase until its deadline") {
  Running running;
  running.folders.program("code/bootstrap", bootstrap);
  running.folders.program("layers/extensions/lazy", "#!/bin/sh\nsleep 100\n");
  running.start(std::chrono::milliseconds(300));
  CHECK(running.init.kind == RuntimeEnvironment::Init::Kind::timed_out);
  CHECK(running.log.find("runtime begins") == std::string::npos);
}

TEST_CASE("an extension that ends during init fails it") {
  Running running;
  running.folders.program("code/bootstrap", bootstrap);
  running.folders.program("layers/extensions/crash", "#!/bin/sh\nexit 3\n");
  running.start();
  CHECK(running.init.kind == RuntimeEnvironment::Init::Kind::failed);
  CHECK(running.init.error_type == "Extension.Crash");
}

TEST_CASE("the API refuses what AWS refuses") {
  Running running;
  running.folders.program("code/bootstrap", bootstrap);
  running.start();
  REQUIRE(running.init.kind == RuntimeEnvironment::Init::Kind::ready);
  const auto status = [&](const std::string& words) {
    return running.invoke("curl -s -o /dev/null -w '%{http_code}' \"http://$AWS_LAMBDA_RUNTIME_API" + words).body;
  };
  CHECK(status("/2018-06-01/runtime/invocation/nobody/response\" -d 1") == "400");
  CHECK(status("/2018-06-01/runtime/init/error\" -d '{}'") == "403");
  CHECK(status("/2018-06-01/runtime/invocation/next\"") == "403");  // The invocation has no response yet.
  CHECK(status("/2020-01-01/extension/register\" -H 'Lambda-Extension-Name: late' -d '{}'") == "403");
  CHECK(status("/2020-01-01/extension/event/next\" -H 'Lambda-Extension-Identifier: x'") == "403");
  CHECK(status("/2022-07-01/telemetry\" -X PUT -d '{}'") == "501");
  CHECK(status("/other\"") == "404");
  // Twice, as long as the first has not been done with, and behind it.
  const auto answer = running.invoke(
      "u=\"http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/8a2b8c1e-0000-4000-8000-000000000001\"; "
      "a=$(curl -s -o /dev/null -w '%{http_code}' \"$u/response\" -d mine); "
      "b=$(curl -s -o /dev/null -w '%{http_code}' \"$u/response\" -d again); echo \"$a $b\" >&2");
  CHECK(answer.body == "mine");
  CHECK(running.log.find("202 400") != std::string::npos);
}

TEST_CASE("only an environment's own processes reach its API") {
  Running running;
  running.folders.program("code/bootstrap", bootstrap);
  running.start();
  const auto address = running.invoke("echo $AWS_LAMBDA_RUNTIME_API").body;
  const auto command =
      "curl -s -o /dev/null -w '%{http_code}' http://" + address + "/2018-06-01/runtime/invocation/next";
  FILE* pipe = popen(command.c_str(), "r");
  char text[8] = {};
  REQUIRE(fgets(text, sizeof text, pipe));
  pclose(pipe);
  CHECK(std::string(text) == "403");
  CHECK(running.invoke("echo 1").body == "1");
}

TEST_CASE("what the processes of an environment use is limited together") {
  Running running;
  running.folders.program("code/bootstrap", bootstrap);
  running.start();
  const auto answer = running.invoke("python3 -c 'a = bytearray(400 << 20); import time; time.sleep(60)'");
  CHECK(answer.kind == Kind::out_of_memory);
}

TEST_CASE("a spawner that has died is replaced") {
  Running running;
  running.folders.program("code/bootstrap", bootstrap);
  running.start();
  CHECK(running.invoke("echo 1").body == "1");
  const auto before = running.processes.spawner();
  REQUIRE(kill(before, SIGKILL) == 0);
  CHECK(running.invoke("echo 2").body == "2");  // Who runs already is not its child.
  running.close("spindown");
  running.start();
  CHECK(running.init.kind == RuntimeEnvironment::Init::Kind::ready);
  CHECK(running.invoke("echo 3").body == "3");
  CHECK(running.processes.spawner() != before);
}

TEST_CASE("zips are unpacked below their folder, and refused otherwise") {
  const Folders folders;
  std::uint64_t bytes = 0;
  const auto unpack = [&](const std::vector<support::Entry>& entries) {
    std::ofstream(folders.root / "x.zip", std::ios::binary) << support::zip(entries);
    return unpack_zip(folders.root / "x.zip", folders.root / "code", bytes);
  };
  REQUIRE(unpack({{"a/b.txt", "one"}, {"c", "two"}}).ok());
  REQUIRE(unpack({{"a/b.txt", "three"}}).ok());  // A later layer.
  std::ifstream file(folders.root / "code/a/b.txt");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  CHECK(text == "three");
  CHECK(bytes == 11);
  for (const auto& entries : std::vector<std::vector<support::Entry>>{{{"../x", "1"}},
                                                                      {{"/x", "1"}},
                                                                      {{"a/../../x", "1"}},
                                                                      {{"x", "", "/etc/passwd"}},
                                                                      {{"c/d", "1"}},
                                                                      {{"a", "1"}}})
    CHECK(unpack(entries).error().code == "InvalidParameterValueException");
  CHECK_FALSE(fs::exists(folders.root / "x"));
  bytes = unpacked_bytes_max - 2;
  CHECK(unpack({{"big", "123"}}).error().message == "Unzipped size must be smaller than 262144000 bytes");
}

TEST_CASE("Lambda's own lines, as text and as JSON") {
  const Time now{1'798'761'600'123};
  const auto text = platform_log_format("Text", "INFO");
  CHECK(init_start_line(text, now, "nodejs20.x")
            .starts_with("INIT_START Runtime Version: nodejs:20.v1\tRuntime Version ARN: "));
  CHECK(init_report_line(text, now, "init", "error", "Runtime.Unknown", 236'610) ==
        "INIT_REPORT Init Duration: 236.61 ms\tPhase: init\tStatus: error\tError Type: Runtime.Unknown");
  CHECK(start_line(text, now, "id", "$LATEST") == "START RequestId: id Version: $LATEST");
  CHECK(timeout_line(now, "id", 3) == "2027-01-01T00:00:00.123Z id Task timed out after 3.00 seconds");
  InvocationReport report{.request_id = "id",
                          .duration_us = 3'201,
                          .init_us = 100'000,
                          .with_init = true,
                          .memory_mb = 128,
                          .memory_used_bytes = 5 << 20,
                          .status = {},
                          .error_type = {}};
  CHECK(report_lines(text, now, report) ==
        "END RequestId: id\nREPORT RequestId: id\tDuration: 3.21 ms\tBilled Duration: 104 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 5 MB\tInit Duration: 100.00 ms\t");
  const auto json = platform_log_format("JSON", "INFO");
  CHECK(
      start_line(json, now, "id", "$LATEST") ==
      R"({"time":"2027-01-01T00:00:00.123Z","type":"platform.start","record":{"requestId":"id","version":"$LATEST"}})");
  const auto parsed = parse_json(report_lines(json, now, report));
  REQUIRE(parsed.ok());
  CHECK((*parsed)["type"].string() == "platform.report");
  CHECK((*parsed)["record"]["status"].string() == "success");
  CHECK((*parsed)["record"]["metrics"]["billedDurationMs"].integer() == 104);
  const auto quiet = platform_log_format("JSON", "WARN");
  CHECK(start_line(quiet, now, "id", "1").empty());
  CHECK(report_lines(quiet, now, report).empty());
  report.status = "error";
  CHECK_FALSE(report_lines(quiet, now, report).empty());
}
