// Topic: names, ARNs and attributes. Pure rules, and the row.
#pragma once

#include <cstdint>
#include <moonbase/store.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "common.hpp"

namespace moonbase::notifications::sns {

struct TopicName {
  Owner owner;
  std::string name;
  std::string arn() const { return owner.arn("sns", name); }
  bool is_fifo() const { return name.ends_with(".fifo"); }
};

inline constexpr std::int64_t day_ms = 86'400'000;

// What a topic takes unless its MaximumMessageSize says otherwise, and everything else that can be published to.
inline constexpr std::size_t message_bytes_default = 262'144;

struct Topic {
  TopicName name;
  Map attributes;  // What was set.
  std::int64_t subscriptions_deleted = 0, last_sequence = 0;

  // "" where it was not set.
  std::string attribute(std::string_view key) const;
  bool has(std::string_view key, std::string_view value) const { return attribute(key) == value; }
  // MaximumMessageSize.
  std::size_t message_bytes_max() const;
  // Days that the archive keeps messages; 0: there is no archive.
  std::int64_t archive_days() const;
};

// "Invalid parameter: …"
Error invalid_parameter(std::string_view what);
Error no_such_topic();

// `member` is what the input calls it: "TopicArn".
Result<TopicName> parse_topic_arn(const std::string& arn, std::string_view member = "TopicArn");

Error invalid_topic_name();
bool is_topic_name(std::string_view name, bool is_fifo);

// Checks one attribute's value. The text of a refusal has no "Invalid parameter: " yet.
std::optional<std::string> refuse_topic_attribute(const TopicName& topic, const std::string& key,
                                                  const std::string& value, bool creating);

// What GetTopicAttributes shows beside the counts.
Map shown_attributes(const Topic& topic);
std::string default_policy(const TopicName& topic);

// The Error is no_such_topic().
Result<Topic> find_topic(Transaction& tx, const TopicName& name);
void save_attributes(Transaction& tx, const Topic& topic);

}  // namespace moonbase::notifications::sns
