#include <algorithm>
#include <moonbase/json.hpp>

#include "events/service.hpp"

namespace moonbase::notifications::events {
namespace {

constexpr std::size_t policy_bytes_max = 10 * 1024;

Error refused(std::string message) { return {"ValidationException", std::move(message)}; }

Map statement_of(const Call& call, const BusName& bus) {
  const auto& principal = call.input["Principal"].string();
  Map statement{{"Sid", call.input["StatementId"]}, {"Effect", "Allow"}};
  statement.set("Principal",
                principal == "*" ? Value("*") : Value(Map{{"AWS", "arn:aws:iam::" + principal + ":root"}}));
  statement.set("Action", call.input["Action"]);
  statement.set("Resource", bus.arn());
  if (const auto& condition = call.input["Condition"]; condition.is_map())
    statement.set("Condition", Map{{condition["Type"].string(), Map{{condition["Key"].string(), condition["Value"]}}}});
  return statement;
}

Value policy_of(const Value& bus) {
  if (auto parsed = parse_json(bus["Policy"].string_or("")); parsed && (*parsed)["Statement"].is_list())
    return std::move(*parsed);
  return Map{{"Version", "2012-10-17"}, {"Statement", List{}}};
}

void drop_statement(Value& policy, const Value& id) {
  auto& statements = policy.map()["Statement"].list();
  statements.erase(
      std::remove_if(statements.begin(), statements.end(), [&](const auto& each) { return each["Sid"] == id; }),
      statements.end());
}

}  // namespace

Result<Value> put_permission(Call& call, Service& service) {
  const auto bus = bus_name_of(call.input["EventBusName"], Owner::of(call));
  if (!bus) return bus.error();
  const bool is_whole = call.input["Policy"].is_string();
  const auto has = [&](const char* name) { return !call.input[name].is_null(); };
  if (is_whole && (has("Action") || has("Principal") || has("StatementId") || has("Condition")))
    return refused("Parameter Policy may not be given together with Action, Principal, StatementId or Condition.");
  if (!is_whole)
    for (const char* name : {"Action", "Principal", "StatementId"})
      if (!has(name)) return refused("Parameter " + std::string(name) + " must be specified.");
  if (is_whole)
    if (const auto policy = parse_json(call.input["Policy"].string()); !policy || !(*policy)["Statement"].is_list())
      return refused("This policy contains invalid Json");
  if (!is_whole && call.input["Action"].string() != "events:PutEvents")
    return refused("Provided value in parameter 'action' is not supported.");
  auto written = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto found = find_bus(tx, *bus);
    if (!found) return found;
    std::string text;
    if (is_whole) {
      text = call.input["Policy"].string();
    } else {
      auto policy = policy_of(*found);
      drop_statement(policy, call.input["StatementId"]);
      policy.map()["Statement"].list().push_back(statement_of(call, *bus));
      text = to_json(policy);
    }
    if (text.size() > policy_bytes_max)
      return Error{"PolicyLengthExceededException", "Policy length exceeds maximum allowed length."};
    found->set("Policy", text);
    save_bus(tx, *bus, *found);
    return Value(Map{});
  });
  service.catalog.changed(*bus);
  return written;
}

Result<Value> remove_permission(Call& call, Service& service) {
  const auto bus = bus_name_of(call.input["EventBusName"], Owner::of(call));
  if (!bus) return bus.error();
  const bool all = call.input["RemoveAllPermissions"].boolean_or(false);
  if (!all && call.input["StatementId"].is_null()) return refused("Parameter StatementId must be specified.");
  auto written = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto found = find_bus(tx, *bus);
    if (!found) return found;
    auto policy = policy_of(*found);
    const auto before = policy["Statement"].list().size();
    if (all)
      policy.map()["Statement"].list().clear();
    else
      drop_statement(policy, call.input["StatementId"]);
    if (!all && policy["Statement"].list().size() == before)
      return Error{"ResourceNotFoundException",
                   before == 0 ? "EventBus does not have a policy." : "Statement with the provided id does not exist."};
    if (policy["Statement"].list().empty())
      found->map().erase("Policy");
    else
      found->set("Policy", to_json(policy));
    save_bus(tx, *bus, *found);
    return Value(Map{});
  });
  service.catalog.changed(*bus);
  return written;
}

}  // namespace moonbase::notifications::events
