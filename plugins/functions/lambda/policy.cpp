#include "lambda/policy.hpp"

#include <moonbase/json.hpp>
#include <stdexcept>

namespace moonbase::functions {
namespace {

constexpr std::string_view url_auth_type_key = "lambda:functionurlauthtype", via_url = "lambda:invokedviafunctionurl",
                           event_source_token = "lambda:eventsourcetoken";  // No service here sends one.

}  // namespace

PolicyDialect policy_dialect(const std::string& operation) {
  return {"lambda " + operation, {url_auth_type_key, via_url, event_source_token}, [](std::string_view element) {
            return invalid_parameter("The policy's element " + std::string(element) + " is malformed.");
          }};
}

std::vector<std::pair<std::string_view, std::string_view>> policy_keys(std::string_view url_auth_type) {
  if (url_auth_type.empty()) return {{via_url, "false"}};
  return {{via_url, "true"}, {url_auth_type_key, url_auth_type}};
}

Policy read_policy(Transaction& tx, const FunctionName& name) {
  Policy policy;
  const auto dialect = policy_dialect("Invoke");
  for (const auto& row :
       tx.query("SELECT statement FROM function_permission WHERE account = ? AND region = ? AND "
                "function = ? AND qualifier = ?",
                name.account, name.region, name.name, name.qualifier == "$LATEST" ? "" : name.qualifier)) {
    const auto value = parse_json(row["statement"].string());
    if (!value) throw std::runtime_error("a permission's row holds no JSON");
    auto statement = PolicyStatement::parse(*value, dialect);
    if (!statement) throw std::runtime_error("a permission's row holds no statement: " + statement.error().message);
    policy.push_back(std::move(*statement));
  }
  return policy;
}

}  // namespace moonbase::functions
