#include "s3/copy.hpp"

#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using moonbase::s3::testing::large;
using moonbase::s3::testing::Platform;

namespace {

struct Copies : Platform {
  Value copy(const std::string& source, const std::string& key, Map more = {}) {
    return call("CopyObject", input(source, key, std::move(more)));
  }
  std::string copy_error(const std::string& source, const std::string& key, Map more = {}) {
    return error("CopyObject", input(source, key, std::move(more))).code;
  }
  static Map input(const std::string& source, const std::string& key, Map more) {
    more.set("Bucket", "photos");
    more.set("Key", key);
    more.set("CopySource", source);
    return more;
  }
};

}  // namespace

TEST_CASE("a copy source is a bucket, a key and perhaps a version, encoded") {
  const auto plain = s3::parse_copy_source("/photos/a%20b/%C3%A9+%3Fx?versionId=v1");
  REQUIRE(plain);
  CHECK(plain->bucket == "photos");
  CHECK(plain->key == "a b/\xc3\xa9+?x");
  CHECK(plain->version_id.string() == "v1");
  CHECK(s3::parse_copy_source("photos/cat")->version_id.is_null());
  for (const auto* wrong : {"", "/", "photos", "photos/", "/photos/"}) CHECK_FALSE(s3::parse_copy_source(wrong));
}

TEST_CASE("a copy has the content and, unless replaced, what the source says of itself") {
  Copies kernel;
  for (const auto& body : {std::string("small"), large()}) {
    kernel.put("cat", body, {{"ContentType", "image/jpeg"}, {"Metadata", Map{{"by", "me"}}}, {"Tagging", "a=1"}});
    const auto copied = kernel.copy("photos/cat", "dog");
    CHECK(copied["CopyObjectResult"]["ETag"].string() == "\"" + md5_hex(body) + "\"");
    const auto dog = kernel.get("dog");
    CHECK(dog["Body"].string() == body);
    CHECK(dog["ContentType"].string() == "image/jpeg");
    CHECK(dog["Metadata"]["by"].string() == "me");
    CHECK(dog["TagCount"].integer() == 1);
    kernel.copy("photos/cat", "cow",
                {{"MetadataDirective", "REPLACE"},
                 {"TaggingDirective", "REPLACE"},
                 {"ContentType", "image/png"},
                 {"Metadata", Map{{"new", "1"}}}});
    const auto cow = kernel.get("cow");
    CHECK(cow["Body"].string() == body);
    CHECK(cow["ContentType"].string() == "image/png");
    CHECK(cow["Metadata"] == Value(Map{{"new", "1"}}));
    CHECK(cow["TagCount"].is_null());
    // Either goes without the other.
    kernel.call("DeleteObject", {{"Bucket", "photos"}, {"Key", "cat"}});
    CHECK(kernel.body_of("dog") == body);
  }
}

TEST_CASE("a copy onto itself must change something") {
  Copies kernel;
  kernel.put("cat", "miau");
  CHECK(kernel.copy_error("photos/cat", "cat") == "InvalidRequest");
  CHECK_NOTHROW(kernel.copy("photos/cat", "cat", {{"StorageClass", "STANDARD_IA"}}));
  CHECK_NOTHROW(kernel.copy("photos/cat", "cat", {{"MetadataDirective", "REPLACE"}, {"Metadata", Map{{"a", "b"}}}}));
  CHECK(kernel.body_of("cat") == "miau");
  CHECK(kernel.copy_error("photos/cat", "dog", {{"MetadataDirective", "MOVE"}}) == "InvalidArgument");
}

