#include "object_lock.hpp"

#include "errors.hpp"
#include "setting.hpp"

namespace moonbase::s3 {
namespace {

constexpr std::int64_t day_ms = 24LL * 3600 * 1000, days_max = 36'500, years_max = 100, days_a_year = 365;
constexpr auto governance = "GOVERNANCE", compliance = "COMPLIANCE";
constexpr auto mode_member = "ObjectLockMode", until_member = "ObjectLockRetainUntilDate",
               hold_member = "ObjectLockLegalHoldStatus";

bool is_mode(const std::string& mode) { return mode == governance || mode == compliance; }

Error invalid(std::string message) { return {"InvalidArgument", std::move(message), {}, 400}; }

std::int64_t until_of(const Object& object) {
  const auto* until = object.headers.find(until_member);
  return until ? until->integer() : 0;
}

std::string mode_of(const Object& object) {
  const auto* mode = object.headers.find(mode_member);
  return mode ? mode->string() : "";
}

Result<Done> check_mode_and_date(const Value& mode, const Value& until, Time now) {
  if (mode.is_null() != until.is_null())
    return invalid("x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied");
  if (mode.is_null()) return done;
  if (!is_mode(mode.string())) return invalid("Unknown wormMode directive.");
  if (until.integer() <= now.ms) return invalid("The retain until date must be in the future!");
  return done;
}

}  // namespace

Result<Done> check_lock_configuration(const Value& configuration) {
  if (configuration["ObjectLockEnabled"].string_or("") != "Enabled") return malformed_xml();
  const auto& rule = configuration["Rule"];
  if (rule.is_null()) return done;
  const auto& retention = rule["DefaultRetention"];
  const auto &days = retention["Days"], &years = retention["Years"];
  if (!retention["DefaultEventHold"].is_null())
    return not_implemented("s3 PutObjectLockConfiguration DefaultRetention.DefaultEventHold");
  if (!is_mode(retention["Mode"].string_or("")) || days.is_null() == years.is_null()) return malformed_xml();
  if (days.integer_or(1) < 1 || years.integer_or(1) < 1)
    return invalid("Default retention period must be a positive integer value.");
  if (days.integer_or(1) > days_max || years.integer_or(1) > years_max)
    return invalid("Default retention period too large.");
  return done;
}

Result<Done> take_lock(const Value& input, const Bucket& bucket, Time now, Map& headers) {
  const auto &mode = input[mode_member], &until = input[until_member], &hold = input[hold_member];
  if (mode.is_null() && until.is_null() && hold.is_null()) return done;
  if (!bucket.has(Setting::object_lock)) return invalid_request("Bucket is missing Object Lock Configuration");
  if (auto checked = check_mode_and_date(mode, until, now); !checked) return checked;
  if (hold.is_string() && hold.string() != "ON" && hold.string() != "OFF")
    return invalid("Legal Hold must be either of 'ON' or 'OFF'");
  for (const auto* member : {mode_member, until_member, hold_member})
    if (!input[member].is_null()) headers.set(member, input[member]);
  return done;
}

Map with_lock_of(Map headers, const Map& other) {
  for (const auto* member : {mode_member, until_member, hold_member}) {
    headers.erase(member);
    if (const auto* value = other.find(member)) headers.set(member, *value);
  }
  return headers;
}

void apply_default_retention(const Change& change, Object& object) {
  if (object.delete_marker || !change.bucket.has(Setting::object_lock) || object.headers.contains(mode_member)) return;
  const auto configuration = read_setting(change.tx, change.bucket, Setting::object_lock);
  const auto& retention = configuration["Rule"]["DefaultRetention"];
  if (retention.is_null()) return;
  const auto days = retention["Days"].integer_or(retention["Years"].integer_or(0) * days_a_year);
  object.headers.set(mode_member, retention["Mode"]);
  object.headers.set(until_member, change.now.ms + days * day_ms);
}

bool is_locked(const Object& object, Time now, bool bypass) {
  if (const auto* hold = object.headers.find(hold_member); hold && hold->string() == "ON") return true;
  return until_of(object) > now.ms && !(bypass && mode_of(object) == governance);
}

Error protected_by_lock() {
  return {"AccessDenied", "Access Denied because object protected by object lock.", {}, 403};
}

Result<Done> check_retention(const Object& object, const Value& retention, Time now, bool bypass) {
  const auto &mode = retention["Mode"], &until = retention["RetainUntilDate"];
  if (mode.is_null() != until.is_null()) return malformed_xml();
  if (mode.is_string() && !is_mode(mode.string())) return malformed_xml();
  if (until.integer_or(now.ms + 1) <= now.ms) return invalid("The retain until date must be in the future!");
  if (until_of(object) <= now.ms) return done;
  const bool is_longer = until.integer_or(0) >= until_of(object);
  const bool may_shorten = mode_of(object) == governance && bypass;
  const bool is_stricter = mode.string_or("") == mode_of(object) || mode.string_or("") == compliance;
  if (may_shorten || (is_longer && is_stricter)) return done;
  return protected_by_lock();
}

void set_retention(Object& object, const Value& retention) {
  object.headers.erase(mode_member);
  object.headers.erase(until_member);
  if (retention["Mode"].is_null()) return;
  object.headers.set(mode_member, retention["Mode"]);
  object.headers.set(until_member, retention["RetainUntilDate"]);
}

}  // namespace moonbase::s3
