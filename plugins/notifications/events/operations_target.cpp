#include <moonbase/json.hpp>

#include "events/service.hpp"

namespace moonbase::notifications::events {

Result<Value> list_rule_names_by_target(Call& call, Service&) {
  const auto bus = bus_name_of(call.input["EventBusName"], Owner::of(call));
  if (!bus) return bus.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (auto found = find_bus(tx, *bus); !found) return found;
    const auto page = read_page(
        tx, "SELECT DISTINCT rule FROM event_target WHERE account = ? AND region = ? AND bus = ? AND arn = ?",
        {bus->owner.account, bus->owner.region, bus->name, call.input["TargetArn"]}, "rule", page_request(call));
    if (!page) return invalid_token();
    List names;
    for (const auto& row : page->rows) names.push_back(row[0]);
    Map answer{{"RuleNames", std::move(names)}};
    if (!page->next.empty()) answer.set("NextToken", page->next);
    return Value(std::move(answer));
  });
}

Result<Value> list_targets_by_rule(Call& call, Service&) {
  const auto bus = bus_name_of(call.input["EventBusName"], Owner::of(call));
  if (!bus) return bus.error();
  const auto& rule = call.input["Rule"].string();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (auto found = find_rule(tx, *bus, rule); !found) return found;
    const auto page =
        read_page(tx, "SELECT id, document FROM event_target WHERE account = ? AND region = ? AND bus = ? AND rule = ?",
                  {bus->owner.account, bus->owner.region, bus->name, rule}, "id", page_request(call));
    if (!page) return invalid_token();
    List targets;
    for (const auto& row : page->rows) targets.push_back(document(row[1]));
    Map answer{{"Targets", std::move(targets)}};
    if (!page->next.empty()) answer.set("NextToken", page->next);
    return Value(std::move(answer));
  });
}

Result<Value> put_targets(Call& call, Service& service) {
  const auto bus = bus_name_of(call.input["EventBusName"], Owner::of(call));
  if (!bus) return bus.error();
  const auto& rule = call.input["Rule"].string();
  const auto& targets = call.input["Targets"].list();
  for (const auto& target : targets)
    if (auto good = check_target(target); !good) return good.error();
  auto written = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (auto found = find_bus(tx, *bus); !found) return found;
    if (auto found = find_rule(tx, *bus, rule); !found) return found;
    for (const auto& target : targets)
      tx.query(
          "INSERT INTO event_target (account, region, bus, rule, id, arn, document) VALUES (?, ?, ?, ?, ?, ?, ?) "
          "ON CONFLICT (account, region, bus, rule, id) DO UPDATE SET arn = excluded.arn, document = excluded.document",
          bus->owner.account, bus->owner.region, bus->name, rule, target["Id"], target["Arn"], to_json(target));
    if (tx.query("SELECT id FROM event_target WHERE account = ? AND region = ? AND bus = ? AND rule = ? LIMIT ?",
                 bus->owner.account, bus->owner.region, bus->name, rule, targets_max + 1)
            .size() > static_cast<std::size_t>(targets_max))
      return Error{"LimitExceededException", "The requested resource exceeds the maximum number allowed."};
    return Value(Map{{"FailedEntryCount", 0}, {"FailedEntries", List{}}});
  });
  service.catalog.changed(*bus);
  return written;
}

Result<Value> remove_targets(Call& call, Service& service) {
  const auto bus = bus_name_of(call.input["EventBusName"], Owner::of(call));
  if (!bus) return bus.error();
  const auto& rule = call.input["Rule"].string();
  auto written = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (auto found = find_rule(tx, *bus, rule); !found) return found;
    List failed;
    for (const auto& id : call.input["Ids"].list()) {
      tx.query("DELETE FROM event_target WHERE account = ? AND region = ? AND bus = ? AND rule = ? AND id = ?",
               bus->owner.account, bus->owner.region, bus->name, rule, id);
      if (tx.changes() == 0)
        failed.push_back(Map{{"TargetId", id},
                             {"ErrorCode", "ResourceNotFoundException"},
                             {"ErrorMessage", "Rule " + rule + " does not have target with id " + id.string() + "."}});
    }
    return Value(Map{{"FailedEntryCount", failed.size()}, {"FailedEntries", failed}});
  });
  service.catalog.changed(*bus);
  return written;
}

}  // namespace moonbase::notifications::events
