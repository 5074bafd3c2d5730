// Versions, aliases, concurrency, layers.
#include <catch2/catch.hpp>

#include "support.hpp"

using namespace support;
using moonbase::List;
using moonbase::Map;
using moonbase::Value;
using moonbase::testing::TestKernel;

namespace {

const std::string arn = "arn:aws:lambda:us-east-1:000000000000:function:f";

Value update_code(TestKernel& kernel, const std::string& code, Map more = {}) {
  Map input{{"FunctionName", "f"}, {"ZipFile", zip({{"main.lua", code}})}};
  for (auto& [key, value] : more) input.set(key, value);
  return kernel.call("UpdateFunctionCode", std::move(input));
}

std::string say(const std::string& what) { return "function handler() return '" + what + "' end"; }

Value invoke_at(TestKernel& kernel, const std::string& qualifier) {
  return payload(kernel.call("Invoke", {{"FunctionName", "f"}, {"Qualifier", qualifier}}));
}

}  // namespace

TEST_CASE("a version is a snapshot that later updates do not change") {
  TestKernel kernel{"lambda", functions};
  kernel.call("CreateFunction", function("f", say("one")));
  auto version = kernel.call("PublishVersion", {{"FunctionName", "f"}, {"Description", "first"}});
  CHECK(version["Version"].string() == "1");
  CHECK(version["FunctionArn"].string() == arn + ":1");
  CHECK(version["Description"].string() == "first");
  CHECK(kernel.call("PublishVersion", {{"FunctionName", "f"}})["Version"].string() == "1");  // Nothing has changed.

  update_code(kernel, say("two"));
  CHECK(invoke(kernel, "f").string() == "two");
  CHECK(invoke_at(kernel, "$LATEST").string() == "two");
  CHECK(invoke_at(kernel, "1").string() == "one");
  CHECK(invoke(kernel, arn + ":1").string() == "one");
  CHECK(kernel.call("Invoke", {{"FunctionName", "f:1"}})["ExecutedVersion"].string() == "1");
  CHECK(update_code(kernel, say("three"), {{"Publish", true}})["FunctionArn"].string() == arn + ":2");
  CHECK(invoke_at(kernel, "2").string() == "three");
  kernel.restart();
  CHECK(invoke_at(kernel, "1").string() == "one");

  auto page = kernel.call("ListVersionsByFunction", {{"FunctionName", "f"}, {"MaxItems", 2}});
  REQUIRE(page["Versions"].list().size() == 2);
  CHECK(page["Versions"][0]["FunctionArn"].string() == arn + ":$LATEST");
  page = kernel.call("ListVersionsByFunction", {{"FunctionName", "f"}, {"Marker", page["NextMarker"]}});
  REQUIRE(page["Versions"].list().size() == 1);
  CHECK(page["Versions"][0]["Version"].string() == "2");
  CHECK(kernel.call("ListFunctions", {{"FunctionVersion", "ALL"}})["Functions"].list().size() == 3);
  CHECK(kernel.call("ListFunctions")["Functions"].list().size() == 1);

  CHECK(kernel.error("DeleteFunction", {{"FunctionName", "f"}, {"Qualifier", "$LATEST"}}).code ==
        "InvalidParameterValueException");
  kernel.call("DeleteFunction", {{"FunctionName", "f"}, {"Qualifier", "1"}});
  CHECK(kernel.error("Invoke", {{"FunctionName", "f"}, {"Qualifier", "1"}}).code == "ResourceNotFoundException");
  // Numbers are not used again.
  kernel.call("DeleteFunction", {{"FunctionName", "f"}, {"Qualifier", "2"}});
  CHECK(kernel.call("PublishVersion", {{"FunctionName", "f"}})["Version"].string() == "3");
}

