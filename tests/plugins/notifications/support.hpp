// What the tests of notifications share: rules in a few words, and what was delivered.
#pragma once

#include <moonbase/json.hpp>
#include <moonbase/testing.hpp>
#include <string>
#include <vector>

namespace moonbase::notifications::testing {

using moonbase::testing::TestKernel;
using moonbase::testing::TestOptions;

inline TestOptions with_recorder() { return {.plugins = {"notifications", "recorder"}}; }

inline std::string recorder_arn(const std::string& name) { return "arn:aws:recorder:us-east-1:000000000000:" + name; }
inline std::string queue_arn(const std::string& name) { return "arn:aws:sqs:us-east-1:000000000000:" + name; }

struct Received {
  std::string arn, payload, service;
  Value options;
  std::int64_t at_ms;
  Value json() const { return parse_json(payload).value(); }
  std::string attribute(const char* name) const {
    return options["MessageAttributes"][name]["StringValue"].string_or("");
  }
};
// All that was delivered since the last look, when everything due now has been done.
inline std::vector<Received> received(TestKernel& kernel) {
  kernel.clock.advance_ms(0);
  std::vector<Received> all;
  const auto taken = kernel.try_call("recorder", "Take").value();
  for (const auto& each : taken["Deliveries"].list())
    all.push_back({each["Arn"].string(), each["Payload"].string(), each["Service"].string(), each["Options"],
                   each["At"].integer()});
  return all;
}
inline void fail(TestKernel& kernel, const std::string& arn, const std::string& code, int times) {
  if (!kernel.try_call("recorder", "Fail", {{"Arn", arn}, {"Code", code}, {"Times", times}}))
    throw std::runtime_error("the recorder does not take it");
}

// A rule with one target.
inline void rule(TestKernel& kernel, const std::string& name, const std::string& pattern, Map target) {
  kernel.call("PutRule", {{"Name", name}, {"EventPattern", pattern}});
  if (!target.contains("Id")) target.set("Id", "1");
  kernel.call("PutTargets", {{"Rule", name}, {"Targets", List{std::move(target)}}});
}
inline Map entry(const std::string& detail, const std::string& source = "shop", const std::string& type = "Order") {
  return {{"Source", source}, {"DetailType", type}, {"Detail", detail}};
}
inline Value put(TestKernel& kernel, Map one) { return kernel.call("PutEvents", {{"Entries", List{std::move(one)}}}); }

}  // namespace moonbase::notifications::testing
