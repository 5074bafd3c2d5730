// Buckets: what they are called, whose they are, who may touch them.
#pragma once

#include <cstdint>
#include <moonbase/call.hpp>
#include <moonbase/store.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "setting.hpp"

namespace moonbase::s3 {

struct Bucket {
  std::string name, account, region;
  std::int64_t number = 0;  // Its objects' rows begin with account and number.
  Time created;
  std::string versioning;     // "" (never), "Enabled" or "Suspended".
  std::int64_t settings = 0;  // Which it has, as bits.

  bool has(Setting setting) const { return (settings & bit_of(setting)) != 0; }
  bool versions() const { return versioning == "Enabled"; }
  std::string arn() const { return "arn:aws:s3:::" + name; }
};

// AWS's rules for names of general purpose buckets. Error InvalidBucketName.
Result<Done> check_bucket_name(const std::string& name);

std::optional<Bucket> read_bucket(Transaction& tx, const std::string& name);

// The bucket, if this caller may use it: the one place that decides that. Errors NoSuchBucket, AccessDenied.
// `owner_member` is the input's member that says whose the caller expects it to be.
Result<Bucket> open_bucket(Transaction& tx, const Call& call, const std::string& name,
                           std::string_view owner_member = "ExpectedBucketOwner");
// The same in a transaction of its own, for looking before a body arrives. `call.input["Bucket"]`.
Result<Bucket> look_up_bucket(Call& call);

// Opens the bucket for a change of its objects; nobody else changes them until the transaction ends.
struct Opened {
  Bucket bucket;
  std::int64_t content = 0;  // A new content's number.
};
// The same without asking whether the caller may: for the service's own work. Nothing where there is no such bucket.
std::optional<Opened> take_for_change(Transaction& tx, const std::string& name);
Result<Opened> open_for_change(Transaction& tx, const Call& call, const std::string& name);

// Gives it its number and first settings. Error BucketAlreadyExists or BucketAlreadyOwnedByYou.
Result<Done> insert_bucket(Transaction& tx, Bucket& bucket);
// Deletes the row and its settings.
void delete_bucket_row(Transaction& tx, const Bucket& bucket);
void save_versioning(Transaction& tx, const Bucket& bucket);

// An account's, in order of their names, behind `after`.
struct BucketsWanted {
  std::string account, prefix, after, region;
  std::size_t max = 0;
};
std::vector<Bucket> list_buckets(Transaction& tx, const BucketsWanted& wanted);

// How S3 names an account beside its number: 64 hexadecimal digits.
std::string canonical_user_id(const std::string& account);
Value owner_of(const std::string& account);

}  // namespace moonbase::s3
