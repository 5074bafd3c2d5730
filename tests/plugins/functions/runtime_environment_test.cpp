// One environment by itself: extensions, layers, the API's refusals, what is left behind.
#include "runtimes/runtime_environment.hpp"

#include <signal.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "runtimes/platform_log.hpp"
#include "runtimes/telemetry.hpp"
#include "runtimes/unpack.hpp"
#include "support.hpp"

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

// Is restored before it asks for work, and says so; FAIL: that it cannot go on.
constexpr auto restored_bootstrap = R"sh(#!/bin/sh
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

// Subscribes as WISH says, listens, and says at the end what it was told.
constexpr auto telemetry_extension = R"py(#!/usr/bin/python3
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

TEST_CASE("a runtime that waits for work hears of the end where an extension does") {
  const auto [program, file, code] = GENERATE(table<std::string, std::string, std::string>(
      {{"/usr/bin/node", "code/main.js",
        "process.on('SIGTERM', () => { console.log('good', 'bye'); process.exit(0); });"
        "exports.handler = async (event) => event + 1;"},
       {"/usr/bin/python3", "code/main.py",
        "import signal, sys\n"
        "def end(*_):\n  print('good bye', flush=True)\n  sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "def handler(event, context): return event + 1\n"}}));
  if (!fs::exists(program)) {
    WARN("not tested: no " << program);
    return;
  }
  Running running;
  running.interpreter = program;
  running.folders.program(file, code);
  running.folders.program("layers/extensions/watch.sh", extension);
  running.start();
  REQUIRE(running.init.kind == RuntimeEnvironment::Init::Kind::ready);
  CHECK(running.invoke("41").body == "42");
  CHECK(running.invoke("1").body == "2");
  running.close("spindown");
  CAPTURE(running.log, program);
  CHECK(running.log.find("good bye") != std::string::npos);
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
  CHECK(running.init.json == R"({"errorType":"Extension.Crash","errorMessage":"Error: exit status 3"})");
}

TEST_CASE("an extension that is no program fails the init phase") {
  Running running;
  running.folders.program("code/bootstrap", bootstrap);
  running.folders.program("layers/extensions/text", "no program at all");
  running.start();
  CHECK(running.init.kind == RuntimeEnvironment::Init::Kind::failed);
  CHECK(running.init.error_type == "Extension.LaunchError");
  CHECK(running.init.json.find("/extensions/text: Exec format error") != std::string::npos);
}

TEST_CASE("an extension is told what it has subscribed to") {
  Running running;
  if (!running.has_namespaces()) {
    WARN("not tested: this machine gives processes no namespaces, so nobody can listen at sandbox.localdomain");
    return;
  }
  running.folders.program("code/bootstrap", bootstrap);
  running.folders.program("layers/extensions/listen.py", telemetry_extension);
  const auto types_told = [&] {
    std::string types;
    for (const auto& each : running.told()) types += each["type"].string() + " ";
    return types;
  };
  const auto run = [&](const std::string& path, const std::string& wish) {
    running.variables.emplace_back("WISH_PATH", path);
    running.variables.emplace_back("WISH", wish);
    running.start();
    REQUIRE(running.init.kind == RuntimeEnvironment::Init::Kind::ready);
    CHECK(running.invoke("echo said this >&2; echo hello").body == "hello");
    running.close("spindown");
  };
  SECTION("over HTTP") {
    run("/2022-07-01/telemetry", R"({"schemaVersion":"2022-12-13","types":["platform","function","extension"],
      "buffering":{"timeoutMs":25},"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:4243/here"}})");
    CHECK(
        running.log.find(R"(subscribed 400 {"errorMessage":"schemaVersion is not supported; destination should not be )"
                         R"(empty; types should not be empty","errorType":"ValidationError"})") != std::string::npos);
    CHECK(running.log.find("subscribed 200 \"OK\"") != std::string::npos);
    CHECK(running.log.find("late {\"errorMessage\":\"Telemetry API subscription is closed already\",\"errorType\":"
                           "\"Telemetry.SubscriptionClosed\"}") != std::string::npos);
    // Nobody is told twice, though it subscribed twice.
    const auto told = running.told();
    REQUIRE(told.size() > 8);
    CHECK(told[0]["type"].string() == "platform.initStart");
    CHECK(told[0]["record"]["runtimeVersion"].string() == "provided.al:2023.v1");
    const auto all = types_told();
    CHECK(all.find("platform.initRuntimeDone platform.extension platform.initReport platform.start ") !=
          std::string::npos);
    CHECK(all.find("platform.runtimeDone ") != std::string::npos);
    CHECK(all.find("platform.end") == std::string::npos);
    const auto record = [&](const std::string& type, std::size_t number = 0) {
      for (const auto& each : told)
        if (each["type"].string() == type && number-- == 0) return each["record"];
      return Value();
    };
    CHECK(record("function") == Value("runtime begins"));
    CHECK(record("function", 1) == Value("said this"));
    CHECK(record("extension").string().starts_with("subscribed 400"));
    CHECK(record("platform.extension")["events"] == Value(List{"INVOKE", "SHUTDOWN"}));
    CHECK(record("platform.telemetrySubscription")["types"] == Value(List{"platform", "function", "extension"}));
    CHECK(record("platform.start")["requestId"].string() == "8a2b8c1e-0000-4000-8000-000000000001");
    CHECK(record("platform.start")["tracing"]["value"].string() == "Root=1");
    CHECK(record("platform.runtimeDone")["status"].string() == "success");
    CHECK(record("platform.runtimeDone")["metrics"]["producedBytes"].integer() == 5);
    // And the log says who listens, as Lambda's does.
    CHECK(running.log.find("TELEMETRY\tName: listen.py\tState: Subscribed\tTypes: [Platform, Function, Extension]\n") !=
          std::string::npos);
    CHECK(running.log.find("EXTENSION\tName: listen.py\tState: Ready\tEvents: [INVOKE,SHUTDOWN]\n") !=
          std::string::npos);
  }
  SECTION("of a restore") {
    running.folders.program("code/bootstrap", restored_bootstrap);
    running.snap_starts = true;
    running.variables.emplace_back("WISH_PATH", "/2022-07-01/telemetry");
    running.variables.emplace_back("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start");
    running.variables.emplace_back("WISH", R"({"schemaVersion":"2022-12-13","types":["platform"],
      "buffering":{"timeoutMs":25},"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:4243/"}})");
    running.start();
    REQUIRE(running.init.kind == RuntimeEnvironment::Init::Kind::ready);
    CHECK(running.log.find("restored") == std::string::npos);
    REQUIRE(running.restore().kind == RuntimeEnvironment::Init::Kind::ready);
    CHECK(running.invoke("echo hello").body == "hello");
    running.close("spindown");
    CHECK(types_told().find("platform.initReport platform.restoreStart platform.restoreRuntimeDone "
                            "platform.restoreReport platform.start ") != std::string::npos);
    for (const auto& each : running.told()) {
      const auto &type = each["type"].string(), &status = each["record"]["status"].string_or("");
      if (type == "platform.initReport") CHECK(each["record"]["initializationType"].string() == "snap-start");
      if (type == "platform.restoreStart") CHECK(each["record"]["functionVersion"].string() == "7");
      if (type == "platform.restoreRuntimeDone") CHECK(status == "success");
      if (type == "platform.restoreReport") CHECK(each["record"]["metrics"]["durationMs"].number() > 0);
    }
  }
  SECTION("of an end that nobody wanted, by the older API") {
    running.variables.emplace_back("WISH_PATH", "/2020-08-15/logs");
    running.variables.emplace_back("WISH", R"({"types":["platform"],"buffering":{"timeoutMs":25},
      "destination":{"protocol":"TCP","port":4243}})");
    running.start();
    CHECK(running.invoke("kill $PPID; sleep 1").kind == Kind::exited);
    running.close("failure");
    Value fault;
    for (const auto& each : running.told())
      if (each["type"].string() == "platform.fault") fault = each["record"];
    CHECK(fault == Value("RequestId: 8a2b8c1e-0000-4000-8000-000000000001 Process exited before completing request"));
  }
  SECTION("over TCP, by the older API") {
    running.log_format = platform_log_format("JSON", "INFO");
    run("/2020-08-15/logs", R"({"types":["platform","function"],"buffering":{"timeoutMs":25},
      "destination":{"protocol":"TCP","port":4243}})");
    CHECK(running.log.find("\"errorType\":\"Logs.ValidationError\"") != std::string::npos);
    CHECK(running.log.find("other 403") != std::string::npos);
    const auto all = types_told();
    INFO(all);
    CHECK(all.find("platform.extension platform.start function platform.end ") != std::string::npos);
    CHECK(all.find("platform.init") == std::string::npos);
    CHECK(all.find("platform.runtimeDone") == std::string::npos);
    CHECK(
        running.log.find(R"("type":"platform.logsSubscription","record":{"name":"listen.py","state":"Subscribed",)") !=
        std::string::npos);
  }
}

