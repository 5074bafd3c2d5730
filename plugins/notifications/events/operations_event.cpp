#include <moonbase/json.hpp>

#include "events/publish.hpp"
#include "events/service.hpp"

namespace moonbase::notifications::events {
namespace {

constexpr std::size_t bytes_max = 1024 * 1024;

// As AWS counts an entry.
std::size_t bytes_of(const Value& entry) {
  std::size_t bytes = entry["Time"].is_null() ? 0 : 14;
  for (const char* name : {"Source", "DetailType", "Detail"})
    if (entry[name].is_string()) bytes += entry[name].string().size();
  if (entry["Resources"].is_list())
    for (const auto& resource : entry["Resources"].list()) bytes += resource.string().size();
  return bytes;
}

Value failed(const char* code, std::string message) {
  return Map{{"ErrorCode", code}, {"ErrorMessage", std::move(message)}};
}

// The event, or what is wrong with the entry as a PutEventsResultEntry.
struct Taken {
  std::optional<Arrival> arrival;
  Value result;
};

Taken take(const Call& call, const Value& entry) {
  for (const char* name : {"Source", "DetailType", "Detail"})
    if (entry[name].string_or("").empty())
      return {{},
              failed("InvalidArgument",
                     std::string("Parameter ") + name + " is not valid. Reason: " + name + " is a required argument.")};
  auto detail = parse_json(entry["Detail"].string());
  if (!detail || !detail->is_map()) return {{}, failed("MalformedDetail", "Detail is malformed.")};
  const auto& source = entry["Source"].string();
  if (source.starts_with("aws.") && call.context.identity.service.empty())
    return {{}, failed("NotAuthorizedForSourceException", "Not authorized for the source.")};
  const auto owner = Owner::of(call);
  auto bus = bus_name_of(entry["EventBusName"], owner);
  if (!bus) return {{}, failed("InvalidArgument", bus.error().message)};
  EventFacts facts{call.kernel.ids.uuid(),
                   entry["DetailType"].string(),
                   source,
                   Time{entry["Time"].integer_or(call.kernel.clock.now().ms)},
                   entry["Resources"].is_list() ? entry["Resources"].list() : List{},
                   std::move(*detail)};
  Value result = Map{{"EventId", facts.id}};
  const auto at = facts.time;
  return {Arrival{std::move(*bus), envelope_of(owner, std::move(facts)), at}, std::move(result)};
}

bool is_allowed(Call& call, Service& service, const BusName& bus) {
  if (bus.owner.account == call.context.identity.account_id) return true;
  const auto found = service.catalog.find(call.kernel, bus);
  return found && may_put(bus, found->document, call.context.identity.account_id);
}

}  // namespace

Result<Value> put_events(Call& call, Service& service) {
  if (!call.input["EndpointId"].is_null()) return not_implemented("events PutEvents EndpointId");
  const auto& entries = call.input["Entries"].list();
  std::size_t bytes = 0;
  for (const auto& entry : entries) bytes += bytes_of(entry);
  if (bytes > bytes_max)
    return Error{"ValidationException", "Total size of the entries in the request is over the limit."};
  List results;
  std::vector<Arrival> arrivals;
  std::int64_t failures = 0;
  for (const auto& entry : entries) {
    auto taken = take(call, entry);
    if (taken.arrival && !is_allowed(call, service, taken.arrival->bus)) {
      taken.result =
          failed("AccessDeniedException",
                 "User is not authorized to perform: events:PutEvents on resource: " + taken.arrival->bus.arn());
      taken.arrival.reset();
    }
    if (taken.arrival)
      arrivals.push_back(std::move(*taken.arrival));
    else
      ++failures;
    results.push_back(std::move(taken.result));
  }
  if (auto published = publish(service.catalog, call.kernel, std::move(arrivals)); !published) return published.error();
  return Value(Map{{"FailedEntryCount", failures}, {"Entries", std::move(results)}});
}

Result<Value> test_event_pattern(Call& call, Service&) {
  const auto pattern = Pattern::parse(call.input["EventPattern"].string());
  if (!pattern) return invalid_event_pattern(pattern.error().message);
  const auto event = parse_json(call.input["Event"].string());
  const Error not_valid{"ValidationException", "Parameter Event is not valid."};
  if (!event || !event->is_map()) return not_valid;
  for (const char* name : {"id", "account", "source", "time", "region", "detail-type"})
    if ((*event)[name].is_null()) return not_valid;
  return Value(Map{{"Result", pattern->matches(*event)}});
}

}  // namespace moonbase::notifications::events
