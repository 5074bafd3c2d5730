// One environment by itself: extensions, layers, the API's refusals, what is left behind.
#include "running_environment.hpp"
#include "runtimes/unpack.hpp"

using namespace running;

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
