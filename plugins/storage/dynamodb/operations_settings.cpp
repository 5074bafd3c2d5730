// What surrounds tables: tags, time to live, limits, endpoints, policies, contributor insights.
#include <algorithm>
#include <moonbase/json.hpp>
#include <set>

#include "errors.hpp"
#include "service.hpp"
#include "table_settings.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr std::size_t tags_max = 50;
constexpr std::int64_t insights_page_default = 100;
constexpr std::int64_t account_units_max = 80'000, table_units_max = 40'000;

Error no_such_arn(const std::string& arn) {
  return {"ResourceNotFoundException", "Requested resource not found: ResourcArn: " + arn + " not found"};
}

// An ARN of a table or, where they count, of its stream, in the caller's region.
Result<Done> check_arn(const Call& call, const std::string& arn, bool streams_too) {
  if (!arn.starts_with("arn:")) return invalid_parameter("ARNs must start with 'arn:': " + arn);
  if (arn.find(":dynamodb:") == std::string::npos)
    return invalid_parameter("Provided Arn is not a DynamoDB resource arn: " + arn);
  const bool here = arn.find(":dynamodb:" + call.context.region + ":") != std::string::npos;
  if (!here) return validation("Invalid TableArn: Invalid ResourceArn provided as input " + arn);
  const auto table = arn.find(":table/");
  const auto below = table == std::string::npos ? table : arn.find('/', table + 7);
  const bool stream = below != std::string::npos && arn.compare(below, 8, "/stream/") == 0;
  if (table == std::string::npos || (below != std::string::npos && !(stream && streams_too)))
    return invalid_parameter(
        "Invalid resource arn provided, only table or stream is accepted. Provided resource arn: " + arn);
  return done;
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
  std::set<std::string_view> seen;
  for (const auto& tag : tags.list()) {
    const auto& key = tag["Key"].string();
    if (key.starts_with("aws:")) return validation("Tag Key cannot be prefixed with aws:, Key: " + key);
    if (!seen.insert(key).second)
      return validation("Duplicate Tag Keys provided as input: Duplicate Tag Key found " + key);
    const auto known =
        std::find_if(list.begin(), list.end(), [&](const Value& one) { return one["Key"].string() == key; });
    if (known != list.end())
      known->set("Value", tag["Value"]);
    else
      list.push_back(Map{{"Key", key}, {"Value", tag["Value"]}});
  }
  if (list.size() > tags_max) return validation("Number of Tags exceed the current limit for the provided ResourceArn");
  return done;
}

Result<Value> tag_resource(Service& service, Call& call) {
  const auto& arn = call.input["ResourceArn"].string();
  if (auto checked = check_arn(call, arn, false); !checked) return checked.error();
  if (call.input["Tags"].list().empty()) return validation("Atleast one Tag needs to be provided as Input.");
  return change_definition(service, call, table_named(call, arn), no_such_arn(arn),
                           [&](Transaction&, const Table&, Value& definition) -> Result<Value> {
                             if (auto added = add_tags(definition, call.input["Tags"]); !added) return added.error();
                             return Value(Map{});
                           });
}

Result<Value> untag_resource(Service& service, Call& call) {
  const auto& arn = call.input["ResourceArn"].string();
  if (auto checked = check_arn(call, arn, false); !checked) return checked.error();
  if (call.input["TagKeys"].list().empty()) return validation("Atleast one Tag Key needs to be provided as Input.");
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
  if (auto checked = check_arn(call, arn, false); !checked) return checked.error();
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
struct PolicyOf {
  TableName table;
  std::string stream;  // Its label; empty: the table's own.

  const Value& in(const Value& definition) const {
    return stream.empty() ? definition["Policy"] : definition["StreamPolicies"][stream];
  }
  void set(Value& definition, Value policy) const {
    if (stream.empty()) {
      definition.set("Policy", std::move(policy));
    } else {
      auto& policies = definition.map()["StreamPolicies"];
      policies.set(stream, std::move(policy));
    }
  }
};

Result<PolicyOf> policy_of(const Call& call, const std::string& arn) {
  if (auto checked = check_arn(call, arn, true); !checked) return checked.error();
  const auto at = arn.find("/stream/");
  return PolicyOf{table_named(call, arn), at == std::string::npos ? "" : arn.substr(at + 8)};
}

// A stream's ARN names one that there is.
bool has_stream(Transaction& tx, const PolicyOf& resource) {
  if (resource.stream.empty()) return true;
  const auto& [account, region, name] = resource.table;
  return !tx.query(
                "SELECT stream FROM dynamodb_stream WHERE account = ? AND region = ? AND table_name = ? AND label = ?",
                account, region, name, resource.stream)
              .empty();
}

Result<Value> put_resource_policy(Service& service, Call& call) {
  const auto& arn = call.input["ResourceArn"].string();
  const auto& policy = call.input["Policy"].string();
  const auto resource = policy_of(call, arn);
  if (!resource) return resource.error();
  return change_definition(service, call, resource->table, no_such_arn(arn),
                           [&](Transaction& tx, const Table&, Value& definition) -> Result<Value> {
                             if (!has_stream(tx, *resource)) return no_such_arn(arn);
                             const auto& present = resource->in(definition);
                             if (auto checked = check_revision(present, call.input["ExpectedRevisionId"], arn);
                                 !checked)
                               return checked.error();
                             auto made = make_policy(policy, present, call.kernel.clock.now().ms);
                             if (!made) return made.error();
                             if (present["Policy"] == Value(policy))
                               return Value(Map{{"RevisionId", present["RevisionId"]}});
                             Value output = Map{{"RevisionId", (*made)["RevisionId"]}};
                             resource->set(definition, std::move(*made));
                             return output;
                           });
}

Result<Value> get_resource_policy(Service& service, Call& call) {
  const auto& arn = call.input["ResourceArn"].string();
  const auto resource = policy_of(call, arn);
  if (!resource) return resource.error();
  const auto table = service.tables.find(call.kernel.store, resource->table);
  if (!table) return no_such_arn(arn);
  const auto& policy = resource->in((*table)->definition);
  if (policy.is_null()) return no_policy(arn);
  return policy;
}

Result<Value> delete_resource_policy(Service& service, Call& call) {
  const auto& arn = call.input["ResourceArn"].string();
  const auto resource = policy_of(call, arn);
  if (!resource) return resource.error();
  return change_definition(service, call, resource->table, no_such_arn(arn),
                           [&](Transaction&, const Table&, Value& definition) -> Result<Value> {
                             const Value present = resource->in(definition);
                             if (auto checked = check_revision(present, call.input["ExpectedRevisionId"], arn);
                                 !checked)
                               return checked.error();
                             if (present.is_null()) return Value(Map{});
                             resource->set(definition, Value());
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
        insights.set(
            index,
            Map{{"Status", enable ? "ENABLED" : "DISABLED"}, {"Mode", mode}, {"At", call.kernel.clock.now().ms}});
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
