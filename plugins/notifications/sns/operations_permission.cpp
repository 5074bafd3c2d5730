// AddPermission, RemovePermission: statements of the topic's policy.
#include <algorithm>
#include <moonbase/json.hpp>

#include "sns/policy.hpp"
#include "sns/service.hpp"

namespace moonbase::notifications::sns {
namespace {

bool has_label(const Value& statement, const std::string& label) {
  return statement["Sid"].is_string() && statement["Sid"].string() == label;
}

Value one_or_list(List values) {
  if (values.size() == 1) return std::move(values.front());
  return values;
}

Result<Value> read_statement(const Value& input, const TopicName& topic) {
  List principals, actions;
  for (const auto& account : input["AWSAccountId"].list()) {
    const auto& text = account.string();
    if (text.size() != 12 || !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
      return invalid_parameter("PrincipalId");
    principals.push_back("arn:aws:iam::" + text + ":root");
  }
  for (const auto& action : input["ActionName"].list()) {
    if (!is_topic_action(action.string())) return invalid_parameter("Policy statement action out of service scope!");
    actions.push_back("SNS:" + action.string());
  }
  if (principals.empty()) return invalid_parameter("AWSAccountId");
  if (actions.empty()) return invalid_parameter("ActionName");
  return Value(Map{{"Sid", input["Label"]},
                   {"Effect", "Allow"},
                   {"Principal", Map{{"AWS", one_or_list(std::move(principals))}}},
                   {"Action", one_or_list(std::move(actions))},
                   {"Resource", topic.arn()}});
}

template <class Edit>
Result<Value> edit_policy(Call& call, const Edit& edit) {
  const auto name = parse_topic_arn(call.input["TopicArn"].string());
  if (!name) return name.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto topic = find_topic(tx, *name);
    if (!topic) return topic.error();
    const auto text = topic->attribute("Policy");
    auto policy = parse_json(text.empty() ? default_policy(*name) : text);
    if (!policy || !policy->is_map()) return invalid_parameter("Policy");
    List statements;
    if (const auto& there = (*policy)["Statement"]; there.is_list())
      statements = there.list();
    else if (there.is_map())
      statements.push_back(there);
    if (auto edited = edit(*name, statements); !edited) return edited.error();
    policy->set("Statement", std::move(statements));
    topic->attributes.set("Policy", to_json(*policy));
    save_attributes(tx, *topic);
    return Value(Map());
  });
}

}  // namespace

Result<Value> add_permission(Call& call, Service&) {
  const auto& label = call.input["Label"].string();
  return edit_policy(call, [&](const TopicName& topic, List& statements) -> Result<Done> {
    if (std::any_of(statements.begin(), statements.end(), [&](const Value& each) { return has_label(each, label); }))
      return invalid_parameter("Statement already exists");
    auto statement = read_statement(call.input, topic);
    if (!statement) return statement.error();
    statements.push_back(std::move(*statement));
    return done;
  });
}

Result<Value> remove_permission(Call& call, Service&) {
  const auto& label = call.input["Label"].string();
  return edit_policy(call, [&](const TopicName&, List& statements) -> Result<Done> {
    std::erase_if(statements, [&](const Value& each) { return has_label(each, label); });
    return done;
  });
}

}  // namespace moonbase::notifications::sns
