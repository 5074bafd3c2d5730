#include "lambda/package_source.hpp"

#include <charconv>
#include <optional>

#include "lambda/function.hpp"
#include "lambda/local_folder.hpp"
#include "lambda/settings.hpp"

namespace moonbase::functions {
namespace {

constexpr std::uint64_t piece_bytes = 16 * 1024 * 1024;

Error request_too_large(std::string_view operation) {
  return {"RequestEntityTooLargeException",
          "Request must be smaller than 69905067 bytes for the " + std::string(operation) + " operation",
          {{"Type", "User"}},
          413};
}

Error object_error(const Error& error, const std::string& bucket, const std::string& key) {
  const auto s3 = ". S3 Error Code: " + error.code + ". S3 Error Message: " + error.message;
  if (error.status == 403)
    return {"AccessDeniedException",
            "Your access has been denied by S3, please make sure your request credentials have permission to GetObject "
            "for " +
                bucket + "/" + key + s3,
            {{"Type", "User"}},
            403};
  return invalid_parameter("Error occurred while GetObject" + s3);
}

// S3 itself answers for all regions; Lambda reads its own only.
Result<Done> check_region(Call& call, const std::string& bucket) {
  const auto head = call.kernel.services.call(call.context, "s3", "HeadBucket", Map{{"Bucket", bucket}});
  if (!head) return done;  // Whoever may read objects need not see the bucket.
  const auto region = (*head)["BucketRegion"].string_or(call.context.region);
  if (region == call.context.region) return done;
  return object_error({"PermanentRedirect",
                       "The bucket is in this region: " + region + ". Please use this region to retry the request"},
                      bucket, {});
}

// The size of the whole object, from "bytes 0-99/1234".
std::uint64_t whole_size(const Value& content_range) {
  const auto text = content_range.string_or("");
  const auto slash = text.rfind('/');
  std::uint64_t size = 0;
  if (slash != text.npos) std::from_chars(text.data() + slash + 1, text.data() + text.size(), size);
  return size;
}

// Piece by piece: a call from inside takes no object of any size as one. All of one version of it. Only what comes
// with a request is limited as it is packed; but a zip is never larger than its content by much.
Result<std::string> read_object(Call& call, const Value& code, const std::string& prefix) {
  const auto &bucket = code["S3Bucket"].string(), &key = code["S3Key"].string();
  Map input{{"Bucket", bucket}, {"Key", key}};
  if (!is_empty(code["S3ObjectVersion"])) input.set("VersionId", code["S3ObjectVersion"]);
  std::string bytes;
  for (std::uint64_t size = 1; bytes.size() < size;) {
    input.set("Range",
              "bytes=" + std::to_string(bytes.size()) + "-" + std::to_string(bytes.size() + piece_bytes - 1));
    auto object = call.kernel.services.call(call.context, "s3", "GetObject", input);
    if (!object && object.error().status == 501)
      return not_implemented("lambda " + std::string(call.operation) + " " + prefix + "S3Bucket");
    if (!object && object.error().code == "InvalidRange" && bytes.empty()) return bytes;  // It is empty.
    if (!object) return object_error(object.error(), bucket, key);
    if (bytes.empty())
      if (auto here = check_region(call, bucket); !here) return here.error();
    const auto piece = (*object)["Body"].string_or("");
    size = piece.empty() ? 0 : whole_size((*object)["ContentRange"]);
    if (size > unzipped_bytes_max) return too_large_unzipped();
    bytes += piece;
    input.set("IfMatch", (*object)["ETag"]);
  }
  return bytes;
}

Result<std::string> read_folder(Call& call, const std::string& path) {
  std::optional<Result<std::string>> zip;
  call.kernel.io.blocking([&] { zip.emplace(zip_folder(path)); });
  return std::move(*zip);
}

}  // namespace

Result<UploadedPackage> read_package(Call& call, const Value& code, const std::string& prefix) {
  if (auto built = check_code_parameters(call, code, prefix); !built) return built.error();
  const bool named = !is_empty(code["S3Bucket"]) || !is_empty(code["S3Key"]) || !is_empty(code["S3ObjectVersion"]);
  UploadedPackage package;
  if (code["ZipFile"].is_string()) {
    if (named)
      return invalid_parameter("Please do not provide other FunctionCode parameters when providing a ZipFile.");
    package.zip = code["ZipFile"].string();
    if (package.zip.size() > zipped_bytes_max) return request_too_large(call.operation);
  } else {
    if (is_empty(code["S3Bucket"]) || is_empty(code["S3Key"]))
      return invalid_parameter("Please provide a source for function code.");
    const bool local = code["S3Bucket"].string() == hot_reload_bucket;
    auto read = local ? read_folder(call, code["S3Key"].string()) : read_object(call, code, prefix);
    if (!read) return read.error();
    package.zip = std::move(*read);
    if (local) package.folder = code["S3Key"].string();
  }
  auto files = unzip(package.zip);
  if (!files) return files.error();
  package.files = std::move(*files);
  return package;
}

}  // namespace moonbase::functions