TEST_CASE("a runtime that starts from a snapshot is restored behind its init phase") {
  Running running;
  running.folders.program("code/bootstrap", restored_bootstrap);
  running.snap_starts = true;
  SECTION("and then asks for work") {
    running.start();
    REQUIRE(running.init.kind == RuntimeEnvironment::Init::Kind::ready);
    CHECK(running.log.find("before the snapshot") != std::string::npos);
    CHECK(running.log.find("restored") == std::string::npos);
    REQUIRE(running.restore().kind == RuntimeEnvironment::Init::Kind::ready);
    CHECK(running.log.find("RESTORE_START Runtime Version: provided.al:2023.v1\tRuntime Version ARN: arn:aws:lambda:") !=
          std::string::npos);
    CHECK(running.log.find("restored 200") != std::string::npos);
    CHECK(running.log.find("RESTORE_REPORT Restore Duration: ") != std::string::npos);
    CHECK(running.log.find("Status:") == std::string::npos);
    CHECK(running.invoke("echo hello").body == "hello");
  }
  SECTION("and may say that it cannot go on") {
    running.variables.emplace_back("FAIL", "1");
    running.start();
    const auto outcome = running.restore();
    CHECK(outcome.kind == RuntimeEnvironment::Init::Kind::failed);
    CHECK(outcome.error_type == "Runtime.AfterRestoreError");
    CHECK(running.log.find("\tStatus: error\tError Type: Runtime.AfterRestoreError") != std::string::npos);
  }
  SECTION("and has its time") {
    running.variables.emplace_back("HANG", "1");
    running.start();
    CHECK(running.restore(std::chrono::milliseconds(300)).kind == RuntimeEnvironment::Init::Kind::timed_out);
    CHECK(running.log.find("\tStatus: timeout\n") != std::string::npos);
  }
}

