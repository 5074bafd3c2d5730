// Uploads in parts: their beginning and their end.
#include <algorithm>
#include <moonbase/hash.hpp>

#include "checksum.hpp"
#include "conditions.hpp"
#include "content.hpp"
#include "errors.hpp"
#include "lifecycle.hpp"
#include "list_output.hpp"
#include "listing.hpp"
#include "object_input.hpp"
#include "service.hpp"
#include "upload.hpp"

namespace moonbase::s3 {
namespace {

Error invalid_part(const std::string& upload_id, std::int64_t number, const std::string& etag) {
  return {"InvalidPart",
          "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
          "specified entity tag may not match the part's entity tag.",
          {{"UploadId", upload_id}, {"PartNumber", std::to_string(number)}, {"ETag", etag}},
          400};
}

Error invalid_part_order(const std::string& upload_id) {
  return {"InvalidPartOrder",
          "The list of parts was not in ascending order. Parts must be ordered by part number.",
          {{"UploadId", upload_id}},
          400};
}

Error too_small(const Part& part) {
  return {"EntityTooSmall",
          "Your proposed upload is smaller than the minimum allowed size",
          {{"ProposedSize", std::to_string(part.size)},
           {"MinSizeAllowed", std::to_string(part_bytes_min)},
           {"PartNumber", std::to_string(part.number)},
           {"ETag", part.etag}},
          400};
}

// The part's checksum as the request has it, or an Error where there must be one.
Result<Done> check_part_checksum(const Value& wanted, const Upload& upload, const Part& part) {
  const auto* algorithm = find_algorithm(upload.object.checksum.algorithm);
  const auto& claimed = wanted[algorithm ? algorithm->member : "ChecksumCRC64NVME"];
  if (claimed.is_string()) {
    if (claimed.string() == part.checksum) return done;
    return invalid_part(upload.object.upload_id, part.number, part.etag);
  }
  if (!upload.checksum_asked || upload.object.checksum.type != "COMPOSITE") return done;
  std::string name = upload.object.checksum.algorithm;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return invalid_request("The upload was created using a " + name +
                         " checksum. The complete request must include the checksum for each part. It was missing for "
                         "part " +
                         std::to_string(part.number) + " in the request.");
}

std::string without_quotes(const std::string& etag) {
  const bool quoted = etag.size() >= 2 && etag.front() == '"' && etag.back() == '"';
  return quoted ? etag.substr(1, etag.size() - 2) : etag;
}

// The parts that the request lists, as they were uploaded.
Result<std::vector<Part>> listed_parts(Transaction& tx, const Bucket& bucket, const Upload& upload,
                                       const List& wanted) {
  const auto uploaded = read_parts(tx, bucket, upload.object.content, 0, parts_max);
  std::vector<Part> parts;
  const auto& upload_id = upload.object.upload_id;
  for (const auto& one : wanted) {
    const auto number = one["PartNumber"].integer_or(0);
    if (!parts.empty() && number <= parts.back().number) return invalid_part_order(upload_id);
    const auto part = std::lower_bound(uploaded.begin(), uploaded.end(), number,
                                       [](const Part& before, std::int64_t sought) { return before.number < sought; });
    const auto etag = without_quotes(one["ETag"].string_or(""));
    const bool found = part != uploaded.end() && part->number == number && part->etag == etag;
    if (!found) return invalid_part(upload_id, number, etag);
    if (auto fits = check_part_checksum(one, upload, *part); !fits) return fits.error();
    parts.push_back(*part);
  }
  for (const auto& part : parts)
    if (part.size < part_bytes_min && part.number != parts.back().number) return too_small(part);
  return parts;
}

// What the client says of the whole.
Result<Done> check_whole(const Value& input, const Object& object) {
  const auto* algorithm = find_algorithm(object.checksum.algorithm);
  const auto& claimed = input[algorithm ? algorithm->member : ""];
  const auto& type = input["ChecksumType"];
  if (type.is_string() && type.string() != object.checksum.type)
    return invalid_request("The upload was created using the " + object.checksum.type +
                           " checksum mode. The complete request must use the same checksum mode.");
  if (claimed.is_string() && claimed.string() != object.checksum.value)
    return bad_digest("The " + object.checksum.algorithm + " you specified did not match the calculated checksum.");
  const auto& size = input["MpuObjectSize"];
  if (size.is_integer() && static_cast<std::uint64_t>(size.integer()) != object.size)
    return invalid_request("The provided 'x-amz-mp-object-size' header value does not match what was computed.");
  return done;
}

Value completed(Transaction& tx, const Call& call, const Bucket& bucket, const Object& object) {
  Value output = Map{{"Location", call.context.base_url + "/" + bucket.name + "/" + percent_encode(object.key, true)},
                     {"Bucket", bucket.name},
                     {"Key", object.key},
                     {"ETag", object.quoted_etag()}};
  show_checksum(output, object.checksum);
  show_encryption(output, object);
  show_version_id(output, bucket, object);
  show_expiration(tx, bucket, object, output);
  return output;
}

Result<Value> complete(Transaction& tx, const Call& call, const List& wanted) {
  const auto opened = open_for_change(tx, call, call.input["Bucket"].string());
  if (!opened) return opened.error();
  const auto &key = call.input["Key"].string(), &upload_id = call.input["UploadId"].string();
  const auto newest = newest_version(tx, opened->bucket, key);
  auto upload = find_upload(tx, opened->bucket, key, upload_id);
  if (!upload) {
    // Its answer may have been lost: what it made is still there.
    if (newest && newest->upload_id == upload_id) return completed(tx, call, opened->bucket, *newest);
    return upload.error();
  }
  auto parts = listed_parts(tx, opened->bucket, *upload, wanted);
  if (!parts) return parts.error();
  if (auto holds = check_write(call.input, key, newest); !holds) return holds.error();

  const auto change = change_of(tx, opened->bucket, call);
  assemble(change, *upload, std::move(*parts));
  auto& object = upload->object;
  if (auto fits = check_whole(call.input, object); !fits) return fits.error();
  add_version(change, newest, object);
  return completed(tx, call, opened->bucket, object);
}

Value entry_of(const Upload& upload, const Bucket& bucket, const Encoding& encoding) {
  Map entry{{"Key", encoding(upload.object.key)},
            {"UploadId", upload.object.upload_id},
            {"Initiated", upload.initiated.seconds() * 1000},
            {"StorageClass", upload.object.storage_class},
            {"Owner", owner_of(bucket.account)},
            {"Initiator", owner_of(upload.initiator)}};
  if (upload.checksum_asked) {
    entry.set("ChecksumAlgorithm", upload.object.checksum.algorithm);
    entry.set("ChecksumType", upload.object.checksum.type);
  }
  return entry;
}

}  // namespace

Result<Value> abort_multipart_upload(Call& call) {
  if (!call.input["IfMatchInitiatedTime"].is_null())
    return not_implemented("s3 AbortMultipartUpload IfMatchInitiatedTime");
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto opened = open_for_change(tx, call, call.input["Bucket"].string());
    if (!opened) return opened.error();
    const auto upload = find_upload(tx, opened->bucket, call.input["Key"].string(), call.input["UploadId"].string());
    if (!upload) return upload.error();
    remove_upload(change_of(tx, opened->bucket, call), *upload);
    return Value(Map{});
  });
}

