#include "s3/bucket.hpp"

#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using moonbase::s3::testing::Platform;

namespace {

CallContext account(const std::string& id) {
  CallContext context;
  context.identity.account_id = id;
  context.identity.arn = "arn:aws:iam::" + id + ":root";
  return context;
}

}  // namespace

TEST_CASE("bucket names are those that AWS takes") {
  for (const auto* good : {"abc", "a.b-c", "logs-2026", "1st", "my.bucket.name"}) {
    CAPTURE(good);
    CHECK(s3::check_bucket_name(good));
  }
  for (const auto* bad : {"ab", "Abc", "a_b", "a..b", "-abc", "abc-", ".abc", "192.168.5.4", "xn--abc", "abc-s3alias",
                          "sthree-abc", "abc--ol-s3", "a/b"}) {
    CAPTURE(bad);
    CHECK_FALSE(s3::check_bucket_name(bad));
  }
  CHECK(s3::check_bucket_name(std::string(63, 'a')));
  CHECK_FALSE(s3::check_bucket_name(std::string(64, 'a')));
}

TEST_CASE("a bucket's name is taken for all accounts and regions") {
  Platform kernel;
  CHECK(kernel.call("CreateBucket", {{"Bucket", "photos"}})["Location"].string() == "/photos");
  const auto other = kernel.try_call_as(account("111111111111"), "s3", "CreateBucket", {{"Bucket", "photos"}});
  REQUIRE_FALSE(other);
  CHECK(other.error().code == "BucketAlreadyExists");
  kernel.context.region = "eu-west-1";
  CHECK(kernel.error("CreateBucket", {{"Bucket", "photos"}}).code == "BucketAlreadyOwnedByYou");
}

TEST_CASE("another account may neither see nor touch a bucket") {
  Platform kernel;
  kernel.put("cat", "miau");
  const auto other = account("111111111111");
  const std::pair<const char*, Map> calls[] = {{"HeadBucket", {}},
                                               {"DeleteBucket", {}},
                                               {"ListObjectsV2", {}},
                                               {"GetObject", {{"Key", "cat"}}},
                                               {"PutObject", {{"Key", "cat"}, {"Body", "wuff"}}},
                                               {"DeleteObject", {{"Key", "cat"}}}};
  for (const auto& [operation, more] : calls) {
    CAPTURE(operation);
    Map input = more;
    input.set("Bucket", "photos");
    const auto refused = kernel.try_call_as(other, "s3", operation, std::move(input));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == "AccessDenied");
  }
  CHECK(kernel.body_of("cat") == "miau");
  CHECK(kernel.error("HeadBucket", {{"Bucket", "photos"}, {"ExpectedBucketOwner", "111111111111"}}).code ==
        "AccessDenied");
  CHECK_NOTHROW(kernel.call("HeadBucket", {{"Bucket", "photos"}, {"ExpectedBucketOwner", "000000000000"}}));
}

TEST_CASE("a bucket is in the region that was asked for") {
  Platform kernel("");
  const auto create = [&](const std::string& name, const std::string& constraint) {
    Map input{{"Bucket", name}};
    if (!constraint.empty()) input.set("CreateBucketConfiguration", Map{{"LocationConstraint", constraint}});
    return kernel.try_call("s3", "CreateBucket", std::move(input));
  };
  REQUIRE(create("here", ""));
  REQUIRE(create("there", "eu-central-1"));
  CHECK(kernel.call("GetBucketLocation", {{"Bucket", "here"}})["LocationConstraint"].is_null());
  CHECK(kernel.call("GetBucketLocation", {{"Bucket", "there"}})["LocationConstraint"].string() == "eu-central-1");
  CHECK(kernel.call("HeadBucket", {{"Bucket", "there"}})["BucketRegion"].string() == "eu-central-1");
  CHECK(create("nowhere", "moon").error().code == "InvalidLocationConstraint");
  kernel.context.region = "eu-west-1";
  CHECK(create("elsewhere", "eu-central-1").error().code == "IllegalLocationConstraintException");
}

TEST_CASE("buckets are listed by name, page by page") {
  Platform kernel("");
  for (const auto* name : {"bbb", "aaa", "abc"}) kernel.call("CreateBucket", {{"Bucket", name}});
  const auto first = kernel.call("ListBuckets", {{"MaxBuckets", 2}});
  REQUIRE(first["Buckets"].list().size() == 2);
  CHECK(first["Buckets"][0]["Name"].string() == "aaa");
  CHECK(first["Buckets"][1]["Name"].string() == "abc");
  const auto rest = kernel.call("ListBuckets", {{"ContinuationToken", first["ContinuationToken"]}});
  REQUIRE(rest["Buckets"].list().size() == 1);
  CHECK(rest["Buckets"][0]["Name"].string() == "bbb");
  CHECK(rest["ContinuationToken"].is_null());
  CHECK(kernel.call("ListBuckets", {{"Prefix", "a"}})["Buckets"].list().size() == 2);
  CHECK(kernel.try_call_as(account("111111111111"), "s3", "ListBuckets", {})->map().find("Buckets")->list().empty());
}

TEST_CASE("only an empty bucket can be deleted") {
  Platform kernel;
  kernel.put("cat", "miau");
  CHECK(kernel.error("DeleteBucket", {{"Bucket", "photos"}}).code == "BucketNotEmpty");
  kernel.call("DeleteObject", {{"Bucket", "photos"}, {"Key", "cat"}});
  kernel.call("DeleteBucket", {{"Bucket", "photos"}});
  CHECK(kernel.error("HeadBucket", {{"Bucket", "photos"}}).code == "NoSuchBucket");
}

TEST_CASE("errors say which bucket, and answers to HEAD have no body") {
  Platform kernel;
  const auto missing = kernel.send("GET", "/nothing-here");
  CHECK(missing.status == 404);
  CHECK_THAT(missing.body,
             Catch::Contains("<Code>NoSuchBucket</Code>") && Catch::Contains("<BucketName>nothing-here</BucketName>"));
  CHECK(missing.headers.contains("x-amz-request-id"));
  CHECK(missing.headers.contains("x-amz-id-2"));
  CHECK(kernel.send("HEAD", "/nothing-here").status == 404);
  CHECK(kernel.send("GET", "/photos?analytics").status == 501);
}
