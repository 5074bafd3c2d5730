// Objects: the versions of a key, newest first.
#pragma once

#include <cstdint>
#include <functional>
#include <moonbase/call.hpp>
#include <moonbase/store.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bucket.hpp"

namespace moonbase::s3 {

inline constexpr std::string_view null_version = "null";
inline constexpr std::string_view standard_class = "STANDARD";

// A checksum as clients know it: "CRC32", "COMPOSITE" or "FULL_OBJECT", base64 (and "-N" behind a composite one).
struct Checksum {
  std::string algorithm, type, value;  // All empty where there is none.
};

// One version, or a delete marker.
struct Object {
  std::string key;
  std::int64_t rank = 0;  // Among the versions of its key: smaller is newer.
  std::string version_id{null_version};
  bool listed = true;  // The newest, and no delete marker.
  bool delete_marker = false;
  std::uint64_t size = 0;
  std::string etag;  // Without quotes.
  Time modified;
  std::string storage_class{standard_class};
  std::int64_t content = 0;  // Where its segments and parts are.
  std::int64_t parts = 0;    // 0: not uploaded in parts.
  Checksum checksum;
  std::string upload_id;  // Of the upload in parts that made it.
  // Not read for listings.
  Map headers;   // ContentType, CacheControl, ...: members as HeadObject answers them.
  Map metadata;  // The user's, by names in lower case.
  List tags;     // Maps of Key and Value.

  std::string quoted_etag() const { return '"' + etag + '"'; }
};

// ── Reading ─────────────────────────────────────────────────────────────────────────────────────
// The newest version of the key, which may be a delete marker.
std::optional<Object> newest_version(Transaction& tx, const Bucket& bucket, std::string_view key);
// By its id. Ids that S3 did not give out find nothing.
std::optional<Object> find_version(Transaction& tx, const Bucket& bucket, std::string_view key,
                                   std::string_view version_id);
// Whether S3 could have given out this id (which is not "null").
bool is_version_id(std::string_view version_id);

// Where a version stands among those of its key, also when it is gone; nothing for a null version that is gone.
std::optional<std::int64_t> rank_of_version(Transaction& tx, const Bucket& bucket, std::string_view key,
                                            std::string_view version_id);

// Current objects from one key up to another (empty: to the end), at most `most`, without what listings do not show.
// Return false to stop.
void each_listed(Transaction& tx, const Bucket& bucket, const std::string& from, const std::string& end,
                 std::size_t most, const std::function<bool(Object&&)>& visit);
// All versions and delete markers in the order of listings, behind this place.
struct VersionPlace {
  std::string key;
  std::int64_t rank = 0;
};
void each_version(Transaction& tx, const Bucket& bucket, const VersionPlace& behind, const std::string& end,
                  std::size_t most, const std::function<bool(Object&&)>& visit);
// Any version or delete marker.
bool has_objects(Transaction& tx, const Bucket& bucket);

// ── Changing ────────────────────────────────────────────────────────────────────────────────────
// Who changes something, and by which operation of theirs. Events tell it.
struct Actor {
  std::string_view operation;
  const CallContext& context;
  bool bypass = false;  // Wants to go past retention of mode GOVERNANCE.
};

// Where a change happens. Of a body that may run twice, so ids are made of it anew.
struct Change {
  Transaction& tx;
  const Bucket& bucket;
  Ids& ids;
  Time now;
  Actor actor;
};
Change change_of(Transaction& tx, const Bucket& bucket, const Call& call);

// The one way in which a version, or a delete marker, comes into being: gives it rank, version id and time, and takes
// the place of the null version where the bucket does not keep versions. `newest` is newest_version() as it was.
void add_version(const Change& change, const std::optional<Object>& newest, Object& object);
// The one way in which a version goes, with its content; the next newest takes its place.
void remove_version(const Change& change, const Object& object);
// What clients may change of a version: tags.
void save_tags(const Change& change, const Object& object);
// Of lifecycle rules.
void save_storage_class(const Change& change, const Object& object);
// And what Object Lock keeps there.
void save_headers(const Change& change, const Object& object);

// A column that holds JSON, which we wrote.
Value from_json(const Value& text);

// Whether it must be restored before it can be read.
bool is_archived(const Object& object);

// ── As clients see it ───────────────────────────────────────────────────────────────────────────
// x-amz-server-side-encryption, of what was put with it. GET and HEAD answer it as one of the object's headers.
void show_encryption(Value& output, const Object& object);
// x-amz-version-id, where the bucket has ever kept versions.
void show_version_id(Value& output, const Bucket& bucket, const Object& object);

}  // namespace moonbase::s3