Result<Value> complete_multipart_upload(Call& call) {
  if (auto built = refuse_unbuilt(call); !built) return built.error();
  const auto& wanted = call.input["MultipartUpload"]["Parts"];
  if (!wanted.is_list() || wanted.list().empty() || wanted.list().size() > parts_max) return malformed_xml();
  return call.kernel.store.write([&](Transaction& tx) { return complete(tx, call, wanted.list()); });
}

Result<Value> create_multipart_upload(Call& call) {
  const auto looked = look_up_bucket(call);
  if (!looked) return looked.error();
  auto object = object_of_input(call, *looked);
  if (!object) return object.error();
  auto asked = asked_checksum(call.input);
  if (!asked) return asked.error();
  Upload upload;
  upload.checksum_asked = !asked->algorithm.empty();
  const auto algorithm = upload.checksum_asked ? asked->algorithm : std::string(default_algorithm().name);
  auto type = multipart_type(algorithm, call.input["ChecksumType"]);
  if (!type) return type.error();
  upload.object = std::move(*object);
  upload.object.checksum = {algorithm, std::move(*type), ""};
  upload.initiated = call.kernel.clock.now();
  upload.initiator = call.context.identity.account_id;
  upload.object.upload_id = new_upload_id(call.kernel.ids, upload.initiated);
  return call.kernel.store.write([&](Transaction& tx) -> Result<Value> {
    const auto opened = open_for_change(tx, call, call.input["Bucket"].string());
    if (!opened) return opened.error();
    upload.object.content = opened->content;
    insert_upload(change_of(tx, opened->bucket, call), upload);
    Value output =
        Map{{"Bucket", opened->bucket.name}, {"Key", upload.object.key}, {"UploadId", upload.object.upload_id}};
    if (upload.checksum_asked) {
      output.set("ChecksumAlgorithm", upload.object.checksum.algorithm);
      output.set("ChecksumType", upload.object.checksum.type);
    }
    return output;
  });
}

