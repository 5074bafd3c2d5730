#include "setting.hpp"

#include <array>
#include <moonbase/json.hpp>
#include <stdexcept>

#include "bucket.hpp"

namespace moonbase::s3 {
namespace {

constexpr std::array<std::string_view, 11> kinds = {"tagging",     "cors",          "policy",     "lifecycle",
                                                    "encryption",  "public_access", "ownership",  "notification",
                                                    "object_lock", "website",       "replication"};

std::string_view kind_of(Setting setting) { return kinds[static_cast<std::size_t>(setting)]; }

void save_bits(Transaction& tx, const Bucket& bucket) {
  tx.query("UPDATE s3_bucket SET settings = ? WHERE name = ?", bucket.settings, bucket.name);
}

}  // namespace

Value read_setting(Transaction& tx, const Bucket& bucket, Setting setting) {
  if (!bucket.has(setting)) return {};
  const auto rows = tx.query("SELECT document FROM s3_setting WHERE account = ? AND bucket = ? AND kind = ?",
                             bucket.account, bucket.number, kind_of(setting));
  if (rows.empty()) return {};
  auto document = parse_json(rows.front()[0].string());
  if (!document) throw std::runtime_error("a setting's row holds no JSON");
  return std::move(*document);
}

void save_setting(Transaction& tx, Bucket& bucket, Setting setting, const Value& document) {
  tx.query(
      "INSERT INTO s3_setting (account, bucket, kind, document) VALUES (?, ?, ?, ?) ON CONFLICT (account, bucket, "
      "kind) DO UPDATE SET document = excluded.document",
      bucket.account, bucket.number, kind_of(setting), to_json(document));
  bucket.settings |= bit_of(setting);
  save_bits(tx, bucket);
}

void remove_setting(Transaction& tx, Bucket& bucket, Setting setting) {
  if (!bucket.has(setting)) return;
  tx.query("DELETE FROM s3_setting WHERE account = ? AND bucket = ? AND kind = ?", bucket.account, bucket.number,
           kind_of(setting));
  bucket.settings &= ~bit_of(setting);
  save_bits(tx, bucket);
}

void remove_settings(Transaction& tx, const Bucket& bucket) {
  tx.query("DELETE FROM s3_setting WHERE account = ? AND bucket = ?", bucket.account, bucket.number);
}

void save_first_settings(Transaction& tx, Bucket& bucket) {
  save_setting(tx, bucket, Setting::public_access,
               Map{{"BlockPublicAcls", true},
                   {"IgnorePublicAcls", true},
                   {"BlockPublicPolicy", true},
                   {"RestrictPublicBuckets", true}});
  save_setting(tx, bucket, Setting::ownership, Map{{"Rules", List{Map{{"ObjectOwnership", "BucketOwnerEnforced"}}}}});
}

Result<Value> setting_of(Call& call, Setting setting) {
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
    if (!bucket) return bucket.error();
    return read_setting(tx, *bucket, setting);
  });
}

Result<Value> setting_or(Call& call, Setting setting, const Error& missing) {
  auto document = setting_of(call, setting);
  if (!document || !document->is_null()) return document;
  auto error = missing;
  error.status = 404;
  error.members.set("BucketName", call.input["Bucket"]);
  return error;
}

Result<Value> keep_setting(Call& call, Setting setting, const Value& document) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
    if (!bucket) return bucket.error();
    save_setting(tx, *bucket, setting, document);
    return Value(Map{});
  });
}

Result<Value> drop_setting(Call& call, Setting setting) {
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
    if (!bucket) return bucket.error();
    remove_setting(tx, *bucket, setting);
    return Value(Map{});
  });
}

}  // namespace moonbase::s3
