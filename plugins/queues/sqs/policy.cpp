#include "policy.hpp"

#include <algorithm>
#include <array>
#include <moonbase/json.hpp>

#include "errors.hpp"

namespace moonbase::sqs {
namespace {

constexpr std::size_t bytes_max = 8192, statements_max = 20;

constexpr std::array<std::string_view, 23> actions = {"addpermission",
                                                      "cancelmessagemovetask",
                                                      "changemessagevisibility",
                                                      "changemessagevisibilitybatch",
                                                      "createqueue",
                                                      "deletemessage",
                                                      "deletemessagebatch",
                                                      "deletequeue",
                                                      "getqueueattributes",
                                                      "getqueueurl",
                                                      "listdeadlettersourcequeues",
                                                      "listmessagemovetasks",
                                                      "listqueues",
                                                      "listqueuetags",
                                                      "purgequeue",
                                                      "receivemessage",
                                                      "removepermission",
                                                      "sendmessage",
                                                      "sendmessagebatch",
                                                      "setqueueattributes",
                                                      "startmessagemovetask",
                                                      "tagqueue",
                                                      "untagqueue"};

Error malformed() { return {"InvalidAttributeValue", "Invalid value for the parameter Policy."}; }

// "SQS:SendMessage", "sqs:*", "sqs:Get*", "*"
bool is_in_scope(const Value& action) {
  if (!action.is_string()) return false;
  std::string text = action.string();
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (text == "*") return true;
  if (!text.starts_with("sqs:")) return false;
  const auto name = std::string_view(text).substr(4);
  return name.find('*') != std::string_view::npos || std::find(actions.begin(), actions.end(), name) != actions.end();
}

Result<Done> check_statement(const Value& statement, const std::string& policy) {
  const auto effect = statement["Effect"].is_string() ? statement["Effect"].string() : "";
  if (effect != "Allow" && effect != "Deny") return malformed();
  if (statement["Principal"].is_null() && statement["NotPrincipal"].is_null()) return malformed();
  const auto& named = statement["Action"].is_null() ? statement["NotAction"] : statement["Action"];
  const List listed = named.is_list() ? named.list() : named.is_null() ? List{} : List{named};
  if (listed.empty()) return malformed();
  if (!std::all_of(listed.begin(), listed.end(), is_in_scope))
    return invalid_parameter("Policy", policy, "Policy statement action out of service scope!");
  return done;
}

}  // namespace

Result<Done> check_policy(const std::string& text) {
  if (text.size() > bytes_max) return malformed();
  const auto policy = parse_json(text);
  if (!policy) return malformed();
  const auto& statement = (*policy)["Statement"];
  const List statements = statement.is_list() ? statement.list() : statement.is_map() ? List{statement} : List{};
  if (statements.empty() || statements.size() > statements_max) return malformed();
  for (const auto& one : statements)
    if (auto checked = check_statement(one, text); !checked) return checked;
  return done;
}

}  // namespace moonbase::sqs