Result<Value> list_multipart_uploads(Call& call) {
  const auto encoding = Encoding::of(call.input);
  const auto page_size = page_of(call.input, "MaxUploads", "max-uploads");
  if (!encoding) return encoding.error();
  if (!page_size) return page_size.error();
  ListingWanted wanted{call.input["Prefix"].string_or(""), call.input["Delimiter"].string_or(""), {}, *page_size};
  const auto key_marker = call.input["KeyMarker"].string_or(""), id_marker = call.input["UploadIdMarker"].string_or("");
  const auto group = common_prefix(key_marker, wanted.prefix, wanted.delimiter);
  wanted.after = {key_marker, !group.empty() && group == key_marker};
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
    if (!bucket) return bucket.error();
    const bool midst = !id_marker.empty() && !key_marker.empty() && key_marker >= wanted.prefix;
    const auto page = collect<Upload>(
        wanted,
        [&](const std::optional<std::string>& jump, std::size_t most, const auto& visit) {
          UploadPlace place{jump ? *jump : midst ? key_marker : first_key(wanted), jump || !midst ? "" : id_marker};
          each_upload(tx, *bucket, place, behind(wanted.prefix), most, visit);
        },
        [](const Upload& upload) -> std::string_view { return upload.object.key; });
    Value output = Map{{"Bucket", bucket->name},      {"KeyMarker", (*encoding)(key_marker)},
                       {"UploadIdMarker", id_marker}, {"Prefix", (*encoding)(wanted.prefix)},
                       {"MaxUploads", *page_size},    {"IsTruncated", page.truncated}};
    if (!wanted.delimiter.empty()) output.set("Delimiter", (*encoding)(wanted.delimiter));
    if (call.input["EncodingType"].is_string()) output.set("EncodingType", call.input["EncodingType"]);
    List uploads;
    for (const auto& upload : page.items) uploads.push_back(entry_of(upload, *bucket, *encoding));
    if (!uploads.empty()) output.set("Uploads", std::move(uploads));
    show_prefixes(output, page.prefixes, *encoding);
    if (page.truncated) {
      output.set("NextKeyMarker", (*encoding)(page.last.text));
      output.set("NextUploadIdMarker", page.last.is_prefix ? "" : page.items.back().object.upload_id);
    }
    return output;
  });
}

}  // namespace moonbase::s3
