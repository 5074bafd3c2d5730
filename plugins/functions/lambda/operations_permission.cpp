// Resource policies: statement by statement (AddPermission), or as a whole (PutResourcePolicy).
#include <algorithm>
#include <moonbase/json.hpp>

#include "lambda/operations.hpp"
#include "lambda/policy.hpp"
#include "lambda/version.hpp"

namespace moonbase::functions {
namespace {

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

std::string new_revision(Transaction& tx, const Call& call, const FunctionName& name) {
  auto revision = call.kernel.ids.uuid();
  if (const auto version = version_of(name.qualifier))
    tx.query("UPDATE function SET revision_id = ? WHERE account = ? AND region = ? AND name = ? AND version = ?",
             revision, name.account, name.region, name.name, *version);
  else
    tx.query("UPDATE function_alias SET revision_id = ? WHERE account = ? AND region = ? AND function = ? AND name = ?",
             revision, name.account, name.region, name.name, name.qualifier);
  return revision;
}

// Says so after a commit: whoever is let in is kept with what names lead to.
Result<Value> changed(FunctionService& functions, const FunctionName& name, Result<Value> result) {
  if (result) {
    functions.forget_settings(name.account, name.region, name.name);
    functions.urls_changed();
  }
  return result;
}

Error too_long(std::size_t bytes) {
  return {"PolicyLengthExceededException",
          "The final policy size (" + std::to_string(bytes) + ") is bigger than the limit (" +
              std::to_string(policy_bytes_max) + ").",
          {{"Type", "User"}},
          400};
}

Error no_policy() {
  return {"ResourceNotFoundException", "The resource you requested does not exist.", {{"Type", "User"}}, 404};
}

void erase_policy(Transaction& tx, const FunctionName& name) {
  tx.query("DELETE FROM function_permission WHERE account = ? AND region = ? AND function = ? AND qualifier = ?",
           name.account, name.region, name.name, name.qualifier);
}

// The policy's document; nothing where there are no statements.
std::optional<std::string> document_of(Transaction& tx, const FunctionName& name) {
  List statements;
  std::string id;
  for (const auto& row :
       tx.query("SELECT statement, policy_id FROM function_permission WHERE account = ? AND region = "
                "? AND function = ? AND qualifier = ? ORDER BY position",
                name.account, name.region, name.name, name.qualifier == "$LATEST" ? "" : name.qualifier)) {
    auto statement = parse_json(row["statement"].string());
    if (!statement) throw std::runtime_error("a permission's row holds no JSON");
    statements.push_back(std::move(*statement));
    id = row["policy_id"].string();
  }
  if (statements.empty()) return std::nullopt;
  return to_json(Value(Map{{"Version", "2012-10-17"}, {"Id", id}, {"Statement", std::move(statements)}}));
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
    std::string policy_id = "default";
    for (const auto& row :
         tx.query("SELECT statement_id, position, statement, policy_id FROM function_permission WHERE account = ? "
                  "AND region = ? AND function = ? AND qualifier = ?",
                  name->account, name->region, name->name, name->qualifier)) {
      position = std::max(position, row["position"].integer() + 1);
      bytes += row["statement"].string().size();
      policy_id = row["policy_id"].string();
      if (row["statement_id"].string() == id)
        return Error{"ResourceConflictException",
                     "The statement id (" + id +
                         ") provided already exists. Please provide a new statement id, or remove "
                         "the existing statement.",
                     {{"Type", "User"}},
                     409};
    }
    const auto statement = to_json(Value(statement_of(call, *name)));
    if (bytes + statement.size() > policy_bytes_max) return too_long(bytes + statement.size());
    tx.query("INSERT INTO function_permission VALUES (?, ?, ?, ?, ?, ?, ?, ?)", name->account, name->region, name->name,
             name->qualifier, id, position, statement, policy_id);
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
    const auto document = document_of(tx, *name);
    if (!document) return no_policy();
    return Value(Map{{"Policy", *document}, {"RevisionId", function->revision_id}});
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

// --- as a whole ----------------------------------------------------------------------------------

// The function, version or alias that ResourceArn names.
Result<FunctionName> resource_name(const Call& call) {
  const auto& arn = call.input["ResourceArn"].string();
  auto name = parse_function_name(arn, call.context);
  if (!name || !arn.starts_with("arn:") || name->qualifier == "$LATEST")
    return Error{"ValidationException",
                 "1 validation error detected: Value '" + arn.substr(0, 200) +
                     "' at 'resourceArn' failed to satisfy constraint: Member must be the ARN of a function, of one of "
                     "its published versions or of one of its aliases",
                 {{"Type", "User"}},
                 400};
  return name;
}

// The statements of a document, each of which can be evaluated.
Result<List> statements_of(const Call& call, const FunctionName& name, const Value& document) {
  const auto operation = std::string(call.operation);
  const auto malformed = [](const std::string& why) { return invalid_parameter("The policy is malformed: " + why); };
  if (!document.is_map()) return malformed("it is no JSON object.");
  for (const auto& [element, value] : document.map())
    if (element != "Version" && element != "Id" && element != "Statement")
      return malformed("it has no element " + element + ".");
  if (!document["Version"].is_string() || document["Version"].string() != "2012-10-17")
    return malformed("its Version must be 2012-10-17.");
  if (!document["Id"].is_null() && !document["Id"].is_string()) return malformed("its Id must be a text.");
  const auto& given = document["Statement"];
  auto statements = given.is_list() ? given.list() : List{given};
  if (statements.empty()) return malformed("it has no statements.");
  const auto dialect = policy_dialect(operation);
  for (const auto& statement : statements) {
    const auto parsed = PolicyStatement::parse(statement, dialect);
    if (!parsed) return parsed.error();
    if (!statement["Sid"].is_null() && !statement["Sid"].is_string()) return malformed("a Sid must be a text.");
    const auto resources = statement["Resource"].is_list() ? statement["Resource"].list() : List{statement["Resource"]};
    for (const auto& resource : resources)
      if (!wildcard_matches(resource.string(), name.arn()))
        return malformed("the resource " + resource.string() + " is not " + name.arn() + ".");
  }
  return statements;
}

Result<Value> delete_resource_policy(Call& call, FunctionService& functions) {
  const auto name = resource_name(call);
  if (!name) return name.error();
  return changed(functions, *name, call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (const auto resource = resource_for_change(tx, call, *name); !resource) return resource.error();
    erase_policy(tx, *name);
    if (tx.changes() == 0) return no_policy();
    new_revision(tx, call, *name);
    return Value(Map{});
  }));
}

Result<Value> get_resource_policy(Call& call, FunctionService&) {
  const auto name = resource_name(call);
  if (!name) return name.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto resource = find_resource(tx, *name);
    if (!resource) return resource.error();
    const auto document = document_of(tx, *name);
    if (!document) return no_policy();
    return Value(Map{{"Policy", *document}, {"RevisionId", resource->revision_id}});
  });
}

