// What surrounds tables: tags, time to live, limits, endpoints, policies, contributor insights.
#include <algorithm>
#include <moonbase/json.hpp>

#include "errors.hpp"
#include "service.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr std::size_t tags_max = 50;
constexpr std::int64_t insights_page_default = 100;
constexpr std::int64_t account_units_max = 80'000, table_units_max = 40'000;

Error no_such_arn(const std::string& arn) {
  return {"ResourceNotFoundException", "Requested resource not found: ResourcArn: " + arn + " not found"};
}

Error no_policy(const std::string& arn) {
  return {"PolicyNotFoundException", "Resource-based policy not found for the provided ResourceArn: " + arn};
}

Result<Done> check_revision(const Value& present, const Value& expected, const std::string& arn) {
  if (expected.is_null()) return done;
  const bool none_expected = expected.string() == "NO_POLICY";
  if (none_expected ? present.is_null() : present["RevisionId"] == expected) return done;
  return no_policy(arn);
}

Value payload_of(const Table& table) {
  return Map{{"account", table.account}, {"region", table.region}, {"table", table.name}, {"space", table.space}};
}

}  // namespace

Result<Value> change_definition(Service& service, Call& call, const TableName& name, const Error& missing,
                                const Change& change) {
  auto result = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto table = read_table(tx, name);
    if (!table) return missing;
    auto definition = table->definition;
    auto output = change(tx, *table, definition);
    if (output) save_table(tx, *table, definition);
    return output;
  });
  service.tables.forget(name);
  return result;
}

Result<Done> add_tags(Value& definition, const Value& tags) {
  if (tags.is_null() || tags.list().empty()) return done;
  auto& present = definition.map()["Tags"];
  if (present.is_null()) present = List{};
  auto& list = present.list();
  for (const auto& tag : tags.list()) {
    const auto& key = tag["Key"].string();
    if (key.starts_with("aws:"))
      return validation("One or more parameter values were invalid: Tag keys cannot begin with aws:");
    const auto known =
        std::find_if(list.begin(), list.end(), [&](const Value& one) { return one["Key"].string() == key; });
    if (known != list.end())
      known->set("Value", tag["Value"]);
    else
      list.push_back(Map{{"Key", key}, {"Value", tag["Value"]}});
  }
  if (list.size() > tags_max)
    return invalid_parameter("The number of tags exceeds the limit of " + std::to_string(tags_max));
  return done;
}

Result<Value> tag_resource(Service& service, Call& call) {
  const auto& arn = call.input["ResourceArn"].string();
  return change_definition(service, call, table_named(call, arn), no_such_arn(arn),
                           [&](Transaction&, const Table&, Value& definition) -> Result<Value> {
                             if (auto added = add_tags(definition, call.input["Tags"]); !added) return added.error();
                             return Value(Map{});
                           });
}

Result<Value> untag_resource(Service& service, Call& call) {
  const auto& arn = call.input["ResourceArn"].string();
  return change_definition(service, call, table_named(call, arn), no_such_arn(arn),
                           [&](Transaction&, const Table&, Value& definition) -> Result<Value> {
                             auto* tags = definition.map().find("Tags");
                             const auto& keys = call.input["TagKeys"].list();
                             if (tags)
                               std::erase_if(tags->list(), [&](const Value& tag) {
                                 return std::find(keys.begin(), keys.end(), tag["Key"]) != keys.end();
                               });
                             return Value(Map{});
                           });
}

Result<Value> list_tags_of_resource(Service& service, Call& call) {
  const auto& arn = call.input["ResourceArn"].string();
  const auto table = service.tables.find(call.kernel.store, table_named(call, arn));
  if (!table) return no_such_arn(arn);
  const auto& tags = (*table)->definition["Tags"];
  return Value(Map{{"Tags", tags.is_null() ? Value(List{}) : tags}});
}

