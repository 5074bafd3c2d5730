#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using moonbase::s3::testing::Platform;

namespace {

const Map photos{{"Bucket", "photos"}};

Map of_photos(const char* member, Value value) { return {{"Bucket", "photos"}, {member, std::move(value)}}; }
Value cors_rule(List methods, List origins) {
  return Map{{"AllowedMethods", std::move(methods)}, {"AllowedOrigins", std::move(origins)}};
}

}  // namespace

TEST_CASE("what a bucket does not have is told by the error of its kind") {
  Platform kernel;
  const auto code = [&](const char* operation) {
    const auto error = kernel.error(operation, photos);
    CHECK(error.status == 404);
    CHECK(error.members.find("BucketName")->string() == "photos");
    return error.code;
  };
  CHECK(code("GetBucketTagging") == "NoSuchTagSet");
  CHECK(code("GetBucketCors") == "NoSuchCORSConfiguration");
  CHECK(code("GetBucketReplication") == "ReplicationConfigurationNotFoundError");
  CHECK(code("GetBucketWebsite") == "NoSuchWebsiteConfiguration");
  CHECK(code("GetObjectLockConfiguration") == "ObjectLockConfigurationNotFoundError");
  CHECK(kernel.error("GetBucketCors", {{"Bucket", "no-such"}}).code == "NoSuchBucket");
  CHECK(kernel
            .error("PutBucketCors",
                   {{"Bucket", "no-such"}, {"CORSConfiguration", Map{{"CORSRules", List{cors_rule({"GET"}, {"*"})}}}}})
            .code == "NoSuchBucket");
}