Result<Value> put_resource_policy(Call& call, FunctionService& functions) {
  const auto name = resource_name(call);
  if (!name) return name.error();
  const auto& text = call.input["Policy"].string();
  if (text.size() > policy_bytes_max) return too_long(text.size());
  const auto document = parse_json(text);
  if (!document) return invalid_parameter("The policy is malformed: " + document.error().message);
  const auto statements = statements_of(call, *name, *document);
  if (!statements) return statements.error();
  return changed(functions, *name, call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (const auto resource = resource_for_change(tx, call, *name); !resource) return resource.error();
    erase_policy(tx, *name);
    std::int64_t position = 0;
    for (const auto& statement : *statements) {
      // A statement without a Sid has a name that RemovePermission cannot say.
      const auto id = statement["Sid"].string_or("#" + std::to_string(position));
      const auto known = tx.query(
          "SELECT position FROM function_permission WHERE account = ? AND region = ? AND "
          "function = ? AND qualifier = ? AND statement_id = ?",
          name->account, name->region, name->name, name->qualifier, id);
      if (!known.empty()) return invalid_parameter("The policy is malformed: two statements have the Sid " + id + ".");
      tx.query("INSERT INTO function_permission VALUES (?, ?, ?, ?, ?, ?, ?, ?)", name->account, name->region,
               name->name, name->qualifier, id, position++, to_json(statement), (*document)["Id"].string_or("default"));
    }
    return Value(Map{{"Policy", *document_of(tx, *name)}, {"RevisionId", new_revision(tx, call, *name)}});
  }));
}

}  // namespace

void register_permission_operations(Registrar& registrar, FunctionService& functions) {
  const auto operation = operations_of(registrar, functions);
  operation("AddPermission", add_permission);
  operation("DeleteResourcePolicy", delete_resource_policy);
  operation("GetPolicy", get_policy);
  operation("GetResourcePolicy", get_resource_policy);
  operation("PutResourcePolicy", put_resource_policy);
  operation("RemovePermission", remove_permission);
}

}  // namespace moonbase::functions
