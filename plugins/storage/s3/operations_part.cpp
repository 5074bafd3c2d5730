// The parts of uploads.
#include <charconv>
#include <moonbase/hash.hpp>

#include "checksum.hpp"
#include "content.hpp"
#include "errors.hpp"
#include "list_output.hpp"
#include "object_input.hpp"
#include "service.hpp"
#include "upload.hpp"

namespace moonbase::s3 {
namespace {

// A part of an upload with a checksum has one of the same algorithm.
Result<Done> check_algorithm(const Upload& upload, const Checksum& claimed) {
  const auto& expected = upload.object.checksum.algorithm;
  if (!upload.checksum_asked || claimed.algorithm.empty() || claimed.algorithm == expected) return done;
  return invalid_request("Checksum Type mismatch occurred, expected checksum Type: " + expected +
                         ", actual checksum Type: " + claimed.algorithm);
}

Value entry_of(const Part& part, const Upload& upload) {
  Value entry = Map{{"PartNumber", part.number},
                    {"LastModified", part.modified.ms},
                    {"ETag", '"' + part.etag + '"'},
                    {"Size", part.size}};
  if (upload.checksum_asked) show_checksum(entry, {upload.object.checksum.algorithm, "", part.checksum}, false);
  return entry;
}

}  // namespace

Result<std::int64_t> part_number_of(const Value& input) {
  const auto number = input["PartNumber"].integer();
  if (number >= 1 && number <= parts_max) return number;
  return invalid_argument("Part number must be an integer between 1 and 10000, inclusive", "partNumber",
                          std::to_string(number));
}

Result<Value> list_parts(Call& call) {
  const auto page_size = page_of(call.input, "MaxParts", "max-parts");
  if (!page_size) return page_size.error();
  const auto marker_text = call.input["PartNumberMarker"].string_or("0");
  std::int64_t marker = 0;
  const auto end = marker_text.data() + marker_text.size();
  if (std::from_chars(marker_text.data(), end, marker).ptr != end || marker < 0)
    return invalid_argument("Argument part-number-marker must be an integer between 0 and 2147483647",
                            "part-number-marker", marker_text);
  return call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto bucket = open_bucket(tx, call, call.input["Bucket"].string());
    if (!bucket) return bucket.error();
    const auto upload = find_upload(tx, *bucket, call.input["Key"].string(), call.input["UploadId"].string());
    if (!upload) return upload.error();
    auto parts = read_parts(tx, *bucket, upload->object.content, marker, *page_size + 1);
    const bool truncated = parts.size() > *page_size;
    if (truncated) parts.pop_back();
    Value output = Map{{"Bucket", bucket->name},
                       {"Key", upload->object.key},
                       {"UploadId", upload->object.upload_id},
                       {"PartNumberMarker", marker_text},
                       {"MaxParts", *page_size},
                       {"IsTruncated", truncated},
                       {"Owner", owner_of(bucket->account)},
                       {"Initiator", owner_of(upload->initiator)},
                       {"StorageClass", upload->object.storage_class}};
    if (upload->checksum_asked) {
      output.set("ChecksumAlgorithm", upload->object.checksum.algorithm);
      output.set("ChecksumType", upload->object.checksum.type);
    }
    if (!parts.empty()) output.set("NextPartNumberMarker", std::to_string(parts.back().number));
    List entries;
    for (const auto& part : parts) entries.push_back(entry_of(part, *upload));
    if (!entries.empty()) output.set("Parts", std::move(entries));
    return output;
  });
}

Result<Value> upload_part(Call& call) {
  const auto number = part_number_of(call.input);
  if (!number) return number.error();
  if (auto built = refuse_unbuilt(call); !built) return built.error();
  const auto looked = look_up_upload(call);
  if (!looked) return looked.error();
  auto received = receive_body(call, looked->object.checksum.algorithm);
  if (!received) return received.error();
  return write_received(call, *received, [&](Transaction& tx) -> Result<Value> {
    const auto opened = open_for_change(tx, call, call.input["Bucket"].string());
    if (!opened) return opened.error();
    if (auto fits = check_algorithm(*looked, received->claimed); !fits) return fits.error();
    const auto upload = find_upload(tx, opened->bucket, looked->object.key, looked->object.upload_id);
    if (!upload) return upload.error();
    const auto change = change_of(tx, opened->bucket, call);
    const Part part{*number,
                    0,
                    received->size,
                    hex(received->md5),
                    received->checksum.value,
                    Time{change.now.seconds() * 1000},
                    opened->content};
    insert_content(change, part.content, *received);
    put_part(change, *upload, part);
    Value output = Map{{"ETag", '"' + part.etag + '"'}};
    const auto& shown =
        received->claimed.algorithm.empty() && upload->checksum_asked ? received->checksum : received->claimed;
    show_checksum(output, shown, false);
    return output;
  });
}

}  // namespace moonbase::s3