Result<Value> update_time_to_live(Service& service, Call& call) {
  const auto& specification = call.input["TimeToLiveSpecification"];
  const auto name = table_named(call, call.input["TableName"].string());
  const auto now = call.kernel.clock.now();
  return change_definition(
      service, call, name, no_such_table(name.name),
      [&](Transaction& tx, const Table& table, Value& definition) -> Result<Value> {
        const auto& attribute = specification["AttributeName"].string();
        const bool enabled = specification["Enabled"].boolean();
        if (enabled && !table.ttl_attribute.empty()) {
          if (table.ttl_attribute == attribute) return validation("TimeToLive is already enabled");
          return validation("TimeToLive is active on a different AttributeName: current AttributeName is " +
                            table.ttl_attribute);
        }
        if (!enabled && table.ttl_attribute.empty()) return validation("TimeToLive is already disabled");
        if (!enabled && table.ttl_attribute != attribute)
          return validation("TimeToLive is active on a different AttributeName: current AttributeName is " +
                            table.ttl_attribute);
        if (enabled) {
          definition.set("TimeToLive", attribute);
          tx.schedule(now, "dynamodb-expiry-backfill", payload_of(table));
        } else {
          definition.map().erase("TimeToLive");
          tx.schedule(now, "dynamodb-expiry-forget", payload_of(table));
        }
        return Value(Map{{"TimeToLiveSpecification", specification}});
      });
}

Result<Value> describe_time_to_live(Service& service, Call& call) {
  const auto name = table_named(call, call.input["TableName"].string());
  const auto table = service.tables.find(call.kernel.store, name);
  if (!table) return no_such_table(name.name);
  Map described = {{"TimeToLiveStatus", (*table)->ttl_attribute.empty() ? "DISABLED" : "ENABLED"}};
  if (!(*table)->ttl_attribute.empty()) described.set("AttributeName", (*table)->ttl_attribute);
  return Value(Map{{"TimeToLiveDescription", std::move(described)}});
}

Result<Value> describe_limits(Service&, Call&) {
  return Value(Map{{"AccountMaxReadCapacityUnits", account_units_max},
                   {"AccountMaxWriteCapacityUnits", account_units_max},
                   {"TableMaxReadCapacityUnits", table_units_max},
                   {"TableMaxWriteCapacityUnits", table_units_max}});
}

// Where this client reached us is where it may go on.
Result<Value> describe_endpoints(Service&, Call& call) {
  auto address = call.context.base_url;
  if (const auto scheme = address.find("://"); scheme != std::string::npos) address.erase(0, scheme + 3);
  if (address.empty()) address = "dynamodb." + call.context.region + ".amazonaws.com";
  return Value(Map{{"Endpoints", List{Map{{"Address", address}, {"CachePeriodInMinutes", 1440}}}}});
}

// --- Resource policies ---------------------------------------------------------------------------

// Of a table or, by their own ARNs, of a stream. Kept for whoever decides on permissions.
Result<Value> put_resource_policy(Service& service, Call& call) {
  constexpr std::size_t policy_bytes_max = 20 * 1024;
  const auto& arn = call.input["ResourceArn"].string();
  const auto& policy = call.input["Policy"].string();
  const auto& expected = call.input["ExpectedRevisionId"];
  if (arn.find("/stream/") != std::string::npos) return not_implemented("dynamodb PutResourcePolicy of a stream");
  if (policy.size() > policy_bytes_max) return validation("Resource-based policy size exceeds the limit of 20 KB");
  if (const auto parsed = parse_json(policy); !parsed || !(*parsed)["Statement"].is_list())
    return validation("Invalid policy document: " + (parsed ? "it has no Statement" : parsed.error().message));
  const auto revision = std::to_string(call.kernel.clock.now().ms);
  return change_definition(service, call, table_named(call, arn), no_such_arn(arn),
                           [&](Transaction&, const Table&, Value& definition) -> Result<Value> {
                             const auto& present = definition["Policy"];
                             if (auto checked = check_revision(present, expected, arn); !checked) return checked.error();
                             if (present["Policy"] == Value(policy))
                               return Value(Map{{"RevisionId", present["RevisionId"]}});
                             definition.set("Policy", Map{{"Policy", policy}, {"RevisionId", revision}});
                             return Value(Map{{"RevisionId", revision}});
                           });
}

Result<Value> get_resource_policy(Service& service, Call& call) {
  const auto& arn = call.input["ResourceArn"].string();
  const auto table = service.tables.find(call.kernel.store, table_named(call, arn));
  if (!table) return no_such_arn(arn);
  const auto& policy = (*table)->definition["Policy"];
  if (policy.is_null()) return no_policy(arn);
  return policy;
}

