#include "read_object.hpp"

#include <algorithm>
#include <array>
#include <moonbase/hash.hpp>

#include "checksum.hpp"
#include "conditions.hpp"
#include "errors.hpp"
#include "lifecycle.hpp"
#include "object_lock.hpp"
#include "upload.hpp"

namespace moonbase::s3 {
namespace {

constexpr int tries_max = 8;  // An object that is replaced again and again while it is looked at.

// GetObject's parameters that replace what the object says of itself.
constexpr std::array<std::pair<const char*, const char*>, 6> overrides = {{
    {"ResponseCacheControl", "CacheControl"},
    {"ResponseContentDisposition", "ContentDisposition"},
    {"ResponseContentEncoding", "ContentEncoding"},
    {"ResponseContentLanguage", "ContentLanguage"},
    {"ResponseContentType", "ContentType"},
    {"ResponseExpires", "Expires"},
}};

Value described(const Call& call, const Bucket& bucket, const Object& object) {
  Value output = object.headers;
  for (const auto& [parameter, member] : overrides)
    if (const auto& value = call.input[parameter]; !value.is_null()) output.set(member, value);
  output.set("AcceptRanges", "bytes");
  output.set("ETag", object.quoted_etag());
  output.set("LastModified", object.modified.ms);
  if (!object.metadata.empty()) output.set("Metadata", object.metadata);
  if (!object.tags.empty()) output.set("TagCount", object.tags.size());
  if (object.storage_class != standard_class) output.set("StorageClass", object.storage_class);
  show_version_id(output, bucket, object);
  return output;
}

// The HTTP method of an operation that means one version.
std::string method_of(std::string_view operation) {
  if (operation.starts_with("Head")) return "HEAD";
  if (operation.starts_with("Put")) return "PUT";
  return operation.starts_with("Delete") ? "DELETE" : "GET";
}

void show_delete_marker(const Call& call, const Object& marker) {
  if (!call.http) return;
  call.http->headers.set("x-amz-delete-marker", "true");
  call.http->headers.set("x-amz-version-id", marker.version_id);
}

// Which bytes a request wants, and the checksum that they have.
struct Wanted {
  Span span;
  bool is_part = false;
  Checksum checksum;
};
Result<Wanted> wanted_span(Transaction& tx, const Value& input, const Bucket& bucket, const Object& object) {
  const auto& number = input["PartNumber"];
  if (!number.is_integer()) {
    const auto range = parse_range(input["Range"], object.size);
    if (!range) return range.error();
    if (*range) return Wanted{**range, true, {}};
    return Wanted{{0, object.size}, false, object.checksum};
  }
  if (input["Range"].is_string())
    return invalid_request("Cannot specify both Range header and partNumber query parameter.");
  if (object.parts == 0 && number.integer() == 1) return Wanted{{0, object.size}, true, object.checksum};
  const auto part = find_part(tx, bucket, object.content, number.integer());
  if (!part)
    return Error{"InvalidPartNumber",
                 "The requested partnumber is not satisfiable",
                 {{"PartNumberRequested", std::to_string(number.integer())},
                  {"ActualPartCount", std::to_string(std::max<std::int64_t>(object.parts, 1))}},
                 416};
  return Wanted{{part->start, part->size}, true, {object.checksum.algorithm, object.checksum.type, part->checksum}};
}

struct Looked {
  Found found;
  std::vector<Segment> segments;
};

Result<Looked> look(Transaction& tx, Call& call, bool with_content) {
  const auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
  if (!bucket) return bucket.error();
  const auto object = wanted_version(tx, call, *bucket, call.input["Key"].string(), call.input["VersionId"]);
  if (!object) return object.error();
  Looked looked;
  auto& found = looked.found;
  found.output = described(call, *bucket, *object);
  show_expiration(tx, *bucket, *object, found.output);
  const auto judged = judge(conditions_of(call.input), *object);
  if (judged.verdict == Verdict::failed) return precondition_failed(judged.condition);
  found.not_modified = judged.verdict == Verdict::not_modified;
  if (found.not_modified) return looked;

  const auto wanted = wanted_span(tx, call.input, *bucket, *object);
  if (!wanted) return wanted.error();
  const auto& [span, is_part, checksum] = *wanted;
  found.is_part = is_part;
  if (is_part && span.size > 0) found.output.set("ContentRange", content_range(span, object->size));
  if (call.input["PartNumber"].is_integer() && object->parts > 0) found.output.set("PartsCount", object->parts);
  found.output.set("ContentLength", span.size);
  if (call.input["ChecksumMode"].string_or("") == "ENABLED") show_checksum(found.output, checksum);
  if (!with_content) return looked;
  if (is_archived(*object))
    return Error{"InvalidObjectState",
                 "The operation is not valid for the object's storage class",
                 {{"StorageClass", object->storage_class}},
                 403};
  looked.segments = read_segments(tx, *bucket, object->content, span);
  return looked;
}

}  // namespace

Result<Found> read_object(Call& call, bool with_content) {
  if (auto valid = check_version_id(call.input["VersionId"]); !valid) return valid.error();
  for (int tries = 0; tries < tries_max; ++tries) {
    std::optional<Looked> looked;
    const auto read = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
      auto result = look(tx, call, with_content);
      if (!result) return result.error();
      looked = std::move(*result);
      return Value();
    });
    if (!read) return read.error();
    if (!with_content || looked->found.not_modified) return std::move(looked->found);
    looked->found.content = ContentReader::open(call.kernel.blobs, std::move(looked->segments));
    if (looked->found.content) return std::move(looked->found);
  }
  return try_again();
}

