#include <moonbase/json.hpp>

#include "deliveries.hpp"
#include "events/publish.hpp"
#include "events/service.hpp"
#include "timing/expression.hpp"

namespace moonbase::notifications::events {
namespace {

Error refused(std::string message) { return {"ValidationException", std::move(message)}; }

std::optional<ScheduleExpression> schedule_of(const Value& rule) {
  if (!rule["ScheduleExpression"].is_string() || rule["ScheduleExpression"].string().empty()) return std::nullopt;
  return ScheduleExpression::parse(rule["ScheduleExpression"].string(), ScheduleExpression::Dialect::rule);
}

std::string schedule_key(const BusName& bus, std::string_view name) { return rule_arn(bus, name); }

void save_rule(Transaction& tx, const BusName& bus, const std::string& name, const Value& rule) {
  tx.query(
      "INSERT INTO event_rule (account, region, bus, name, document, next_ms) VALUES (?, ?, ?, ?, ?, 0) "
      "ON CONFLICT (account, region, bus, name) DO UPDATE SET document = excluded.document",
      bus.owner.account, bus.owner.region, bus.name, name, to_json(rule));
}

// Rules that a service made may only be changed by force.
Result<Done> check_unmanaged(const Call& call, const Value& rule) {
  if (rule["ManagedBy"].is_null() || call.input["Force"].boolean_or(false) || !call.context.identity.service.empty())
    return done;
  return Error{"ManagedRuleException", "Rule " + rule["Name"].string() + " is managed by " +
                                           rule["ManagedBy"].string() + " and cannot be modified."};
}

Result<Value> set_state(Call& call, Service& service, const char* state) {
  const auto bus = bus_name_of(call.input["EventBusName"], Owner::of(call));
  if (!bus) return bus.error();
  const auto& name = call.input["Name"].string();
  auto written = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto rule = find_rule(tx, *bus, name);
    if (!rule) return rule;
    if (auto good = check_unmanaged(call, *rule); !good) return good.error();
    if ((*rule)["State"].string() == state) return Value(Map{});
    rule->set("State", state);
    rule->set("since_ms", call.kernel.clock.now().ms);
    save_rule(tx, *bus, name, *rule);
    schedule_rule(tx, *bus, name, *rule, call.kernel.clock.now());
    return Value(Map{});
  });
  service.catalog.changed(*bus);
  return written;
}

Result<Done> check_rule(const Call& call, const BusName& bus) {
  const auto& input = call.input;
  const bool has_schedule = input["ScheduleExpression"].is_string() && !input["ScheduleExpression"].string().empty();
  const bool has_pattern = input["EventPattern"].is_string() && !input["EventPattern"].string().empty();
  if (!has_schedule && !has_pattern)
    return refused("Parameter(s) EventPattern or ScheduleExpression must be specified.");
  if (has_pattern)
    if (const auto pattern = Pattern::parse(input["EventPattern"].string()); !pattern)
      return invalid_event_pattern(pattern.error().message);
  if (has_schedule && bus.name != default_bus)
    return refused("ScheduleExpression is supported only on the default event bus.");
  if (has_schedule && !schedule_of(input)) return refused("Parameter ScheduleExpression is not valid.");
  return done;
}

}  // namespace

void schedule_rule(Transaction& tx, const BusName& bus, std::string_view name, const Value& rule, Time now) {
  const auto schedule = schedule_of(rule);
  std::int64_t next_ms = 0;
  if (schedule && is_enabled(rule))
    if (const auto next = schedule->next(now, Time{rule["since_ms"].integer_or(now.ms)}, false, nullptr))
      next_ms = next->ms;
  tx.query("UPDATE event_rule SET next_ms = ? WHERE account = ? AND region = ? AND bus = ? AND name = ?", next_ms,
           bus.owner.account, bus.owner.region, bus.name, name);
  const auto key = schedule_key(bus, name);
  if (next_ms == 0) return tx.unschedule(schedule_task, key);
  tx.schedule(Time{next_ms}, schedule_task,
              Map{{"account", bus.owner.account},
                  {"region", bus.owner.region},
                  {"bus", bus.name},
                  {"rule", name},
                  {"at_ms", next_ms}},
              key);
}

Result<Done> run_schedule(TaskRun& task) {
  const auto& payload = task.payload;
  const BusName bus{{payload["account"].string(), payload["region"].string()}, payload["bus"].string()};
  const auto& name = payload["rule"].string();
  const Time at{payload["at_ms"].integer()};
  const auto id = task.kernel.ids.uuid();
  const auto written = task.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto rows =
        tx.query("SELECT document, next_ms FROM event_rule WHERE account = ? AND region = ? AND bus = ? AND name = ?",
                 bus.owner.account, bus.owner.region, bus.name, name);
    if (rows.empty() || rows.front()[1].integer() != at.ms) return Value(false);  // Changed since, or done before.
    schedule_rule(tx, bus, name, document(rows.front()[0]), task.kernel.clock.now());
    const auto event =
        envelope_of(bus.owner, {id, "Scheduled Event", "aws.events", at, List{rule_arn(bus, name)}, Value(Map{})});
    tx.schedule(task.kernel.clock.now(), dispatch_task,
                Map{{"events", List{Map{{"account", bus.owner.account},
                                        {"region", bus.owner.region},
                                        {"bus", bus.name},
                                        {"hops", 0},
                                        {"rules", List{name}},
                                        {"event", to_json(event)}}}}});
    return Value(true);
  });
  if (!written) return written.error();
  return done;
}

