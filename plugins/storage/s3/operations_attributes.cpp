// GetObjectAttributes: what HeadObject says, and the parts.
#include <algorithm>
#include <array>
#include <charconv>

#include "checksum.hpp"
#include "errors.hpp"
#include "list_output.hpp"
#include "read_object.hpp"
#include "service.hpp"
#include "upload.hpp"

namespace moonbase::s3 {
namespace {

constexpr std::array known = {"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"};

Result<Done> check_attributes(const List& wanted) {
  for (const auto& name : wanted)
    if (std::find(known.begin(), known.end(), name.string()) == known.end())
      return invalid_argument("Invalid attribute name specified.", "x-amz-object-attributes", name.string());
  return done;
}

Result<std::int64_t> marker_of(const Value& input) {
  const auto text = input["PartNumberMarker"].string_or("0");
  std::int64_t marker = 0;
  const auto end = text.data() + text.size();
  if (!text.empty() && std::from_chars(text.data(), end, marker).ptr == end && marker >= 0) return marker;
  return invalid_argument("The part-number-marker must be an integer.", "x-amz-part-number-marker", text);
}

Value parts_of(Transaction& tx, const Bucket& bucket, const Object& object, std::int64_t marker, std::size_t most) {
  auto parts = read_parts(tx, bucket, object.content, marker, most + 1);
  const bool truncated = parts.size() > most;
  if (truncated) parts.pop_back();
  Map shown{{"TotalPartsCount", object.parts}};
  // S3 tells the parts one by one only where each has a checksum of its own.
  if (object.checksum.type != "COMPOSITE") return shown;
  shown.set("PartNumberMarker", std::to_string(marker));
  shown.set("NextPartNumberMarker", std::to_string(parts.empty() ? 0 : parts.back().number));
  shown.set("MaxParts", most);
  shown.set("IsTruncated", truncated);
  List list;
  for (const auto& part : parts) {
    Value entry = Map{{"PartNumber", part.number}, {"Size", part.size}};
    show_checksum(entry, {object.checksum.algorithm, "", part.checksum}, false);
    list.push_back(std::move(entry));
  }
  shown.set("Parts", std::move(list));
  return shown;
}

}  // namespace

Result<Value> get_object_attributes(Call& call) {
  const auto& wanted = call.input["ObjectAttributes"].list();
  if (auto valid = check_attributes(wanted); !valid) return valid.error();
  if (auto valid = check_version_id(call.input["VersionId"]); !valid) return valid.error();
  const auto page_size = page_of(call.input, "MaxParts", "max-parts");
  const auto marker = marker_of(call.input);
  if (!page_size) return page_size.error();
  if (!marker) return marker.error();
  const auto wants = [&](std::string_view name) {
    return std::any_of(wanted.begin(), wanted.end(), [&](const Value& one) { return one.string() == name; });
  };
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
    if (!bucket) return bucket.error();
    const auto object = wanted_version(tx, call, *bucket, call.input["Key"].string(), call.input["VersionId"]);
    if (!object) return object.error();
    Value output = Map{{"LastModified", object->modified.ms}};
    show_version_id(output, *bucket, *object);
    if (wants("ETag")) output.set("ETag", object->etag);
    if (wants("StorageClass")) output.set("StorageClass", object->storage_class);
    if (wants("ObjectSize")) output.set("ObjectSize", object->size);
    if (wants("ObjectParts") && object->parts > 0)
      output.set("ObjectParts", parts_of(tx, *bucket, *object, *marker, *page_size));
    if (wants("Checksum") && !object->checksum.value.empty()) {
      Value checksum = Map{};
      show_checksum(checksum, object->checksum);
      output.set("Checksum", std::move(checksum));
    }
    return output;
  });
}

}  // namespace moonbase::s3