Result<Value> not_modified(Call& call, Found& found) {
  if (!call.http) return Error{"NotModified", "Not Modified", {}, 304};
  call.http->status = 304;
  return std::move(found.output);
}

Result<Done> check_version_id(const Value& version_id) {
  if (version_id.is_null()) return done;
  const auto& text = version_id.string();
  if (text.empty()) return invalid_argument("Version id cannot be the empty string", "versionId", text);
  if (text == null_version || is_version_id(text)) return done;
  return invalid_argument("Invalid version id specified", "versionId", text);
}

Result<Object> wanted_version(Transaction& tx, const Call& call, const Bucket& bucket, const std::string& key,
                              const Value& version_id) {
  auto object =
      version_id.is_string() ? find_version(tx, bucket, key, version_id.string()) : newest_version(tx, bucket, key);
  if (!object) return version_id.is_string() ? no_such_version(key, version_id.string()) : no_such_key(key);
  if (!object->delete_marker) return std::move(*object);
  show_delete_marker(call, *object);
  if (!version_id.is_string()) return no_such_key(key);
  if (call.http) {
    call.http->headers.set("Allow", "DELETE");
    call.http->headers.set("Last-Modified", http_date(object->modified));
  }
  return method_not_allowed(method_of(call.operation), "DeleteMarker");
}

Result<Value> delete_one(const Change& change, const Deletion& deletion) {
  if (auto valid = check_version_id(deletion.version_id); !valid) return valid.error();
  const auto newest = newest_version(change.tx, change.bucket, deletion.key);
  if (deletion.if_match.is_string()) {
    if (!newest || newest->delete_marker) return no_such_key(deletion.key);
    if (!names_etag(deletion.if_match.string(), newest->etag)) return precondition_failed("If-Match");
  }
  Value output = Map{};
  if (deletion.version_id.is_string()) {
    const auto version = find_version(change.tx, change.bucket, deletion.key, deletion.version_id.string());
    if (version && is_locked(*version, change.now, change.actor.bypass)) return protected_by_lock();
    if (version) remove_version(change, *version);
    output.set("VersionId", deletion.version_id);
    if (version && version->delete_marker) output.set("DeleteMarker", true);
  } else if (change.bucket.versioning.empty()) {
    if (newest) remove_version(change, *newest);
  } else {
    Object marker;
    marker.key = deletion.key;
    marker.delete_marker = true;
    add_version(change, newest, marker);
    output.set("VersionId", marker.version_id);
    output.set("DeleteMarker", true);
  }
  return output;
}

}  // namespace moonbase::s3
