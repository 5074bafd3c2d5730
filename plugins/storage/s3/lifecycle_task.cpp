// Carrying out lifecycle rules: a walk over the keys that they cover, in steps of one transaction each.
#include <algorithm>
#include <moonbase/hash.hpp>

#include "lifecycle.hpp"
#include "listing.hpp"
#include "notification.hpp"
#include "object_lock.hpp"
#include "setting.hpp"
#include "upload.hpp"

namespace moonbase::s3 {
namespace {

constexpr std::int64_t day_ms = 24LL * 3600 * 1000;
constexpr std::size_t step_max = 500;  // Versions or uploads that one transaction looks at.

std::string key_of_task(const Bucket& bucket) { return bucket.account + "/" + std::to_string(bucket.number); }

Time next_midnight(Time now) { return Time{(now.ms / day_ms + 1) * day_ms}; }

// Prefixes of the rules, in order; none begins with another.
std::vector<std::string> ranges_of(const std::vector<Rule>& rules) {
  std::vector<std::string> prefixes, ranges;
  for (const auto& rule : rules) prefixes.push_back(rule.prefix);
  std::sort(prefixes.begin(), prefixes.end());
  for (auto& prefix : prefixes)
    if (ranges.empty() || !prefix.starts_with(ranges.back())) ranges.push_back(std::move(prefix));
  return ranges;
}

// Where the walk is.
struct Walk {
  bool uploads = false;        // Versions come first.
  std::string key, upload_id;  // What was looked at last.
  std::int64_t rank = INT64_MIN;
  std::int64_t newer_at_ms = 0;  // When that version came into being.
  std::int64_t noncurrent = -1;  // How many noncurrent versions of its key there are with it; -1: it is current.

  static Walk of(const Value& payload) {
    return {payload["uploads"].boolean(), from_hex(payload["key"].string()).value(), payload["upload_id"].string(),
            payload["rank"].integer(),    payload["newer_at_ms"].integer(),          payload["noncurrent"].integer()};
  }
  Map payload() const {
    return {{"uploads", uploads},     {"key", hex(key)},  // Bytes that need be no text.
            {"upload_id", upload_id}, {"rank", rank},    {"newer_at_ms", newer_at_ms}, {"noncurrent", noncurrent}};
  }
};

class Step {
 public:
  Step(const Change& change, std::vector<Rule> rules, Walk walk)
      : change_(change), rules_(std::move(rules)), walk_(std::move(walk)) {
    needs_tags_ = std::any_of(rules_.begin(), rules_.end(), [](const Rule& rule) { return !rule.tags.empty(); });
  }

  // True when all has been looked at.
  bool run() {
    for (const auto& prefix : ranges_of(rules_)) {
      const auto end = behind(prefix);
      if (!end.empty() && walk_.key >= end) continue;
      if (walk_.key < prefix) enter(prefix);
      if (!(walk_.uploads ? end_uploads(end) : judge_versions(end))) return false;
    }
    if (walk_.uploads) return true;
    walk_ = Walk{.uploads = true};
    return false;
  }
  const Walk& walk() const { return walk_; }

 private:
  void enter(const std::string& prefix) { walk_ = Walk{.uploads = walk_.uploads, .key = prefix}; }

  // True when the range has been walked.
  bool judge_versions(const std::string& end) {
    std::vector<Object> versions;
    each_version(change_.tx, change_.bucket, {walk_.key, walk_.rank}, end, step_max, [&](Object&& version) {
      versions.push_back(std::move(version));
      return true;
    });
    for (auto& version : versions) {
      const bool noncurrent = version.key == walk_.key && walk_.rank != INT64_MIN;
      const auto since = Time{walk_.newer_at_ms};
      walk_.noncurrent = noncurrent ? walk_.noncurrent + 1 : -1;
      walk_.key = version.key;
      walk_.rank = version.rank;
      walk_.newer_at_ms = version.modified.ms;
      if (needs_tags_ && !version.delete_marker) load(version);
      if (noncurrent)
        carry_out(fate_of_noncurrent(rules_, version, since, walk_.noncurrent, change_.now), version);
      else if (version.delete_marker)
        drop_lone_marker(version);
      else
        carry_out(fate_of_current(rules_, version, change_.now), version);
    }
    return versions.size() < step_max;
  }

