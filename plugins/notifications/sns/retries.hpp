// Retries: delivery policies, and when a delivery that failed is tried again. Pure.
//
// The four phases of AWS's: at once, with the shortest delay, with growing delays, with the longest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace moonbase::notifications::sns {

struct RetryPolicy {
  enum class Growth : std::uint8_t { linear, arithmetic, geometric, exponential };
  std::int64_t immediate = 0, early = 0, growing = 0, late = 0;  // How many of each phase.
  std::int64_t delay_ms_min = 20'000, delay_ms_max = 20'000;
  Growth growth = Growth::linear;
  std::int64_t duration_ms_max = INT64_MAX;  // From the first try to the last.

  // How long to wait after `tries` tries (1 or more). Nothing: give up.
  std::optional<std::int64_t> delay_ms(std::int64_t tries) const;
};

// Of SQS, Lambda and Firehose: 100,015 retries over 23 days.
RetryPolicy managed_retries();
// Of HTTP and HTTPS, as the topic's and the subscription's delivery policies say; both may be empty.
RetryPolicy http_retries(const std::string& topic_policy, const std::string& subscription_policy);

// What is wrong with a delivery policy. Nothing where it is good, or empty.
std::optional<std::string> refuse_delivery_policy(const std::string& text, bool of_topic);
// As attributes show it, with what is not said filled in.
std::string effective_delivery_policy(const std::string& topic_policy, const std::string& subscription_policy);
// The Content-Type of requests.
std::string content_type(const std::string& topic_policy, const std::string& subscription_policy);

}  // namespace moonbase::notifications::sns
