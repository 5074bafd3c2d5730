// Policy: what a topic's policy must look like. Kept and answered; nothing is decided by it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace moonbase::notifications::sns {

// Whether a policy or AddPermission may name this action of a topic: "Publish".
bool is_topic_action(std::string_view name);

// What is wrong with a policy, as SNS says it after "Invalid parameter: ". Nothing where it is good, or empty.
std::optional<std::string> refuse_policy(const std::string& text);

}  // namespace moonbase::notifications::sns
