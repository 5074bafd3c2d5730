#include "lifecycle.hpp"

#include <algorithm>
#include <array>
#include <moonbase/http.hpp>

#include "setting.hpp"

namespace moonbase::s3 {
namespace {

constexpr std::int64_t day_ms = 24LL * 3600 * 1000;
constexpr std::uint64_t small_bytes = 128 * 1024;

// Objects move down this list alone.
constexpr std::array<std::string_view, 8> classes = {
    "STANDARD",   "REDUCED_REDUNDANCY", "STANDARD_IA", "INTELLIGENT_TIERING",
    "ONEZONE_IA", "GLACIER_IR",         "GLACIER",     "DEEP_ARCHIVE"};

auto depth(std::string_view storage_class) { return std::find(classes.begin(), classes.end(), storage_class); }

bool has_tag(const Object& object, const Value& wanted) {
  return std::any_of(object.tags.begin(), object.tags.end(), [&](const Value& tag) {
    return tag["Key"].string() == wanted["Key"].string() && tag["Value"].string() == wanted["Value"].string();
  });
}

Due due_of(const Value& action, const char* days = "Days") {
  Due due{action[days].integer_or(0)};
  if (action["Date"].is_integer()) due.date = Time{action["Date"].integer()};
  return due;
}

std::vector<Move> moves_of(const Value& list, const char* days) {
  std::vector<Move> moves;
  if (!list.is_list()) return moves;
  for (const auto& one : list.list())
    moves.push_back({due_of(one, days), one["StorageClass"].string(), one["NewerNoncurrentVersions"].integer_or(0)});
  return moves;
}

void read_filter(const Value& filter, Rule& rule) {
  const auto& all = filter["And"].is_null() ? filter : filter["And"];
  rule.prefix = all["Prefix"].string_or("");
  if (all["Tags"].is_list()) rule.tags = all["Tags"].list();
  if (all["Tag"].is_map()) rule.tags.push_back(all["Tag"]);
  rule.larger_than = all["ObjectSizeGreaterThan"].integer_or(-1);
  rule.smaller_than = all["ObjectSizeLessThan"].integer_or(INT64_MAX);
  if (!all["ObjectSizeGreaterThan"].is_null() || !all["ObjectSizeLessThan"].is_null()) rule.keeps_small = false;
}

Rule rule_of(const Value& value) {
  Rule rule;
  rule.id = value["ID"].string();
  read_filter(value["Filter"], rule);
  if (value["Prefix"].is_string()) rule.prefix = value["Prefix"].string();
  const auto& expiration = value["Expiration"];
  rule.drops_lone_markers = expiration["ExpiredObjectDeleteMarker"].boolean_or(false);
  if (!expiration["Days"].is_null() || !expiration["Date"].is_null()) rule.expires = due_of(expiration);
  rule.moves = moves_of(value["Transitions"], "Days");
  rule.noncurrent_moves = moves_of(value["NoncurrentVersionTransitions"], "NoncurrentDays");
  if (const auto& noncurrent = value["NoncurrentVersionExpiration"]; !noncurrent.is_null())
    rule.noncurrent_expires =
        Move{due_of(noncurrent, "NoncurrentDays"), "", noncurrent["NewerNoncurrentVersions"].integer_or(0)};
  if (const auto& uploads = value["AbortIncompleteMultipartUpload"]; !uploads.is_null())
    rule.uploads_end = due_of(uploads, "DaysAfterInitiation");
  return rule;
}

// The deepest class that is due.
void choose_class(const Rule& rule, const std::vector<Move>& moves, const Object& object, Time since,
                  std::int64_t newer, Time now, Fate& fate) {
  if (rule.keeps_small && object.size < small_bytes) return;
  for (const auto& move : moves) {
    if (newer < move.newer_kept || move.due.after(since) > now) continue;
    const auto& current = fate.storage_class.empty() ? object.storage_class : fate.storage_class;
    if (depth(move.storage_class) > depth(current)) fate.storage_class = move.storage_class;
  }
}

}  // namespace

Time Due::after(Time since) const {
  if (date) return *date;
  return Time{(since.ms + days * day_ms + day_ms - 1) / day_ms * day_ms};
}

bool Rule::covers(const Object& object) const {
  const auto size = static_cast<std::int64_t>(object.size);
  return object.key.starts_with(prefix) && size > larger_than && size < smaller_than &&
         std::all_of(tags.begin(), tags.end(), [&](const Value& tag) { return has_tag(object, tag); });
}

std::vector<Rule> rules_of(const Value& configuration) {
  std::vector<Rule> rules;
  if (!configuration["Rules"].is_list()) return rules;
  const bool all_move = configuration["TransitionDefaultMinimumObjectSize"].string_or("") == "varies_by_storage_class";
  for (const auto& value : configuration["Rules"].list()) {
    if (value["Status"].string() != "Enabled") continue;
    rules.push_back(rule_of(value));
    if (all_move) rules.back().keeps_small = false;
  }
  return rules;
}

Fate fate_of_current(const std::vector<Rule>& rules, const Object& object, Time now) {
  Fate fate;
  for (const auto& rule : rules) {
    if (!rule.covers(object)) continue;
    fate.ends = fate.ends || (rule.expires && rule.expires->after(object.modified) <= now);
    choose_class(rule, rule.moves, object, object.modified, 0, now, fate);
  }
  return fate;
}

Fate fate_of_noncurrent(const std::vector<Rule>& rules, const Object& object, Time since, std::int64_t newer,
                        Time now) {
  Fate fate;
  for (const auto& rule : rules) {
    if (!rule.covers(object)) continue;
    if (const auto& end = rule.noncurrent_expires)
      fate.ends = fate.ends || (newer >= end->newer_kept && end->due.after(since) <= now);
    choose_class(rule, rule.noncurrent_moves, object, since, newer, now, fate);
  }
  return fate;
}

bool upload_ends(const std::vector<Rule>& rules, const std::string& key, Time initiated, Time now) {
  return std::any_of(rules.begin(), rules.end(), [&](const Rule& rule) {
    return rule.uploads_end && key.starts_with(rule.prefix) && rule.uploads_end->after(initiated) <= now;
  });
}

void show_expiration(Transaction& tx, const Bucket& bucket, const Object& object, Value& output) {
  if (!object.listed || !bucket.has(Setting::lifecycle)) return;
  std::optional<Time> first;
  std::string id;
  for (const auto& rule : rules_of(read_setting(tx, bucket, Setting::lifecycle))) {
    if (!rule.expires || !rule.covers(object)) continue;
    const auto at = rule.expires->after(object.modified);
    if (first && *first <= at) continue;
    first = at;
    id = rule.id;
  }
  if (first)
    output.set("Expiration", "expiry-date=\"" + http_date(*first) + "\", rule-id=\"" + percent_encode(id) + "\"");
}

}  // namespace moonbase::s3
