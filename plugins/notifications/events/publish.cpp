#include "events/publish.hpp"

#include <algorithm>
#include <moonbase/json.hpp>

namespace moonbase::notifications::events {
namespace {

constexpr int hops_max = 8;

struct Kept {
  const Arrival* arrival;
  std::vector<std::string> archives;
  std::string text;
};

void keep_in_archives(Transaction& tx, const Kept& kept, Time now) {
  const auto& owner = kept.arrival->bus.owner;
  const auto& event = kept.arrival->event;
  for (const auto& archive : kept.archives) {
    tx.query(
        "INSERT INTO archived_event (account, region, archive, at_ms, id, kept_ms, event) VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (account, region, archive, at_ms, id) DO NOTHING",
        owner.account, owner.region, archive, kept.arrival->at, event["id"], now.ms, kept.text);
    if (tx.changes() > 0)
      tx.query(
          "UPDATE event_archive SET event_count = event_count + 1, size_bytes = size_bytes + ? WHERE account = ? AND "
          "region = ? AND name = ?",
          kept.text.size(), owner.account, owner.region, archive);
  }
}

Error no_resource(std::string_view arn) { return {"ResourceNotFoundException", std::string(arn) + " does not exist."}; }

}  // namespace

Value envelope_of(const Owner& sender, EventFacts facts) {
  return Map{{"version", "0"},
             {"id", std::move(facts.id)},
             {"detail-type", std::move(facts.detail_type)},
             {"source", std::move(facts.source)},
             {"account", sender.account},
             {"time", iso_8601_seconds(facts.time)},
             {"region", sender.region},
             {"resources", std::move(facts.resources)},
             {"detail", std::move(facts.detail)}};
}

Result<Done> publish(Catalog& catalog, const KernelServices& kernel, std::vector<Arrival> arrivals) {
  List matched;
  std::vector<Kept> kept;
  for (const auto& arrival : arrivals) {
    const auto bus = catalog.find(kernel, arrival.bus);
    if (!bus) continue;
    List rules;
    for (const auto* rule : bus->matching(arrival.event))
      if (!rule->targets.empty()) rules.push_back(rule->name);
    std::vector<std::string> archives;
    if (arrival.event["replay-name"].is_null())
      for (const auto& archive : bus->archives)
        if (!archive.pattern || archive.pattern->matches(arrival.event)) archives.push_back(archive.name);
    if (rules.empty() && archives.empty()) continue;
    auto text = to_json(arrival.event);
    if (!rules.empty())
      matched.push_back(Map{{"account", arrival.bus.owner.account},
                            {"region", arrival.bus.owner.region},
                            {"bus", arrival.bus.name},
                            {"hops", arrival.hops},
                            {"rules", std::move(rules)},
                            {"event", text}});
    if (!archives.empty()) kept.push_back({&arrival, std::move(archives), std::move(text)});
  }
  if (matched.empty() && kept.empty()) return done;
  const Value payload = Map{{"events", std::move(matched)}};
  const auto written = kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto now = kernel.clock.now();
    for (const auto& each : kept) keep_in_archives(tx, each, now);
    if (!payload["events"].list().empty()) tx.schedule(now, dispatch_task, payload);
    return Value();
  });
  if (!written) return written.error();
  return done;
}

Result<Done> deliver_to_rule(Destinations& destinations, const KernelServices& kernel, const CallContext& context,
                             const BusName& bus, const CompiledRule& rule, const Value& event, int hops) {
  const auto text = to_json(event);
  for (const auto& target : rule.targets) {
    const auto now = kernel.clock.now();
    const Target::Occasion occasion{event, text, rule.arn, rule.name, now};
    Shipment shipment{bus.owner, "events.amazonaws.com", target.arn(), {}, target.options(occasion, hops)};
    shipment.source_arn = rule.arn;
    shipment.retries_max = target.retries_max();
    shipment.age_ms_max = target.age_ms_max();
    shipment.dead_letter_arn = target.dead_letter_arn();
    shipment.attributes = Map{{"RULE_ARN", rule.arn}, {"TARGET_ARN", target.arn()}};
    shipment.began_ms = now.ms;
    auto payload = target.payload(occasion);
    if (!payload) {
      shipment.payload = text;
      bury(kernel, context, shipment, payload.error());
      continue;
    }
    shipment.payload = std::move(*payload);
    if (target.is_slow()) {
      const auto written = kernel.store.write([&](Transaction& tx) -> Result<Value> {
        ship_later(tx, kernel.ids, shipment, next_slot(destinations, tx, target.arn(), now));
        return Value();
      });
      if (!written) return written.error();
    } else if (auto shipped = ship(kernel, context, std::move(shipment)); !shipped) {
      return shipped;
    }
  }
  return done;
}

Result<Done> run_dispatch(Catalog& catalog, Destinations& destinations, TaskRun& task) {
  for (const auto& each : task.payload["events"].list()) {
    const BusName name{{each["account"].string(), each["region"].string()}, each["bus"].string()};
    const auto bus = catalog.find(task.kernel, name);
    if (!bus) continue;  // Deleted since.
    const auto event = document(each["event"]);
    for (const auto& rule_name : each["rules"].list()) {
      const auto* rule = bus->rule(rule_name.string());
      if (!rule) continue;
      const auto hops = static_cast<int>(each["hops"].integer());
      if (auto delivered = deliver_to_rule(destinations, task.kernel, task.context, name, *rule, event, hops);
          !delivered)
        return delivered;
    }
  }
  return done;
}

Result<Value> deliver_to_bus(Catalog& catalog, Delivery& delivery) {
  auto name = bus_name_of(Value(delivery.arn), Owner::of(delivery.context));
  if (!name) return name.error();
  const auto bus = catalog.find(delivery.kernel, *name);
  if (!bus) return no_resource(delivery.arn);
  const auto& account = delivery.context.identity.account_id;
  if (!may_put(*name, bus->document, account))
    return Error{"AccessDeniedException", "The policy of " + std::string(delivery.arn) + " does not allow this."};
  auto payload = parse_json(delivery.payload);
  if (!payload || !payload->is_map())
    return Error{"SerializationException", "An event bus takes events that are JSON objects."};
  Arrival arrival{*name, {}, delivery.kernel.clock.now(), static_cast<int>(delivery.options["Hops"].integer_or(0))};
  if (arrival.hops > hops_max) return Error{"InvalidParameterException", "The event has passed too many event buses."};
  if (delivery.options["Source"].is_null()) {
    // From a rule of another bus: the event as it is.
    if (!(*payload)["source"].is_string() || !(*payload)["detail-type"].is_string())
      return Error{"InvalidParameterException", "What was delivered is no event."};
    arrival.event = std::move(*payload);
  } else {
    EventFacts facts{delivery.kernel.ids.uuid(),
                     delivery.options["DetailType"].string_or(""),
                     delivery.options["Source"].string(),
                     delivery.kernel.clock.now(),
                     {},
                     std::move(*payload)};
    if (delivery.options["Resources"].is_list()) facts.resources = delivery.options["Resources"].list();
    arrival.event = envelope_of(Owner::of(delivery.context), std::move(facts));
  }
  const Value id = arrival.event["id"];
  std::vector<Arrival> arrivals;
  arrivals.push_back(std::move(arrival));
  if (auto published = publish(catalog, delivery.kernel, std::move(arrivals)); !published) return published.error();
  return Value(Map{{"EventId", id}});
}

}  // namespace moonbase::notifications::events
