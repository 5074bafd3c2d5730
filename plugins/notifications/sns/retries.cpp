#include "sns/retries.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <moonbase/json.hpp>

namespace moonbase::notifications::sns {
namespace {

constexpr std::int64_t retries_max = 100, delay_seconds_max = 3600;
constexpr std::array<std::string_view, 6> counts = {"numRetries",         "numNoDelayRetries", "numMinDelayRetries",
                                                    "numMaxDelayRetries", "minDelayTarget",    "maxDelayTarget"};
constexpr std::array<std::string_view, 4> growths = {"linear", "arithmetic", "geometric", "exponential"};

Map default_retry_policy() {
  return {{"minDelayTarget", 20},       {"maxDelayTarget", 20},   {"numRetries", 3},
          {"numMaxDelayRetries", 0},    {"numNoDelayRetries", 0}, {"numMinDelayRetries", 0},
          {"backoffFunction", "linear"}};
}

Value parsed_or_null(const std::string& text) {
  if (text.empty()) return {};
  auto parsed = parse_json(text);
  return parsed && parsed->is_map() ? std::move(*parsed) : Value();
}

void apply(Map& policy, const Value& given) {
  if (!given.is_map()) return;
  for (const auto& [key, value] : given.map()) policy.set(key, value);
}

// The retry policy that counts: a subscription's own, unless its topic overrides it.
Map retry_policy(const std::string& topic_policy, const std::string& subscription_policy) {
  Map policy = default_retry_policy();
  const auto topic = parsed_or_null(topic_policy)["http"];
  const auto subscription = parsed_or_null(subscription_policy);
  const bool overridden =
      topic["disableSubscriptionOverrides"].is_boolean() && topic["disableSubscriptionOverrides"].boolean();
  if (subscription["healthyRetryPolicy"].is_map() && !overridden)
    apply(policy, subscription["healthyRetryPolicy"]);
  else
    apply(policy, topic["defaultHealthyRetryPolicy"]);
  return policy;
}

std::int64_t count_of(const Map& policy, std::string_view name) {
  const auto* found = policy.find(name);
  return found && found->is_integer() ? found->integer() : 0;
}

std::optional<std::string> refuse_retry_policy(const Value& given) {
  if (given.is_null()) return std::nullopt;
  if (!given.is_map()) return "healthyRetryPolicy must be an object";
  for (const auto& [key, value] : given.map()) {
    if (key == "backoffFunction") {
      if (!value.is_string() || std::find(growths.begin(), growths.end(), value.string()) == growths.end())
        return "backoffFunction must be one of arithmetic, exponential, geometric or linear";
      continue;
    }
    if (std::find(counts.begin(), counts.end(), key) == counts.end()) return "Unexpected JSON member: " + key;
    if (!value.is_integer() || value.integer() < 0) return key + " must be a positive integer";
  }
  Map policy = default_retry_policy();
  apply(policy, given);
  const auto of = [&](std::string_view name) { return count_of(policy, name); };
  if (of("numRetries") > retries_max) return "numRetries must be less than or equal to 100";
  if (of("minDelayTarget") < 1) return "minDelayTarget must be greater than or equal to 1";
  if (of("maxDelayTarget") > delay_seconds_max) return "maxDelayTarget must be less than or equal to 3600";
  if (of("minDelayTarget") > of("maxDelayTarget")) return "minDelayTarget must be less than or equal to maxDelayTarget";
  if (of("numNoDelayRetries") + of("numMinDelayRetries") + of("numMaxDelayRetries") > of("numRetries"))
    return "numRetries must be greater than or equal to total of numMinDelayRetries, numNoDelayRetries and "
           "numMaxDelayRetries";
  return std::nullopt;
}

// The k-th of n growing delays (k from 0), as a share of the way from the shortest to the longest.
double share(RetryPolicy::Growth growth, double k, double n) {
  const double x = n <= 1 ? 1 : k / (n - 1);
  switch (growth) {
    case RetryPolicy::Growth::linear:
      return x;
    case RetryPolicy::Growth::arithmetic:
      return x * x;
    case RetryPolicy::Growth::geometric:
      return x * x * x;
    case RetryPolicy::Growth::exponential:
      return (std::exp2(x * 8) - 1) / 255;
  }
  return x;
}

}  // namespace

std::optional<std::int64_t> RetryPolicy::delay_ms(std::int64_t tries) const {
  auto k = tries - 1;
  if (k < immediate) return 0;
  k -= immediate;
  if (k < early) return delay_ms_min;
  k -= early;
  if (k < growing)
    return delay_ms_min + std::llround(share(growth, static_cast<double>(k), static_cast<double>(growing)) *
                                       static_cast<double>(delay_ms_max - delay_ms_min));
  k -= growing;
  if (k < late) return delay_ms_max;
  return std::nullopt;
}

RetryPolicy managed_retries() {
  RetryPolicy policy;
  policy.immediate = 3;
  policy.early = 2;
  policy.growing = 10;
  policy.late = 100'000;
  policy.delay_ms_min = 1'000;
  policy.delay_ms_max = 20'000;
  policy.growth = RetryPolicy::Growth::exponential;
  return policy;
}

RetryPolicy http_retries(const std::string& topic_policy, const std::string& subscription_policy) {
  const auto given = retry_policy(topic_policy, subscription_policy);
  RetryPolicy policy;
  policy.immediate = count_of(given, "numNoDelayRetries");
  policy.early = count_of(given, "numMinDelayRetries");
  policy.late = count_of(given, "numMaxDelayRetries");
  policy.growing =
      std::max<std::int64_t>(0, count_of(given, "numRetries") - policy.immediate - policy.early - policy.late);
  policy.delay_ms_min = count_of(given, "minDelayTarget") * 1000;
  policy.delay_ms_max = count_of(given, "maxDelayTarget") * 1000;
  const auto name = given.find("backoffFunction")->string();
  policy.growth = static_cast<RetryPolicy::Growth>(std::find(growths.begin(), growths.end(), name) - growths.begin());
  policy.duration_ms_max = 3'600'000;
  return policy;
}

std::optional<std::string> refuse_delivery_policy(const std::string& text, bool of_topic) {
  if (text.empty()) return std::nullopt;
  auto parsed = parse_json(text);
  if (!parsed || !parsed->is_map()) return "failed to parse JSON";
  if (of_topic) {
    for (const auto& [key, value] : parsed->map())
      if (key != "http") return "Unexpected JSON member: " + key;
    return refuse_retry_policy((*parsed)["http"]["defaultHealthyRetryPolicy"]);
  }
  for (const auto& [key, value] : parsed->map())
    if (key != "healthyRetryPolicy" && key != "throttlePolicy" && key != "requestPolicy" &&
        key != "sicklyRetryPolicy" && key != "guaranteed")
      return "Unexpected JSON member: " + key;
  return refuse_retry_policy((*parsed)["healthyRetryPolicy"]);
}

std::string effective_delivery_policy(const std::string& topic_policy, const std::string& subscription_policy) {
  auto retries = retry_policy(topic_policy, subscription_policy);
  auto topic = parsed_or_null(topic_policy)["http"];
  if (subscription_policy.empty()) {
    Map http = topic.is_map() ? topic.map() : Map();
    http.set("defaultHealthyRetryPolicy", std::move(retries));
    if (!http.contains("disableSubscriptionOverrides")) http.set("disableSubscriptionOverrides", false);
    if (!http.contains("defaultRequestPolicy"))
      http.set("defaultRequestPolicy", Map{{"headerContentType", "text/plain; charset=UTF-8"}});
    return to_json(Map{{"http", std::move(http)}});
  }
  auto subscription = parsed_or_null(subscription_policy);
  Map shown = subscription.is_map() ? subscription.map() : Map();
  shown.set("healthyRetryPolicy", std::move(retries));
  if (!shown.contains("requestPolicy"))
    shown.set("requestPolicy", Map{{"headerContentType", content_type(topic_policy, "")}});
  return to_json(shown);
}

std::string content_type(const std::string& topic_policy, const std::string& subscription_policy) {
  const auto subscription = parsed_or_null(subscription_policy);
  if (const auto& own = subscription["requestPolicy"]["headerContentType"]; own.is_string()) return own.string();
  const auto topic = parsed_or_null(topic_policy);
  if (const auto& general = topic["http"]["defaultRequestPolicy"]["headerContentType"]; general.is_string())
    return general.string();
  return "text/plain; charset=UTF-8";
}

}  // namespace moonbase::notifications::sns