Result<Value> delete_resource_policy(Service& service, Call& call) {
  const auto& arn = call.input["ResourceArn"].string();
  return change_definition(service, call, table_named(call, arn), no_such_arn(arn),
                           [&](Transaction&, const Table&, Value& definition) -> Result<Value> {
                             const Value present = definition["Policy"];
                             const auto& expected = call.input["ExpectedRevisionId"];
                             if (auto checked = check_revision(present, expected, arn); !checked) return checked.error();
                             definition.map().erase("Policy");
                             if (present.is_null()) return Value(Map{});
                             return Value(Map{{"RevisionId", present["RevisionId"]}});
                           });
}

// --- Contributor insights: kept and described -------------------------------------------------------

Result<Value> update_contributor_insights(Service& service, Call& call) {
  const auto name = table_named(call, call.input["TableName"].string());
  const auto index = call.input["IndexName"].string_or("");
  const bool enable = call.input["ContributorInsightsAction"].string() == "ENABLE";
  return change_definition(
      service, call, name, no_such_table(name.name),
      [&](Transaction&, const Table& table, Value& definition) -> Result<Value> {
        if (!index.empty() && !table.find_index(index)) return table_not_found();
        auto& insights = definition.map()["Insights"];
        if (insights.is_null()) insights = Map{};
        const auto mode = call.input["ContributorInsightsMode"].string_or("ACCESSED_AND_THROTTLED_KEYS");
        insights.set(index, Map{{"Status", enable ? "ENABLED" : "DISABLED"},
                                {"Mode", mode},
                                {"At", call.kernel.clock.now().ms}});
        Map output = {{"TableName", name.name},
                      {"ContributorInsightsStatus", enable ? "ENABLING" : "DISABLING"},
                      {"ContributorInsightsMode", mode}};
        if (!index.empty()) output.set("IndexName", index);
        return Value(std::move(output));
      });
}

Result<Value> describe_contributor_insights(Service& service, Call& call) {
  const auto name = table_named(call, call.input["TableName"].string());
  const auto index = call.input["IndexName"].string_or("");
  const auto table = service.tables.find(call.kernel.store, name);
  if (!table) return no_such_table(name.name);
  if (!index.empty() && !(*table)->find_index(index)) return table_not_found();
  const auto& kept = (*table)->definition["Insights"][index];
  Map output = {{"TableName", name.name}, {"ContributorInsightsStatus", kept["Status"].string_or("DISABLED")}};
  if (!index.empty()) output.set("IndexName", index);
  if (!kept.is_null()) {
    output.set("ContributorInsightsMode", kept["Mode"]);
    output.set("LastUpdateDateTime", kept["At"]);
  }
  return Value(std::move(output));
}

Result<Value> list_contributor_insights(Service&, Call& call) {
  const auto& given = call.input["TableName"];
  const auto only = given.is_null() ? "" : table_name_of(given.string());
  const auto limit = call.input["MaxResults"].integer_or(insights_page_default);
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    List summaries;
    Map output;
    tx.each("SELECT name, definition FROM dynamodb_table WHERE account = ? AND region = ? AND name > ? ORDER BY name",
            {call.context.identity.account_id, call.context.region, call.input["NextToken"].string_or("")},
            [&](const Row& row) {
              if (!only.empty() && row[0].string() != only) return true;
              const auto definition = parse_json(row[1].string());
              if (!definition) throw std::runtime_error("a table's definition is damaged: " + row[0].string());
              const auto& insights = (*definition)["Insights"];
              if (insights.is_null()) return true;
              for (const auto& [index, kept] : insights.map()) {
                Map summary = {{"TableName", row[0]},
                               {"ContributorInsightsStatus", kept["Status"]},
                               {"ContributorInsightsMode", kept["Mode"]}};
                if (!index.empty()) summary.set("IndexName", index);
                summaries.push_back(std::move(summary));
              }
              if (static_cast<std::int64_t>(summaries.size()) < limit) return true;
              output.set("NextToken", row[0]);
              return false;
            });
    output.set("ContributorInsightsSummaries", std::move(summaries));
    return Value(std::move(output));
  });
}

}  // namespace moonbase::dynamodb
