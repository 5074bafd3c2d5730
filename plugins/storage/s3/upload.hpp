// Uploads in parts: rows and rules. What they become is an object whose content is the parts' segments, moved, not
// copied.
#pragma once

#include <cstdint>
#include <functional>
#include <moonbase/store.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "content.hpp"
#include "object.hpp"

namespace moonbase::s3 {

inline constexpr std::int64_t parts_max = 10'000;
inline constexpr std::uint64_t part_bytes_min = 5u << 20;  // Of all but the last.

struct Upload {
  Object object;  // What it is to become: key, upload_id, content, headers, checksum algorithm and type.
  Time initiated;
  std::string initiator;  // An account.
  bool checksum_asked = false;
};

struct Part {
  std::int64_t number = 0;
  std::uint64_t start = 0, size = 0;
  std::string etag;      // Without quotes.
  std::string checksum;  // Base64, of the upload's algorithm.
  Time modified;
  std::int64_t content = 0;  // Where its segments are, until it is part of an object.
};

// Sorts by the time of the beginning.
std::string new_upload_id(Ids& ids, Time now);
void insert_upload(const Change& change, const Upload& upload);
// Error NoSuchUpload.
Result<Upload> find_upload(Transaction& tx, const Bucket& bucket, std::string_view key, std::string_view upload_id);
// The call's, in a transaction of its own: as it is before a part's bytes come.
Result<Upload> look_up_upload(Call& call);
// Takes it and its parts away; what they hold goes.
void remove_upload(const Change& change, const Upload& upload);
void remove_all_uploads(const Change& change);
// In the order of listings, behind this place; without headers, metadata and tags.
struct UploadPlace {
  std::string key, upload_id;
};
void each_upload(Transaction& tx, const Bucket& bucket, const UploadPlace& behind, const std::string& end,
                 std::size_t most, const std::function<bool(Upload&&)>& visit);

// Replaces the part of the same number.
void put_part(const Change& change, const Upload& upload, const Part& part);
std::optional<Part> find_part(Transaction& tx, const Bucket& bucket, std::int64_t content, std::int64_t number);
// Those with larger numbers, in order.
std::vector<Part> read_parts(Transaction& tx, const Bucket& bucket, std::int64_t content, std::int64_t after,
                             std::size_t most);

// Makes the upload's object of these parts, which are some of its own in order: sizes, ETag, checksum and segments.
// Other parts go, and so does the upload's row. `upload.object` is then to be given to add_version().
void assemble(const Change& change, Upload& upload, std::vector<Part> parts);

}  // namespace moonbase::s3
