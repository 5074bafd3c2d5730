// The way of an event: accepted, written down with the rules that it matched, then delivered by a task.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "deliveries.hpp"
#include "events/catalog.hpp"
#include "events/destination.hpp"

namespace moonbase::notifications::events {

// What arrives on a bus.
struct Arrival {
  BusName bus;
  Value event;   // The whole envelope.
  Time at;       // The event's own time.
  int hops = 0;  // How many buses it has passed.
};

// What PutEvents, a service or a schedule says of an event.
struct EventFacts {
  std::string id, detail_type, source;
  Time time;
  List resources;
  Value detail;
};
// The envelope in AWS's order: version, id, detail-type, source, account, time, region, resources, detail.
Value envelope_of(const Owner& sender, EventFacts facts);

// Takes responsibility: when it returns, what matched is durable. Buses that do not exist swallow their events.
Result<Done> publish(Catalog& catalog, const KernelServices& kernel, std::vector<Arrival> arrivals);

// What one event becomes for the targets of a rule. What is slow, or makes trouble, is written down for later.
Result<Done> deliver_to_rule(Destinations& destinations, const KernelServices& kernel, const CallContext& context,
                             const BusName& bus, const CompiledRule& rule, const Value& event, int hops);

inline constexpr std::string_view dispatch_task = "events-dispatch";
Result<Done> run_dispatch(Catalog& catalog, Destinations& destinations, TaskRun& task);

// Registrar::target: an event bus, or an API destination.
Result<Value> deliver_to_bus(Catalog& catalog, Delivery& delivery);

}  // namespace moonbase::notifications::events