  void load(Object& version) {
    if (auto whole = find_version(change_.tx, change_.bucket, version.key, version.version_id))
      version = std::move(*whole);
  }

  void carry_out(const Fate& fate, Object& version) {
    if (fate.ends) return end(version);
    if (fate.storage_class.empty() || version.delete_marker) return;
    version.storage_class = fate.storage_class;
    save_storage_class(change_, version);
    announce(change_, Event::transition, version);
  }

  // A current version makes place for a delete marker where the bucket keeps versions; others go.
  void end(Object& version) {
    if (version.listed && !change_.bucket.versioning.empty()) {
      Object marker;
      marker.key = version.key;
      marker.delete_marker = true;
      return add_version(change_, newest_version(change_.tx, change_.bucket, version.key), marker);
    }
    load(version);
    if (!is_locked(version, change_.now)) remove_version(change_, version);
  }

  void drop_lone_marker(Object& marker) {
    const bool wanted = std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
      const bool expired = rule.expires && rule.tags.empty() && rule.expires->after(marker.modified) <= change_.now;
      return marker.key.starts_with(rule.prefix) && (rule.drops_lone_markers || expired);
    });
    if (!wanted) return;
    bool alone = true;
    each_version(change_.tx, change_.bucket, {marker.key, marker.rank}, "", 1, [&](Object&& next) {
      alone = next.key != marker.key;
      return false;
    });
    if (alone) remove_version(change_, marker);
  }

  bool end_uploads(const std::string& end) {
    std::vector<Upload> uploads;
    each_upload(change_.tx, change_.bucket, {walk_.key, walk_.upload_id}, end, step_max, [&](Upload&& upload) {
      uploads.push_back(std::move(upload));
      return true;
    });
    for (const auto& upload : uploads) {
      walk_.key = upload.object.key;
      walk_.upload_id = upload.object.upload_id;
      if (upload_ends(rules_, walk_.key, upload.initiated, change_.now)) remove_upload(change_, upload);
    }
    return uploads.size() < step_max;
  }

  const Change& change_;
  std::vector<Rule> rules_;
  Walk walk_;
  bool needs_tags_ = false;
};

void schedule(Transaction& tx, const Bucket& bucket, Time due, const Walk& walk) {
  auto payload = walk.payload();
  payload.set("bucket", bucket.name);
  payload.set("number", bucket.number);
  tx.schedule(due, lifecycle_task, payload, key_of_task(bucket));
}

}  // namespace

void schedule_lifecycle(Transaction& tx, const Bucket& bucket, Time now) {
  schedule(tx, bucket, next_midnight(now), {});
}

void unschedule_lifecycle(Transaction& tx, const Bucket& bucket) { tx.unschedule(lifecycle_task, key_of_task(bucket)); }

Result<Done> run_lifecycle(TaskRun& run) {
  const auto walked = run.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto opened = take_for_change(tx, run.payload["bucket"].string());
    if (!opened) return Value();
    const auto& bucket = opened->bucket;
    if (bucket.number != run.payload["number"].integer() || !bucket.has(Setting::lifecycle)) return Value();
    const auto context = context_of(run.context, bucket);
    const Change change{tx, bucket, run.kernel.ids, run.kernel.clock.now(), {lifecycle_actor, context}};
    Step step(change, rules_of(read_setting(tx, bucket, Setting::lifecycle)), Walk::of(run.payload));
    const bool ended = step.run();
    schedule(tx, bucket, ended ? next_midnight(change.now) : change.now, ended ? Walk{} : step.walk());
    return Value();
  });
  if (!walked) return walked.error();
  return done;
}

}  // namespace moonbase::s3
