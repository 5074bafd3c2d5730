// One environment by itself, of programs that a test writes, on a kernel's fiber.
#pragma once

#include <signal.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "runtimes/platform_log.hpp"
#include "runtimes/runtime_environment.hpp"
#include "support.hpp"

namespace running {

using namespace moonbase;
using namespace moonbase::functions;
using moonbase::testing::TestKernel;
namespace fs = std::filesystem;

inline std::string environment_program() {
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

inline constexpr auto bootstrap = R"sh(#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
echo "runtime begins"
while :; do
  event=$(curl -sS -D "${TMPDIR:-/tmp}/head" "$api/invocation/next")
  id=$(sed -n 's/^Lambda-Runtime-Aws-Request-Id: *\([0-9a-f-]*\).*/\1/ip' "${TMPDIR:-/tmp}/head")
  answer=$(sh -c "$event")
  curl -s -o /dev/null "$api/invocation/$id/response" --data-binary "$answer"
done
)sh";

// Is restored before it asks for work, and says so; FAIL: that it cannot go on.
inline constexpr auto restored_bootstrap = R"sh(#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
echo "before the snapshot"
echo "restored $(curl -s -o /dev/null -w '%{http_code}' "$api/restore/next")"
if [ -n "$FAIL" ]; then
  curl -s -o /dev/null "$api/restore/error" -H 'Lambda-Runtime-Function-Error-Type: Runtime.AfterRestoreError' -d '{}'
  exit 1
fi
[ -n "$HANG" ] && sleep 60
while :; do
  event=$(curl -sS -D "${TMPDIR:-/tmp}/head" "$api/invocation/next")
  id=$(sed -n 's/^Lambda-Runtime-Aws-Request-Id: *\([0-9a-f-]*\).*/\1/ip' "${TMPDIR:-/tmp}/head")
  curl -s -o /dev/null "$api/invocation/$id/response" --data-binary "$(sh -c "$event")"
done
)sh";

inline constexpr auto extension = R"sh(#!/bin/sh
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

// Subscribes as WISH says, listens, and says at the end what it was told.
inline constexpr auto telemetry_extension = R"py(#!/usr/bin/python3
import http.client, http.server, json, os, socketserver, sys, threading, time
wish = json.loads(os.environ["WISH"])
got, address = [], ("sandbox.localdomain", 4243)
class Post(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        got.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()
    def log_message(self, *ignored): pass
class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile: got.append(json.loads(line))
server = (http.server.ThreadingHTTPServer(address, Post) if wish["destination"]["protocol"] == "HTTP"
          else socketserver.ThreadingTCPServer(address, Lines))
threading.Thread(target=server.serve_forever, daemon=True).start()
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def call(method, path, body=None, headers={}):
    api.request(method, path, None if body is None else json.dumps(body), headers)
    answer = api.getresponse()
    return answer.status, answer.headers, answer.read().decode()
_, head, _ = call("POST", "/2020-01-01/extension/register", {"events": ["INVOKE", "SHUTDOWN"]},
                  {"Lambda-Extension-Name": os.path.basename(sys.argv[0])})
mine = {"Lambda-Extension-Identifier": head["Lambda-Extension-Identifier"]}
path = os.environ["WISH_PATH"]
for body in [{}, wish, wish]:
    status, _, text = call("PUT", path, body, mine)
    print("subscribed", status, text, flush=True)
if path.endswith("logs"): print("other", call("PUT", "/2022-07-01/telemetry", wish, mine)[0], flush=True)
while True:
    _, _, event = call("GET", "/2020-01-01/extension/event/next", None, mine)
    if "SHUTDOWN" in event: break
    print("late", call("PUT", path, wish, mine)[2], flush=True)
# What came over TCP is in the socket by now; another thread reads it.
for _ in range(150):
    if wish["destination"]["protocol"] == "HTTP" or any(each["type"] == "platform.end" for each in got): break
    time.sleep(0.01)
for each in got: print("GOT", json.dumps(each), flush=True)
)py";

// An environment of /bin/sh on a kernel's fiber.
struct Running {
  Folders folders;
  // Outlive the kernel, whose fibers use them to the end.
  std::string log;
  Processes processes{environment_program()};
  TestKernel kernel{"lambda", support::functions};
  std::shared_ptr<RuntimeEnvironment> environment;
  RuntimeEnvironment::Init init;
  std::vector<std::pair<std::string, std::string>> variables{{"PATH", "/usr/bin:/bin"}};
  PlatformLogFormat log_format;
  bool snap_starts = false;
  std::string interpreter;  // Of one of our own bootstraps; empty: code/bootstrap.

  bool has_namespaces() { return (processes.hello().layers & layer_process_namespaces) != 0; }
  // What an extension printed behind "GOT ".
  List told() const {
    List told;
    for (std::string_view rest = log; !rest.empty();) {
      const auto line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      if (line.starts_with("GOT ")) told.push_back(*parse_json(line.substr(4)));
    }
    return told;
  }
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
      launch->runtime = "provided.al2023";
      launch->log_format = log_format;
      if (!interpreter.empty()) run_own_bootstrap(*launch, namespaces);
      if (!namespaces) launch->tmp_parent = folders.root.string();
      environment = std::make_shared<RuntimeEnvironment>(services, processes, launch, "stream",
                                                         [this](std::string_view text, bool) {
                                                           log.append(text);
                                                           if (log.back() != '\n') log += '\n';
                                                         });
      environment->snap_starts = snap_starts;
      auto started = environment->start(variables, std::chrono::steady_clock::now() + limit);
      if (!started) throw std::runtime_error(started.error().message);
      init = *started;
    });
  }
  RuntimeEnvironment::Init restore(std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    RuntimeEnvironment::Init outcome;
    kernel.on_fiber([&](KernelServices&, CallContext&) {
      outcome = environment->restore(std::chrono::steady_clock::now() + limit);
    });
    return outcome;
  }
  void run_own_bootstrap(RuntimeLaunch& launch, bool namespaces) {
    const bool node = interpreter.ends_with("node");
    launch.own_bootstrap = true;
    launch.runtime_folder = MOONBASE_RUNTIMES + std::string(node ? "/node" : "/python");
    const auto own = namespaces ? std::string("/var/runtime") : launch.runtime_folder;
    launch.arguments = {interpreter, own + (node ? "/index.mjs" : "/bootstrap.py")};
    variables.emplace_back("LAMBDA_TASK_ROOT", launch.working_folder);
    variables.emplace_back("_HANDLER", "main.handler");
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

}  // namespace running