TEST_CASE("a new bucket is private, unlisted and encrypted by the disk's maker") {
  Platform kernel;
  const auto access = kernel.call("GetPublicAccessBlock", photos)["PublicAccessBlockConfiguration"];
  CHECK(access["BlockPublicPolicy"].boolean());
  CHECK(access["RestrictPublicBuckets"].boolean());
  const auto ownership = kernel.call("GetBucketOwnershipControls", photos)["OwnershipControls"];
  CHECK(ownership["Rules"][0]["ObjectOwnership"].string() == "BucketOwnerEnforced");
  const auto encryption = kernel.call("GetBucketEncryption", photos)["ServerSideEncryptionConfiguration"];
  CHECK(encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"].string() == "AES256");
  CHECK(kernel.call("GetBucketRequestPayment", photos)["Payer"].string() == "BucketOwner");
  CHECK(kernel.call("GetBucketAccelerateConfiguration", photos)["Status"].is_null());
  CHECK(kernel.call("GetBucketLogging", photos)["LoggingEnabled"].is_null());

  kernel.call("DeletePublicAccessBlock", photos);
  CHECK(kernel.error("GetPublicAccessBlock", photos).code == "NoSuchPublicAccessBlockConfiguration");
  kernel.call("PutPublicAccessBlock", of_photos("PublicAccessBlockConfiguration", Map{{"BlockPublicAcls", true}}));
  const auto some = kernel.call("GetPublicAccessBlock", photos)["PublicAccessBlockConfiguration"];
  CHECK(some["BlockPublicAcls"].boolean());
  CHECK_FALSE(some["BlockPublicPolicy"].boolean());
  kernel.call("DeleteBucketOwnershipControls", photos);
  CHECK(kernel.error("GetBucketOwnershipControls", photos).code == "OwnershipControlsNotFoundError");
}

TEST_CASE("what would have an effect that is not built is refused") {
  Platform kernel;
  const auto code = [&](const char* operation, const char* member, Value value) {
    return kernel.error(operation, of_photos(member, std::move(value))).code;
  };
  CHECK(code("PutBucketRequestPayment", "RequestPaymentConfiguration", Map{{"Payer", "Requester"}}) ==
        "NotImplemented");
  CHECK(code("PutBucketRequestPayment", "RequestPaymentConfiguration", Map{{"Payer", "Nobody"}}) == "MalformedXML");
  CHECK(code("PutBucketAccelerateConfiguration", "AccelerateConfiguration", Map{{"Status", "Enabled"}}) ==
        "NotImplemented");
  CHECK(code("PutBucketLogging", "BucketLoggingStatus",
             Map{{"LoggingEnabled", Map{{"TargetBucket", "logs"}, {"TargetPrefix", ""}}}}) == "NotImplemented");
  CHECK(code("PutBucketOwnershipControls", "OwnershipControls",
             Map{{"Rules", List{Map{{"ObjectOwnership", "ObjectWriter"}}}}}) == "NotImplemented");
  CHECK(code("PutBucketOwnershipControls", "OwnershipControls", Map{{"Rules", List{Map{{"ObjectOwnership", "Me"}}}}}) ==
        "MalformedXML");
  const auto encryption = [](const char* algorithm) {
    return Map{{"Rules", List{Map{{"ApplyServerSideEncryptionByDefault", Map{{"SSEAlgorithm", algorithm}}}}}}};
  };
  CHECK(code("PutBucketEncryption", "ServerSideEncryptionConfiguration", encryption("aws:kms")) == "NotImplemented");
  CHECK(code("PutBucketEncryption", "ServerSideEncryptionConfiguration", encryption("ROT13")) == "MalformedXML");
  CHECK_NOTHROW(
      kernel.call("PutBucketEncryption", of_photos("ServerSideEncryptionConfiguration", encryption("AES256"))));
}

TEST_CASE("tags of a bucket") {
  Platform kernel;
  const auto put = [&](List tags) { return of_photos("Tagging", Map{{"TagSet", std::move(tags)}}); };
  kernel.call("PutBucketTagging", put({Map{{"Key", "team"}, {"Value", "moon"}}}));
  CHECK(kernel.call("GetBucketTagging", photos)["TagSet"][0]["Value"].string() == "moon");
  List many;
  for (int i = 0; i < 51; ++i) many.push_back(Map{{"Key", std::to_string(i)}, {"Value", ""}});
  CHECK(kernel.error("PutBucketTagging", put(many)).code == "BadRequest");
  many.pop_back();
  CHECK_NOTHROW(kernel.call("PutBucketTagging", put(many)));
  CHECK(kernel.error("PutBucketTagging", put({Map{{"Key", ""}, {"Value", ""}}})).code == "InvalidTag");
  kernel.call("DeleteBucketTagging", photos);
  CHECK(kernel.error("GetBucketTagging", photos).code == "NoSuchTagSet");

  kernel.call("CreateBucket", {{"Bucket", "tagged"},
                               {"CreateBucketConfiguration", Map{{"Tags", List{Map{{"Key", "a"}, {"Value", "b"}}}}}}});
  CHECK(kernel.call("GetBucketTagging", {{"Bucket", "tagged"}})["TagSet"][0]["Key"].string() == "a");
  kernel.call("DeleteBucket", {{"Bucket", "tagged"}});
  kernel.call("CreateBucket", {{"Bucket", "tagged"}});
  CHECK(kernel.error("GetBucketTagging", {{"Bucket", "tagged"}}).code == "NoSuchTagSet");
}

TEST_CASE("rules for CORS rules") {
  Platform kernel;
  const auto put = [&](Value rule) {
    return of_photos("CORSConfiguration", Map{{"CORSRules", List{std::move(rule)}}});
  };
  kernel.call("PutBucketCors", put(cors_rule({"GET", "PUT"}, {"https://*.example.com"})));
  CHECK(kernel.call("GetBucketCors", photos)["CORSRules"][0]["AllowedMethods"][1].string() == "PUT");
  CHECK(kernel.error("PutBucketCors", put(cors_rule({"PATCH"}, {"*"}))).message ==
        "Found unsupported HTTP method in CORS config. Unsupported method is PATCH");
  CHECK(kernel.error("PutBucketCors", put(cors_rule({"GET"}, {"*.*"}))).message ==
        "AllowedOrigin \"*.*\" can not have more than one wildcard.");
  CHECK(kernel.error("PutBucketCors", put(cors_rule({"GET"}, List{}))).code == "MalformedXML");
  auto exposing = cors_rule({"GET"}, {"*"});
  exposing.set("ExposeHeaders", List{"x-*"});
  CHECK(kernel.error("PutBucketCors", put(exposing)).code == "InvalidRequest");
  kernel.call("DeleteBucketCors", photos);
  CHECK(kernel.error("GetBucketCors", photos).code == "NoSuchCORSConfiguration");
}

TEST_CASE("the bucket's owner owns everything, and no list says otherwise") {
  Platform kernel;
  kernel.put("cat", "1");
  const auto list = kernel.call("GetBucketAcl", photos);
  CHECK(list["Grants"][0]["Permission"].string() == "FULL_CONTROL");
  CHECK(list["Grants"][0]["Grantee"]["ID"].string() == list["Owner"]["ID"].string());
  CHECK(kernel.call("GetObjectAcl", {{"Bucket", "photos"}, {"Key", "cat"}})["Grants"].list().size() == 1);
  CHECK(kernel.error("GetObjectAcl", {{"Bucket", "photos"}, {"Key", "dog"}}).code == "NoSuchKey");
  CHECK(kernel.error("PutBucketAcl", of_photos("ACL", "public-read")).code == "AccessControlListNotSupported");
  CHECK(kernel.error("PutBucketAcl", photos).code == "MissingSecurityHeader");
  CHECK_NOTHROW(kernel.call("PutBucketAcl", of_photos("AccessControlPolicy", list)));
  CHECK(kernel.error("PutObject", {{"Bucket", "photos"}, {"Key", "dog"}, {"ACL", "public-read"}}).code ==
        "AccessControlListNotSupported");
  CHECK_NOTHROW(kernel.put("dog", "2", {{"ACL", "bucket-owner-full-control"}}));
  CHECK(kernel.error("CreateBucket", {{"Bucket", "open"}, {"ACL", "public-read"}}).code ==
        "InvalidBucketAclWithObjectOwnership");
  CHECK_NOTHROW(kernel.call("CreateBucket", {{"Bucket", "closed"}, {"ACL", "private"}}));
}
