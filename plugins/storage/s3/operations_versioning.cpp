// Versions: whether a bucket keeps them, and which there are.
#include "errors.hpp"
#include "list_output.hpp"
#include "listing.hpp"
#include "read_object.hpp"
#include "service.hpp"

namespace moonbase::s3 {
namespace {

Value entry_of(const Version& version, const Bucket& bucket, const Encoding& encoding) {
  const auto& object = version.object;
  Map entry{{"Key", encoding(object.key)},
            {"VersionId", object.version_id},
            {"IsLatest", version.newest},
            {"LastModified", object.modified.ms},
            {"Owner", owner_of(bucket.account)}};
  if (object.delete_marker) return entry;
  entry.set("ETag", object.quoted_etag());
  entry.set("Size", object.size);
  entry.set("StorageClass", object.storage_class);
  show_checksum_kind(entry, object);
  return entry;
}

// Where the markers point, or an Error.
struct Marked {
  Place place;
  std::int64_t rank = INT64_MAX;  // Behind all versions of the key.
};
Result<Marked> marked(Transaction& tx, const Call& call, const Bucket& bucket, const ListingWanted& wanted) {
  const auto key = call.input["KeyMarker"].string_or("");
  const auto& version_id = call.input["VersionIdMarker"];
  const auto group = common_prefix(key, wanted.prefix, wanted.delimiter);
  Marked marked{{key, !group.empty() && group == key}};
  if (!version_id.is_string() || version_id.string().empty()) return marked;
  if (key.empty())
    return invalid_argument("A version-id marker cannot be specified without a key marker.", "version-id-marker",
                            version_id.string());
  if (auto valid = check_version_id(version_id); !valid) return valid.error();
  const auto rank = rank_of_version(tx, bucket, key, version_id.string());
  if (rank) marked.rank = *rank;
  return marked;
}

void show(Value& output, const Call& call, const Page<Version>& page, const Bucket& bucket, const Encoding& encoding) {
  List versions, markers;
  for (const auto& version : page.items)
    (version.object.delete_marker ? markers : versions).push_back(entry_of(version, bucket, encoding));
  if (!versions.empty()) output.set("Versions", std::move(versions));
  if (!markers.empty()) output.set("DeleteMarkers", std::move(markers));
  show_prefixes(output, page.prefixes, encoding);
  if (call.input["EncodingType"].is_string()) output.set("EncodingType", call.input["EncodingType"]);
  if (!page.truncated) return;
  output.set("NextKeyMarker", encoding(page.last.text));
  if (!page.last.is_prefix) output.set("NextVersionIdMarker", page.items.back().object.version_id);
}

}  // namespace

Result<Value> get_bucket_versioning(Call& call) {
  const auto bucket = look_up_bucket(call);
  if (!bucket) return bucket.error();
  Value output = Map{};
  if (!bucket->versioning.empty()) output.set("Status", bucket->versioning);
  return output;
}

Result<Value> list_object_versions(Call& call) {
  const auto encoding = Encoding::of(call.input);
  const auto page_size = page_of(call.input, "MaxKeys", "maxKeys");
  if (!encoding) return encoding.error();
  if (!page_size) return page_size.error();
  ListingWanted wanted{call.input["Prefix"].string_or(""), call.input["Delimiter"].string_or(""), {}, *page_size};
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
    if (!bucket) return bucket.error();
    const auto from = marked(tx, call, *bucket, wanted);
    if (!from) return from.error();
    auto here = wanted;
    here.after = from->place;
    const auto page = list_versions(tx, *bucket, here, from->rank);
    Value output = Map{{"Name", bucket->name},
                       {"Prefix", (*encoding)(wanted.prefix)},
                       {"KeyMarker", (*encoding)(from->place.text)},
                       {"VersionIdMarker", call.input["VersionIdMarker"].string_or("")},
                       {"MaxKeys", *page_size},
                       {"IsTruncated", page.truncated}};
    if (!wanted.delimiter.empty()) output.set("Delimiter", (*encoding)(wanted.delimiter));
    show(output, call, page, *bucket, *encoding);
    return output;
  });
}

Result<Value> put_bucket_versioning(Call& call) {
  const auto& configuration = call.input["VersioningConfiguration"];
  const auto status = configuration["Status"].string_or("");
  if (configuration["MFADelete"].string_or("Disabled") != "Disabled")
    return not_implemented("s3 PutBucketVersioning VersioningConfiguration.MFADelete");
  if (status.empty())
    return Error{"IllegalVersioningConfigurationException", "The Versioning element must be specified", {}, 400};
  if (status != "Enabled" && status != "Suspended") return malformed_xml();
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
    if (!bucket) return bucket.error();
    if (status != "Enabled" && bucket->has(Setting::object_lock))
      return Error{"InvalidBucketState",
                   "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
                   {},
                   409};
    bucket->versioning = status;
    save_versioning(tx, *bucket);
    return Value(Map{});
  });
}

}  // namespace moonbase::s3
