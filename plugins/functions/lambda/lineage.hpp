// Lineage: which functions led to an invocation, and how often, as it travels in X-Amzn-Trace-Id
// ("Root=…;Lineage=68fd508a:5|c512fbe3:2"). Without it a function that feeds itself would never stop.
#pragma once

#include <string>
#include <string_view>

namespace moonbase::functions {

inline constexpr int recursion_max = 16;  // Invocations of one function that lead to each other.

// Eight digits that stand for a function.
std::string lineage_id(std::string_view function_arn);
// How often the function is in the trace; 0 where the trace is empty or no such text.
int lineage_count(std::string_view trace, std::string_view id);
// The trace with the function counted once more. At most 32 functions are kept.
std::string lineage_with(std::string_view trace, std::string_view id);

}  // namespace moonbase::functions
