#include "events/bus.hpp"

#include <algorithm>
#include <moonbase/json.hpp>

namespace moonbase::notifications::events {
namespace {

bool names_account(const Value& principal, std::string_view account) {
  if (principal.is_string()) {
    const auto& text = principal.string();
    return text == "*" || text == account || text.find("::" + std::string(account) + ":") != std::string::npos;
  }
  if (principal.is_list())
    return std::any_of(principal.list().begin(), principal.list().end(),
                       [&](const auto& each) { return names_account(each, account); });
  return principal.is_map() && names_account(principal["AWS"], account);
}

bool names_action(const Value& action) {
  if (action.is_list()) return std::any_of(action.list().begin(), action.list().end(), names_action);
  const auto text = text_or(action, "");
  return text == "events:PutEvents" || text == "events:*" || text == "*";
}

}  // namespace

Result<BusName> bus_name_of(const Value& text, const Owner& own) {
  if (text.is_null() || text.string().empty()) return BusName{own, std::string(default_bus)};
  const auto& name = text.string();
  if (!name.starts_with("arn:")) return BusName{own, name};
  const auto arn = parse_arn(name);
  constexpr std::string_view kind = "event-bus/";
  if (!arn || arn->service != "events" || !arn->resource.starts_with(kind))
    return Error{"ValidationException",
                 "Parameter " + name + " is not valid. Reason: Provided Arn is not in correct format."};
  return BusName{arn->owner(), std::string(arn->resource.substr(kind.size()))};
}

Result<Value> find_bus(Transaction& tx, const BusName& bus) {
  const auto rows = tx.query("SELECT document FROM event_bus WHERE account = ? AND region = ? AND name = ?",
                             bus.owner.account, bus.owner.region, bus.name);
  if (!rows.empty()) return document(rows.front()[0]);
  if (bus.name != default_bus) return no_such_bus(bus);
  return Value(Map{{"Name", bus.name}, {"Arn", bus.arn()}});
}

void save_bus(Transaction& tx, const BusName& bus, const Value& document) {
  tx.query(
      "INSERT INTO event_bus (account, region, name, document) VALUES (?, ?, ?, ?) "
      "ON CONFLICT (account, region, name) DO UPDATE SET document = excluded.document",
      bus.owner.account, bus.owner.region, bus.name, to_json(document));
}

Error no_such_bus(const BusName& bus) {
  return {"ResourceNotFoundException", "Event bus " + bus.name + " does not exist."};
}

bool may_put(const BusName& bus, const Value& document, std::string_view account) {
  if (bus.owner.account == account) return true;
  const auto policy = parse_json(document["Policy"].string_or("{}"));
  if (!policy || !(*policy)["Statement"].is_list()) return false;
  bool is_allowed = false;
  for (const auto& statement : (*policy)["Statement"].list()) {
    if (!names_action(statement["Action"]) || !names_account(statement["Principal"], account)) continue;
    const auto effect = text_or(statement["Effect"], "");
    if (effect == "Deny") return false;
    // Whether a condition holds is not known here: it allows nothing.
    is_allowed = is_allowed || (effect == "Allow" && statement["Condition"].is_null());
  }
  return is_allowed;
}

}  // namespace moonbase::notifications::events
