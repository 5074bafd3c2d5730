#include "logs/log_group.hpp"

#include <algorithm>
#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>
#include <stdexcept>

namespace moonbase::functions {

Error log_parameter(std::string message) { return {"InvalidParameterException", std::move(message), {}, 400}; }

Time LogGroup::oldest(Time now) const {
  return retention_days == 0 ? Time{INT64_MIN} : Time{now.ms - retention_days * 86'400'000};
}

LogGroup log_group_of(const Row& row) {
  auto tags = parse_json(row["tags"].string());
  if (!tags || !tags->is_map()) throw std::runtime_error("a log group's row holds no JSON object");
  return {row["account"].string(),
          row["region"].string(),
          row["name"].string(),
          {row["created_at_ms"].integer()},
          row["retention_days"].integer_or(0),
          row["class"].string(),
          row["kms_key"].string(),
          row["protected"].integer() != 0,
          std::move(tags->map()),
          row["stored_bytes"].integer()};
}

std::optional<LogGroup> find_group(Transaction& tx, const std::string& account, const std::string& region,
                                   std::string_view name) {
  const auto rows =
      tx.query("SELECT * FROM log_group WHERE account = ? AND region = ? AND name = ?", account, region, name);
  if (rows.empty()) return std::nullopt;
  return log_group_of(rows.front());
}

Result<LogGroup> require_group(Transaction& tx, const Call& call, std::string_view name) {
  auto group = find_group(tx, call.context.identity.account_id, call.context.region, name);
  if (!group) return no_group();
  return std::move(*group);
}

Result<std::string> group_in_arn(const Call& call, std::string_view arn) {
  if (arn.starts_with("arn:")) {
    const auto ours = call.context.arn("logs", "log-group:");
    if (!arn.starts_with(ours)) return no_group();
    arn.remove_prefix(ours.size());
  }
  if (arn.ends_with(":*")) arn.remove_suffix(2);
  return std::string(arn);
}

Result<std::string> group_named(const Call& call) {
  if (!call.input["logGroupName"].is_null()) return call.input["logGroupName"].string();
  auto name = group_in_arn(call, call.input["logGroupIdentifier"].string_or(""));
  if (name && name->empty()) return log_parameter("Either logGroupName or logGroupIdentifier is needed.");
  return name;
}

Result<Done> check_log_tags(const Map& tags) {
  if (tags.size() > 50) return Error{"TooManyTagsException", "A resource has at most 50 tags.", {}, 400};
  for (const auto& [key, value] : tags) {
    if (key.empty() || key.size() > 128 || key.starts_with("aws:"))
      return log_parameter("Invalid tag key: '" + key + "'");
    if (value.string().size() > 256) return log_parameter("Invalid tag value for key: '" + key + "'");
  }
  return done;
}

Map describe(const LogGroup& group) {
  Map described{
      {"logGroupName", group.name},        {"creationTime", group.created_at.ms}, {"metricFilterCount", 0},
      {"arn", group.arn() + ":*"},         {"logGroupArn", group.arn()},          {"storedBytes", group.stored_bytes},
      {"logGroupClass", group.group_class}};
  if (group.retention_days > 0) described.set("retentionInDays", group.retention_days);
  if (!group.kms_key.empty()) described.set("kmsKeyId", group.kms_key);
  if (group.is_protected) described.set("deletionProtectionEnabled", true);
  return described;
}

std::string log_token(std::string_view position) { return base64_url("v1 " + std::string(position)); }

Result<std::string> log_position(const Value& token) {
  if (token.is_null()) return std::string();
  auto text = from_base64_url(token.string());
  if (!text || !text->starts_with("v1 ")) return log_parameter("The specified nextToken is invalid.");
  return text->substr(3);
}

}  // namespace moonbase::functions
