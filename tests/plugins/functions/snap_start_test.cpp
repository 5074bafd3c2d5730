// SnapStart: which functions have it, what their versions say, and the hooks around a snapshot.
#include <catch2/catch.hpp>
#include <moonbase/hash.hpp>

#include "support.hpp"

using namespace support;
using moonbase::List;
using moonbase::Map;
using moonbase::Value;
using moonbase::testing::TestKernel;

namespace {

constexpr auto hooked = R"py(import os
from snapshot_restore_py import register_before_snapshot, register_after_restore
steps = ["load"]
@register_before_snapshot
def first():
    steps.append("before-1")
@register_before_snapshot
def second():
    steps.append("before-2")
register_after_restore(steps.append, "after-1")
@register_after_restore
def last():
    if os.environ.get("FAIL"): raise ValueError("no lamps")
    steps.append("after-2")
def handler(event, context):
    return {"steps": steps, "type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]}
)py";

struct Platform {
  TestKernel kernel{"lambda", functions};

  static Map python(Map more = {}) {
    Map input = function("f", "",
                         {{"Runtime", "python3.12"},
                          {"Handler", "index.handler"},
                          {"Timeout", 10},
                          {"Publish", true},
                          {"SnapStart", Map{{"ApplyOn", "PublishedVersions"}}},
                          {"Code", Map{{"ZipFile", zip({{"index.py", hooked}})}}}});
    for (auto& [key, value] : more) input.set(key, value);
    return input;
  }
  std::string refused(Map more) { return kernel.error("CreateFunction", python(std::move(more))).message; }
  Value snap_start(const char* qualifier) {
    return kernel.call("GetFunctionConfiguration", {{"FunctionName", "f"}, {"Qualifier", qualifier}})["SnapStart"];
  }
};

}  // namespace

TEST_CASE_METHOD(Platform, "versions of a function with SnapStart say so, its latest state does not") {
  kernel.call("CreateFunction", python());
  CHECK(snap_start("$LATEST") == Value(Map{{"ApplyOn", "PublishedVersions"}, {"OptimizationStatus", "Off"}}));
  CHECK(snap_start("1") == Value(Map{{"ApplyOn", "PublishedVersions"}, {"OptimizationStatus", "On"}}));
  kernel.call("UpdateFunctionConfiguration", {{"FunctionName", "f"}, {"SnapStart", Map{{"ApplyOn", "None"}}}});
  kernel.call("PublishVersion", {{"FunctionName", "f"}});
  CHECK(snap_start("2") == Value(Map{{"ApplyOn", "None"}, {"OptimizationStatus", "Off"}}));
  CHECK(snap_start("1")["OptimizationStatus"].string() == "On");
}

TEST_CASE_METHOD(Platform, "SnapStart is refused where Lambda has none") {
  for (const char* runtime : {"nodejs22.x", "python3.11", "provided.al2023"})
    CHECK(refused({{"Runtime", runtime}}) ==
          std::string(runtime) + " is not supported for SnapStart enabled functions.");
  CHECK(refused({{"EphemeralStorage", Map{{"Size", 513}}}})
            .ends_with("is not supported for SnapStart enabled functions."));
  kernel.call("CreateFunction", python());
  CHECK(kernel.error("UpdateFunctionConfiguration", {{"FunctionName", "f"}, {"Runtime", "python3.10"}}).message ==
        "python3.10 is not supported for SnapStart enabled functions.");
  CHECK(kernel
            .error("PutProvisionedConcurrencyConfig",
                   {{"FunctionName", "f"}, {"Qualifier", "1"}, {"ProvisionedConcurrentExecutions", 1}})
            .message == "Provisioned Concurrency is not supported for SnapStart enabled functions.");
  // Always from a snapshot of their own.
  kernel.call("CreateFunction", function("l", "function handler() return 1 end",
                                         {{"SnapStart", Map{{"ApplyOn", "PublishedVersions"}}}, {"Publish", true}}));
  CHECK(invoke(kernel, "l:1") == Value(1));
}

