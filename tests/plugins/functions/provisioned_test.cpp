// Provisioned concurrency: environments that are there before anybody needs them.
#include <catch2/catch.hpp>
#include <moonbase/hash.hpp>
#include <set>

#include "support.hpp"

using namespace support;
using moonbase::List;
using moonbase::Map;
using moonbase::Value;
using moonbase::testing::TestKernel;

namespace {

const std::string arn = "arn:aws:lambda:us-east-1:000000000000:function:f";

struct Platform {
  TestKernel kernel{"lambda", functions};

  void create(const std::string& code, Map more = {}) {
    more.set("Publish", true);
    kernel.call("CreateFunction", function("f", code, std::move(more)));
    kernel.call("CreateAlias", {{"FunctionName", "f"}, {"Name", "live"}, {"FunctionVersion", "1"}});
  }
  static Map put(const char* qualifier, int count) {
    return {{"FunctionName", "f"}, {"Qualifier", qualifier}, {"ProvisionedConcurrentExecutions", count}};
  }
  Value state(const char* qualifier = "live") {
    return kernel.call("GetProvisionedConcurrencyConfig", {{"FunctionName", "f"}, {"Qualifier", qualifier}});
  }
  void settle() { kernel.clock.advance_ms(1); }  // Waits for what begins in the background.
  // Whether the invocation waited for an environment to begin.
  bool is_cold(const char* qualifier) {
    const auto output = kernel.call("Invoke", {{"FunctionName", "f"}, {"Qualifier", qualifier}, {"LogType", "Tail"}});
    REQUIRE(output["FunctionError"].is_null());
    return moonbase::from_base64(output["LogResult"].string())->find("Init Duration") != std::string::npos;
  }
};

}  // namespace

TEST_CASE_METHOD(Platform, "provisioned concurrency belongs to a published version or an alias") {
  create("function handler() return 1 end");
  CHECK(kernel.error("PutProvisionedConcurrencyConfig", put("$LATEST", 1)).code == "InvalidParameterValueException");
  CHECK(kernel.error("GetProvisionedConcurrencyConfig", {{"FunctionName", "f"}, {"Qualifier", "live"}}).code ==
        "ProvisionedConcurrencyConfigNotFoundException");
  const auto made = kernel.call("PutProvisionedConcurrencyConfig", put("live", 5));
  CHECK(made["Status"].string() == "IN_PROGRESS");
  CHECK(made["AvailableProvisionedConcurrentExecutions"].integer() == 0);
  settle();
  CHECK(state()["Status"].string() == "READY");
  CHECK(state()["AvailableProvisionedConcurrentExecutions"].integer() == 5);
  CHECK(state()["AllocatedProvisionedConcurrentExecutions"].integer() == 5);
  CHECK(kernel.error("PutProvisionedConcurrencyConfig", put("1", 5)).code == "ResourceConflictException");
  CHECK(kernel.error("PutProvisionedConcurrencyConfig", put("live", 901)).code == "InvalidParameterValueException");
  const auto all = kernel.call("ListProvisionedConcurrencyConfigs", {{"FunctionName", "f"}});
  CHECK(all["ProvisionedConcurrencyConfigs"][0]["FunctionArn"].string() == arn + ":live");
  CHECK(all["ProvisionedConcurrencyConfigs"][0]["Status"].string() == "READY");
  // What is provisioned is nobody else's to reserve.
  kernel.call("CreateFunction", function("g", "function handler() return 1 end"));
  CHECK(kernel.error("PutFunctionConcurrency", {{"FunctionName", "g"}, {"ReservedConcurrentExecutions", 896}}).code ==
        "InvalidParameterValueException");
  kernel.call("PutFunctionConcurrency", {{"FunctionName", "g"}, {"ReservedConcurrentExecutions", 895}});
  CHECK(kernel.error("PutProvisionedConcurrencyConfig", put("live", 6)).code == "InvalidParameterValueException");
  CHECK(kernel.error("PutFunctionConcurrency", {{"FunctionName", "f"}, {"ReservedConcurrentExecutions", 4}})
            .message.find("total provisioned concurrency [5]") != std::string::npos);
  kernel.call("DeleteProvisionedConcurrencyConfig", {{"FunctionName", "f"}, {"Qualifier", "live"}});
  CHECK(kernel.call("ListProvisionedConcurrencyConfigs", {{"FunctionName", "f"}})["ProvisionedConcurrencyConfigs"]
            .list()
            .empty());
}

