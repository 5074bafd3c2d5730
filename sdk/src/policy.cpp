#include <algorithm>
#include <array>
#include <moonbase/policy.hpp>

namespace moonbase {
namespace {

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// A text, or a list of texts.
Result<std::vector<std::string>> texts_of(const Value& value, std::string_view element, const PolicyDialect& dialect) {
  std::vector<std::string> texts;
  const auto wrong = dialect.malformed(element);
  if (value.is_string()) return std::vector{value.string()};
  if (!value.is_list() || value.list().empty()) return wrong;
  for (const auto& each : value.list()) {
    if (!each.is_string()) return wrong;
    texts.push_back(each.string());
  }
  return texts;
}

bool is_account(std::string_view text) {
  return text.size() == 12 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::array<std::string_view, 6> arn_parts(std::string_view arn) {
  std::array<std::string_view, 6> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto colon = i + 1 == parts.size() ? arn.npos : arn.find(':');
    parts[i] = arn.substr(0, colon);
    if (colon == arn.npos) break;
    arn.remove_prefix(colon + 1);
  }
  return parts;
}

// "arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION" acts as "arn:aws:iam::ACCOUNT:role/…/ROLE".
bool acts_as(std::string_view caller, std::string_view principal) {
  if (caller == principal) return true;
  const auto mine = arn_parts(caller), theirs = arn_parts(principal);
  constexpr std::string_view assumed = "assumed-role/", role = "role/";
  if (mine[4] != theirs[4] || !mine[5].starts_with(assumed) || !theirs[5].starts_with(role)) return false;
  const auto name = mine[5].substr(assumed.size());
  return name.substr(0, name.find('/')) == theirs[5].substr(theirs[5].rfind('/') + 1);
}

constexpr std::string_view source_arn = "aws:sourcearn", source_account = "aws:sourceaccount",
                           principal_organisation = "aws:principalorgid", principal_arn = "aws:principalarn",
                           principal_account = "aws:principalaccount";

constexpr std::array common_keys = {source_arn, source_account, principal_organisation, principal_arn,
                                    principal_account};

bool is_common(std::string_view key) {
  return std::find(common_keys.begin(), common_keys.end(), key) != common_keys.end();
}

bool is_known_key(std::string_view key, const PolicyDialect& dialect) {
  return is_common(key) || std::find(dialect.keys.begin(), dialect.keys.end(), key) != dialect.keys.end();
}

// What a condition looks at; nothing where the request has no such thing: there are no organizations.
std::optional<std::string_view> value_of(const PolicyQuestion& question, std::string_view key) {
  const auto some = [](std::string_view text) {
    return text.empty() ? std::nullopt : std::optional<std::string_view>(text);
  };
  const bool service = !question.who.service.empty();
  if (key == source_arn) return some(question.who.source_arn);
  if (key == source_account) return service ? some(question.who.account_id) : std::nullopt;
  for (const auto& [name, value] : question.keys)
    if (name == key) return value;
  if (service || question.anonymous) return std::nullopt;
  if (key == principal_arn) return some(question.who.arn);
  if (key == principal_account) return some(question.who.account_id);
  return std::nullopt;
}

}  // namespace

bool wildcard_matches(std::string_view pattern, std::string_view text) {
  std::size_t at = 0, star = pattern.npos, star_at = 0, i = 0;
  while (i < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      star_at = i;
    } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == text[i])) {
      ++at;
      ++i;
    } else if (star != pattern.npos) {
      at = star + 1;
      i = ++star_at;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

bool arn_matches(std::string_view pattern, std::string_view arn) {
  const auto patterns = arn_parts(pattern), parts = arn_parts(arn);
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (!wildcard_matches(patterns[i], parts[i])) return false;
  return true;
}

Result<PolicyStatement::Condition> PolicyStatement::parse_condition(const std::string& test, const std::string& key,
                                                                    const Value& values, const PolicyDialect& dialect) {
  struct Test {
    std::string_view name;
    Kind kind;
    bool negated;
  };
  constexpr std::array tests = {Test{"StringEquals", Kind::equals, false},
                                Test{"StringNotEquals", Kind::equals, true},
                                Test{"StringEqualsIgnoreCase", Kind::equals_ignoring_case, false},
                                Test{"StringNotEqualsIgnoreCase", Kind::equals_ignoring_case, true},
                                Test{"StringLike", Kind::like, false},
                                Test{"StringNotLike", Kind::like, true},
                                Test{"ArnEquals", Kind::arn_like, false},
                                Test{"ArnNotEquals", Kind::arn_like, true},
                                Test{"ArnLike", Kind::arn_like, false},
                                Test{"ArnNotLike", Kind::arn_like, true},
                                Test{"Bool", Kind::boolean, false},
                                Test{"Null", Kind::null, false}};
  std::string_view name = test;
  Condition condition;
  if (name.ends_with("IfExists")) {
    condition.if_exists = true;
    name.remove_suffix(8);
  }
  const auto found = std::find_if(tests.begin(), tests.end(), [&](const Test& each) { return each.name == name; });
  if (found == tests.end()) return not_implemented(dialect.operation + " Condition " + test);
  condition.kind = found->kind;
  condition.negated = found->negated;
  condition.key = lower_case(key);
  if (!is_known_key(condition.key, dialect)) return not_implemented(dialect.operation + " Condition key " + key);
  auto texts =
      texts_of(values.is_boolean() ? Value(values.boolean() ? "true" : "false") : values, "Condition", dialect);
  if (!texts) return texts.error();
  condition.values = std::move(*texts);
  return condition;
}

Result<PolicyStatement> PolicyStatement::parse(const Value& statement, const PolicyDialect& dialect) {
  if (!statement.is_map()) return dialect.malformed("Statement");
  for (const char* element : {"NotPrincipal", "NotAction", "NotResource"})
    if (!statement[element].is_null()) return not_implemented(dialect.operation + " " + element);
  PolicyStatement parsed;
  const auto effect = statement["Effect"].is_string() ? statement["Effect"].string() : "";
  if (effect != "Allow" && effect != "Deny") return dialect.malformed("Effect");
  parsed.denies_ = effect == "Deny";

  const auto& principal = statement["Principal"];
  if (principal.is_string() && principal.string() == "*") {
    parsed.everybody_ = true;
  } else if (principal.is_map() && !principal.map().empty()) {
    for (const auto& [kind, names] : principal.map()) {
      if (kind != "Service" && kind != "AWS") return not_implemented(dialect.operation + " Principal " + kind);
      auto texts = texts_of(names, "Principal", dialect);
      if (!texts) return texts.error();
      for (auto& text : *texts) {
        if (kind == "Service") {
          parsed.services_.push_back(std::move(text));
          continue;
        }
        if (text == "*") parsed.everybody_ = true;
        const auto parts = arn_parts(text);
        parsed.accounts_.push_back(parts[5] == "root" ? std::string(parts[4]) : text);
      }
    }
  } else {
    return dialect.malformed("Principal");
  }
  for (const auto& [element, list] :
       {std::pair{"Action", &parsed.actions_}, std::pair{"Resource", &parsed.resources_}}) {
    auto texts = texts_of(statement[element], element, dialect);
    if (!texts) return texts.error();
    *list = std::move(*texts);
  }
  const auto& conditions = statement["Condition"];
  if (conditions.is_null()) return parsed;
  if (!conditions.is_map()) return dialect.malformed("Condition");
  for (const auto& [test, keys] : conditions.map()) {
    if (!keys.is_map()) return dialect.malformed("Condition");
    for (const auto& [key, values] : keys.map()) {
      auto condition = parse_condition(test, key, values, dialect);
      if (!condition) return condition.error();
      parsed.conditions_.push_back(std::move(*condition));
    }
  }
  return parsed;
}

bool PolicyStatement::Condition::holds(const PolicyQuestion& question) const {
  const auto value = value_of(question, key);
  if (kind == Kind::null) return (lower_case(values.front()) == "true") == !value.has_value();
  // Without a value nothing equals it, which is what a negated test asks for.
  if (!value) return if_exists || negated;
  const bool found = std::any_of(values.begin(), values.end(), [&](const std::string& wanted) {
    switch (kind) {
      case Kind::equals:
        return *value == wanted;
      case Kind::equals_ignoring_case:
      case Kind::boolean:
        return lower_case(*value) == lower_case(wanted);
      case Kind::like:
        return wildcard_matches(wanted, *value);
      case Kind::arn_like:
        return arn_matches(wanted, *value);
      case Kind::null:
        break;
    }
    return false;
  });
  return found != negated;
}

bool PolicyStatement::is_principal(const PolicyQuestion& question) const {
  if (everybody_) return true;
  const auto& who = question.who;
  if (!who.service.empty()) return std::find(services_.begin(), services_.end(), who.service) != services_.end();
  if (question.anonymous) return false;
  return std::any_of(accounts_.begin(), accounts_.end(), [&](const std::string& principal) {
    return is_account(principal) ? principal == who.account_id : acts_as(who.arn, principal);
  });
}

bool PolicyStatement::matches(const PolicyQuestion& question) const {
  // Actions are compared without regard to case.
  const auto is_action = [&](const std::string& pattern) {
    return pattern == question.action || wildcard_matches(lower_case(pattern), lower_case(question.action));
  };
  const auto is_resource = [&](const std::string& pattern) {
    return pattern == question.resource || wildcard_matches(pattern, question.resource);
  };
  return is_principal(question) && std::any_of(actions_.begin(), actions_.end(), is_action) &&
         std::any_of(resources_.begin(), resources_.end(), is_resource) &&
         std::all_of(conditions_.begin(), conditions_.end(),
                     [&](const Condition& condition) { return condition.holds(question); });
}

bool PolicyStatement::is_public() const {
  if (denies_ || !everybody_) return false;
  // A condition that pins who asks, to something without wildcards, lets in those alone.
  return std::none_of(conditions_.begin(), conditions_.end(), [](const Condition& condition) {
    return !condition.negated && !condition.if_exists && condition.kind != Kind::null && is_common(condition.key) &&
           std::none_of(condition.values.begin(), condition.values.end(),
                        [](const std::string& value) { return value.find_first_of("*?") != std::string::npos; });
  });
}

PolicyAnswer ask(const Policy& policy, const PolicyQuestion& question) {
  auto answer = PolicyAnswer::says_nothing;
  for (const auto& statement : policy) {
    if (!statement.matches(question)) continue;
    if (statement.denies()) return PolicyAnswer::denies;
    answer = PolicyAnswer::allows;
  }
  return answer;
}

}  // namespace moonbase