TEST_CASE_METHOD(Platform, "hooks run around the snapshot, of a version only") {
  kernel.call("CreateFunction", python());
  const auto latest = invoke(kernel, "f");
  CHECK(latest["type"].string() == "on-demand");
  CHECK(latest["steps"] == Value(List{"load"}));
  const auto output = kernel.call("Invoke", {{"FunctionName", "f:1"}, {"LogType", "Tail"}, {"Payload", "{}"}});
  CHECK(payload(output)["type"].string() == "snap-start");
  CHECK(payload(output)["steps"] == Value(List{"load", "before-2", "before-1", "after-1", "after-2"}));
  const auto log = *moonbase::from_base64(output["LogResult"].string());
  INFO(log);
  const auto at = [&](const char* text) { return log.find(text); };
  CHECK(at("INIT_START Runtime Version: python:3.12.v1") < at("INIT_REPORT Init Duration: "));
  CHECK(at("INIT_REPORT Init Duration: ") < at("RESTORE_START Runtime Version: python:3.12.v1"));
  CHECK(at("RESTORE_START ") < at("RESTORE_REPORT Restore Duration: "));
  CHECK(at("RESTORE_REPORT ") < at("START RequestId: "));
  CHECK(at("\tRestore Duration: ") != log.npos);
  CHECK(at(" ms\tBilled Restore Duration: ") != log.npos);
  const auto warm = kernel.call("Invoke", {{"FunctionName", "f:1"}, {"LogType", "Tail"}, {"Payload", "{}"}});
  CHECK(moonbase::from_base64(warm["LogResult"].string())->find("Restore") == std::string::npos);
}

TEST_CASE_METHOD(Platform, "a hook that fails behind the restore fails the call, and the next one tries again") {
  kernel.call("CreateFunction", python({{"Environment", Map{{"Variables", Map{{"FAIL", "1"}}}}}}));
  for (int round = 0; round < 2; ++round) {
    const auto error = kernel.error("Invoke", {{"FunctionName", "f:1"}});
    CHECK(error.code == "SnapStartException");
    CHECK(error.status == 400);
  }
  const auto lines =
      *kernel.try_call("logs", "FilterLogEvents",
                       {{"logGroupName", "/aws/lambda/f"}, {"filterPattern", "\"Runtime.AfterRestoreError\""}});
  const auto text = moonbase::to_json(lines["events"]);
  CHECK(text.find("[ERROR] Runtime.AfterRestoreError: no lamps") != std::string::npos);
  CHECK(text.find("Status: error\\tError Type: Runtime.AfterRestoreError") != std::string::npos);
}

TEST_CASE_METHOD(Platform, "a restore is told in JSON") {
  kernel.call("CreateFunction", python({{"LoggingConfig", Map{{"LogFormat", "JSON"}, {"SystemLogLevel", "DEBUG"}}}}));
  const auto output = kernel.call("Invoke", {{"FunctionName", "f:1"}, {"LogType", "Tail"}, {"Payload", "{}"}});
  const auto lines = *kernel.try_call("logs", "FilterLogEvents", {{"logGroupName", "/aws/lambda/f"}});
  std::string types;
  Value restore, report;
  for (const auto& event : lines["events"].list()) {
    const auto line = moonbase::parse_json(event["message"].string());
    if (!line || !(*line)["type"].is_string()) continue;
    types += (*line)["type"].string() + " ";
    if ((*line)["type"].string() == "platform.restoreReport") restore = (*line)["record"];
    if ((*line)["type"].string() == "platform.report") report = (*line)["record"];
    if ((*line)["type"].string().starts_with("platform.init"))
      CHECK((*line)["record"]["initializationType"].string() == "snap-start");
  }
  INFO(types);
  CHECK(types.find("platform.initStart platform.initRuntimeDone platform.initReport platform.restoreStart "
                   "platform.restoreRuntimeDone platform.restoreReport platform.start ") != std::string::npos);
  CHECK(restore["status"].string() == "success");
  CHECK(report["metrics"]["restoreDurationMs"].number() > 0);
  CHECK(report["metrics"]["initDurationMs"].is_null());
}
