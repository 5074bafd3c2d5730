#include "object_input.hpp"

#include <algorithm>
#include <array>
#include <moonbase/http.hpp>
#include <set>

#include "acl.hpp"
#include "errors.hpp"
#include "object_lock.hpp"

namespace moonbase::s3 {
namespace {

constexpr std::size_t key_bytes_max = 1024, metadata_bytes_max = 2048;
constexpr std::size_t tag_key_units_max = 128, tag_value_units_max = 256;

// Members that clients set and are given back as they are.
constexpr std::array kept_headers = {"CacheControl", "ContentDisposition", "ContentEncoding",     "ContentLanguage",
                                     "ContentType",  "Expires",            "ServerSideEncryption"};
constexpr std::array storage_classes = {"STANDARD", "REDUCED_REDUNDANCY",  "STANDARD_IA",  "ONEZONE_IA",
                                        "GLACIER",  "INTELLIGENT_TIERING", "DEEP_ARCHIVE", "GLACIER_IR"};
constexpr std::array unbuilt = {"SSEKMSKeyId",
                                "SSEKMSEncryptionContext",
                                "SSECustomerAlgorithm",
                                "CopySourceSSECustomerAlgorithm",
                                "BucketKeyEnabled",
                                "ObjectLockEventHold",
                                "WebsiteRedirectLocation",
                                "WriteOffsetBytes",
                                "AnnotationDirective"};

std::size_t units_of(std::string_view text) {
  std::size_t units = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) != 0x80) units += byte >= 0xf0 ? 2 : 1;
  }
  return units;
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const std::size_t more = byte < 0x80                   ? 0
                             : byte >= 0xc2 && byte < 0xe0 ? 1
                             : byte >= 0xe0 && byte < 0xf0 ? 2
                             : byte >= 0xf0 && byte < 0xf5 ? 3
                                                           : 4;
    if (more == 4 || at + more >= text.size() + (more == 0 ? 1 : 0)) return false;
    for (std::size_t i = 1; i <= more; ++i)
      if ((static_cast<unsigned char>(text[at + i]) & 0xc0) != 0x80) return false;
    at += more + 1;
  }
  return true;
}

Error invalid_tagging_header() {
  return {"InvalidArgument",
          "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name "
          "duplicates.",
          {{"ArgumentName", "x-amz-tagging"}},
          400};
}

}  // namespace

Result<Done> check_key(const std::string& key) {
  if (key.size() <= key_bytes_max) return done;
  return Error{"KeyTooLongError",
               "Your key is too long",
               {{"Size", std::to_string(key.size())}, {"MaxSizeAllowed", std::to_string(key_bytes_max)}},
               400};
}

Result<Done> refuse_unbuilt(const Call& call) {
  for (const auto* member : unbuilt)
    if (!call.input[member].is_null()) return not_implemented("s3 " + std::string(call.operation) + " " + member);
  // What every bucket does anyway, say its settings; tools that deploy send it.
  const auto encryption = call.input["ServerSideEncryption"].string_or("AES256");
  if (encryption == "AES256") return done;
  if (encryption.starts_with("aws:"))
    return not_implemented("s3 " + std::string(call.operation) + " ServerSideEncryption " + encryption);
  return invalid_argument("The encryption method specified is not supported", "x-amz-server-side-encryption",
                          encryption);
}

Result<Map> headers_of_input(const Value& input) {
  Map headers;
  for (const auto* member : kept_headers)
    if (!input[member].is_null()) headers.set(member, input[member]);
  if (!headers.contains("ContentType")) headers.set("ContentType", "binary/octet-stream");
  return headers;
}

Result<Map> metadata_of_input(const Value& input) {
  const auto& metadata = input["Metadata"];
  if (metadata.is_null()) return Map{};
  std::size_t bytes = 0;
  for (const auto& [name, value] : metadata.map()) {
    bytes += name.size() + value.string().size();
    if (!is_utf8(value.string()) || !is_utf8(name))
      return invalid_argument("Non-UTF-8 characters are not allowed in user metadata", "x-amz-meta-" + name, "");
  }
  if (bytes <= metadata_bytes_max) return metadata.map();
  return Error{"MetadataTooLarge",
               "Your metadata headers exceed the maximum allowed metadata size",
               {{"Size", std::to_string(bytes)}, {"MaxSizeAllowed", std::to_string(metadata_bytes_max)}},
               400};
}

Result<std::string> storage_class_of_input(const Value& input) {
  const auto name = input["StorageClass"].string_or(standard_class);
  if (std::find(storage_classes.begin(), storage_classes.end(), name) != storage_classes.end()) return name;
  return Error{
      "InvalidStorageClass", "The storage class you specified is not valid", {{"StorageClassRequested", name}}, 400};
}

Result<List> checked_tags(const List& tags, std::size_t most) {
  if (tags.size() > most) return Error{"BadRequest", "Object tags cannot be greater than 10", {}, 400};
  std::set<std::string> seen;
  for (const auto& tag : tags) {
    const auto &key = tag["Key"].string(), &value = tag["Value"].string();
    if (key.empty() || units_of(key) > tag_key_units_max)
      return Error{"InvalidTag", "The TagKey you have provided is invalid", {{"TagKey", key}}, 400};
    if (units_of(value) > tag_value_units_max)
      return Error{
          "InvalidTag", "The TagValue you have provided is invalid", {{"TagKey", key}, {"TagValue", value}}, 400};
    if (key.starts_with("aws:"))
      return Error{"InvalidTag", "System tags cannot be added/updated by requester", {{"TagKey", key}}, 400};
    if (!seen.insert(key).second)
      return Error{"InvalidTag", "Cannot provide multiple Tags with the same key", {{"TagKey", key}}, 400};
  }
  return tags;
}

Result<List> tags_of_input(const Value& input) {
  const auto& header = input["Tagging"];
  List tags;
  if (!header.is_string()) return tags;
  std::set<std::string> seen;
  for (auto& [key, value] : parse_query(header.string())) {
    if (!is_utf8(key) || !is_utf8(value) || !seen.insert(key).second) return invalid_tagging_header();
    tags.push_back(Map{{"Key", std::move(key)}, {"Value", std::move(value)}});
  }
  return checked_tags(tags);
}

Result<Object> object_of_input(const Call& call, const Bucket& bucket) {
  Object object;
  object.key = call.input["Key"].string();
  if (auto fits = check_key(object.key); !fits) return fits.error();
  if (auto built = refuse_unbuilt(call); !built) return built.error();
  if (auto allowed = check_object_acl(call.input); !allowed) return allowed.error();
  auto headers = headers_of_input(call.input);
  if (!headers) return headers.error();
  if (auto taken = take_lock(call.input, bucket, call.kernel.clock.now(), *headers); !taken) return taken.error();
  auto metadata = metadata_of_input(call.input);
  if (!metadata) return metadata.error();
  auto tags = tags_of_input(call.input);
  if (!tags) return tags.error();
  auto storage_class = storage_class_of_input(call.input);
  if (!storage_class) return storage_class.error();
  object.headers = std::move(*headers);
  object.metadata = std::move(*metadata);
  object.tags = std::move(*tags);
  object.storage_class = std::move(*storage_class);
  return object;
}

}  // namespace moonbase::s3
