// What surrounds tables: tags, time to live, limits, endpoints, backups.
#include <algorithm>

#include "errors.hpp"
#include "service.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr std::size_t tags_max = 50;
constexpr std::int64_t account_units_max = 80'000, table_units_max = 40'000;

// Changes a table's definition; the Error rolls it back.
using Change = std::function<Result<Value>(Transaction&, const Table&, Value& definition)>;
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

Error no_such_arn(const std::string& arn) {
  return {"ResourceNotFoundException", "Requested resource not found: ResourcArn: " + arn + " not found"};
}

Value payload_of(const Table& table) {
  return Map{{"account", table.account}, {"region", table.region}, {"table", table.name}, {"space", table.space}};
}

}  // namespace

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

Result<Value> describe_continuous_backups(Service& service, Call& call) {
  const auto name = table_named(call, call.input["TableName"].string());
  const auto table = service.tables.find(call.kernel.store, name);
  if (!table) return Error{"TableNotFoundException", "Table not found: " + name.name};
  return Value(Map{{"ContinuousBackupsDescription",
                    Map{{"ContinuousBackupsStatus", "DISABLED"},
                        {"PointInTimeRecoveryDescription", Map{{"PointInTimeRecoveryStatus", "DISABLED"}}}}}});
}

}  // namespace moonbase::dynamodb