Result<Value> delete_rule(Call& call, Service& service) {
  const auto bus = bus_name_of(call.input["EventBusName"], Owner::of(call));
  if (!bus) return bus.error();
  const auto& name = call.input["Name"].string();
  auto written = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (auto found = find_bus(tx, *bus); !found) return found;
    const auto rule = find_rule(tx, *bus, name);
    if (!rule) return Value(Map{});  // As AWS: it is gone.
    if (auto good = check_unmanaged(call, *rule); !good) return good.error();
    if (!tx.query("SELECT id FROM event_target WHERE account = ? AND region = ? AND bus = ? AND rule = ? LIMIT 1",
                  bus->owner.account, bus->owner.region, bus->name, name)
             .empty())
      return refused("Rule can't be deleted since it has targets.");
    tx.query("DELETE FROM event_rule WHERE account = ? AND region = ? AND bus = ? AND name = ?", bus->owner.account,
             bus->owner.region, bus->name, name);
    tx.unschedule(schedule_task, schedule_key(*bus, name));
    remove_all_tags(tx, bus->owner, rule_arn(*bus, name));
    return Value(Map{});
  });
  service.catalog.changed(*bus);
  return written;
}

Result<Value> describe_rule(Call& call, Service&) {
  const auto bus = bus_name_of(call.input["EventBusName"], Owner::of(call));
  if (!bus) return bus.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto rule = find_rule(tx, *bus, call.input["Name"].string());
    if (!rule) return rule;
    return Value(picked(*rule, {"Arn", "CreatedBy", "Description", "EventBusName", "EventPattern", "ManagedBy", "Name",
                                "RoleArn", "ScheduleExpression", "State"}));
  });
}

Result<Value> disable_rule(Call& call, Service& service) { return set_state(call, service, "DISABLED"); }
Result<Value> enable_rule(Call& call, Service& service) { return set_state(call, service, "ENABLED"); }

Result<Value> list_rules(Call& call, Service&) {
  const auto bus = bus_name_of(call.input["EventBusName"], Owner::of(call));
  if (!bus) return bus.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    if (auto found = find_bus(tx, *bus); !found) return found;
    const auto page =
        read_page(tx, "SELECT name, document FROM event_rule WHERE account = ? AND region = ? AND bus = ?",
                  {bus->owner.account, bus->owner.region, bus->name}, "name", page_request(call));
    if (!page) return invalid_token();
    List rules;
    for (const auto& row : page->rows)
      rules.push_back(picked(document(row[1]), {"Arn", "Description", "EventBusName", "EventPattern", "ManagedBy",
                                                "Name", "RoleArn", "ScheduleExpression", "State"}));
    Map answer{{"Rules", std::move(rules)}};
    if (!page->next.empty()) answer.set("NextToken", page->next);
    return Value(std::move(answer));
  });
}

Result<Value> put_rule(Call& call, Service& service) {
  const auto bus = bus_name_of(call.input["EventBusName"], Owner::of(call));
  if (!bus) return bus.error();
  if (auto good = check_rule(call, *bus); !good) return good.error();
  const auto& name = call.input["Name"].string();
  const auto arn = rule_arn(*bus, name);
  auto written = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (auto found = find_bus(tx, *bus); !found) return found;
    const auto now = call.kernel.clock.now();
    const auto before = find_rule(tx, *bus, name);
    if (before)
      if (auto good = check_unmanaged(call, *before); !good) return good.error();
    Value rule = picked(call.input, {"Description", "RoleArn"});
    rule.set("Name", name);
    rule.set("Arn", arn);
    rule.set("EventBusName", bus->name);
    rule.set("State", call.input["State"].string_or("ENABLED"));
    rule.set("CreatedBy", bus->owner.account);
    for (const char* member : {"EventPattern", "ScheduleExpression"})
      if (call.input[member].is_string() && !call.input[member].string().empty()) rule.set(member, call.input[member]);
    if (!call.context.identity.service.empty()) rule.set("ManagedBy", call.context.identity.service);
    const bool same_schedule = before && (*before)["ScheduleExpression"] == rule["ScheduleExpression"] &&
                               is_enabled(*before) == is_enabled(rule);
    rule.set("since_ms", same_schedule ? (*before)["since_ms"] : Value(now.ms));
    save_rule(tx, *bus, name, rule);
    if (!before) put_tags(tx, bus->owner, arn, call.input["Tags"]);
    if (!same_schedule) schedule_rule(tx, *bus, name, rule, now);
    return Value(Map{{"RuleArn", arn}});
  });
  service.catalog.changed(*bus);
  return written;
}

}  // namespace moonbase::notifications::events
