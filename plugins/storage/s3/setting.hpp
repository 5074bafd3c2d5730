// Settings of a bucket: documents as their operations take them, one of a kind. Rows; the rules are with each kind.
#pragma once

#include <cstdint>
#include <moonbase/call.hpp>
#include <moonbase/store.hpp>
#include <string_view>

namespace moonbase::s3 {

struct Bucket;

// Never renumber: rows of s3_bucket hold them as bits.
enum class Setting : std::uint8_t {
  tagging,
  cors,
  policy,
  lifecycle,
  encryption,
  public_access,
  ownership,
  notification,
  object_lock,
  website,
  replication,
};
inline constexpr std::int64_t bit_of(Setting setting) { return std::int64_t{1} << static_cast<int>(setting); }

// Null where there is none. No query then: the bucket's row knows.
Value read_setting(Transaction& tx, const Bucket& bucket, Setting setting);
// `bucket` is what others of the transaction look at from then on.
void save_setting(Transaction& tx, Bucket& bucket, Setting setting, const Value& document);
void remove_setting(Transaction& tx, Bucket& bucket, Setting setting);
// All of a bucket that goes.
void remove_settings(Transaction& tx, const Bucket& bucket);

// What a new bucket has: no access for the public, and no access lists.
void save_first_settings(Transaction& tx, Bucket& bucket);

// ── Of operations: the bucket is call.input["Bucket"] ───────────────────────────────────────────
// The document, null where there is none.
Result<Value> setting_of(Call& call, Setting setting);
// The document, or `missing` (whose BucketName is filled in).
Result<Value> setting_or(Call& call, Setting setting, const Error& missing);
// Keeps a document that has been checked. Answers an empty output.
Result<Value> keep_setting(Call& call, Setting setting, const Value& document);
Result<Value> drop_setting(Call& call, Setting setting);

}  // namespace moonbase::s3
