#include "object.hpp"

#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>

#include "content.hpp"
#include "notification.hpp"
#include "object_lock.hpp"

namespace moonbase::s3 {
namespace {

// Of listings of current objects, which an index covers; of listings of versions; and the rest.
constexpr std::string_view listed_columns =
    "key, size, etag, modified_at_ms, storage_class, checksum_algorithm, checksum_type";
constexpr std::string_view version_columns =
    "key, size, etag, modified_at_ms, storage_class, checksum_algorithm, checksum_type, rank, version_id, listed, "
    "delete_marker";
constexpr std::string_view columns =
    "key, size, etag, modified_at_ms, storage_class, checksum_algorithm, checksum_type, rank, version_id, listed, "
    "delete_marker, content, parts, checksum, upload_id, headers, metadata, tags";

constexpr std::size_t rank_bytes = 8, random_bytes = 16;

Object listed_object_of(const Row& row) {
  Object object;
  object.key = row[0].string();
  object.size = static_cast<std::uint64_t>(row[1].integer());
  object.etag = row[2].string();
  object.modified = Time{row[3].integer()};
  object.storage_class = row[4].string();
  object.checksum.algorithm = row[5].string();
  object.checksum.type = row[6].string();
  return object;
}

Object listed_version_of(const Row& row) {
  Object object = listed_object_of(row);
  object.rank = row[7].integer();
  object.version_id = row[8].string();
  object.listed = row[9].integer() != 0;
  object.delete_marker = row[10].integer() != 0;
  return object;
}

Object object_of(const Row& row) {
  Object object = listed_version_of(row);
  object.content = row[11].integer();
  object.parts = row[12].integer();
  object.checksum.value = row[13].string();
  object.upload_id = row[14].string();
  object.headers = from_json(row[15]).map();
  object.metadata = from_json(row[16]).map();
  object.tags = from_json(row[17]).list();
  return object;
}

std::optional<Object> first(const Rows& rows) {
  if (rows.empty()) return std::nullopt;
  return object_of(rows.front());
}

std::string selected(std::string_view rest) {
  return "SELECT " + std::string(columns) + " FROM s3_object WHERE account = ? AND bucket = ? AND key = ?" +
         std::string(rest);
}

// Its rank, highest byte first, and random bytes, which make it a name that nobody can guess or be given twice.
std::string new_version_id(Ids& ids, std::int64_t rank) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(static_cast<std::uint64_t>(rank) >> shift);
  return base64_url(bytes + ids.random_bytes(random_bytes));
}

std::optional<std::int64_t> rank_of(std::string_view version_id) {
  const auto bytes = from_base64_url(version_id);
  if (!bytes || bytes->size() != rank_bytes + random_bytes) return std::nullopt;
  std::uint64_t rank = 0;
  for (std::size_t i = 0; i < rank_bytes; ++i) rank = rank << 8 | static_cast<unsigned char>((*bytes)[i]);
  return static_cast<std::int64_t>(rank);
}

// `sql` goes on with its end, order and limit.
void each_row(Transaction& tx, std::string sql, std::vector<Parameter> parameters, const std::string& end,
              std::string_view order, std::size_t most, const RowVisitor& visit) {
  if (!end.empty()) {
    sql += " AND key < ?";
    parameters.emplace_back(Blob{end});
  }
  parameters.emplace_back(most);
  tx.each(sql + " ORDER BY " + std::string(order) + " LIMIT ?", parameters, visit);
}

void insert_row(const Change& change, const Object& object) {
  change.tx.query("INSERT INTO s3_object (account, bucket, " + std::string(columns) +
                      ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  change.bucket.account, change.bucket.number, Blob{object.key}, object.size, object.etag,
                  object.modified, object.storage_class, object.checksum.algorithm, object.checksum.type, object.rank,
                  object.version_id, object.listed, object.delete_marker, object.content, object.parts,
                  object.checksum.value, object.upload_id, to_json(object.headers), to_json(object.metadata),
                  to_json(object.tags));
}

// The null version is no longer the newest, or is so again, or is gone.
void note_old_null(const Change& change, const Object& object) {
  if (object.version_id != null_version) return;
  change.tx.query("INSERT INTO s3_old_null (account, bucket, key, rank) VALUES (?, ?, ?, ?)", change.bucket.account,
                  change.bucket.number, Blob{object.key}, object.rank);
}
void forget_old_null(const Change& change, const Object& object) {
  if (object.version_id != null_version || change.bucket.versioning.empty()) return;
  change.tx.query("DELETE FROM s3_old_null WHERE account = ? AND bucket = ? AND key = ?", change.bucket.account,
                  change.bucket.number, Blob{object.key});
}

void set_listed(const Change& change, const Object& object, bool listed) {
  change.tx.query("UPDATE s3_object SET listed = ? WHERE account = ? AND bucket = ? AND key = ? AND rank = ?", listed,
                  change.bucket.account, change.bucket.number, Blob{object.key}, object.rank);
}

void delete_row(const Change& change, const Object& object) {
  change.tx.query("DELETE FROM s3_object WHERE account = ? AND bucket = ? AND key = ? AND rank = ?",
                  change.bucket.account, change.bucket.number, Blob{object.key}, object.rank);
  forget_old_null(change, object);
  if (object.delete_marker) return;
  remove_content(change, object.content);
  if (object.parts > 0)
    change.tx.query("DELETE FROM s3_part WHERE account = ? AND bucket = ? AND content = ?", change.bucket.account,
                    change.bucket.number, object.content);
}

}  // namespace