TEST_CASE("a runtime that does not start from a snapshot has nothing to restore") {
  Running running;
  running.folders.program("code/bootstrap", restored_bootstrap);
  running.start();
  CHECK(running.init.kind == RuntimeEnvironment::Init::Kind::ready);
  CHECK(running.log.find("restored 404") != std::string::npos);
}

TEST_CASE("subscriptions say what they want, in bounds") {
  const auto parse = [](const std::string& more, const std::string& uri = "http://sandbox:1/x") {
    return parse_subscription(
        R"({"schemaVersion":"2022-07-01","types":["function"],"destination":{"protocol":"HTTP","URI":")" + uri + "\"}" +
            more + "}",
        false);
  };
  const auto good = parse(R"(,"buffering":{"maxItems":1000,"maxBytes":1048576,"timeoutMs":30000})");
  REQUIRE(good.ok());
  CHECK(good->items_max == 1000);
  CHECK(good->bytes_max == 1048576);
  CHECK(good->age_max == std::chrono::seconds(30));
  CHECK(good->port == 1);
  CHECK(good->path == "/x");
  CHECK(good->types() == List{"function"});
  CHECK(parse("")->age_max == std::chrono::seconds(1));
  for (const char* buffering : {R"("maxItems":999)", R"("maxItems":10001)", R"("maxBytes":262143)", R"("timeoutMs":24)",
                                R"("timeoutMs":30001)", R"("timeoutMs":"x")", R"("maxItems":[])"})
    CHECK(parse(",\"buffering\":{" + std::string(buffering) + "}").error().code == "ValidationError");
  CHECK(parse("", "http://sandbox.localdomain/").error().message == "URI port is not provided");
  for (const char* uri :
       {"https://sandbox:1", "http://127.0.0.1:1", "http://example.com:80", "http://sandbox:0", "http://sandbox:65536",
        "http://sandbox:9001", "http://sandbox:1/a b", "http://sandbox:1/\\n"})
    CHECK_FALSE(parse("", uri).ok());
  for (const char* body : {"[", "[]", "1", R"({"schemaVersion":1,"destination":[],"types":{}})",
                           R"({"schemaVersion":"2022-07-01","types":[1],"destination":{"protocol":1,"URI":1}})"})
    CHECK_FALSE(parse_subscription(body, false).ok());
  CHECK_FALSE(parse_subscription(
                  R"({"schemaVersion":"2022-07-01","types":["all"],"destination":{"protocol":"TCP","port":1}})", false)
                  .ok());
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
  CHECK(status("/2022-07-01/telemetry\" -X PUT -d '{}'") == "403");  // Who asks is no extension.
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
  CHECK(init_start_line(text, now, "on-demand", "nodejs20.x")
            .starts_with("INIT_START Runtime Version: nodejs:20.v1\tRuntime Version ARN: "));
  CHECK(init_report_line(text, now, {"on-demand", "init", "error", "Runtime.Unknown", 236'610}) ==
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
