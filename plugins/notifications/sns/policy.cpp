#include "sns/policy.hpp"

#include <algorithm>
#include <array>
#include <moonbase/json.hpp>

#include "patterns/pattern.hpp"

namespace moonbase::notifications::sns {
namespace {

constexpr std::size_t bytes_max = 30'720;
constexpr auto malformed = "Policy Error: null";
constexpr auto out_of_scope = "Policy statement action out of service scope!";

constexpr std::array<std::string_view, 9> topic_actions = {
    "publish",       "subscribe",        "gettopicattributes", "settopicattributes",      "receive",
    "addpermission", "removepermission", "deletetopic",        "listsubscriptionsbytopic"};

// "SNS:Publish". A star alone would reach actions that are no topic's.
bool is_in_scope(const Value& action) {
  if (!action.is_string()) return false;
  const auto text = lower_case(action.string());
  constexpr std::string_view service = "sns:";
  if (!text.starts_with(service)) return false;
  const auto name = std::string_view(text).substr(service.size());
  if (name.find('*') == std::string_view::npos) return is_topic_action(name);
  return name != "*";
}

std::optional<std::string> refuse_statement(const Value& statement) {
  const auto effect = statement["Effect"].is_string() ? statement["Effect"].string() : "";
  if (effect != "Allow" && effect != "Deny") return malformed;
  if (statement["Principal"].is_null() && statement["NotPrincipal"].is_null()) return malformed;
  const auto& actions = statement["Action"].is_null() ? statement["NotAction"] : statement["Action"];
  if (actions.is_string()) return is_in_scope(actions) ? std::nullopt : std::optional<std::string>(out_of_scope);
  if (!actions.is_list() || actions.list().empty()) return malformed;
  if (!std::all_of(actions.list().begin(), actions.list().end(), is_in_scope)) return out_of_scope;
  return std::nullopt;
}

}  // namespace

bool is_topic_action(std::string_view name) {
  return std::find(topic_actions.begin(), topic_actions.end(), lower_case(name)) != topic_actions.end();
}

std::optional<std::string> refuse_policy(const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto policy = text.size() <= bytes_max ? parse_json(text) : Result<Value>(Value());
  if (!policy) return malformed;
  const auto& statements = (*policy)["Statement"];
  if (statements.is_map()) return refuse_statement(statements);
  if (!statements.is_list() || statements.list().empty()) return malformed;
  for (const auto& statement : statements.list())
    if (auto refused = refuse_statement(statement)) return refused;
  return std::nullopt;
}

}  // namespace moonbase::notifications::sns