TEST_CASE("publishing checks what the caller believes") {
  TestKernel kernel{"lambda", functions};
  const auto made = kernel.call("CreateFunction", function("f", say("one")));
  CHECK(kernel.error("PublishVersion", {{"FunctionName", "f"}, {"RevisionId", "old"}}).code ==
        "PreconditionFailedException");
  CHECK(kernel.error("PublishVersion", {{"FunctionName", "f"}, {"CodeSha256", "abc"}}).message ==
        "CodeSHA256 (abc) is different from current CodeSHA256 in $LATEST (" + made["CodeSha256"].string() +
            "). Please try again with the CodeSHA256 in $LATEST.");
  CHECK(kernel
            .call("PublishVersion", {{"FunctionName", "f"},
                                     {"RevisionId", made["RevisionId"]},
                                     {"CodeSha256", made["CodeSha256"]}})["Version"]
            .string() == "1");
  const auto before = kernel.call("GetFunctionConfiguration", {{"FunctionName", "f"}})["CodeSha256"].string();
  CHECK(update_code(kernel, say("dry"), {{"DryRun", true}})["CodeSha256"].string() != before);
  CHECK(kernel.call("GetFunctionConfiguration", {{"FunctionName", "f"}})["CodeSha256"].string() == before);
  CHECK(invoke(kernel, "f").string() == "one");
}

TEST_CASE("an alias leads to its version, and to a second one as often as its weight says") {
  TestKernel kernel{"lambda", functions};
  kernel.call("CreateFunction", function("f", say("one"), {{"Publish", true}}));
  update_code(kernel, say("two"), {{"Publish", true}});
  const auto made = kernel.call("CreateAlias", {{"FunctionName", "f"}, {"Name", "live"}, {"FunctionVersion", "1"}});
  CHECK(made["AliasArn"].string() == arn + ":live");
  CHECK(kernel.error("CreateAlias", {{"FunctionName", "f"}, {"Name", "live"}, {"FunctionVersion", "1"}}).code ==
        "ResourceConflictException");
  CHECK(kernel.error("CreateAlias", {{"FunctionName", "f"}, {"Name", "7"}, {"FunctionVersion", "1"}}).code ==
        "ValidationException");
  CHECK(kernel.error("CreateAlias", {{"FunctionName", "f"}, {"Name", "x"}, {"FunctionVersion", "9"}}).code ==
        "ResourceNotFoundException");
  CHECK(invoke_at(kernel, "live").string() == "one");
  CHECK(
      kernel.call("GetFunctionConfiguration", {{"FunctionName", "f"}, {"Qualifier", "live"}})["FunctionArn"].string() ==
      arn + ":live");

  const auto routed =
      kernel.call("UpdateAlias", {{"FunctionName", "f"},
                                  {"Name", "live"},
                                  {"RoutingConfig", Map{{"AdditionalVersionWeights", Map{{"2", 0.25}}}}}});
  CHECK(routed["RoutingConfig"]["AdditionalVersionWeights"]["2"].number() == 0.25);
  int second = 0;
  for (int i = 0; i < 400; ++i) second += invoke_at(kernel, "live").string() == "two";
  CHECK(second > 60);
  CHECK(second < 140);
  CHECK(kernel.error("DeleteFunction", {{"FunctionName", "f"}, {"Qualifier", "2"}}).message ==
        "Unable to delete version because the following aliases reference it: [live]");
  const auto weights = [&](Map given, const char* version = "1") {
    return kernel.error("UpdateAlias", {{"FunctionName", "f"},
                                        {"Name", "live"},
                                        {"FunctionVersion", version},
                                        {"RoutingConfig", Map{{"AdditionalVersionWeights", std::move(given)}}}});
  };
  CHECK(weights({{"1", 0.5}}).code == "InvalidParameterValueException");
  CHECK(weights({{"2", 1.5}}).code == "ValidationException");
  CHECK(weights({{"9", 0.5}}).code == "ResourceNotFoundException");
  CHECK(weights({{"2", 0.5}}, "$LATEST").code == "InvalidParameterValueException");
  CHECK(
      kernel.error("UpdateAlias", {{"FunctionName", "f"}, {"Name", "live"}, {"RevisionId", made["RevisionId"]}}).code ==
      "PreconditionFailedException");

  kernel.call("UpdateAlias", {{"FunctionName", "f"},
                              {"Name", "live"},
                              {"FunctionVersion", "2"},
                              {"RoutingConfig", Map{{"AdditionalVersionWeights", Map{}}}}});
  CHECK(invoke_at(kernel, "live").string() == "two");
  CHECK(kernel.call("ListAliases", {{"FunctionName", "f"}, {"FunctionVersion", "1"}})["Aliases"].list().empty());
  kernel.call("DeleteAlias", {{"FunctionName", "f"}, {"Name", "live"}});
  CHECK(kernel.error("GetAlias", {{"FunctionName", "f"}, {"Name", "live"}}).code == "ResourceNotFoundException");
  CHECK(kernel.error("Invoke", {{"FunctionName", "f"}, {"Qualifier", "live"}}).code == "ResourceNotFoundException");
}

