#include "bucket.hpp"

#include <algorithm>
#include <moonbase/hash.hpp>

#include "access.hpp"
#include "errors.hpp"

namespace moonbase::s3 {
namespace {

constexpr std::string_view columns = "name, account, region, bucket, created_at_ms, versioning, settings";

Bucket bucket_of(const Row& row) {
  return {row[0].string(),        row[1].string(), row[2].string(), row[3].integer(),
          Time{row[4].integer()}, row[5].string(), row[6].integer()};
}

bool is_ip_address(std::string_view name) {
  int dots = 0;
  for (const char c : name) {
    if (c == '.') ++dots;
    if (c != '.' && (c < '0' || c > '9')) return false;
  }
  return dots == 3;
}

}  // namespace

Result<Done> check_bucket_name(const std::string& name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool characters =
      std::all_of(name.begin(), name.end(), [&](char c) { return plain(c) || c == '-' || c == '.'; });
  const bool affixes = !name.starts_with("xn--") && !name.starts_with("sthree-") &&
                       !name.starts_with("amzn-s3-demo-") && !name.ends_with("-s3alias") &&
                       !name.ends_with("--ol-s3") && !name.ends_with(".mrap") && !name.ends_with("--x-s3") &&
                       !name.ends_with("--table-s3");
  if (name.size() >= 3 && name.size() <= 63 && characters && affixes && plain(name.front()) && plain(name.back()) &&
      name.find("..") == std::string::npos && !is_ip_address(name))
    return done;
  return Error{"InvalidBucketName", "The specified bucket is not valid.", {{"BucketName", name}}, 400};
}

std::optional<Bucket> read_bucket(Transaction& tx, const std::string& name) {
  const auto rows = tx.query("SELECT " + std::string(columns) + " FROM s3_bucket WHERE name = ?", name);
  if (rows.empty()) return std::nullopt;
  return bucket_of(rows.front());
}

Result<Bucket> open_bucket(Transaction& tx, const Call& call, const std::string& name, std::string_view owner_member) {
  auto bucket = read_bucket(tx, name);
  if (!bucket) return no_such_bucket(name);
  if (auto allowed = check_access(tx, call, *bucket, owner_member); !allowed) return allowed.error();
  return std::move(*bucket);
}

Result<Bucket> look_up_bucket(Call& call) {
  std::optional<Bucket> found;
  const auto looked = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
    if (!bucket) return bucket.error();
    found = std::move(*bucket);
    return Value();
  });
  if (!looked) return looked.error();
  return std::move(*found);
}

std::optional<Opened> take_for_change(Transaction& tx, const std::string& name) {
  // Writing the row first is what makes changes of one bucket's objects wait for each other, on every engine.
  const auto rows = tx.query("UPDATE s3_bucket SET next_content = next_content + 1 WHERE name = ? RETURNING " +
                                 std::string(columns) + ", next_content",
                             name);
  if (rows.empty()) return std::nullopt;
  return Opened{bucket_of(rows.front()), rows.front()[7].integer()};
}

Result<Opened> open_for_change(Transaction& tx, const Call& call, const std::string& name) {
  auto opened = take_for_change(tx, name);
  if (!opened) return no_such_bucket(name);
  if (auto allowed = check_access(tx, call, opened->bucket, "ExpectedBucketOwner"); !allowed) return allowed.error();
  return std::move(*opened);
}

Result<Done> insert_bucket(Transaction& tx, Bucket& bucket) {
  if (const auto present = read_bucket(tx, bucket.name)) {
    if (present->account == bucket.account)
      return Error{"BucketAlreadyOwnedByYou",
                   "Your previous request to create the named bucket succeeded and you already own it.",
                   {{"BucketName", bucket.name}},
                   409};
    return Error{"BucketAlreadyExists",
                 "The requested bucket name is not available. The bucket namespace is shared by all users of the "
                 "system. Please select a different name and try again.",
                 {{"BucketName", bucket.name}},
                 409};
  }
  const auto number = tx.query(
      "INSERT INTO s3_bucket_number (account, next) VALUES (?, 1) ON CONFLICT (account) DO UPDATE SET next = "
      "s3_bucket_number.next + 1 RETURNING next",
      bucket.account);
  bucket.number = number.front()[0].integer();
  tx.query(
      "INSERT INTO s3_bucket (name, account, region, bucket, created_at_ms, versioning, settings, next_content) VALUES "
      "(?, ?, ?, ?, ?, ?, 0, 1)",
      bucket.name, bucket.account, bucket.region, bucket.number, bucket.created, bucket.versioning);
  save_first_settings(tx, bucket);
  return done;
}

void delete_bucket_row(Transaction& tx, const Bucket& bucket) {
  remove_settings(tx, bucket);
  tx.query("DELETE FROM s3_bucket WHERE name = ?", bucket.name);
}

void save_versioning(Transaction& tx, const Bucket& bucket) {
  tx.query("UPDATE s3_bucket SET versioning = ? WHERE name = ?", bucket.versioning, bucket.name);
}

std::vector<Bucket> list_buckets(Transaction& tx, const BucketsWanted& wanted) {
  std::vector<Bucket> buckets;
  tx.each(
      "SELECT " + std::string(columns) + " FROM s3_bucket WHERE account = ? AND name > ? AND name >= ? ORDER BY name",
      {wanted.account, wanted.after, wanted.prefix}, [&](const Row& row) {
        if (!row[0].string().starts_with(wanted.prefix)) return false;
        if (wanted.region.empty() || row[2].string() == wanted.region) buckets.push_back(bucket_of(row));
        return buckets.size() < wanted.max;
      });
  return buckets;
}

std::string canonical_user_id(const std::string& account) { return sha256_hex("canonical user " + account); }

Value owner_of(const std::string& account) { return Map{{"ID", canonical_user_id(account)}}; }

}  // namespace moonbase::s3
