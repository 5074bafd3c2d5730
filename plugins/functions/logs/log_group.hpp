// Log groups as operations name them, and what several files of the service share.
#pragma once

#include <moonbase/plugin.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace moonbase::functions {

struct LogGroup {
  std::string account, region, name;
  Time created_at;
  std::int64_t retention_days = 0;  // 0: kept for ever.
  std::string group_class, kms_key;
  bool is_protected = false;
  Map tags;
  std::int64_t stored_bytes = 0;

  std::string arn() const { return "arn:aws:logs:" + region + ":" + account + ":log-group:" + name; }
  // Events before this moment have expired.
  Time oldest(Time now) const;
};

inline Error no_group() { return {"ResourceNotFoundException", "The specified log group does not exist.", {}, 400}; }
inline Error no_stream() { return {"ResourceNotFoundException", "The specified log stream does not exist.", {}, 400}; }
Error log_parameter(std::string message);

LogGroup log_group_of(const Row& row);
std::optional<LogGroup> find_group(Transaction& tx, const std::string& account, const std::string& region,
                                   std::string_view name);
// The group that an operation names. ResourceNotFoundException.
Result<LogGroup> require_group(Transaction& tx, const Call& call, std::string_view name);
// logGroupName, or the name in logGroupIdentifier (which may be an ARN).
Result<std::string> group_named(const Call& call);
// The name in an ARN, or the text itself. ResourceNotFoundException where the ARN is another account's or region's.
Result<std::string> group_in_arn(const Call& call, std::string_view arn);
Result<Done> check_log_tags(const Map& tags);
Map describe(const LogGroup& group);

// Tokens name the position to go on from; what stands behind it is nobody's business.
std::string log_token(std::string_view position);
Result<std::string> log_position(const Value& token);

}  // namespace moonbase::functions
