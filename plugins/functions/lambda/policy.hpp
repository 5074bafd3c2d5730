// Resource policies: who may invoke a function, from where and how. Statements and the decision. No I/O.
#pragma once

#include <cstdint>
#include <moonbase/call.hpp>
#include <moonbase/result.hpp>
#include <moonbase/store.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lambda/function.hpp"

namespace moonbase::functions {

inline constexpr std::size_t policy_bytes_max = 20 * 1024;

// Who asks for what.
struct PolicyQuestion {
  const Identity& who;
  std::string_view action;              // "lambda:InvokeFunction"
  std::string_view resource;            // ARN, with the qualifier where there is one.
  std::string_view url_auth_type = {};  // Through a function URL: "NONE" or "AWS_IAM".
  bool anonymous = false;               // Through a function URL, without a signature.
};

enum class PolicyAnswer : std::uint8_t { says_nothing, allows, denies };

class PolicyStatement {
 public:
  // 501 for elements that are not evaluated: a statement is never taken for less than it says.
  static Result<PolicyStatement> parse(const Value& statement, const std::string& operation);

  // Whether the statement is about this question.
  bool matches(const PolicyQuestion& question) const;
  bool denies() const { return denies_; }

 private:
  enum class Kind : std::uint8_t { equals, equals_ignoring_case, like, arn_like, boolean, null };
  struct Condition {
    Kind kind = Kind::equals;
    bool negated = false, if_exists = false;
    std::string key;  // Lower case.
    std::vector<std::string> values;

    bool holds(const PolicyQuestion& question) const;
  };
  static Result<Condition> parse_condition(const std::string& test, const std::string& key, const Value& values,
                                           const std::string& operation);
  bool is_principal(const PolicyQuestion& question) const;

  bool denies_ = false, everybody_ = false;
  std::vector<std::string> services_, accounts_;  // accounts_: ids, or ARNs of users and roles.
  std::vector<std::string> actions_, resources_;
  std::vector<Condition> conditions_;
};

using Policy = std::vector<PolicyStatement>;

// A denial wins over all that allows.
PolicyAnswer ask(const Policy& policy, const PolicyQuestion& question);
// The policy of a function, version or alias: `name` without a qualifier is the function.
Policy read_policy(Transaction& tx, const FunctionName& name);

// "*" stands for any characters, "?" for one.
bool wildcard_matches(std::string_view pattern, std::string_view text);
// The same for each of the six parts of an ARN.
bool arn_matches(std::string_view pattern, std::string_view arn);

}  // namespace moonbase::functions