TEST_CASE_METHOD(Platform, "provisioned environments are started before the first invocation, and after a restart") {
  create("print 'loaded' function handler() return 1 end");
  kernel.call("CreateAlias", {{"FunctionName", "f"}, {"Name", "cold"}, {"FunctionVersion", "1"}});
  kernel.call("PutProvisionedConcurrencyConfig", put("live", 2));
  settle();
  CHECK_FALSE(is_cold("live"));
  CHECK_FALSE(is_cold("live"));
  kernel.restart();
  settle();
  CHECK(state()["Status"].string() == "READY");
  CHECK_FALSE(is_cold("live"));
  // What the code printed is in the log once.
  CHECK((*kernel.try_call("logs", "FilterLogEvents",
                          {{"logGroupName", "/aws/lambda/f"}, {"filterPattern", "loaded"}}))["events"]
            .list()
            .size() == 2);
  kernel.call("DeleteProvisionedConcurrencyConfig", {{"FunctionName", "f"}, {"Qualifier", "live"}});
  settle();
  CHECK(is_cold("live"));
}

TEST_CASE_METHOD(Platform, "a provisioned environment that ends is replaced, and beyond them the function goes on") {
  create("function handler(event) while event.loop do end return 1 end", {{"Timeout", 1}});
  kernel.call("PutProvisionedConcurrencyConfig", put("live", 1));
  settle();
  const auto timed_out =
      kernel.call("Invoke", {{"FunctionName", "f:live"}, {"Payload", R"({"loop":true})"}})["FunctionError"];
  CHECK(timed_out.string() == "Unhandled");
  settle();
  CHECK(state()["AvailableProvisionedConcurrentExecutions"].integer() == 1);
  CHECK_FALSE(is_cold("live"));
  CHECK(is_cold("$LATEST"));  // Which has none.
}

TEST_CASE_METHOD(Platform, "an alias that moves takes its concurrency along, and a weight shares it") {
  create("function handler() return 1 end");
  kernel.call("PutProvisionedConcurrencyConfig", put("live", 4));
  settle();
  kernel.call(
      "UpdateFunctionCode",
      {{"FunctionName", "f"}, {"ZipFile", zip({{"main.lua", "function handler() return 2 end"}})}, {"Publish", true}});
  kernel.call("UpdateAlias", {{"FunctionName", "f"},
                              {"Name", "live"},
                              {"RoutingConfig", Map{{"AdditionalVersionWeights", Map{{"2", 0.25}}}}}});
  settle();
  CHECK(state()["AllocatedProvisionedConcurrentExecutions"].integer() == 4);
  // With either version, and by the alias only.
  std::set<std::string> versions;
  for (int tries = 0; tries < 200 && versions.size() < 2; ++tries) {
    const auto output = kernel.call("Invoke", {{"FunctionName", "f:live"}, {"LogType", "Tail"}});
    CHECK(moonbase::from_base64(output["LogResult"].string())->find("Init Duration") == std::string::npos);
    versions.insert(output["ExecutedVersion"].string());
  }
  CHECK(versions == std::set<std::string>{"1", "2"});
  CHECK(is_cold("1"));
  CHECK(is_cold("2"));
  kernel.call("UpdateAlias", {{"FunctionName", "f"},
                              {"Name", "live"},
                              {"FunctionVersion", "2"},
                              {"RoutingConfig", Map{{"AdditionalVersionWeights", Map{}}}}});
  settle();
  CHECK(state()["AllocatedProvisionedConcurrentExecutions"].integer() == 4);
  CHECK_FALSE(is_cold("live"));
  CHECK(kernel.call("Invoke", {{"FunctionName", "f:live"}})["ExecutedVersion"].string() == "2");
}

