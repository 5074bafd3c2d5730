// What one environment tells its extensions, and how its runtime is restored.
#include "runtimes/telemetry.hpp"

#include "running_environment.hpp"

using namespace running;

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
    CHECK(
        running.log.find("RESTORE_START Runtime Version: provided.al:2023.v1\tRuntime Version ARN: arn:aws:lambda:") !=
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
