// AddPermission, RemovePermission: statements of the queue's policy.
#include <algorithm>
#include <array>
#include <moonbase/json.hpp>

#include "errors.hpp"
#include "policy.hpp"
#include "service.hpp"

namespace moonbase::sqs {
namespace {

constexpr std::array<std::string_view, 8> shareable = {
    "*",           "ChangeMessageVisibility",    "DeleteMessage",  "GetQueueAttributes",
    "GetQueueUrl", "ListDeadLetterSourceQueues", "ReceiveMessage", "SendMessage"};
constexpr std::size_t actions_max = 7;

bool is_label(const std::string& label) {
  return !label.empty() && label.size() <= 80 && std::all_of(label.begin(), label.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

// One alone is no list, as in policies that people write.
Value one_or_list(List values) {
  if (values.size() == 1) return std::move(values.front());
  return values;
}

Result<Value> read_statement(const Call& call, const Queue& queue) {
  List principals, actions;
  for (const auto& account : call.input["AWSAccountIds"].list()) {
    const auto& text = account.string();
    const bool good =
        text.size() == 12 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!good) return invalid_parameter("PrincipalId", "[" + text + "]", "Unable to verify.");
    principals.push_back("arn:aws:iam::" + text + ":root");
  }
  for (const auto& action : call.input["Actions"].list()) {
    if (std::find(shareable.begin(), shareable.end(), action.string()) == shareable.end())
      return invalid_parameter("ActionName", "SQS:" + action.string(),
                               "Only the queue owner is allowed to invoke this action.");
    actions.push_back("SQS:" + action.string());
  }
  if (principals.empty()) return missing_parameter("AWSAccountIds");
  if (actions.empty()) return missing_parameter("Actions");
  if (actions.size() > actions_max)
    return Error{"OverLimit", std::to_string(actions.size()) + " Actions were found, maximum allowed is 7."};
  return Value(Map{{"Sid", call.input["Label"]},
                   {"Effect", "Allow"},
                   {"Principal", Map{{"AWS", one_or_list(std::move(principals))}}},
                   {"Action", one_or_list(std::move(actions))},
                   {"Resource", queue.name.arn()}});
}

List statements_of(const Value& policy) {
  const auto& statements = policy["Statement"];
  if (statements.is_list()) return statements.list();
  if (statements.is_map()) return {statements};
  return {};
}

// Runs `edit` on the policy's statements and keeps what it leaves.
template <class Edit>
Result<Value> edit_policy(Service& service, Call& call, const Edit& edit) {
  const auto name = queue_named(call);
  if (!name) return name.error();
  const auto now = call.kernel.clock.now();
  auto written =
      write_queue(service.queues, call.kernel.store, *name, [&](Transaction& tx, const Queue& queue) -> Result<Value> {
        Value policy = Map{{"Version", "2008-10-17"}, {"Id", queue.name.arn() + "/SQSDefaultPolicy"}};
        if (const auto& text = queue.attributes["Policy"]; text.is_string()) {
          auto parsed = parse_json(text.string());
          if (parsed && parsed->is_map()) policy = std::move(*parsed);
        }
        auto statements = statements_of(policy);
        if (auto edited = edit(queue, statements); !edited) return edited.error();
        auto attributes = queue.attributes;
        if (statements.empty()) {
          attributes.map().erase("Policy");
        } else {
          policy.set("Statement", std::move(statements));
          const auto text = to_json(policy);
          if (auto checked = check_policy(text); !checked) return checked.error();
          attributes.set("Policy", text);
        }
        tx.query(
            "UPDATE sqs_queue SET modified_at_ms = ?, attributes = ? WHERE account = ? AND region = ? AND name = ?",
            now, to_json(attributes), name->account, name->region, name->name);
        tx.query("UPDATE sqs_counter SET version = version + 1 WHERE account = ? AND queue = ?", name->account,
                 queue.number);
        return Value(Map());
      });
  service.queues.forget(*name);
  return written;
}

bool has_label(const Value& statement, const std::string& label) {
  return statement["Sid"].is_string() && statement["Sid"].string() == label;
}

}  // namespace

Result<Value> add_permission(Service& service, Call& call) {
  const auto& label = call.input["Label"].string();
  if (!is_label(label))
    return invalid_parameter("Label", label,
                             "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
  return edit_policy(service, call, [&](const Queue& queue, List& statements) -> Result<Done> {
    if (std::any_of(statements.begin(), statements.end(), [&](const Value& one) { return has_label(one, label); }))
      return invalid_parameter("Label", label, "Already exists.");
    auto statement = read_statement(call, queue);
    if (!statement) return statement.error();
    statements.push_back(std::move(*statement));
    return done;
  });
}

Result<Value> remove_permission(Service& service, Call& call) {
  const auto& label = call.input["Label"].string();
  return edit_policy(service, call, [&](const Queue&, List& statements) -> Result<Done> {
    if (std::erase_if(statements, [&](const Value& one) { return has_label(one, label); }) == 0)
      return invalid_parameter("Label", label, "can't find label on existing policy.");
    return done;
  });
}

}  // namespace moonbase::sqs
