#include <array>
#include <moonbase/json.hpp>

#include "events/service.hpp"

namespace moonbase::notifications::events {
namespace {

// `action` is what was asked for: "describe".
Error no_such_connection(std::string_view action, std::string_view name) {
  return {"ResourceNotFoundException", "Failed to " + std::string(action) + " the connection(s). Connection '" +
                                           std::string(name) + "' does not exist."};
}

struct Stored {
  Value document, secrets;
};

Result<Stored> find_connection(Transaction& tx, const Owner& owner, std::string_view name, std::string_view action) {
  const auto rows =
      tx.query("SELECT document, secrets FROM event_connection WHERE account = ? AND region = ? AND name = ?",
               owner.account, owner.region, name);
  if (rows.empty()) return no_such_connection(action, name);
  return Stored{document(rows.front()[0]), document(rows.front()[1])};
}

void save_connection(Transaction& tx, const Owner& owner, const Stored& connection) {
  tx.query(
      "INSERT INTO event_connection (account, region, name, document, secrets) VALUES (?, ?, ?, ?, ?) "
      "ON CONFLICT (account, region, name) DO UPDATE SET document = excluded.document, secrets = excluded.secrets",
      owner.account, owner.region, connection.document["Name"], to_json(connection.document),
      to_json(connection.secrets));
}

const char* parameters_of(const std::string& type) {
  return type == "BASIC" ? "BasicAuthParameters" : type == "API_KEY" ? "ApiKeyAuthParameters" : "OAuthParameters";
}

// Secret values are not shown.
Value without_secrets(Value value) {
  if (value.is_list()) {
    for (auto& element : value.list()) element = without_secrets(std::move(element));
  } else if (value.is_map()) {
    if (value["IsValueSecret"].boolean_or(false)) value.map().erase("Value");
    for (const char* name : {"Password", "ApiKeyValue", "ClientSecret"}) value.map().erase(name);
    for (auto& member : value.map()) member.value = without_secrets(std::move(member.value));
  }
  return value;
}

Value answer_of(const Value& connection) {
  return picked(connection,
                {"ConnectionArn", "ConnectionState", "CreationTime", "LastAuthorizedTime", "LastModifiedTime"});
}

// Runs `edit`; a token that was got with what the connection was before is forgotten.
template <class Edit>
Result<Value> edit_connection(Call& call, Service& service, const Edit& edit) {
  auto written = call.kernel.store.write(edit);
  if (written) service.destinations.forget_token((*written)["ConnectionArn"].string());
  return written;
}

Result<Done> check_connection(const Call& call, const std::string& type, const Value& secrets) {
  const std::string operation = "events " + std::string(call.operation) + " ";
  for (const char* name : {"InvocationConnectivityParameters", "KmsKeyIdentifier"})
    if (!call.input[name].is_null()) return not_implemented(operation + name);
  if (!call.input["AuthParameters"]["ConnectivityParameters"].is_null())
    return not_implemented(operation + "AuthParameters.ConnectivityParameters");
  if (secrets[parameters_of(type)].is_null())
    return Error{"ValidationException", "AuthParameters must contain " + std::string(parameters_of(type)) +
                                            " for the authorization type " + type + "."};
  return done;
}

}  // namespace

Result<Value> create_connection(Call& call, Service&) {
  const auto owner = Owner::of(call);
  const auto& name = call.input["Name"].string();
  const auto& type = call.input["AuthorizationType"].string();
  if (auto good = check_connection(call, type, call.input["AuthParameters"]); !good) return good.error();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    if (find_connection(tx, owner, name, "create"))
      return Error{"ResourceAlreadyExistsException", "Connection " + name + " already exists."};
    const auto now = whole_seconds(call.kernel.clock.now());
    Stored connection{picked(call.input, {"Name", "Description", "AuthorizationType"}), call.input["AuthParameters"]};
    auto& document = connection.document;
    document.set("ConnectionArn", owner.arn("events", "connection/" + name + "/" + call.kernel.ids.uuid()));
    document.set("ConnectionState", "AUTHORIZED");
    for (const char* member : {"CreationTime", "LastModifiedTime", "LastAuthorizedTime"}) document.set(member, now);
    save_connection(tx, owner, connection);
    return answer_of(document);
  });
}

