// What a LifecycleConfiguration may say.
#include <algorithm>
#include <array>
#include <moonbase/hash.hpp>
#include <set>

#include "errors.hpp"
#include "lifecycle.hpp"

namespace moonbase::s3 {
namespace {

constexpr std::size_t rules_max = 1000, id_bytes_max = 255, newer_max = 100;
constexpr std::int64_t day_ms = 24LL * 3600 * 1000, infrequent_days_min = 30;
constexpr std::array<std::string_view, 6> targets = {"STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING",
                                                     "GLACIER_IR",  "GLACIER",    "DEEP_ARCHIVE"};

Error invalid(std::string message) { return {"InvalidArgument", std::move(message), {}, 400}; }

Result<Done> check_filter(const Value& rule) {
  const auto& filter = rule["Filter"];
  if (filter.is_null() == rule["Prefix"].is_null()) return malformed_xml();
  std::size_t members = 0;
  for (const auto* member : {"And", "Prefix", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan"})
    if (!filter[member].is_null()) ++members;
  if (members > 1) return malformed_xml();
  const auto& both = filter["And"];
  const auto larger = both["ObjectSizeGreaterThan"].integer_or(-1),
             smaller = both["ObjectSizeLessThan"].integer_or(INT64_MAX);
  if (larger >= smaller)
    return invalid_request("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'");
  return done;
}

bool has_tags(const Value& rule) {
  const auto& filter = rule["Filter"];
  return !filter["Tag"].is_null() || !filter["And"]["Tags"].is_null();
}

Result<Done> check_date(const Value& date) {
  if (date.is_integer() && date.integer() % day_ms != 0) return invalid("'Date' must be at midnight GMT");
  return done;
}

Result<Done> check_expiration(const Value& rule) {
  const auto& expiration = rule["Expiration"];
  if (expiration.is_null()) return done;
  const auto &days = expiration["Days"], &date = expiration["Date"], &marker = expiration["ExpiredObjectDeleteMarker"];
  const int said = !days.is_null() + !date.is_null() + !marker.is_null();
  if (said != 1) return malformed_xml();
  if (days.integer_or(1) < 1) return invalid("'Days' for Expiration action must be a positive integer");
  if (!marker.is_null() && has_tags(rule))
    return invalid_request("ExpiredObjectDeleteMarker cannot be specified with Tags.");
  return check_date(date);
}

Result<Done> check_class(const Value& action, const std::string& name, const char* days_member) {
  const auto storage_class = action["StorageClass"].string_or("");
  if (std::find(targets.begin(), targets.end(), storage_class) == targets.end()) return malformed_xml();
  const auto& days = action[days_member];
  if (days.is_null() && action["Date"].is_null()) return malformed_xml();
  if (!days.is_null() && !action["Date"].is_null()) return malformed_xml();
  if (days.integer_or(0) < 0)
    return invalid("'" + std::string(days_member) + "' in " + name + " action must be nonnegative");
  const bool infrequent = storage_class == "STANDARD_IA" || storage_class == "ONEZONE_IA";
  if (infrequent && !days.is_null() && days.integer() < infrequent_days_min)
    return invalid("'" + std::string(days_member) + "' in " + name +
                   " action must be greater than or equal to 30 for storageClass '" + storage_class + "'");
  return check_date(action["Date"]);
}

Result<Done> check_transitions(const Value& rule) {
  const auto& list = rule["Transitions"];
  const auto& end = rule["Expiration"]["Days"];
  for (const auto& one : list.is_list() ? list.list() : List{}) {
    if (auto checked = check_class(one, "Transition", "Days"); !checked) return checked;
    if (end.is_integer() && one["Days"].integer_or(-1) >= end.integer())
      return invalid("'Days' in the Expiration action for filter must be greater than 'Days' in the Transition action");
  }
  const auto& noncurrent = rule["NoncurrentVersionTransitions"];
  for (const auto& one : noncurrent.is_list() ? noncurrent.list() : List{})
    if (auto checked = check_class(one, "NoncurrentVersionTransition", "NoncurrentDays"); !checked) return checked;
  return done;
}

Result<Done> check_rest(const Value& rule) {
  if (const auto& end = rule["NoncurrentVersionExpiration"]; !end.is_null()) {
    if (end["NoncurrentDays"].is_null()) return malformed_xml();
    if (end["NoncurrentDays"].integer() < 1)
      return invalid("'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer");
    const auto newer = end["NewerNoncurrentVersions"].integer_or(1);
    if (newer < 1 || newer > static_cast<std::int64_t>(newer_max))
      return invalid("'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be between 1 and 100");
  }
  const auto& uploads = rule["AbortIncompleteMultipartUpload"];
  if (uploads.is_null()) return done;
  if (uploads["DaysAfterInitiation"].integer_or(0) < 1)
    return invalid("'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer");
  if (has_tags(rule)) return invalid_request("AbortIncompleteMultipartUpload cannot be specified with Tags.");
  return done;
}

// Of any action: S3 counts days in 32 bits.
bool counts_days(const Value& action) {
  for (const auto* member : {"Days", "NoncurrentDays", "DaysAfterInitiation"})
    if (action[member].integer_or(0) > INT32_MAX) return false;
  return true;
}

bool counts_all_days(const Value& rule) {
  for (const auto* action : {"Expiration", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"})
    if (!counts_days(rule[action])) return false;
  for (const auto* list : {"Transitions", "NoncurrentVersionTransitions"})
    if (rule[list].is_list() && !std::all_of(rule[list].list().begin(), rule[list].list().end(), counts_days))
      return false;
  return true;
}

Result<Done> check_rule(const Value& rule) {
  if (!counts_all_days(rule)) return malformed_xml();
  if (const auto status = rule["Status"].string_or(""); status != "Enabled" && status != "Disabled")
    return malformed_xml();
  if (auto checked = check_filter(rule); !checked) return checked;
  bool acts = false;
  for (const auto* action : {"Expiration", "Transitions", "NoncurrentVersionExpiration", "NoncurrentVersionTransitions",
                             "AbortIncompleteMultipartUpload"})
    acts = acts || !rule[action].is_null();
  if (!acts) return invalid_request("At least one action needs to be specified in a rule");
  if (auto checked = check_expiration(rule); !checked) return checked;
  if (auto checked = check_transitions(rule); !checked) return checked;
  return check_rest(rule);
}

}  // namespace

Result<Value> checked_lifecycle(const Value& configuration, Ids& ids) {
  Value kept = configuration;
  auto* rules = kept.is_map() ? kept.map().find("Rules") : nullptr;
  if (!rules || !rules->is_list() || rules->list().empty() || rules->list().size() > rules_max) return malformed_xml();
  std::set<std::string> seen;
  for (auto& rule : rules->list()) {
    if (auto checked = check_rule(rule); !checked) return checked.error();
    auto id = rule["ID"].string_or("");
    if (id.empty()) id = base64_url(ids.random_bytes(36));
    if (id.size() > id_bytes_max) return invalid("ID length should not exceed allowed limit of 255");
    if (!seen.insert(id).second) return invalid("Rule ID must be unique. Found same ID for more than one rule");
    rule.set("ID", id);
  }
  return kept;
}

}  // namespace moonbase::s3