TEST_CASE("a copy is made only if the source is what was expected") {
  Copies kernel;
  const auto etag = kernel.put("cat", "miau")["ETag"].string();
  const auto now = kernel.clock.now().ms;
  const auto refused = [&](Map more) { return kernel.copy_error("photos/cat", "dog", std::move(more)); };
  CHECK(refused({{"CopySourceIfMatch", "other"}}) == "PreconditionFailed");
  CHECK(refused({{"CopySourceIfNoneMatch", etag}}) == "PreconditionFailed");
  CHECK(refused({{"CopySourceIfModifiedSince", now}}) == "PreconditionFailed");
  CHECK(refused({{"CopySourceIfUnmodifiedSince", now - 1000}}) == "PreconditionFailed");
  CHECK_NOTHROW(
      kernel.copy("photos/cat", "dog", {{"CopySourceIfMatch", etag}, {"CopySourceIfUnmodifiedSince", now - 1000}}));
  CHECK(refused({{"IfNoneMatch", "*"}}) == "PreconditionFailed");
  CHECK(kernel.copy_error("photos/none", "dog") == "NoSuchKey");
  CHECK(kernel.copy_error("nowhere/cat", "dog") == "NoSuchBucket");
  CHECK(kernel.copy_error("cat", "dog") == "InvalidArgument");
}

TEST_CASE("a version can be brought back by copying it") {
  Copies kernel;
  kernel.call("PutBucketVersioning", {{"Bucket", "photos"}, {"VersioningConfiguration", Map{{"Status", "Enabled"}}}});
  const auto first = kernel.put("cat", "first")["VersionId"].string();
  kernel.put("cat", "second");
  const auto copied = kernel.copy("photos/cat?versionId=" + first, "cat");
  CHECK(copied["CopySourceVersionId"].string() == first);
  CHECK(kernel.body_of("cat") == "first");
  const auto marker = kernel.call("DeleteObject", {{"Bucket", "photos"}, {"Key", "cat"}})["VersionId"].string();
  CHECK(kernel.copy_error("photos/cat", "dog") == "NoSuchKey");
  CHECK(kernel.copy_error("photos/cat?versionId=" + marker, "dog") == "InvalidRequest");
}

TEST_CASE("a part may be a range of another object") {
  Copies kernel;
  const auto body = large(6u << 20);
  kernel.put("film", body);
  const auto id = kernel.call("CreateMultipartUpload", {{"Bucket", "photos"}, {"Key", "cut"}})["UploadId"].string();
  const auto part = [&](int number, const std::string& range) {
    Map input{
        {"Bucket", "photos"}, {"Key", "cut"}, {"UploadId", id}, {"PartNumber", number}, {"CopySource", "photos/film"}};
    if (!range.empty()) input.set("CopySourceRange", range);
    return kernel.try_call("s3", "UploadPartCopy", std::move(input));
  };
  const auto first = part(1, ""), second = part(2, "bytes=100-199");
  REQUIRE(first);
  REQUIRE(second);
  CHECK((*first)["CopyPartResult"]["ETag"].string() == "\"" + md5_hex(body) + "\"");
  CHECK((*second)["CopyPartResult"]["ETag"].string() == "\"" + md5_hex(body.substr(100, 100)) + "\"");
  for (const auto* wrong : {"bytes=0-99999999", "bytes=100-", "bytes=-5", "0-5", "bytes=9-5"}) {
    CAPTURE(wrong);
    CHECK(part(3, wrong).error().code == "InvalidArgument");
  }
  List parts;
  parts.push_back(Map{{"PartNumber", 1}, {"ETag", (*first)["CopyPartResult"]["ETag"]}});
  parts.push_back(Map{{"PartNumber", 2}, {"ETag", (*second)["CopyPartResult"]["ETag"]}});
  kernel.call("CompleteMultipartUpload",
              {{"Bucket", "photos"}, {"Key", "cut"}, {"UploadId", id}, {"MultipartUpload", Map{{"Parts", parts}}}});
  CHECK(kernel.body_of("cut") == body + body.substr(100, 100));
  // A copy of what was uploaded in parts is one object: its ETag is that of its bytes.
  CHECK(kernel.copy("photos/cut", "whole")["CopyObjectResult"]["ETag"].string() ==
        "\"" + md5_hex(body + body.substr(100, 100)) + "\"");
  CHECK(kernel.body_of("whole") == body + body.substr(100, 100));
}
