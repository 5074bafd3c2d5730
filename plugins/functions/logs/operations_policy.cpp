// Resource policies of an account: kept and shown.
#include <moonbase/json.hpp>

#include "logs/log_group.hpp"
#include "logs/operations_log.hpp"

namespace moonbase::functions {
namespace {

constexpr std::int64_t policies_max = 10;  // Of one account and region.
constexpr std::size_t document_bytes_max = 5120;
constexpr std::int64_t policies_page = 50;

// Policies of a single group have revisions, and go with it.
Result<Done> refuse_groups(const Call& call) {
  for (const char* parameter : {"resourceArn", "expectedRevisionId"})
    if (!call.input[parameter].is_null())
      return not_implemented("logs " + std::string(call.operation) + " " + parameter);
  return done;
}

Map describe_policy(const Row& row) {
  return {{"policyName", row["name"]},
          {"policyDocument", row["document"]},
          {"lastUpdatedTime", row["updated_at_ms"]},
          {"policyScope", "ACCOUNT"}};
}

Result<Value> delete_resource_policy(Call& call) {
  if (auto good = refuse_groups(call); !good) return good.error();
  const auto name = call.input["policyName"].string_or("");
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    tx.query("DELETE FROM log_policy WHERE account = ? AND region = ? AND name = ?", call.context.identity.account_id,
             call.context.region, name);
    if (tx.changes() == 0)
      return Error{"ResourceNotFoundException", "Policy with name [" + name + "] does not exist.", {}, 400};
    return Value(Map{});
  });
}

Result<Value> describe_resource_policies(Call& call) {
  if (!call.input["resourceArn"].is_null() || call.input["policyScope"].string_or("ACCOUNT") != "ACCOUNT")
    return not_implemented("logs DescribeResourcePolicies of log groups");
  const auto after = log_position(call.input["nextToken"]);
  if (!after) return after.error();
  const auto limit = call.input["limit"].integer_or(policies_page);
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto rows =
        tx.query("SELECT * FROM log_policy WHERE account = ? AND region = ? AND name > ? ORDER BY name LIMIT ?",
                 call.context.identity.account_id, call.context.region, *after, limit + 1);
    List policies;
    Map output;
    for (const auto& row : rows) {
      if (policies.size() == static_cast<std::size_t>(limit)) {
        output.set("nextToken", log_token(policies.back()["policyName"].string()));
        break;
      }
      policies.push_back(describe_policy(row));
    }
    output.set("resourcePolicies", std::move(policies));
    return Value(std::move(output));
  });
}

Result<Value> put_resource_policy(Call& call) {
  if (auto good = refuse_groups(call); !good) return good.error();
  const auto name = call.input["policyName"].string_or(""), document = call.input["policyDocument"].string_or("");
  if (name.empty()) return log_parameter("The policy name is required.");
  const auto parsed = parse_json(document);
  if (!parsed || !parsed->is_map() || (*parsed)["Statement"].is_null())
    return log_parameter("The policy document is not a valid JSON policy.");
  if (document.size() > document_bytes_max) return Error{"LimitExceededException", "Resource limit exceeded.", {}, 400};
  const auto &account = call.context.identity.account_id, &region = call.context.region;
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    tx.query(
        "INSERT INTO log_policy VALUES (?, ?, ?, ?, ?) ON CONFLICT (account, region, name) DO UPDATE SET document = "
        "excluded.document, updated_at_ms = excluded.updated_at_ms",
        account, region, name, document, call.kernel.clock.now());
    const auto rows =
        tx.query("SELECT * FROM log_policy WHERE account = ? AND region = ? ORDER BY name", account, region);
    if (static_cast<std::int64_t>(rows.size()) > policies_max)
      return Error{"LimitExceededException", "Resource limit exceeded.", {}, 400};
    for (const auto& row : rows)
      if (row["name"].string() == name) return Value(Map{{"resourcePolicy", describe_policy(row)}});
    return Value(Map{});
  });
}

}  // namespace

void register_policy_operations(Registrar& registrar) {
  registrar.operation("DeleteResourcePolicy", delete_resource_policy);
  registrar.operation("DescribeResourcePolicies", describe_resource_policies);
  registrar.operation("PutResourcePolicy", put_resource_policy);
}

}  // namespace moonbase::functions
