// Lifecycle: rules by which objects expire, move to other storage classes, and forgotten uploads end. Pure rules, and
// the task that carries them out: one for a bucket and day, at midnight UTC on the platform's clock, in bounded steps.
#pragma once

#include <cstdint>
#include <moonbase/plugin.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "object.hpp"

namespace moonbase::s3 {

inline constexpr std::string_view lifecycle_task = "s3-lifecycle";
inline constexpr std::string_view lifecycle_actor = "Lifecycle";  // Actor::operation of what the rules do.

// When something is due: so many days after a time, rounded up to midnight UTC, or on a date.
struct Due {
  std::int64_t days = 0;
  std::optional<Time> date = {};
  Time after(Time since) const;
};

struct Move {
  Due due;
  std::string storage_class;
  std::int64_t newer_kept = 0;  // Of noncurrent versions: so many of the newest stay.
};

// One rule that is enabled.
struct Rule {
  std::string id, prefix;
  List tags;  // The object must have all.
  std::int64_t larger_than = -1, smaller_than = INT64_MAX;
  std::optional<Due> expires;
  bool drops_lone_markers = false;  // Delete markers below which there is nothing.
  std::vector<Move> moves, noncurrent_moves;
  std::optional<Move> noncurrent_expires;
  std::optional<Due> uploads_end;
  bool keeps_small = true;  // Objects under 128 KB do not move, as nothing is said of sizes.

  bool covers(const Object& object) const;
};
std::vector<Rule> rules_of(const Value& configuration);

// A LifecycleConfiguration as it is kept: with ids. Errors MalformedXML, InvalidArgument and InvalidRequest.
Result<Value> checked_lifecycle(const Value& configuration, Ids& ids);

// What is to become of a version at this time.
struct Fate {
  bool ends = false;
  std::string storage_class = {};  // Where it moves to; empty: it stays.
};
Fate fate_of_current(const std::vector<Rule>& rules, const Object& object, Time now);
// `since`: when the next newer version took its place; `newer`: how many noncurrent versions are newer.
Fate fate_of_noncurrent(const std::vector<Rule>& rules, const Object& object, Time since, std::int64_t newer, Time now);
bool upload_ends(const std::vector<Rule>& rules, const std::string& key, Time initiated, Time now);

// x-amz-expiration of a current object, where a rule will end it.
void show_expiration(Transaction& tx, const Bucket& bucket, const Object& object, Value& output);

// The bucket has rules from now on, or no more.
void schedule_lifecycle(Transaction& tx, const Bucket& bucket, Time now);
void unschedule_lifecycle(Transaction& tx, const Bucket& bucket);
Result<Done> run_lifecycle(TaskRun& run);

}  // namespace moonbase::s3
