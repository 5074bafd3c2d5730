// Buckets of a stack: planned, made, changed, and taken away.
#include <catch2/catch.hpp>

#include "stack_file.hpp"
#include "support.hpp"

using namespace moonbase;
using moonbase::testing::TestKernel;

namespace {

const Map photos{{"Bucket", "photos"}};

}  // namespace

TEST_CASE("a stack's bucket is made, changed and deleted through ordinary calls") {
  const StackFile stack("album");
  TestKernel kernel{"s3", {.plugins = {"storage"}}};
  const auto first = stack.with(R"(
    s.bucket "photos" { versioning = true, cors = { "https://a.example", "https://b.example" }, tags = { team = "moon" },
      lifecycle = { { prefix = "tmp/", expire = 7, abort = 1 }, { noncurrent = 30, to = { GLACIER = 90, STANDARD_IA = 30 } } } }
    s.bucket "vault" { lock = true })");
  CHECK(steps(kernel.apply(first)) == "create photos, create vault");
  CHECK(kernel.call("GetBucketVersioning", photos)["Status"].string() == "Enabled");
  const auto cors = kernel.call("GetBucketCors", photos)["CORSRules"][0];
  CHECK(cors["AllowedOrigins"][1].string() == "https://b.example");
  CHECK(cors["ExposeHeaders"][0].string() == "ETag");
  CHECK(kernel.call("GetBucketTagging", photos)["TagSet"][0]["Value"].string() == "moon");
  const auto rules = kernel.call("GetBucketLifecycleConfiguration", photos)["Rules"];
  CHECK(rules[0]["Expiration"]["Days"].integer() == 7);
  CHECK(rules[0]["Filter"]["Prefix"].string() == "tmp/");
  CHECK(rules[1]["Transitions"][0]["StorageClass"].string() == "STANDARD_IA");
  CHECK(kernel.call("GetObjectLockConfiguration", {{"Bucket", "vault"}})["ObjectLockConfiguration"].is_map());
  CHECK(steps(kernel.apply(first)) == "keep photos, keep vault");

  kernel.call("PutObject", {{"Bucket", "photos"}, {"Key", "cat"}, {"Body", "1"}});
  CHECK(steps(kernel.apply(stack.with("s.bucket \"photos\" { cors = \"*\" } s.bucket \"vault\" { lock = true }"))) ==
        "update photos, keep vault");
  CHECK(kernel.call("GetBucketVersioning", photos)["Status"].string() == "Suspended");
  CHECK(kernel.call("GetBucketCors", photos)["CORSRules"][0]["AllowedOrigins"][0].string() == "*");
  CHECK(kernel.error("GetBucketTagging", photos).code == "NoSuchTagSet");
  CHECK(kernel.error("GetBucketLifecycleConfiguration", photos).code == "NoSuchLifecycleConfiguration");
  CHECK(kernel.call("GetObject", {{"Bucket", "photos"}, {"Key", "cat"}})["Body"].string() == "1");

  CHECK(steps(kernel.down("album")) == "delete vault, delete photos");
  CHECK(kernel.error("HeadBucket", photos).code == "NoSuchBucket");
}

TEST_CASE("on_object makes a function, and tells it and others of objects") {
  const StackFile stack("album");
  TestKernel kernel{"s3", {.plugins = {"storage", "functions", "queues", "notifications"}}};
  const auto file = stack.with(R"(
    local photos = s.bucket "photos" {}
    local seen = s.queue "seen" {}
    photos:on_object({ prefix = "in/", timeout = 9 }, function(object) seen:send(object.key .. " " .. object.event) end)
    photos:on_object({ events = { "removed" } }, seen))");
  CHECK(steps(kernel.apply(file)) == "create photos, create seen, create photos-on-object, create photos");
  const auto configured = kernel.call("GetBucketNotificationConfiguration", photos);
  const auto& function = configured["LambdaFunctionConfigurations"][0];
  CHECK(function["Id"].string() == "photos-on-object");
  CHECK(function["Events"][0].string() == "s3:ObjectCreated:*");
  CHECK(function["Filter"]["Key"]["FilterRules"][0]["Value"].string() == "in/");
  CHECK(configured["QueueConfigurations"][0]["Events"][0].string() == "s3:ObjectRemoved:*");
  CHECK(steps(kernel.apply(file)) == "keep photos, keep seen, keep photos-on-object, keep photos");

  const auto last = stack.with(
      "local photos = s.bucket \"photos\" {} local seen = s.queue \"seen\" {} "
      "photos:on_object({ events = { \"removed\", \"expired\" } }, seen)");
  CHECK(steps(kernel.apply(last)) == "keep photos, keep seen, update photos, delete photos-on-object");
  const auto left = kernel.call("GetBucketNotificationConfiguration", photos);
  CHECK(left["LambdaFunctionConfigurations"].is_null());
  CHECK(left["QueueConfigurations"].list().size() == 1);
  CHECK(left["QueueConfigurations"][0]["Events"].list().size() == 2);

  CHECK(steps(kernel.apply(stack.with("s.bucket \"photos\" {} s.queue \"seen\" {}"))) ==
        "keep photos, keep seen, delete photos");
  CHECK(kernel.call("GetBucketNotificationConfiguration", photos).map().empty());
  CHECK(kernel.down("album").ok());
}

TEST_CASE("words that make no sense are refused where they stand") {
  const StackFile stack("album");
  TestKernel kernel{"s3", {.plugins = {"storage", "functions"}}};
  const auto refused = [&](const std::string& line) { return steps(kernel.plan(stack.with(line))); };
  CHECK_THAT(refused("s.bucket \"a-b\" { version = true }"), Catch::Contains("version"));
  CHECK_THAT(refused("s.bucket \"a-b\" { cors = { origin = \"*\" } }"), Catch::Contains("cors takes no \"origin\""));
  CHECK_THAT(refused("s.bucket \"a-b\" { lifecycle = { { days = 1 } } }"),
             Catch::Contains("a lifecycle rule takes no \"days\""));
  CHECK_THAT(refused("s.bucket \"a-b\" {} :on_object({ sufix = \"x\" }, function() end)"),
             Catch::Contains("there is no option \"sufix\""));
  CHECK_THAT(refused("s.bucket \"a-b\" {} :on_object({}, \"me\")"), Catch::Contains("the last word is a function"));
}
