// Deletions in bulk, tags and attributes.
#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using moonbase::s3::testing::large;
using moonbase::s3::testing::Platform;

TEST_CASE("many objects are deleted at once, each by its own condition") {
  Platform kernel;
  for (const auto* key : {"a", "b", "c"}) kernel.put(key, key);
  const auto remove = [&](List objects, bool quiet = false) {
    return kernel.call("DeleteObjects",
                       {{"Bucket", "photos"}, {"Delete", Map{{"Objects", std::move(objects)}, {"Quiet", quiet}}}});
  };
  const auto output = remove({Map{{"Key", "a"}}, Map{{"Key", "none"}}, Map{{"Key", "b"}, {"ETag", "wrong"}}});
  CHECK(Platform::keys(output, "Deleted") == std::vector<std::string>{"a", "none"});
  REQUIRE(output["Errors"].list().size() == 1);
  CHECK(output["Errors"][0]["Code"].string() == "PreconditionFailed");
  CHECK(remove({Map{{"Key", "c"}}}, true)["Deleted"].is_null());
  CHECK(Platform::keys(kernel.list()) == std::vector<std::string>{"b"});
  CHECK(kernel.error("DeleteObjects", {{"Bucket", "photos"}, {"Delete", Map{{"Objects", List{}}}}}).code ==
        "MalformedXML");
  List many;
  for (int i = 0; i < 1001; ++i) many.push_back(Map{{"Key", std::to_string(i)}});
  CHECK(kernel.error("DeleteObjects", {{"Bucket", "photos"}, {"Delete", Map{{"Objects", many}}}}).code ==
        "MalformedXML");

  kernel.call("PutBucketVersioning", {{"Bucket", "photos"}, {"VersioningConfiguration", Map{{"Status", "Enabled"}}}});
  const auto marked = remove({Map{{"Key", "b"}}})["Deleted"][0];
  CHECK(marked["DeleteMarker"].boolean());
  const auto unmarked = remove({Map{{"Key", "b"}, {"VersionId", marked["DeleteMarkerVersionId"]}}})["Deleted"][0];
  CHECK(unmarked["VersionId"] == marked["DeleteMarkerVersionId"]);
  CHECK(kernel.body_of("b") == "b");
}

TEST_CASE("an object's tags are replaced as a whole") {
  Platform kernel;
  const auto at = [](Map more = {}) {
    more.set("Bucket", "photos");
    more.set("Key", "cat");
    return more;
  };
  const auto tagging = [](List tags) { return Map{{"TagSet", std::move(tags)}}; };
  CHECK(kernel.error("PutObjectTagging", at({{"Tagging", tagging({})}})).code == "NoSuchKey");
  kernel.put("cat", "miau", {{"Tagging", "colour=dark%20blue&empty="}});
  const auto tags = kernel.call("GetObjectTagging", at())["TagSet"];
  REQUIRE(tags.list().size() == 2);
  CHECK(tags[0]["Value"].string() == "dark blue");
  CHECK(tags[1]["Value"].string().empty());
  kernel.call("PutObjectTagging", at({{"Tagging", tagging({Map{{"Key", "one"}, {"Value", "1"}}})}}));
  CHECK(kernel.get("cat")["TagCount"].integer() == 1);
  List twice{Map{{"Key", "one"}, {"Value", "1"}}, Map{{"Key", "one"}, {"Value", "2"}}};
  CHECK(kernel.error("PutObjectTagging", at({{"Tagging", tagging(twice)}})).code == "InvalidTag");
  List eleven;
  for (int i = 0; i < 11; ++i) eleven.push_back(Map{{"Key", std::to_string(i)}, {"Value", ""}});
  CHECK(kernel.error("PutObjectTagging", at({{"Tagging", tagging(eleven)}})).code == "BadRequest");
  kernel.call("DeleteObjectTagging", at());
  CHECK(kernel.call("GetObjectTagging", at())["TagSet"].list().empty());
}

TEST_CASE("an object's attributes are told as far as they are asked for") {
  Platform kernel;
  kernel.put("cat", "miau");
  const auto attributes = [&](const std::string& key, List wanted) {
    return kernel.call("GetObjectAttributes",
                       {{"Bucket", "photos"}, {"Key", key}, {"ObjectAttributes", std::move(wanted)}});
  };
  const auto some = attributes("cat", {"ETag", "ObjectSize"});
  CHECK(some["ETag"].string() == md5_hex("miau"));
  CHECK(some["ObjectSize"].integer() == 4);
  CHECK(some["StorageClass"].is_null());
  CHECK(attributes("cat", {"StorageClass"})["StorageClass"].string() == "STANDARD");
  CHECK(attributes("cat", {"Checksum"})["Checksum"]["ChecksumCRC64NVME"].is_string());
  CHECK(attributes("cat", {"ObjectParts"})["ObjectParts"].is_null());
  CHECK(kernel.error("GetObjectAttributes", {{"Bucket", "photos"}, {"Key", "cat"}, {"ObjectAttributes", List{"Name"}}})
            .code == "InvalidArgument");

  const auto id = kernel.call("CreateMultipartUpload",
                              {{"Bucket", "photos"}, {"Key", "film"}, {"ChecksumAlgorithm", "SHA256"}})["UploadId"];
  List parts;
  for (const auto& body : {large(5u << 20), std::string("end")}) {
    const auto number = static_cast<int>(parts.size()) + 1;
    const auto part =
        kernel.call("UploadPart",
                    {{"Bucket", "photos"}, {"Key", "film"}, {"UploadId", id}, {"PartNumber", number}, {"Body", body}});
    parts.push_back(Map{{"PartNumber", number}, {"ETag", part["ETag"]}, {"ChecksumSHA256", part["ChecksumSHA256"]}});
  }
  kernel.call("CompleteMultipartUpload",
              {{"Bucket", "photos"}, {"Key", "film"}, {"UploadId", id}, {"MultipartUpload", Map{{"Parts", parts}}}});
  const auto told = attributes("film", {"ObjectParts"})["ObjectParts"];
  CHECK(told["TotalPartsCount"].integer() == 2);
  REQUIRE(told["Parts"].list().size() == 2);
  CHECK(told["Parts"][1]["Size"].integer() == 3);
  CHECK(told["Parts"][1]["ChecksumSHA256"].string() == base64(sha256("end")));
}