TEST_CASE_METHOD(Platform,
                 "what is provisioned for an alias serves that alias, what is for a version all who lead to it") {
  create("function handler() return 1 end");
  kernel.call("CreateAlias", {{"FunctionName", "f"}, {"Name", "other"}, {"FunctionVersion", "1"}});
  kernel.call("PutProvisionedConcurrencyConfig", put("live", 1));
  settle();
  CHECK(is_cold("other"));
  CHECK_FALSE(is_cold("other"));  // Warm by now, with what the version has.
  CHECK_FALSE(is_cold("1"));
  CHECK_FALSE(is_cold("live"));
  kernel.call("DeleteProvisionedConcurrencyConfig", {{"FunctionName", "f"}, {"Qualifier", "live"}});
  settle();
  CHECK_FALSE(is_cold("live"));  // As the version again.
  kernel.call(
      "UpdateFunctionCode",
      {{"FunctionName", "f"}, {"ZipFile", zip({{"main.lua", "function handler() return 2 end"}})}, {"Publish", true}});
  kernel.call("UpdateAlias", {{"FunctionName", "f"}, {"Name", "other"}, {"FunctionVersion", "2"}});
  kernel.call("PutProvisionedConcurrencyConfig", put("2", 1));
  settle();
  CHECK_FALSE(is_cold("other"));
}

TEST_CASE_METHOD(Platform, "an alias that has provisioned concurrency and its version run beside each other") {
  create("n = 0 function handler() n = n + 1 return n end");
  kernel.call("PutProvisionedConcurrencyConfig", put("live", 1));
  settle();
  CHECK(invoke(kernel, "f:live") == Value(1));
  CHECK(invoke(kernel, "f:1") == Value(1));  // Another environment.
  CHECK(invoke(kernel, "f:live") == Value(2));
  kernel.call("DeleteAlias", {{"FunctionName", "f"}, {"Name", "live"}});
  settle();
  CHECK(invoke(kernel, "f:1") == Value(2));
}

TEST_CASE_METHOD(Platform, "code that cannot be loaded fails to be provisioned") {
  create("error 'broken'");
  kernel.call("PutProvisionedConcurrencyConfig", put("live", 2));
  settle();
  CHECK(state()["Status"].string() == "FAILED");
  CHECK(state()["StatusReason"].string() == "FUNCTION_ERROR_INIT_FAILURE");
  CHECK(state()["AvailableProvisionedConcurrentExecutions"].integer() == 0);
}

TEST_CASE_METHOD(Platform, "a program's environment is told that it was provisioned") {
  create("", {{"Runtime", "provided.al2023"}, {"Code", Map{{"ZipFile", zip({{"bootstrap", R"sh(#!/bin/sh
url=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
while true; do
  curl -sSD /tmp/head "$url/next" > /dev/null
  id=$(sed -n 's/^lambda-runtime-aws-request-id: *\([^\r]*\).*/\1/Ip' /tmp/head)
  curl -sSd "\"$AWS_LAMBDA_INITIALIZATION_TYPE\"" "$url/$id/response" > /dev/null
done
)sh"}})}}}});
  CHECK(invoke(kernel, "f").string() == "on-demand");
  kernel.call("PutProvisionedConcurrencyConfig", put("live", 1));
  settle();
  CHECK(state()["Status"].string() == "READY");
  CHECK(invoke(kernel, "f:live").string() == "provisioned-concurrency");
  kernel.call("DeleteProvisionedConcurrencyConfig", {{"FunctionName", "f"}, {"Qualifier", "live"}});
  settle();
  CHECK(kernel.error("GetProvisionedConcurrencyConfig", {{"FunctionName", "f"}, {"Qualifier", "live"}}).code ==
        "ProvisionedConcurrencyConfigNotFoundException");
}
