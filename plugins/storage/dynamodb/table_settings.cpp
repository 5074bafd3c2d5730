#include "table_settings.hpp"

#include <algorithm>
#include <charconv>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>

#include "errors.hpp"

namespace moonbase::dynamodb {
namespace {

constexpr std::int64_t initial_read_units = 12'000, initial_write_units = 4'000;  // Of a table on demand.
constexpr std::int64_t unlimited = -1;
constexpr std::size_t policy_bytes_max = 20 * 1024;
constexpr std::string_view default_key = "alias/aws/dynamodb";

// "for table", "for index orders-by-day".
std::string subject(std::string_view index, std::string_view before_name = "index ") {
  return index.empty() ? "for table" : "for " + std::string(before_name) + std::string(index);
}

// "…:dynamodb:us-east-1:000000000000:table/orders" → "arn:aws:kms:us-east-1:000000000000:key/ID". An alias stands
// for a key whose id never changes.
std::string key_arn(std::string_view key, const std::string& table_arn) {
  if (key.starts_with("arn:") && key.find(":key/") != key.npos) return std::string(key);
  if (const auto alias = key.find(":alias/"); alias != key.npos) key.remove_prefix(alias + 1);
  const auto service = table_arn.find(":dynamodb:"), resource = table_arn.find(":table/");
  const auto owner = table_arn.substr(service + 10, resource - service - 10);
  std::string id(key);
  if (key.starts_with("alias/")) {
    id = md5_hex(owner + "/" + std::string(key));
    for (const std::size_t at : {8, 13, 18, 23}) id.insert(at, 1, '-');
  }
  return table_arn.substr(0, service) + ":kms:" + owner + ":key/" + id;
}

struct Units {
  const char *kind, *asked, *provisioned;
  std::int64_t initial;
};
constexpr Units warm_units[] = {{"Read", "ReadUnitsPerSecond", "ReadCapacityUnits", initial_read_units},
                                {"Write", "WriteUnitsPerSecond", "WriteCapacityUnits", initial_write_units}};

}  // namespace

Result<Value> describe_encryption(const Value& specification, const std::string& table_arn) {
  if (specification.is_null()) return Value();
  const auto &type = specification["SSEType"], &key = specification["KMSMasterKeyId"];
  if (!specification["Enabled"].boolean_or(false)) {
    if (!type.is_null()) return invalid_parameter("SSEType can not be specified if Enabled is false");
    if (!key.is_null()) return invalid_parameter("KMSMasterKeyId can not be specified if Enabled is false");
    return Value();
  }
  if (type.string_or("KMS") != "KMS") return invalid_parameter("SSEType " + type.string() + " is not supported");
  if (type.is_null() && !key.is_null())
    return invalid_parameter("SSEType KMS is required if KMSMasterKeyId is specified");
  return Value(Map{
      {"Status", "ENABLED"}, {"SSEType", "KMS"}, {"KMSMasterKeyArn", key_arn(key.string_or(default_key), table_arn)}});
}

Result<Done> change_encryption(Value& definition, const Value& specification) {
  auto described = describe_encryption(specification, definition["TableArn"].string());
  if (!described) return described.error();
  const auto& present = definition["SSEDescription"];
  if (described->is_null()) {
    if (present.is_null()) return invalid_parameter("Table is already encrypted by default");
    definition.map().erase("SSEDescription");
    return done;
  }
  if (!present.is_null() && present["KMSMasterKeyArn"] == specification["KMSMasterKeyId"])
    return invalid_parameter(
        "Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to change "
        "Master Key");
  definition.set("SSEDescription", std::move(*described));
  return done;
}

Result<Done> set_on_demand(Value& described, const Value& limits, bool provisioned, std::string_view index,
                           bool change) {
  if (limits.is_null()) return done;
  constexpr const char* members[] = {"MaxReadRequestUnits", "MaxWriteRequestUnits"};
  Value kept = described["OnDemandThroughput"];
  if (kept.is_null()) kept = Map{};
  for (const auto* member : members) {
    const auto& limit = limits[member];
    if (limit.is_null()) continue;
    const auto where = std::string(member) + " for OnDemandThroughput " + subject(index, "index : ");
    if (provisioned)
      return invalid_parameter(std::string(member) + " for OnDemandThroughput " +
                               (index.empty() ? "" : subject(index, "index : ") + " ") +
                               "cannot be specified when the table BillingMode is PROVISIONED");
    if (limit.integer() < 1 && !(change && limit.integer() == unlimited))
      return invalid_parameter("Requested " + where + " is outside of valid range");
    kept.set(member, limit);
  }
  // A limit that was taken away is described as -1 beside one that stands.
  const bool limited = std::any_of(std::begin(members), std::end(members),
                                   [&](const char* member) { return kept[member].integer_or(unlimited) != unlimited; });
  if (limited)
    described.set("OnDemandThroughput", std::move(kept));
  else
    described.map().erase("OnDemandThroughput");
  return done;
}

Value warm_throughput(const Value& described, bool provisioned) {
  Map warm;
  for (const auto& units : warm_units) {
    const auto begins_with =
        provisioned ? described["ProvisionedThroughput"][units.provisioned].integer_or(0) : units.initial;
    warm.set(units.asked, std::max(begins_with, described["Warm"][units.asked].integer_or(0)));
  }
  return warm;
}

Result<Done> set_warm(Value& described, const Value& asked, bool provisioned, std::string_view index, bool change) {
  if (asked.is_null()) return done;
  auto warm = warm_throughput(described, provisioned);
  for (const auto& units : warm_units) {
    const auto& wanted = asked[units.asked];
    if (wanted.is_null()) continue;
    if (wanted.integer() < warm[units.asked].integer()) {
      const auto lower =
          "Requested " + std::string(units.asked) + " for WarmThroughput " + subject(index) + " is lower than ";
      if (change)
        return invalid_parameter(lower + "current WarmThroughput, decreasing WarmThroughput is not supported");
      if (provisioned) return invalid_parameter(lower + units.provisioned + " of ProvisionedThroughput");
      return invalid_parameter(
          lower +
          "initial throughput for OnDemand. See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"
          "on-demand-capacity-mode.html#on-demand-capacity-mode-initial");
    }
    warm.set(units.asked, wanted);
  }
  described.set("Warm", std::move(warm));
  return done;
}

Result<Value> make_policy(const std::string& policy, const Value& present, std::int64_t now_ms) {
  const auto invalid = [](std::string_view why) {
    return invalid_parameter("Invalid policy document: " + std::string(why));
  };
  if (policy.size() > policy_bytes_max)
    return invalid_parameter("Maximum policy size of " + std::to_string(policy_bytes_max) + " bytes exceeded");
  const auto parsed = parse_json(policy);
  if (!parsed || !parsed->is_map()) return invalid("This policy contains invalid Json");
  const auto& statement = (*parsed)["Statement"];
  const bool empty = statement.is_null() || (statement.is_list() && statement.list().empty());
  if (empty || !(statement.is_list() || statement.is_map()))
    return invalid("Could not parse the policy: Statement is empty!");
  std::int64_t revision = 0;
  if (const auto& last = present["RevisionId"]; !last.is_null())
    std::from_chars(last.string().data(), last.string().data() + last.string().size(), revision);
  return Value(Map{{"Policy", policy}, {"RevisionId", std::to_string(std::max(now_ms, revision + 1))}});
}

}  // namespace moonbase::dynamodb
