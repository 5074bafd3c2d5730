// Saved queries of Logs Insights. Running them is not built.
#include <moonbase/json.hpp>
#include <stdexcept>

#include "logs/log_group.hpp"
#include "logs/operations_log.hpp"

namespace moonbase::functions {
namespace {

constexpr std::int64_t definitions_max = 1000;  // Of one account and region, as on AWS.

Error no_definition() {
  return {"ResourceNotFoundException", "The specified query definition does not exist.", {}, 400};
}

Result<Value> delete_query_definition(Call& call) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    tx.query("DELETE FROM log_query_definition WHERE account = ? AND region = ? AND id = ?",
             call.context.identity.account_id, call.context.region, call.input["queryDefinitionId"].string());
    if (tx.changes() == 0) return no_definition();
    return Value(Map{{"success", true}});
  });
}

Result<Value> describe_query_definitions(Call& call) {
  const auto prefix = call.input["queryDefinitionNamePrefix"].string_or(""),
             language = call.input["queryLanguage"].string_or("");
  const auto limit = static_cast<std::size_t>(call.input["maxResults"].integer_or(definitions_max));
  const auto after = log_position(call.input["nextToken"]);
  if (!after) return after.error();
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    List definitions;
    Map output;
    tx.each("SELECT * FROM log_query_definition WHERE account = ? AND region = ? AND id > ? ORDER BY id",
            {call.context.identity.account_id, call.context.region, *after}, [&](const Row& row) {
              auto parsed = parse_json(row["definition"].string());
              if (!parsed || !parsed->is_map())
                throw std::runtime_error("a query definition's row holds no JSON object");
              auto& definition = parsed->map();
              if (!(*parsed)["name"].string().starts_with(prefix)) return true;
              if (!language.empty() && (*parsed)["queryLanguage"].string_or("CWLI") != language) return true;
              if (definitions.size() == limit) {
                output.set("nextToken", log_token(definitions.back()["queryDefinitionId"].string()));
                return false;
              }
              definition.set("queryDefinitionId", row["id"]);
              definition.set("lastModified", row["modified_at_ms"]);
              definitions.push_back(std::move(*parsed));
              return true;
            });
    output.set("queryDefinitions", std::move(definitions));
    return Value(std::move(output));
  });
}

Result<Value> put_query_definition(Call& call) {
  Map definition;
  for (const char* member : {"name", "queryString", "logGroupNames", "queryLanguage", "parameters"})
    if (!call.input[member].is_null()) definition.set(member, call.input[member]);
  if (!call.input["queryLanguage"].is_string()) definition.set("queryLanguage", "CWLI");
  const auto &account = call.context.identity.account_id, &region = call.context.region;
  const auto given = call.input["queryDefinitionId"].string_or(""), token = call.input["clientToken"].string_or("");
  const auto made = call.kernel.ids.uuid();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto now = call.kernel.clock.now();
    if (!given.empty()) {
      tx.query(
          "UPDATE log_query_definition SET definition = ?, modified_at_ms = ? WHERE account = ? AND region = ? AND "
          "id = ?",
          to_json(Value(definition)), now, account, region, given);
      if (tx.changes() == 0) return no_definition();
      return Value(Map{{"queryDefinitionId", given}});
    }
    // A request that is made again made it already.
    const auto present =
        tx.query("SELECT id, token FROM log_query_definition WHERE account = ? AND region = ?", account, region);
    for (const auto& row : present)
      if (!token.empty() && row["token"].string() == token) return Value(Map{{"queryDefinitionId", row["id"]}});
    if (static_cast<std::int64_t>(present.size()) >= definitions_max)
      return Error{"LimitExceededException", "Resource limit exceeded.", {}, 400};
    tx.query("INSERT INTO log_query_definition VALUES (?, ?, ?, ?, ?, ?)", account, region, made,
             to_json(Value(definition)), token, now);
    return Value(Map{{"queryDefinitionId", made}});
  });
}

}  // namespace

void register_query_definition_operations(Registrar& registrar) {
  registrar.operation("DeleteQueryDefinition", delete_query_definition);
  registrar.operation("DescribeQueryDefinitions", describe_query_definitions);
  registrar.operation("PutQueryDefinition", put_query_definition);
}

}  // namespace moonbase::functions