Result<Value> deauthorize_connection(Call& call, Service& service) {
  const auto owner = Owner::of(call);
  return edit_connection(call, service, [&](Transaction& tx) -> Result<Value> {
    auto connection = find_connection(tx, owner, call.input["Name"].string(), "deauthorize");
    if (!connection) return connection.error();
    connection->secrets = Value(Map{});
    connection->document.set("ConnectionState", "DEAUTHORIZED");
    connection->document.set("LastModifiedTime", whole_seconds(call.kernel.clock.now()));
    save_connection(tx, owner, *connection);
    return answer_of(connection->document);
  });
}

Result<Value> delete_connection(Call& call, Service& service) {
  const auto owner = Owner::of(call);
  const auto& name = call.input["Name"].string();
  return edit_connection(call, service, [&](Transaction& tx) -> Result<Value> {
    auto connection = find_connection(tx, owner, name, "delete");
    if (!connection) return connection.error();
    tx.query("DELETE FROM event_connection WHERE account = ? AND region = ? AND name = ?", owner.account, owner.region,
             name);
    connection->document.set("ConnectionState", "DELETING");
    return answer_of(connection->document);
  });
}

Result<Value> describe_connection(Call& call, Service&) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    auto connection = find_connection(tx, Owner::of(call), call.input["Name"].string(), "describe");
    if (!connection) return connection.error();
    auto shown = std::move(connection->document);
    shown.set("AuthParameters", without_secrets(std::move(connection->secrets)));
    return shown;
  });
}

Result<Value> list_connections(Call& call, Service&) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto owner = Owner::of(call);
    const auto page = read_page(tx, "SELECT name, document FROM event_connection WHERE account = ? AND region = ?",
                                {owner.account, owner.region}, "name", page_request(call));
    if (!page) return invalid_token();
    List connections;
    for (const auto& row : page->rows) {
      const auto connection = document(row[1]);
      const auto& state = call.input["ConnectionState"];
      if (!state.is_null() && state != connection["ConnectionState"]) continue;
      connections.push_back(picked(connection, {"AuthorizationType", "ConnectionArn", "ConnectionState", "CreationTime",
                                                "LastAuthorizedTime", "LastModifiedTime", "Name"}));
    }
    Map answer{{"Connections", std::move(connections)}};
    if (!page->next.empty()) answer.set("NextToken", page->next);
    return Value(std::move(answer));
  });
}

Result<Value> update_connection(Call& call, Service& service) {
  const auto owner = Owner::of(call);
  return edit_connection(call, service, [&](Transaction& tx) -> Result<Value> {
    auto connection = find_connection(tx, owner, call.input["Name"].string(), "update");
    if (!connection) return connection.error();
    auto& document = connection->document;
    for (auto& [name, value] : picked(call.input, {"Description", "AuthorizationType"})) document.set(name, value);
    // Members that are given replace those before, kind by kind.
    if (call.input["AuthParameters"].is_map())
      for (const auto& [kind, parameters] : call.input["AuthParameters"].map()) {
        Value merged = connection->secrets[kind];
        if (merged.is_null()) merged = Value(Map{});
        for (const auto& [name, value] : parameters.map()) merged.set(name, value);
        connection->secrets.set(kind, std::move(merged));
      }
    if (auto good = check_connection(call, document["AuthorizationType"].string(), connection->secrets); !good)
      return good.error();
    const auto now = whole_seconds(call.kernel.clock.now());
    document.set("ConnectionState", "AUTHORIZED");
    document.set("LastModifiedTime", now);
    document.set("LastAuthorizedTime", now);
    save_connection(tx, owner, *connection);
    return answer_of(document);
  });
}

}  // namespace moonbase::notifications::events