Value from_json(const Value& text) {
  auto parsed = parse_json(text.string());
  if (!parsed) throw std::runtime_error("an object's row holds no JSON");
  return std::move(*parsed);
}

std::optional<Object> newest_version(Transaction& tx, const Bucket& bucket, std::string_view key) {
  return first(tx.query(selected(" ORDER BY rank LIMIT 1"), bucket.account, bucket.number, Blob{key}));
}

std::optional<Object> find_version(Transaction& tx, const Bucket& bucket, std::string_view key,
                                   std::string_view version_id) {
  if (version_id != null_version) {
    const auto rank = rank_of(version_id);
    if (!rank) return std::nullopt;
    return first(tx.query(selected(" AND rank = ? AND version_id = ?"), bucket.account, bucket.number, Blob{key}, *rank,
                          version_id));
  }
  auto newest = newest_version(tx, bucket, key);
  if (!newest || newest->version_id == null_version) return newest;
  const auto old = tx.query("SELECT rank FROM s3_old_null WHERE account = ? AND bucket = ? AND key = ?", bucket.account,
                            bucket.number, Blob{key});
  if (old.empty()) return std::nullopt;
  return first(tx.query(selected(" AND rank = ?"), bucket.account, bucket.number, Blob{key}, old.front()[0]));
}

bool is_version_id(std::string_view version_id) { return rank_of(version_id).has_value(); }

std::optional<std::int64_t> rank_of_version(Transaction& tx, const Bucket& bucket, std::string_view key,
                                            std::string_view version_id) {
  if (version_id != null_version) return rank_of(version_id);
  const auto version = find_version(tx, bucket, key, version_id);
  return version ? std::optional(version->rank) : std::nullopt;
}

void each_listed(Transaction& tx, const Bucket& bucket, const std::string& from, const std::string& end,
                 std::size_t most, const std::function<bool(Object&&)>& visit) {
  each_row(tx,
           "SELECT " + std::string(listed_columns) +
               " FROM s3_object WHERE account = ? AND bucket = ? AND listed = 1 AND key >= ?",
           {bucket.account, bucket.number, Blob{from}}, end, "key", most,
           [&](const Row& row) { return visit(listed_object_of(row)); });
}

