#include "upload.hpp"

#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>

#include "checksum.hpp"
#include "errors.hpp"

namespace moonbase::s3 {
namespace {

constexpr std::size_t id_bytes = 40;

constexpr std::string_view listed_columns =
    "key, upload_id, content, initiated_at_ms, storage_class, checksum_algorithm, checksum_type, checksum_asked, "
    "initiator";
constexpr std::string_view part_columns = "number, start, size, etag, checksum, modified_at_ms, part_content";

Upload listed_upload_of(const Row& row) {
  Upload upload;
  upload.object.key = row[0].string();
  upload.object.upload_id = row[1].string();
  upload.object.content = row[2].integer();
  upload.initiated = Time{row[3].integer()};
  upload.object.storage_class = row[4].string();
  upload.object.checksum.algorithm = row[5].string();
  upload.object.checksum.type = row[6].string();
  upload.checksum_asked = row[7].integer() != 0;
  upload.initiator = row[8].string();
  return upload;
}

Part part_of(const Row& row) {
  return {row[0].integer(),
          static_cast<std::uint64_t>(row[1].integer()),
          static_cast<std::uint64_t>(row[2].integer()),
          row[3].string(),
          row[4].string(),
          Time{row[5].integer()},
          row[6].integer()};
}

void delete_row(const Change& change, const Upload& upload) {
  change.tx.query("DELETE FROM s3_upload WHERE account = ? AND bucket = ? AND key = ? AND upload_id = ?",
                  change.bucket.account, change.bucket.number, Blob{upload.object.key}, upload.object.upload_id);
}

void drop_part(const Change& change, const Upload& upload, const Part& part) {
  remove_content(change, part.content);
  change.tx.query("DELETE FROM s3_part WHERE account = ? AND bucket = ? AND content = ? AND number = ?",
                  change.bucket.account, change.bucket.number, upload.object.content, part.number);
}

// The part becomes the object's `number`, from `start` on.
void move_part(const Change& change, const Upload& upload, const Part& part, std::int64_t number, std::uint64_t start) {
  const auto& [account, bucket] = std::pair(change.bucket.account, change.bucket.number);
  change.tx.query(
      "UPDATE s3_segment SET content = ?, start = start + ? WHERE account = ? AND bucket = ? AND content = ?",
      upload.object.content, start, account, bucket, part.content);
  change.tx.query(
      "UPDATE s3_part SET number = ?, start = ?, part_content = 0 WHERE account = ? AND bucket = ? AND content = ? "
      "AND number = ?",
      number, start, account, bucket, upload.object.content, part.number);
}

}  // namespace

std::string new_upload_id(Ids& ids, Time now) {
  std::string bytes;
  for (int shift = 40; shift >= 0; shift -= 8) bytes += static_cast<char>(static_cast<std::uint64_t>(now.ms) >> shift);
  return hex(bytes + ids.random_bytes(id_bytes));
}

void insert_upload(const Change& change, const Upload& upload) {
  const auto& object = upload.object;
  change.tx.query("INSERT INTO s3_upload (account, bucket, " + std::string(listed_columns) +
                      ", headers, metadata, tags) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  change.bucket.account, change.bucket.number, Blob{object.key}, object.upload_id, object.content,
                  upload.initiated, object.storage_class, object.checksum.algorithm, object.checksum.type,
                  upload.checksum_asked, upload.initiator, to_json(object.headers), to_json(object.metadata),
                  to_json(object.tags));
}

Result<Upload> find_upload(Transaction& tx, const Bucket& bucket, std::string_view key, std::string_view upload_id) {
  const auto rows = tx.query("SELECT " + std::string(listed_columns) +
                                 ", headers, metadata, tags FROM s3_upload WHERE account = ? AND bucket = ? AND key = "
                                 "? AND upload_id = ?",
                             bucket.account, bucket.number, Blob{key}, upload_id);
  if (rows.empty()) return no_such_upload(std::string(upload_id));
  const auto& row = rows.front();
  auto upload = listed_upload_of(row);
  upload.object.headers = from_json(row[9]).map();
  upload.object.metadata = from_json(row[10]).map();
  upload.object.tags = from_json(row[11]).list();
  return upload;
}

Result<Upload> look_up_upload(Call& call) {
  std::optional<Upload> found;
  const auto looked = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
    if (!bucket) return bucket.error();
    auto upload = find_upload(tx, *bucket, call.input["Key"].string(), call.input["UploadId"].string());
    if (!upload) return upload.error();
    found = std::move(*upload);
    return Value();
  });
  if (!looked) return looked.error();
  return std::move(*found);
}

