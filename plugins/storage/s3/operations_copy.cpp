// Objects and parts that are copies.
#include <moonbase/hash.hpp>

#include "checksum.hpp"
#include "conditions.hpp"
#include "copy.hpp"
#include "errors.hpp"
#include "lifecycle.hpp"
#include "object_input.hpp"
#include "object_lock.hpp"
#include "service.hpp"
#include "upload.hpp"

namespace moonbase::s3 {
namespace {

constexpr int tries_max = 8;  // A source that is replaced again and again while it is copied.
constexpr std::string_view source_changed = "SourceChanged";  // Between looking and copying; never a client's answer.

// Whether a directive says REPLACE. Error InvalidArgument.
Result<bool> replaces(const Value& input, const std::string& member, const std::string& what, const char* header) {
  const auto directive = input[member].string_or("COPY");
  if (directive == "COPY" || directive == "REPLACE") return directive == "REPLACE";
  return invalid_argument("Unknown " + what + " directive.", header, directive);
}

struct Directives {
  bool metadata = false, tags = false;  // Of the request instead of the source.
};
Result<Directives> directives_of(const Value& input) {
  const auto metadata = replaces(input, "MetadataDirective", "metadata", "x-amz-metadata-directive");
  if (!metadata) return metadata.error();
  const auto tags = replaces(input, "TaggingDirective", "tagging", "x-amz-tagging-directive");
  if (!tags) return tags.error();
  return Directives{*metadata, *tags};
}

Result<Done> refuse_copy_onto_itself(const Call& call, const Copied& copied, const Directives& directives,
                                     const Object& object) {
  const bool itself = copied.from.bucket == call.input["Bucket"].string() && copied.from.key == object.key &&
                      copied.from.version_id.is_null();
  if (!itself || directives.metadata || object.storage_class != copied.object.storage_class) return done;
  return invalid_request(
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's "
      "metadata, storage class, website redirect location or encryption attributes.");
}

// Runs `write` in a transaction in which the source is what was looked at, if need be after another look.
using Write = std::function<Result<Value>(Transaction&, const Copied&, const std::vector<Segment>&)>;
Result<Value> copy(Call& call, std::string_view algorithm, const Write& write) {
  for (int tries = 0; tries < tries_max; ++tries) {
    const auto copied = look_at_source(call, algorithm);
    if (!copied) return copied.error();
    auto result = call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
      const auto segments = segments_of_source(tx, *copied);
      if (!segments) return Error{std::string(source_changed), ""};
      return write(tx, *copied, *segments);
    });
    if (result || result.error().code != source_changed) return result;
  }
  return try_again();
}

void show_source_version(Value& output, const Copied& copied) {
  if (!copied.bucket.versioning.empty()) output.set("CopySourceVersionId", copied.object.version_id);
}

}  // namespace

Result<Value> copy_object(Call& call) {
  const auto looked = look_up_bucket(call);
  if (!looked) return looked.error();
  const auto directives = directives_of(call.input);
  if (!directives) return directives.error();
  const auto asked = object_of_input(call, *looked);
  if (!asked) return asked.error();
  const auto algorithm = asked_checksum(call.input);
  if (!algorithm) return algorithm.error();
  return copy(call, algorithm->algorithm,
              [&](Transaction& tx, const Copied& copied, const std::vector<Segment>& segments) -> Result<Value> {
                auto object = *asked;
                if (auto differs = refuse_copy_onto_itself(call, copied, *directives, object); !differs)
                  return differs.error();
                if (!directives->metadata) {
                  object.headers = with_lock_of(copied.object.headers, object.headers);
                  object.metadata = copied.object.metadata;
                }
                if (!directives->tags) object.tags = copied.object.tags;
                const auto opened = open_for_change(tx, call, looked->name);
                if (!opened) return opened.error();
                const auto newest = newest_version(tx, opened->bucket, object.key);
                if (auto holds = check_write(call.input, object.key, newest); !holds) return holds.error();
                const auto change = change_of(tx, opened->bucket, call);
                object.size = copied.span.size;
                object.etag = hex(copied.md5);
                object.checksum = copied.checksum;
                object.content = opened->content;
                insert_segments(change, object.content, segments);
                add_version(change, newest, object);

                Value result = Map{{"ETag", object.quoted_etag()}, {"LastModified", object.modified.ms}};
                show_checksum(result, object.checksum);
                Value output = Map{{"CopyObjectResult", std::move(result)}};
                show_source_version(output, copied);
                show_encryption(output, object);
                show_version_id(output, opened->bucket, object);
                show_expiration(tx, opened->bucket, object, output);
                return output;
              });
}

Result<Value> upload_part_copy(Call& call) {
  const auto number = part_number_of(call.input);
  if (!number) return number.error();
  if (auto built = refuse_unbuilt(call); !built) return built.error();
  const auto looked = look_up_upload(call);
  if (!looked) return looked.error();
  return copy(call, looked->object.checksum.algorithm,
              [&](Transaction& tx, const Copied& copied, const std::vector<Segment>& segments) -> Result<Value> {
                const auto opened = open_for_change(tx, call, call.input["Bucket"].string());
                if (!opened) return opened.error();
                const auto upload = find_upload(tx, opened->bucket, looked->object.key, looked->object.upload_id);
                if (!upload) return upload.error();
                const auto change = change_of(tx, opened->bucket, call);
                const Part part{*number,
                                0,
                                copied.span.size,
                                hex(copied.md5),
                                copied.checksum.value,
                                Time{change.now.seconds() * 1000},
                                opened->content};
                insert_segments(change, part.content, segments);
                put_part(change, *upload, part);
                Value result = Map{{"ETag", '"' + part.etag + '"'}, {"LastModified", part.modified.ms}};
                if (upload->checksum_asked) show_checksum(result, copied.checksum, false);
                Value output = Map{{"CopyPartResult", std::move(result)}};
                show_source_version(output, copied);
                return output;
              });
}

}  // namespace moonbase::s3
