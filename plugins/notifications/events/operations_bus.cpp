#include <moonbase/json.hpp>

#include "events/service.hpp"

namespace moonbase::notifications::events {
namespace {

// AWS asks for limits' increase; this is where it refuses.
Error too_many() { return {"LimitExceededException", "The requested resource exceeds the maximum number allowed."}; }

Result<Done> check_settings(const Call& call) {
  const std::string operation = "events " + std::string(call.operation) + " ";
  if (!call.input["KmsKeyIdentifier"].is_null()) return not_implemented(operation + "KmsKeyIdentifier");
  if (!call.input["LogConfig"].is_null()) return not_implemented(operation + "LogConfig");
  if (!call.input["EventSourceName"].is_null()) return not_implemented(operation + "EventSourceName");
  return done;
}

Map shown(const Value& bus) {
  return picked(bus, {"Arn", "CreationTime", "DeadLetterConfig", "Description", "LastModifiedTime", "ManagedBy", "Name",
                      "Policy"});
}

}  // namespace

PageRequest page_request(const Call& call) {
  return {call.input["NamePrefix"].string_or(""), call.input["Limit"].integer_or(100),
          call.input["NextToken"].string_or("")};
}

Error invalid_token() { return {"ValidationException", "Parameter NextToken is not valid."}; }

Result<Value> create_event_bus(Call& call, Service& service) {
  if (auto good = check_settings(call); !good) return good.error();
  const auto owner = Owner::of(call);
  const BusName bus{owner, call.input["Name"].string()};
  if (bus.name.starts_with("aws."))
    return Error{"ValidationException", "Event bus name starting with 'aws.' is not valid."};
  if (bus.name.find('/') != std::string::npos)
    return Error{"ValidationException", "Event bus name must not contain '/'."};
  auto written = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (bus.name == default_bus || find_bus(tx, bus))
      return Error{"ResourceAlreadyExistsException", "Event bus " + bus.name + " already exists."};
    const auto now = whole_seconds(call.kernel.clock.now());
    Map document{{"Name", bus.name}, {"Arn", bus.arn()}, {"CreationTime", now}, {"LastModifiedTime", now}};
    for (auto& [name, value] : picked(call.input, {"Description", "DeadLetterConfig"})) document.set(name, value);
    if (tx.query("SELECT name FROM event_bus WHERE account = ? AND region = ? LIMIT ?", owner.account, owner.region,
                 buses_max)
            .size() >= static_cast<std::size_t>(buses_max))
      return too_many();
    save_bus(tx, bus, Value(document));
    put_tags(tx, owner, bus.arn(), call.input["Tags"]);
    Map answer = picked(Value(document), {"DeadLetterConfig", "Description"});
    answer.set("EventBusArn", bus.arn());
    return Value(std::move(answer));
  });
  service.catalog.changed(bus);
  return written;
}

Result<Value> delete_event_bus(Call& call, Service& service) {
  const auto bus = bus_name_of(call.input["Name"], Owner::of(call));
  if (!bus) return bus.error();
  if (bus->name == default_bus) return Error{"ValidationException", "Cannot delete event bus default."};
  auto written = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (!tx.query("SELECT name FROM event_rule WHERE account = ? AND region = ? AND bus = ? LIMIT 1",
                  bus->owner.account, bus->owner.region, bus->name)
             .empty())
      return Error{"ValidationException", "Cannot delete event bus " + bus->name + " since it has rules."};
    tx.query("DELETE FROM event_bus WHERE account = ? AND region = ? AND name = ?", bus->owner.account,
             bus->owner.region, bus->name);
    remove_all_tags(tx, bus->owner, bus->arn());
    return Value(Map{});
  });
  service.catalog.changed(*bus);
  return written;
}

Result<Value> describe_event_bus(Call& call, Service&) {
  const auto bus = bus_name_of(call.input["Name"], Owner::of(call));
  if (!bus) return bus.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto found = find_bus(tx, *bus);
    if (!found) return found;
    return Value(shown(*found));
  });
}

Result<Value> list_event_buses(Call& call, Service&) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    auto request = page_request(call);
    const auto page = read_page(tx, "SELECT name, document FROM event_bus WHERE account = ? AND region = ?",
                                {owner.account, owner.region}, "name", request);
    if (!page) return invalid_token();
    List buses;
    bool has_default = !request.token.empty() || !default_bus.starts_with(request.prefix);
    for (const auto& row : page->rows) {
      has_default = has_default || row[0].string() == default_bus;
      buses.push_back(shown(document(row[1])));
    }
    // The default bus leads where it has no row of its own.
    if (!has_default) {
      const BusName bus{owner, std::string(default_bus)};
      if (tx.query("SELECT name FROM event_bus WHERE account = ? AND region = ? AND name = ?", owner.account,
                   owner.region, bus.name)
              .empty())
        buses.insert(buses.begin(), Map{{"Name", bus.name}, {"Arn", bus.arn()}});
    }
    Map answer{{"EventBuses", std::move(buses)}};
    if (!page->next.empty()) answer.set("NextToken", page->next);
    return Value(std::move(answer));
  });
}

Result<Value> update_event_bus(Call& call, Service& service) {
  if (auto good = check_settings(call); !good) return good.error();
  const auto bus = bus_name_of(call.input["Name"], Owner::of(call));
  if (!bus) return bus.error();
  auto written = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto found = find_bus(tx, *bus);
    if (!found) return found;
    for (auto& [name, value] : picked(call.input, {"Description", "DeadLetterConfig"})) found->set(name, value);
    found->set("LastModifiedTime", whole_seconds(call.kernel.clock.now()));
    save_bus(tx, *bus, *found);
    return Value(picked(*found, {"Arn", "DeadLetterConfig", "Description", "Name"}));
  });
  service.catalog.changed(*bus);
  return written;
}

}  // namespace moonbase::notifications::events