void each_version(Transaction& tx, const Bucket& bucket, const VersionPlace& behind, const std::string& end,
                  std::size_t most, const std::function<bool(Object&&)>& visit) {
  each_row(tx,
           "SELECT " + std::string(version_columns) +
               " FROM s3_object WHERE account = ? AND bucket = ? AND (key, rank) > (?, ?)",
           {bucket.account, bucket.number, Blob{behind.key}, behind.rank}, end, "key, rank", most,
           [&](const Row& row) { return visit(listed_version_of(row)); });
}

bool has_objects(Transaction& tx, const Bucket& bucket) {
  return !tx.query("SELECT rank FROM s3_object WHERE account = ? AND bucket = ? LIMIT 1", bucket.account, bucket.number)
              .empty();
}

Change change_of(Transaction& tx, const Bucket& bucket, const Call& call) {
  const bool bypass = call.input["BypassGovernanceRetention"].boolean_or(false);
  return {tx, bucket, call.kernel.ids, call.kernel.clock.now(), {call.operation, call.context, bypass}};
}

void add_version(const Change& change, const std::optional<Object>& newest, Object& object) {
  object.rank = newest ? newest->rank - 1 : -1;
  object.listed = !object.delete_marker;
  object.modified = Time{change.now.seconds() * 1000};  // As S3 tells it everywhere.
  object.version_id = change.bucket.versions() ? new_version_id(change.ids, object.rank) : std::string(null_version);
  if (newest) {
    std::optional<Object> replaced;
    if (!change.bucket.versions()) replaced = find_version(change.tx, change.bucket, object.key, null_version);
    if (replaced) delete_row(change, *replaced);
    const bool stays = !replaced || replaced->rank != newest->rank;
    if (stays && newest->listed) set_listed(change, *newest, false);
    if (stays) note_old_null(change, *newest);
  }
  apply_default_retention(change, object);
  insert_row(change, object);
  announce_added(change, object);
}

void remove_version(const Change& change, const Object& object) {
  const auto newest = newest_version(change.tx, change.bucket, object.key);
  delete_row(change, object);
  announce_removed(change, object);
  if (!newest || newest->rank != object.rank) return;
  const auto next = newest_version(change.tx, change.bucket, object.key);
  if (!next) return;
  forget_old_null(change, *next);
  if (!next->delete_marker) set_listed(change, *next, true);
}

void save_tags(const Change& change, const Object& object) {
  change.tx.query("UPDATE s3_object SET tags = ? WHERE account = ? AND bucket = ? AND key = ? AND rank = ?",
                  to_json(object.tags), change.bucket.account, change.bucket.number, Blob{object.key}, object.rank);
  announce(change, object.tags.empty() ? Event::tags_deleted : Event::tags_put, object);
}

void save_storage_class(const Change& change, const Object& object) {
  change.tx.query("UPDATE s3_object SET storage_class = ? WHERE account = ? AND bucket = ? AND key = ? AND rank = ?",
                  object.storage_class, change.bucket.account, change.bucket.number, Blob{object.key}, object.rank);
}

void save_headers(const Change& change, const Object& object) {
  change.tx.query("UPDATE s3_object SET headers = ? WHERE account = ? AND bucket = ? AND key = ? AND rank = ?",
                  to_json(object.headers), change.bucket.account, change.bucket.number, Blob{object.key}, object.rank);
}

bool is_archived(const Object& object) {
  return object.storage_class == "GLACIER" || object.storage_class == "DEEP_ARCHIVE";
}

void show_encryption(Value& output, const Object& object) {
  if (const auto* asked = object.headers.find("ServerSideEncryption")) output.set("ServerSideEncryption", *asked);
}

void show_version_id(Value& output, const Bucket& bucket, const Object& object) {
  if (!bucket.versioning.empty()) output.set("VersionId", object.version_id);
}

}  // namespace moonbase::s3
