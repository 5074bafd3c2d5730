#include <moonbase/json.hpp>

#include "events/service.hpp"

namespace moonbase::notifications::events {
namespace {

constexpr std::int64_t rate_default = 300;

// `action` is what was asked for: "describe".
Result<Value> find_destination(Transaction& tx, const Owner& owner, std::string_view name, std::string_view action) {
  const auto rows = tx.query("SELECT document FROM api_destination WHERE account = ? AND region = ? AND name = ?",
                             owner.account, owner.region, name);
  if (rows.empty())
    return Error{"ResourceNotFoundException", "Failed to " + std::string(action) +
                                                  " the api-destination(s). An api-destination '" + std::string(name) +
                                                  "' does not exist."};
  return document(rows.front()[0]);
}

// The name of the connection, which must be there.
Result<std::string> connection_of(Transaction& tx, const Owner& owner, const std::string& text) {
  const auto arn = parse_arn(text);
  if (!arn || arn->service != "events" || !arn->resource.starts_with("connection/"))
    return Error{"ValidationException",
                 "Parameter " + text + " is not valid. Reason: Provided Arn is not in correct format."};
  std::string name(destination_name(arn->resource));
  if (tx.query("SELECT name FROM event_connection WHERE account = ? AND region = ? AND name = ?", owner.account,
               owner.region, name)
          .empty())
    return Error{"ResourceNotFoundException", "Connection '" + text + "' does not exist."};
  return name;
}

void save_destination(Transaction& tx, const Owner& owner, const Value& destination, const std::string& connection) {
  tx.query(
      "INSERT INTO api_destination (account, region, name, document, connection) VALUES (?, ?, ?, ?, ?) "
      "ON CONFLICT (account, region, name) DO UPDATE SET document = excluded.document, connection = "
      "excluded.connection",
      owner.account, owner.region, destination["Name"], to_json(destination), connection);
}

Value answer_of(const Value& destination) {
  return picked(destination, {"ApiDestinationArn", "ApiDestinationState", "CreationTime", "LastModifiedTime"});
}

}  // namespace

Result<Value> create_api_destination(Call& call, Service&) {
  const auto owner = Owner::of(call);
  const auto& name = call.input["Name"].string();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (find_destination(tx, owner, name, "create"))
      return Error{"ResourceAlreadyExistsException", "An api-destination '" + name + "' already exists."};
    const auto connection = connection_of(tx, owner, call.input["ConnectionArn"].string());
    if (!connection) return connection.error();
    const auto now = whole_seconds(call.kernel.clock.now());
    Value destination =
        picked(call.input, {"Name", "ConnectionArn", "Description", "HttpMethod", "InvocationEndpoint"});
    destination.set("ApiDestinationArn", owner.arn("events", "api-destination/" + name + "/" + call.kernel.ids.uuid()));
    destination.set("ApiDestinationState", "ACTIVE");
    destination.set("InvocationRateLimitPerSecond",
                    call.input["InvocationRateLimitPerSecond"].integer_or(rate_default));
    destination.set("CreationTime", now);
    destination.set("LastModifiedTime", now);
    save_destination(tx, owner, destination, *connection);
    return answer_of(destination);
  });
}

Result<Value> delete_api_destination(Call& call, Service&) {
  const auto owner = Owner::of(call);
  const auto& name = call.input["Name"].string();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (auto found = find_destination(tx, owner, name, "delete"); !found) return found;
    tx.query("DELETE FROM api_destination WHERE account = ? AND region = ? AND name = ?", owner.account, owner.region,
             name);
    return Value(Map{});
  });
}

Result<Value> describe_api_destination(Call& call, Service&) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    return find_destination(tx, Owner::of(call), call.input["Name"].string(), "describe");
  });
}

Result<Value> list_api_destinations(Call& call, Service&) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    std::string sql = "SELECT name, document FROM api_destination WHERE account = ? AND region = ?";
    std::vector<Parameter> parameters{owner.account, owner.region};
    std::string connection;
    if (const auto& arn = call.input["ConnectionArn"]; arn.is_string()) {
      const auto parsed = parse_arn(arn.string());
      connection = parsed ? std::string(destination_name(parsed->resource)) : std::string();
      sql += " AND connection = ?";
      parameters.emplace_back(connection);
    }
    const auto page = read_page(tx, std::move(sql), std::move(parameters), "name", page_request(call));
    if (!page) return invalid_token();
    List destinations;
    for (const auto& row : page->rows) {
      auto destination = document(row[1]);
      destination.map().erase("Description");
      destinations.push_back(std::move(destination));
    }
    Map answer{{"ApiDestinations", std::move(destinations)}};
    if (!page->next.empty()) answer.set("NextToken", page->next);
    return Value(std::move(answer));
  });
}

Result<Value> update_api_destination(Call& call, Service&) {
  const auto owner = Owner::of(call);
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto destination = find_destination(tx, owner, call.input["Name"].string(), "update");
    if (!destination) return destination;
    for (auto& [name, value] : picked(call.input, {"ConnectionArn", "Description", "HttpMethod", "InvocationEndpoint",
                                                   "InvocationRateLimitPerSecond"}))
      destination->set(name, value);
    const auto connection = connection_of(tx, owner, (*destination)["ConnectionArn"].string());
    if (!connection) return connection.error();
    destination->set("LastModifiedTime", whole_seconds(call.kernel.clock.now()));
    save_destination(tx, owner, *destination, *connection);
    return answer_of(*destination);
  });
}

}  // namespace moonbase::notifications::events
