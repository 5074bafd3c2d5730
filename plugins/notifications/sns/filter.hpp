// Filter policies: which messages a subscription wants. Rules and pipes choose events in the same language
// (patterns/pattern.hpp); here are SNS's own limits, and message attributes as what is matched. Pure.
#pragma once

#include <moonbase/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "patterns/pattern.hpp"

namespace moonbase::notifications::sns {

// `by_body`: FilterPolicyScope is MessageBody. The text of a refusal has no "Invalid parameter: " yet.
std::optional<std::string> refuse_filter_policy(const std::string& text, bool by_body);

class FilterPolicy {
 public:
  // A policy that refuse_filter_policy() has let through.
  FilterPolicy(const std::string& text, bool by_body);

  bool matches(const std::string& body, const Value& attributes) const;

 private:
  std::optional<Pattern> pattern_;  // Nothing: everything matches.
  bool by_body_;
};

}  // namespace moonbase::notifications::sns
