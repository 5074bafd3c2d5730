#include <algorithm>
#include <moonbase/json.hpp>

#include "lambda/operations.hpp"
#include "lambda/version.hpp"

namespace moonbase::functions {
namespace {

constexpr std::size_t policy_bytes_max = 20 * 1024;

bool is_account(const std::string& text) {
  return text.size() == 12 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The statement that the parameters describe, as GetPolicy shows it.
Map statement_of(const Call& call, const FunctionName& name) {
  const auto& input = call.input;
  const auto principal = input["Principal"].string();
  Map statement{{"Sid", input["StatementId"]}, {"Effect", "Allow"}};
  if (principal == "*") {
    statement.set("Principal", "*");
  } else if (is_account(principal)) {
    statement.set("Principal", Map{{"AWS", "arn:aws:iam::" + principal + ":root"}});
  } else if (principal.starts_with("arn:")) {
    statement.set("Principal", Map{{"AWS", principal}});
  } else {
    statement.set("Principal", Map{{"Service", principal}});
  }
  statement.set("Action", input["Action"]);
  statement.set("Resource", name.arn());
  Map condition;
  const auto add = [&](const char* kind, const char* key, const Value& value) {
    if (!value.is_null()) condition[kind].set(key, value);
  };
  add("StringEquals", "AWS:SourceAccount", input["SourceAccount"]);
  add("StringEquals", "lambda:EventSourceToken", input["EventSourceToken"]);
  add("StringEquals", "aws:PrincipalOrgID", input["PrincipalOrgID"]);
  add("StringEquals", "lambda:FunctionUrlAuthType", input["FunctionUrlAuthType"]);
  if (input["InvokedViaFunctionUrl"].is_boolean())
    condition["Bool"].set("lambda:InvokedViaFunctionUrl", input["InvokedViaFunctionUrl"].boolean() ? "true" : "false");
  add("ArnLike", "AWS:SourceArn", input["SourceArn"]);
  if (!condition.empty()) statement.set("Condition", std::move(condition));
  return statement;
}

// What the policy belongs to: the function, a version or an alias.
struct Resource {
  FunctionName name;
  std::string revision_id;
};

// The name from the input. A policy of $LATEST cannot be written.
Result<FunctionName> policy_name(const Call& call) {
  auto name = function_name_of(call);
  if (name && name->qualifier == "$LATEST")
    return invalid_parameter("We currently do not support adding policies for $LATEST.");
  return name;
}

Result<Resource> find_resource(Transaction& tx, const FunctionName& name) {
  if (!name.qualifier.empty() && !version_of(name.qualifier)) {
    const auto alias = find_alias(tx, name, name.qualifier);
    if (!alias)
      return Error{"ResourceNotFoundException", "Cannot find alias arn: " + name.arn(), {{"Type", "User"}}, 404};
    return Resource{name, alias->revision_id};
  }
  const auto function = require_function(tx, name);
  if (!function) return function.error();
  return Resource{name, function->revision_id};
}

Result<Resource> resource_for_change(Transaction& tx, const Call& call, const FunctionName& name) {
  auto resource = find_resource(tx, name);
  if (!resource || !wrong_revision(call, resource->revision_id)) return resource;
  return Error{"PreconditionFailedException",
               "The RevisionId provided does not match the latest RevisionId. Call the GetPolicy API to retrieve the "
               "latest RevisionId for your resource.",
               {{"Type", "User"}},
               412};
}

void new_revision(Transaction& tx, const Call& call, const FunctionName& name) {
  const auto version = version_of(name.qualifier);
  if (version)
    tx.query("UPDATE function SET revision_id = ? WHERE account = ? AND region = ? AND name = ? AND version = ?",
             call.kernel.ids.uuid(), name.account, name.region, name.name, *version);
  else
    tx.query("UPDATE function_alias SET revision_id = ? WHERE account = ? AND region = ? AND function = ? AND name = ?",
             call.kernel.ids.uuid(), name.account, name.region, name.name, name.qualifier);
}

// Says so after a commit: whoever is let in is kept with what names lead to.
Result<Value> changed(FunctionService& functions, const FunctionName& name, Result<Value> result) {
  if (result) {
    functions.forget_settings(name.account, name.region, name.name);
    functions.urls_changed();
  }
  return result;
}

Result<Value> add_permission(Call& call, FunctionService& functions) {
  const auto name = policy_name(call);
  if (!name) return name.error();
  const bool for_url = call.input["Action"].string() == "lambda:InvokeFunctionUrl";
  if (!is_empty(call.input["FunctionUrlAuthType"]) && !for_url)
    return invalid_parameter("FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action");
  return changed(functions, *name, call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto function = resource_for_change(tx, call, *name);
    if (!function) return function.error();
    const auto& id = call.input["StatementId"].string();
    std::int64_t position = 0;
    std::size_t bytes = 0;
    for (const auto& row :
         tx.query("SELECT statement_id, position, statement FROM function_permission WHERE account = ? "
                  "AND region = ? AND function = ? AND qualifier = ?",
                  name->account, name->region, name->name, name->qualifier)) {
      position = std::max(position, row["position"].integer() + 1);
      bytes += row["statement"].string().size();
      if (row["statement_id"].string() == id)
        return Error{"ResourceConflictException",
                     "The statement id (" + id +
                         ") provided already exists. Please provide a new statement id, or remove "
                         "the existing statement.",
                     {{"Type", "User"}},
                     409};
    }
    const auto statement = to_json(Value(statement_of(call, *name)));
    if (bytes + statement.size() > policy_bytes_max)
      return Error{
          "PolicyLengthExceededException",
          "The final policy size (" + std::to_string(bytes + statement.size()) + ") is bigger than the limit (20480).",
          {{"Type", "User"}},
          400};
    tx.query("INSERT INTO function_permission VALUES (?, ?, ?, ?, ?, ?, ?)", name->account, name->region, name->name,
             name->qualifier, id, position, statement);
    new_revision(tx, call, *name);
    return Value(Map{{"Statement", statement}});
  }));
}

Result<Value> get_policy(Call& call, FunctionService&) {
  const auto name = function_name_of(call);
  if (!name) return name.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto function = find_resource(tx, *name);
    if (!function) return function.error();
    List statements;
    for (const auto& row :
         tx.query("SELECT statement FROM function_permission WHERE account = ? AND region = ? AND "
                  "function = ? AND qualifier = ? ORDER BY position",
                  name->account, name->region, name->name, name->qualifier == "$LATEST" ? "" : name->qualifier)) {
      auto statement = parse_json(row["statement"].string());
      if (!statement) throw std::runtime_error("a permission's row holds no JSON");
      statements.push_back(std::move(*statement));
    }
    if (statements.empty())
      return Error{"ResourceNotFoundException", "The resource you requested does not exist.", {{"Type", "User"}}, 404};
    const Map policy{{"Version", "2012-10-17"}, {"Id", "default"}, {"Statement", std::move(statements)}};
    return Value(Map{{"Policy", to_json(Value(policy))}, {"RevisionId", function->revision_id}});
  });
}

Result<Value> remove_permission(Call& call, FunctionService& functions) {
  const auto name = policy_name(call);
  if (!name) return name.error();
  return changed(functions, *name, call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto function = resource_for_change(tx, call, *name);
    if (!function) return function.error();
    tx.query(
        "DELETE FROM function_permission WHERE account = ? AND region = ? AND function = ? AND qualifier = ? AND "
        "statement_id = ?",
        name->account, name->region, name->name, name->qualifier, call.input["StatementId"].string());
    if (tx.changes() == 0)
      return Error{"ResourceNotFoundException",
                   "Statement " + call.input["StatementId"].string() + " is not found in resource policy.",
                   {{"Type", "User"}},
                   404};
    new_revision(tx, call, *name);
    return Value(Map{});
  }));
}

}  // namespace

void register_permission_operations(Registrar& registrar, FunctionService& functions) {
  const auto operation = operations_of(registrar, functions);
  operation("AddPermission", add_permission);
  operation("GetPolicy", get_policy);
  operation("RemovePermission", remove_permission);
}

}  // namespace moonbase::functions