TEST_CASE("a handler sees the ARN by which it was invoked") {
  TestKernel kernel{"lambda", functions};
  const std::string told = "function handler(_, ctx) return ctx.invoked_function_arn end";
  kernel.call("CreateFunction", function("f", told, {{"Publish", true}}));
  kernel.call("CreateAlias", {{"FunctionName", "f"}, {"Name", "live"}, {"FunctionVersion", "1"}});
  CHECK(invoke(kernel, "f").string() == arn);
  CHECK(invoke_at(kernel, "1").string() == arn + ":1");
  CHECK(invoke_at(kernel, "live").string() == arn + ":live");
  CHECK(invoke_at(kernel, "$LATEST").string() == arn + ":$LATEST");
  CHECK(invoke(kernel, "f").string() == arn);  // The same environment.
  kernel.call("CreateFunction", function("inline", told, {{"Tags", Map{{"moonbase:inline", "1"}}}, {"Publish", true}}));
  CHECK(invoke(kernel, "inline:1").string() == "arn:aws:lambda:us-east-1:000000000000:function:inline:1");
  kernel.call("CreateFunction", function("program", "",
                                         {{"Runtime", "provided.al2023"},
                                          {"Publish", true},
                                          {"Code", Map{{"ZipFile", zip({{"bootstrap", R"sh(#!/bin/sh
url=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
while true; do
  curl -sSD /tmp/head "$url/next" > /dev/null
  id=$(sed -n 's/^lambda-runtime-aws-request-id: *\([^\r]*\).*/\1/Ip' /tmp/head)
  arn=$(sed -n 's/^lambda-runtime-invoked-function-arn: *\([^\r]*\).*/\1/Ip' /tmp/head)
  curl -sSd "\"$arn\"" "$url/$id/response" > /dev/null
done
)sh"}})}}}}));
  CHECK(invoke(kernel, "program:1").string() == "arn:aws:lambda:us-east-1:000000000000:function:program:1");
  CHECK(invoke(kernel, "program").string() == "arn:aws:lambda:us-east-1:000000000000:function:program");
}

TEST_CASE("settings are kept, shown, and part of what a version is") {
  TestKernel kernel{"lambda", functions};
  const auto made =
      kernel.call("CreateFunction",
                  function("f", say("one"),
                           {{"VpcConfig", Map{{"SubnetIds", List{"subnet-1"}}, {"SecurityGroupIds", List{"sg-1"}}}},
                            {"TracingConfig", Map{{"Mode", "Active"}}},
                            {"EphemeralStorage", Map{{"Size", 1024}}},
                            {"Architectures", List{"arm64"}},
                            {"LoggingConfig", Map{{"LogFormat", "JSON"}, {"LogGroup", "/custom/group"}}},
                            {"DeadLetterConfig", Map{{"TargetArn", "arn:aws:sqs:us-east-1:000000000000:dead"}}}}));
  CHECK(made["VpcConfig"]["SubnetIds"][0].string() == "subnet-1");
  CHECK(made["TracingConfig"]["Mode"].string() == "Active");
  CHECK(made["EphemeralStorage"]["Size"].integer() == 1024);
  CHECK(made["Architectures"][0].string() == "arm64");
  CHECK(made["LoggingConfig"]["ApplicationLogLevel"].string() == "INFO");
  kernel.call("PublishVersion", {{"FunctionName", "f"}});
  const auto changed =
      kernel.call("UpdateFunctionConfiguration",
                  {{"FunctionName", "f"}, {"DeadLetterConfig", Map{{"TargetArn", ""}}}, {"Timeout", 9}});
  CHECK(changed["DeadLetterConfig"].is_null());
  CHECK(changed["Timeout"].integer() == 9);
  CHECK(kernel.call("PublishVersion", {{"FunctionName", "f"}})["Version"].string() == "2");
  const auto first = kernel.call("GetFunctionConfiguration", {{"FunctionName", "f"}, {"Qualifier", "1"}});
  CHECK(first["Timeout"].integer() == 3);
  CHECK(first["DeadLetterConfig"]["TargetArn"].string() == "arn:aws:sqs:us-east-1:000000000000:dead");
  // What it logs goes where it says.
  invoke(kernel, "f");
  CHECK((*kernel.try_call("logs", "FilterLogEvents", {{"logGroupName", "/custom/group"}}))["events"].list().size() ==
        2);  // platform.start and platform.report, since it is JSON.
}

TEST_CASE("reserved concurrency is the function's own, and leaves others 100") {
  TestKernel kernel{"lambda", functions};
  kernel.call("CreateFunction", function("f", say("one")));
  kernel.call("CreateFunction", function("g", say("one")));
  const auto reserve = [&](const char* name, int count) {
    return Map{{"FunctionName", name}, {"ReservedConcurrentExecutions", count}};
  };
  CHECK(
      kernel.error("PutFunctionConcurrency", reserve("f", 901)).message ==
      "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
      "minimum value of [100].");
  invoke(kernel, "f");  // Known before its limit changes.
  kernel.call("PutFunctionConcurrency", reserve("f", 0));
  const auto throttled = kernel.error("Invoke", {{"FunctionName", "f"}});
  CHECK(throttled.code == "TooManyRequestsException");
  CHECK(throttled.status == 429);
  CHECK(throttled.members.find("Reason")->string() == "ReservedFunctionConcurrentInvocationLimitExceeded");
  CHECK(invoke(kernel, "g").string() == "one");
  kernel.call("PutFunctionConcurrency", reserve("f", 900));
  CHECK(kernel.error("PutFunctionConcurrency", reserve("g", 1)).code == "InvalidParameterValueException");
  CHECK(invoke(kernel, "f").string() == "one");
  CHECK(kernel.call("GetFunction", {{"FunctionName", "f"}})["Concurrency"]["ReservedConcurrentExecutions"].integer() ==
        900);
  const auto settings = kernel.call("GetAccountSettings");
  CHECK(settings["AccountLimit"]["UnreservedConcurrentExecutions"].integer() == 100);
  CHECK(settings["AccountLimit"]["ConcurrentExecutions"].integer() == 1000);
  CHECK(settings["AccountUsage"]["FunctionCount"].integer() == 2);
  CHECK(settings["AccountUsage"]["TotalCodeSize"].integer() > 0);
  kernel.call("DeleteFunctionConcurrency", {{"FunctionName", "f"}});
  CHECK(kernel.call("GetFunctionConcurrency", {{"FunctionName", "f"}})["ReservedConcurrentExecutions"].is_null());
  for (const char* name : {"f", "g"}) kernel.call("DeleteFunction", {{"FunctionName", name}});
  CHECK(kernel.call("GetAccountSettings")["AccountUsage"]["TotalCodeSize"].integer() == 0);
}

TEST_CASE("what is not reserved is shared by all, and the invocation beyond it is throttled") {
  TestKernel kernel{"lambda", {.plugins = {"functions", "test_queue"}}};
  kernel.call("CreateFunction",
              function("waits", "function handler(_, ctx) ctx.call('testqueue', 'Wait', {}) end", {{"Timeout", 60}}));
  kernel.call("CreateFunction", function("other", say("one")));
  kernel.call("PutFunctionConcurrency", {{"FunctionName", "other"}, {"ReservedConcurrentExecutions", 900}});
  std::vector<moonbase::Error> refused;
  int ended = 0;
  kernel.on_fiber([&](moonbase::KernelServices& services, moonbase::CallContext& context) {
    moonbase::Signal changed;
    constexpr int unreserved = 100;
    for (int i = 0; i <= unreserved; ++i)
      services.io.spawn([&, own = context] {
        moonbase::Invocation invocation;
        invocation.function = "waits";
        invocation.payload = "{}";
        const auto result = services.functions.invoke(own, std::move(invocation));
        if (!result) refused.push_back(result.error());
        ++ended;
        changed.notify();
      });
    const auto wait_for = [&](int count) {
      for (auto seen = changed.version(); ended < count; seen = changed.version())
        changed.wait(seen, moonbase::Time{INT64_MAX});
    };
    wait_for(1);  // The one for which there is no room; all others wait.
    static_cast<void>(services.services.call(context, "testqueue", "Release", Map{}));
    wait_for(unreserved + 1);
  });
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].code == "TooManyRequestsException");
  CHECK(refused[0].status == 429);
  CHECK(refused[0].members.find("Reason")->string() == "ConcurrentInvocationLimitExceeded");
}

TEST_CASE("runtime management is kept for each version") {
  TestKernel kernel{"lambda", functions};
  kernel.call("CreateFunction", function("f", say("one"), {{"Publish", true}}));
  kernel.call("CreateAlias", {{"FunctionName", "f"}, {"Name", "live"}, {"FunctionVersion", "1"}});
  CHECK(kernel.call("GetRuntimeManagementConfig", {{"FunctionName", "f"}}) ==
        Value(Map{{"UpdateRuntimeOn", "Auto"}, {"FunctionArn", arn + ":$LATEST"}}));
  const auto put = [](Map more) {
    Map input{{"FunctionName", "f"}};
    for (auto& [key, value] : more) input.set(key, value);
    return input;
  };
  const std::string runtime = "arn:aws:lambda:us-east-1::runtime:" + std::string(64, 'a');
  CHECK(kernel.error("PutRuntimeManagementConfig", put({{"UpdateRuntimeOn", "Sometimes"}})).code ==
        "ValidationException");
  CHECK(kernel.error("PutRuntimeManagementConfig", put({{"UpdateRuntimeOn", "Manual"}})).code ==
        "InvalidParameterValueException");
  CHECK(kernel.error("PutRuntimeManagementConfig", put({{"UpdateRuntimeOn", "Auto"}, {"RuntimeVersionArn", runtime}}))
            .code == "InvalidParameterValueException");
  CHECK(kernel.error("PutRuntimeManagementConfig", put({{"UpdateRuntimeOn", "Auto"}, {"Qualifier", "live"}})).code ==
        "InvalidParameterValueException");
  CHECK(kernel.error("PutRuntimeManagementConfig", put({{"UpdateRuntimeOn", "Auto"}, {"Qualifier", "7"}})).code ==
        "ResourceNotFoundException");
  kernel.call("PutRuntimeManagementConfig",
              put({{"UpdateRuntimeOn", "Manual"}, {"RuntimeVersionArn", runtime}, {"Qualifier", "1"}}));
  CHECK(kernel.call("GetRuntimeManagementConfig", put({{"Qualifier", "1"}}))["RuntimeVersionArn"].string() == runtime);
  CHECK(kernel.call("GetRuntimeManagementConfig", put({}))["UpdateRuntimeOn"].string() == "Auto");
  kernel.call("PutRuntimeManagementConfig", put({{"UpdateRuntimeOn", "FunctionUpdate"}, {"Qualifier", "1"}}));
  CHECK(kernel.call("GetRuntimeManagementConfig", put({{"Qualifier", "1"}}))["RuntimeVersionArn"].is_null());
}

TEST_CASE("layers have versions, functions name them, and both have limits") {
  TestKernel kernel{"lambda", functions};
  const auto publish = [&](const std::string& name, const std::string& content, Map more = {}) {
    Map input{{"LayerName", name}, {"Content", Map{{"ZipFile", zip({{"lib.lua", content}})}}}};
    for (auto& [key, value] : more) input.set(key, value);
    return kernel.call("PublishLayerVersion", std::move(input));
  };
  const auto first = publish("lib", "1", {{"CompatibleRuntimes", List{"lua"}}, {"Description", "d"}});
  CHECK(first["LayerVersionArn"].string() == "arn:aws:lambda:us-east-1:000000000000:layer:lib:1");
  CHECK(first["Content"]["CodeSize"].integer() > 0);
  const auto second = publish("lib", "2");
  CHECK(second["Version"].integer() == 2);
  publish("other", "3");
  CHECK(kernel.call("ListLayers")["Layers"].list().size() == 2);
  CHECK(kernel.call("ListLayers")["Layers"][0]["LatestMatchingVersion"]["Version"].integer() == 2);
  const auto fitting = kernel.call("ListLayers", {{"CompatibleRuntime", "lua"}})["Layers"];
  REQUIRE(fitting.list().size() == 1);
  CHECK(fitting[0]["LatestMatchingVersion"]["Version"].integer() == 1);
  CHECK(kernel.call("ListLayerVersions", {{"LayerName", "lib"}})["LayerVersions"].list().size() == 2);
  CHECK(kernel.call("GetLayerVersionByArn", {{"Arn", first["LayerVersionArn"]}})["Description"].string() == "d");

  const auto made =
      kernel.call("CreateFunction", function("f", say("x"), {{"Layers", List{second["LayerVersionArn"]}}}));
  CHECK(made["Layers"][0]["Arn"] == second["LayerVersionArn"]);
  CHECK(kernel
            .error("UpdateFunctionConfiguration",
                   {{"FunctionName", "f"}, {"Layers", List{first["LayerVersionArn"], second["LayerVersionArn"]}}})
            .message.find("Two different versions of the same layer") == 0);
  CHECK(kernel.error("UpdateFunctionConfiguration", {{"FunctionName", "f"}, {"Layers", List{"no arn"}}}).code ==
        "ValidationException");
  List six;
  for (int i = 0; i < 6; ++i) six.push_back(first["LayerVersionArn"]);
  CHECK(kernel.error("UpdateFunctionConfiguration", {{"FunctionName", "f"}, {"Layers", six}}).message ==
        "Cannot reference more than 5 layers.");
  // A layer that a function uses goes on working for it when it is deleted.
  kernel.call("DeleteLayerVersion", {{"LayerName", "lib"}, {"VersionNumber", 2}});
  CHECK(kernel.error("GetLayerVersion", {{"LayerName", "lib"}, {"VersionNumber", 2}}).code ==
        "ResourceNotFoundException");
  CHECK(invoke(kernel, "f").string() == "x");
  CHECK(publish("lib", "4")["Version"].integer() == 3);
}

TEST_CASE("a layer of another account needs its permission") {
  TestKernel kernel{"lambda", functions};
  const auto layer =
      kernel.call("PublishLayerVersion", {{"LayerName", "lib"}, {"Content", Map{{"ZipFile", zip({{"a", "1"}})}}}});
  auto other = kernel.context;
  other.identity.account_id = "111122223333";
  const auto input = function(
      "f", say("x"), {{"Role", "arn:aws:iam::111122223333:role/r"}, {"Layers", List{layer["LayerVersionArn"]}}});
  CHECK(kernel.try_call_as(other, "lambda", "CreateFunction", input).error().code == "AccessDeniedException");
  const auto added = kernel.call("AddLayerVersionPermission", {{"LayerName", "lib"},
                                                               {"VersionNumber", 1},
                                                               {"StatementId", "s"},
                                                               {"Action", "lambda:GetLayerVersion"},
                                                               {"Principal", "111122223333"}});
  CHECK(added["Statement"].string().find("arn:aws:iam::111122223333:root") != std::string::npos);
  CHECK(kernel.try_call_as(other, "lambda", "CreateFunction", input));
  CHECK(kernel
            .error("RemoveLayerVersionPermission",
                   {{"LayerName", "lib"}, {"VersionNumber", 1}, {"StatementId", "s"}, {"RevisionId", "old"}})
            .code == "PreconditionFailedException");
  kernel.call("RemoveLayerVersionPermission", {{"LayerName", "lib"}, {"VersionNumber", 1}, {"StatementId", "s"}});
  CHECK(kernel.error("GetLayerVersionPolicy", {{"LayerName", "lib"}, {"VersionNumber", 1}}).code ==
        "ResourceNotFoundException");
}

TEST_CASE("who calls as a service needs a permission of what it names") {
  TestKernel kernel{"lambda", functions};
  kernel.call("CreateFunction", function("f", say("one"), {{"Publish", true}}));
  auto events = kernel.context;
  events.identity.service = "events.amazonaws.com";
  const auto invoke_as = [&](const char* name) {
    return kernel.try_call_as(events, "lambda", "Invoke", {{"FunctionName", name}});
  };
  CHECK(invoke_as("f").error().code == "AccessDeniedException");
  const Map permission{
      {"StatementId", "s"}, {"Action", "lambda:InvokeFunction"}, {"Principal", "events.amazonaws.com"}};
  auto input = permission;
  input.set("FunctionName", "f");
  kernel.call("AddPermission", input);
  CHECK(invoke_as("f"));
  CHECK(invoke_as("f:1").error().code == "AccessDeniedException");
  input.set("Qualifier", "1");
  const auto statement = *moonbase::parse_json(kernel.call("AddPermission", input)["Statement"].string());
  CHECK(statement["Resource"].string() == arn + ":1");
  CHECK(invoke_as("f:1"));
  kernel.call("RemovePermission", {{"FunctionName", "f"}, {"StatementId", "s"}});
  CHECK(invoke_as("f").error().code == "AccessDeniedException");
  input.set("Qualifier", "$LATEST");
  CHECK(kernel.error("AddPermission", input).code == "InvalidParameterValueException");
}
