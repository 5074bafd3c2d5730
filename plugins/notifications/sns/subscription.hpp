// Subscription: who gets a topic's messages, and how. Pure rules, and the row.
#pragma once

#include <moonbase/store.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sns/filter.hpp"
#include "sns/topic.hpp"

namespace moonbase::notifications::sns {

struct Subscription {
  TopicName topic;
  std::string id, protocol, endpoint, token;
  bool confirmed = false;
  Map attributes;  // What was set.

  std::string arn() const { return topic.arn() + ":" + id; }
  std::string attribute(std::string_view key) const;
  bool is_raw() const { return lower_case(attribute("RawMessageDelivery")) == "true"; }
  bool is_by_body() const { return attribute("FilterPolicyScope") == "MessageBody"; }
  FilterPolicy filter() const { return {attribute("FilterPolicy"), is_by_body()}; }
  std::string dead_letter_arn() const;
};

struct SubscriptionName {
  TopicName topic;
  std::string id;
};
Result<SubscriptionName> parse_subscription_arn(const std::string& arn);
Error no_such_subscription();

// The Error says what is wrong with the protocol or the endpoint.
Result<Done> check_endpoint(const TopicName& topic, const std::string& protocol, const std::string& endpoint);
// Whether a topic that takes messages above 256 KiB may have this subscription beside so many others.
Result<Done> check_for_large_messages(const Topic& topic, const std::string& protocol, std::size_t others);
// Nobody has to confirm what is in the cloud itself.
bool confirms_itself(std::string_view protocol);

// Checks all attributes that are to be set. The text of a refusal has no "Invalid parameter: " yet.
std::optional<std::string> refuse_subscription_attribute(const Subscription& subscription, const std::string& key,
                                                         const std::string& value);

// What GetSubscriptionAttributes shows.
Map shown_attributes(const Subscription& subscription, const Topic& topic);
// An entry of ListSubscriptions.
Map listed(const Subscription& subscription);

Subscription subscription_of(const TopicName& topic, const Row& row);
// The columns that subscription_of() takes, in its order.
inline constexpr std::string_view subscription_columns = "id, protocol, endpoint, token, confirmed, attributes";

std::optional<Subscription> find_subscription(Transaction& tx, const SubscriptionName& name);
std::vector<Subscription> confirmed_subscriptions(Transaction& tx, const TopicName& topic);
// Those that wait for their confirmation, too.
std::vector<Subscription> all_subscriptions(Transaction& tx, const TopicName& topic);
void save_attributes(Transaction& tx, const Subscription& subscription);

}  // namespace moonbase::notifications::sns
