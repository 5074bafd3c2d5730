#include "copy.hpp"

#include <moonbase/hash.hpp>
#include <moonbase/http.hpp>

#include "access.hpp"
#include "checksum.hpp"
#include "conditions.hpp"
#include "errors.hpp"
#include "read_object.hpp"

namespace moonbase::s3 {
namespace {

constexpr std::size_t piece_bytes = 1024 * 1024;
constexpr int tries_max = 8;

Error wrong_source() {
  return invalid_argument("Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
                          "x-amz-copy-source", "x-amz-copy-source");
}

Result<Done> check_conditions(const Value& input, const Object& object) {
  const Conditions conditions{input["CopySourceIfMatch"], input["CopySourceIfNoneMatch"],
                              input["CopySourceIfModifiedSince"], input["CopySourceIfUnmodifiedSince"]};
  const auto judged = judge(conditions, object);
  if (judged.verdict == Verdict::go_on) return done;
  return precondition_failed("x-amz-copy-source-" + judged.condition);
}

// Of UploadPartCopy; unlike GetObject's it must lie within the object.
Result<Span> source_range(const Value& range, std::uint64_t size) {
  if (!range.is_string()) return Span{0, size};
  const auto& text = range.string();
  const auto parsed = parse_range(range, size);
  const bool whole_form = text.starts_with("bytes=") && text.find('-') > 6 && text.back() != '-';
  if (!whole_form || (parsed && !*parsed))
    return invalid_argument(
        "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
        "zero-based offsets of the first and last bytes to copy",
        "x-amz-copy-source-range", text);
  const bool inside = parsed && content_range(**parsed, size).starts_with("bytes " + text.substr(6) + "/");
  if (!inside)
    return invalid_argument("Range specified is not valid for source object of size: " + std::to_string(size),
                            "x-amz-copy-source-range", text);
  return **parsed;
}

Result<Object> source_version(Transaction& tx, const Call& call, const Bucket& bucket, const CopySource& from) {
  if (auto valid = check_version_id(from.version_id); !valid) return valid.error();
  auto object = from.version_id.is_string() ? find_version(tx, bucket, from.key, from.version_id.string())
                                            : newest_version(tx, bucket, from.key);
  if (!object && from.version_id.is_string()) return no_such_version(from.key, from.version_id.string());
  if (!object || (object->delete_marker && !from.version_id.is_string())) return no_such_key(from.key);
  if (object->delete_marker)
    return invalid_request("The source of a copy request may not specifically refer to a delete marker by version id.");
  if (is_archived(*object))
    return Error{"ObjectNotInActiveTierError",
                 "The source object of the COPY operation is not in the active tier and is only stored in Amazon S3 "
                 "Glacier.",
                 {},
                 403};
  if (auto holds = check_conditions(call.input, *object); !holds) return holds.error();
  return std::move(*object);
}

Result<Copied> look(Transaction& tx, const Call& call, CopySource from) {
  auto bucket = open_bucket(tx, call, from.bucket, source_owner_member);
  if (!bucket) return bucket.error();
  auto object = source_version(tx, call, *bucket, from);
  if (!object) return object.error();
  const auto span = source_range(call.input["CopySourceRange"], object->size);
  if (!span) return span.error();
  if (span->size > put_bytes_max)
    return invalid_request("The specified copy source is larger than the maximum allowable size for a copy source: " +
                           std::to_string(put_bytes_max));
  return Copied{std::move(from), std::move(*bucket), std::move(*object), *span, "", {}};
}

// Without reading, where the object's own digests are those of the copy.
bool take_known_digests(Copied& copied, const Algorithm& algorithm) {
  const auto& object = copied.object;
  const bool same = copied.span.size == object.size && object.parts == 0 && object.checksum.type == "FULL_OBJECT" &&
                    object.checksum.algorithm == algorithm.name;
  if (!same) return false;
  copied.md5 = from_hex(object.etag).value_or("");
  copied.checksum = object.checksum;
  return true;
}

// False when a blob was erased before it could be held.
bool compute_digests(KernelServices& kernel, Copied& copied, const Algorithm& algorithm,
                     std::vector<Segment> segments) {
  const auto content = ContentReader::open(kernel.blobs, std::move(segments));
  if (!content) return false;
  const auto md5 = make_digest("md5"), checksum = make_digest(algorithm.digest);
  kernel.io.blocking([&] {
    for (auto piece = content->next(piece_bytes); !piece.empty(); piece = content->next(piece_bytes)) {
      md5->add(piece);
      checksum->add(piece);
    }
  });
  copied.md5 = md5->finish();
  copied.checksum = {std::string(algorithm.name), "FULL_OBJECT", base64(checksum->finish())};
  return true;
}

}  // namespace

Result<CopySource> parse_copy_source(const std::string& header) {
  std::string_view text = header;
  if (text.starts_with('/')) text.remove_prefix(1);
  if (text.starts_with("arn:")) return not_implemented("s3 copies of access points");
  CopySource source;
  constexpr std::string_view parameter = "?versionId=";
  if (const auto at = text.rfind(parameter); at != std::string_view::npos) {
    source.version_id = percent_decode(text.substr(at + parameter.size()));
    text = text.substr(0, at);
  }
  const auto path = percent_decode(text);
  const auto slash = path.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == path.size()) return wrong_source();
  source.bucket = path.substr(0, slash);
  source.key = path.substr(slash + 1);
  return source;
}

Result<Copied> look_at_source(Call& call, std::string_view algorithm_name) {
  const auto from = parse_copy_source(call.input["CopySource"].string());
  if (!from) return from.error();
  for (int tries = 0; tries < tries_max; ++tries) {
    std::optional<Copied> copied;
    std::vector<Segment> segments;
    const Algorithm* algorithm = nullptr;
    bool known = false;
    const auto read = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
      auto looked = look(tx, call, *from);
      if (!looked) return looked.error();
      copied = std::move(*looked);
      algorithm = find_algorithm(algorithm_name.empty() ? copied->object.checksum.algorithm : algorithm_name);
      if (!algorithm) algorithm = &default_algorithm();
      known = take_known_digests(*copied, *algorithm);
      if (!known) segments = read_segments(tx, copied->bucket, copied->object.content, copied->span);
      return Value();
    });
    if (!read) return read.error();
    if (known || compute_digests(call.kernel, *copied, *algorithm, std::move(segments))) return std::move(*copied);
  }
  return try_again();
}

std::optional<std::vector<Segment>> segments_of_source(Transaction& tx, const Copied& copied) {
  const auto& object = copied.object;
  const auto now = find_version(tx, copied.bucket, object.key, object.version_id);
  if (!now || now->content != object.content) return std::nullopt;
  return read_segments(tx, copied.bucket, object.content, copied.span);
}

}  // namespace moonbase::s3
