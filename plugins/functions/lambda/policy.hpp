// Resource policies: who may invoke a function, from where and how.
#pragma once

#include <moonbase/policy.hpp>
#include <moonbase/store.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lambda/function.hpp"

namespace moonbase::functions {

inline constexpr std::size_t policy_bytes_max = 20 * 1024;

// How Lambda reads policies.
PolicyDialect policy_dialect(const std::string& operation);
// Lambda's keys of a question; with "NONE" or "AWS_IAM" of one through a function URL.
std::vector<std::pair<std::string_view, std::string_view>> policy_keys(std::string_view url_auth_type = {});

// The policy of a function, version or alias: `name` without a qualifier is the function.
Policy read_policy(Transaction& tx, const FunctionName& name);

}  // namespace moonbase::functions
