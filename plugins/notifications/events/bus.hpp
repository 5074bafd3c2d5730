// Event buses: their names, and who may put events on them. Without I/O but for find_bus and save_bus.
#pragma once

#include <string>
#include <string_view>

#include "common.hpp"

namespace moonbase::notifications::events {

inline constexpr std::string_view default_bus = "default";

// Which bus is meant, and whose.
struct BusName {
  Owner owner;
  std::string name;
  std::string arn() const { return owner.arn("events", "event-bus/" + name); }
  friend bool operator==(const BusName&, const BusName&) = default;
};
// From a name or an ARN; empty or null means the default bus of `own`. An Error where it is neither.
Result<BusName> bus_name_of(const Value& text, const Owner& own);

// The bus's document, or ResourceNotFoundException. The default bus is always there.
Result<Value> find_bus(Transaction& tx, const BusName& bus);
void save_bus(Transaction& tx, const BusName& bus, const Value& document);
Error no_such_bus(const BusName& bus);

// Whether the bus's policy lets the account put events. The owner always may.
bool may_put(const BusName& bus, const Value& document, std::string_view account);

}  // namespace moonbase::notifications::events
