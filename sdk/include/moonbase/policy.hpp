// Resource policies: statements, and what they say to a question. No I/O; any thread may use them.
#pragma once

#include <cstdint>
#include <functional>
#include <moonbase/call.hpp>
#include <moonbase/result.hpp>
#include <moonbase/value.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moonbase {

// Who asks for what.
struct PolicyQuestion {
  const Identity& who;
  std::string_view action;                                               // "lambda:InvokeFunction"
  std::string_view resource;                                             // ARN.
  bool anonymous = false;                                                // Without a signature.
  std::vector<std::pair<std::string_view, std::string_view>> keys = {};  // The service's own, in lower case.
};

enum class PolicyAnswer : std::uint8_t { says_nothing, allows, denies };

// How a service reads policies.
struct PolicyDialect {
  std::string operation;               // "lambda PutResourcePolicy": says who does not evaluate something.
  std::vector<std::string_view> keys;  // Condition keys beside AWS's own, in lower case.
  std::function<Error(std::string_view element)> malformed;
};

class PolicyStatement {
 public:
  // 501 for elements that are not evaluated: a statement is never taken for less than it says.
  static Result<PolicyStatement> parse(const Value& statement, const PolicyDialect& dialect);

  // Whether the statement is about this question.
  bool matches(const PolicyQuestion& question) const;
  bool denies() const { return denies_; }
  // Whether it lets in everybody, whoever they are.
  bool is_public() const;
  const std::vector<std::string>& actions() const { return actions_; }
  const std::vector<std::string>& resources() const { return resources_; }

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
                                           const PolicyDialect& dialect);
  bool is_principal(const PolicyQuestion& question) const;

  bool denies_ = false, everybody_ = false;
  std::vector<std::string> services_, accounts_;  // accounts_: ids, or ARNs of users and roles.
  std::vector<std::string> actions_, resources_;
  std::vector<Condition> conditions_;
};

using Policy = std::vector<PolicyStatement>;

// A denial wins over all that allows.
PolicyAnswer ask(const Policy& policy, const PolicyQuestion& question);

// "*" stands for any characters, "?" for one.
bool wildcard_matches(std::string_view pattern, std::string_view text);
// The same for each of the six parts of an ARN.
bool arn_matches(std::string_view pattern, std::string_view arn);

}  // namespace moonbase