void remove_upload(const Change& change, const Upload& upload) {
  for (const auto& part : read_parts(change.tx, change.bucket, upload.object.content, 0, parts_max))
    drop_part(change, upload, part);
  delete_row(change, upload);
}

void remove_all_uploads(const Change& change) {
  std::vector<Upload> uploads;
  each_upload(change.tx, change.bucket, {}, "", SIZE_MAX >> 1, [&](Upload&& upload) {
    uploads.push_back(std::move(upload));
    return true;
  });
  for (const auto& upload : uploads) remove_upload(change, upload);
}

void each_upload(Transaction& tx, const Bucket& bucket, const UploadPlace& behind, const std::string& end,
                 std::size_t most, const std::function<bool(Upload&&)>& visit) {
  std::vector<Parameter> parameters = {bucket.account, bucket.number, Blob{behind.key}, behind.upload_id};
  auto sql = "SELECT " + std::string(listed_columns) +
             " FROM s3_upload WHERE account = ? AND bucket = ? AND (key, upload_id) > (?, ?)";
  if (!end.empty()) {
    sql += " AND key < ?";
    parameters.emplace_back(Blob{end});
  }
  parameters.emplace_back(most);
  tx.each(sql + " ORDER BY key, upload_id LIMIT ?", parameters,
          [&](const Row& row) { return visit(listed_upload_of(row)); });
}

void put_part(const Change& change, const Upload& upload, const Part& part) {
  if (const auto replaced = find_part(change.tx, change.bucket, upload.object.content, part.number))
    drop_part(change, upload, *replaced);
  change.tx.query("INSERT INTO s3_part (account, bucket, content, " + std::string(part_columns) +
                      ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  change.bucket.account, change.bucket.number, upload.object.content, part.number, part.start,
                  part.size, part.etag, part.checksum, part.modified, part.content);
}

std::optional<Part> find_part(Transaction& tx, const Bucket& bucket, std::int64_t content, std::int64_t number) {
  const auto rows = tx.query("SELECT " + std::string(part_columns) +
                                 " FROM s3_part WHERE account = ? AND bucket = ? AND content = ? AND number = ?",
                             bucket.account, bucket.number, content, number);
  if (rows.empty()) return std::nullopt;
  return part_of(rows.front());
}

std::vector<Part> read_parts(Transaction& tx, const Bucket& bucket, std::int64_t content, std::int64_t after,
                             std::size_t most) {
  std::vector<Part> parts;
  tx.each("SELECT " + std::string(part_columns) +
              " FROM s3_part WHERE account = ? AND bucket = ? AND content = ? AND number > ? ORDER BY number LIMIT ?",
          {bucket.account, bucket.number, content, after, most}, [&](const Row& row) {
            parts.push_back(part_of(row));
            return true;
          });
  return parts;
}

void assemble(const Change& change, Upload& upload, std::vector<Part> parts) {
  auto& object = upload.object;
  auto next = parts.begin();
  for (const auto& present : read_parts(change.tx, change.bucket, object.content, 0, parts_max)) {
    if (next != parts.end() && next->number == present.number)
      ++next;
    else
      drop_part(change, upload, present);
  }
  std::string digests;
  std::uint64_t start = 0;
  std::int64_t number = 0;
  for (const auto& part : parts) {
    move_part(change, upload, part, ++number, start);
    digests += from_hex(part.etag).value_or("");
    start += part.size;
  }
  object.size = start;
  object.parts = number;
  object.etag = md5_hex(digests) + "-" + std::to_string(number);
  object.checksum.value = whole_checksum(object.checksum, parts);
  delete_row(change, upload);
}

}  // namespace moonbase::s3
