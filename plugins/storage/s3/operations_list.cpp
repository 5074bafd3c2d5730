// Listings of current objects.
#include <algorithm>

#include "errors.hpp"
#include "list_output.hpp"
#include "listing.hpp"
#include "service.hpp"

namespace moonbase::s3 {
namespace {

Value entry_of(const Object& object, const Encoding& encoding, bool with_owner, const Bucket& bucket) {
  Map entry{{"Key", encoding(object.key)},
            {"LastModified", object.modified.ms},
            {"ETag", object.quoted_etag()},
            {"Size", object.size},
            {"StorageClass", object.storage_class}};
  show_checksum_kind(entry, object);
  if (with_owner) entry.set("Owner", owner_of(bucket.account));
  return entry;
}

// What both versions of the operation answer alike.
Value output_of(const Call& call, const Bucket& bucket, const ListingWanted& wanted, const Page<Object>& listing,
                const Encoding& encoding, bool with_owner) {
  Value output = Map{{"Name", bucket.name},
                     {"Prefix", encoding(wanted.prefix)},
                     {"MaxKeys", wanted.max},
                     {"IsTruncated", listing.truncated}};
  if (!wanted.delimiter.empty()) output.set("Delimiter", encoding(wanted.delimiter));
  if (call.input["EncodingType"].is_string()) output.set("EncodingType", call.input["EncodingType"]);
  List contents;
  for (const auto& object : listing.items) contents.push_back(entry_of(object, encoding, with_owner, bucket));
  if (!contents.empty()) output.set("Contents", std::move(contents));
  show_prefixes(output, listing.prefixes, encoding);
  return output;
}

}  // namespace

Result<Value> list_objects(Call& call) {
  const auto encoding = Encoding::of(call.input);
  const auto page = page_of(call.input, "MaxKeys", "maxKeys");
  if (!encoding) return encoding.error();
  if (!page) return page.error();
  ListingWanted wanted{call.input["Prefix"].string_or(""), call.input["Delimiter"].string_or(""), {}, *page};
  const auto marker = call.input["Marker"].string_or("");
  // A marker that is a common prefix has been shown with all that begins with it.
  const auto group = common_prefix(marker, wanted.prefix, wanted.delimiter);
  wanted.after = {marker, !group.empty() && group == marker};
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
    if (!bucket) return bucket.error();
    const auto listing = list_current(tx, *bucket, wanted);
    auto output = output_of(call, *bucket, wanted, listing, *encoding, true);
    output.set("Marker", (*encoding)(marker));
    if (listing.truncated && !wanted.delimiter.empty()) output.set("NextMarker", (*encoding)(listing.last.text));
    return output;
  });
}

Result<Value> list_objects_v2(Call& call) {
  const auto encoding = Encoding::of(call.input);
  const auto page = page_of(call.input, "MaxKeys", "maxKeys");
  if (!encoding) return encoding.error();
  if (!page) return page.error();
  const auto start_after = call.input["StartAfter"].string_or("");
  ListingWanted wanted{call.input["Prefix"].string_or(""), call.input["Delimiter"].string_or(""), {start_after}, *page};
  const auto& token = call.input["ContinuationToken"];
  if (token.is_string()) {
    const auto place = place_of(token.string());
    if (!place)
      return invalid_argument("The continuation token provided is incorrect", "continuation-token", token.string());
    wanted.after = *place;
  }
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
    if (!bucket) return bucket.error();
    const auto listing = list_current(tx, *bucket, wanted);
    auto output = output_of(call, *bucket, wanted, listing, *encoding, call.input["FetchOwner"].boolean_or(false));
    output.set("KeyCount", listing.shown());
    if (!start_after.empty()) output.set("StartAfter", (*encoding)(start_after));
    if (token.is_string()) output.set("ContinuationToken", token);
    if (listing.truncated) output.set("NextContinuationToken", token_of(listing.last));
    return output;
  });
}

}  // namespace moonbase::s3
