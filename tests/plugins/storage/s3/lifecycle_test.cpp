#include <catch2/catch.hpp>
#include <moonbase/json.hpp>

#include "support.hpp"

using namespace moonbase;
using moonbase::s3::testing::large;
using moonbase::s3::testing::Platform;
using Words = std::vector<std::string>;

namespace {

constexpr std::int64_t day_ms = 86'400'000;

struct Ruled : Platform {
  explicit Ruled(std::vector<std::string> plugins = {"storage"}) : Platform("photos", std::move(plugins)) {
    clock.advance_ms(day_ms / 2);  // Noon.
  }
  static Map configured(List rules) {
    return {{"Bucket", "photos"}, {"LifecycleConfiguration", Map{{"Rules", std::move(rules)}}}};
  }
  static Map rule(Map filter, Map more) {
    more.set("Filter", std::move(filter));
    more.set("Status", "Enabled");
    return more;
  }
  void rules(List rules) { call("PutBucketLifecycleConfiguration", configured(std::move(rules))); }
  std::string refused(Map rule) {
    return error("PutBucketLifecycleConfiguration", configured({std::move(rule)})).message;
  }
  void keep_versions() {
    call("PutBucketVersioning", {{"Bucket", "photos"}, {"VersioningConfiguration", Map{{"Status", "Enabled"}}}});
  }
  void days(int days) { clock.advance_ms(days * day_ms); }
  Value versions() { return call("ListObjectVersions", {{"Bucket", "photos"}}); }
  std::size_t version_count() {
    const auto listed = versions()["Versions"];
    return listed.is_list() ? listed.list().size() : 0;
  }
  std::string storage_class(const std::string& key) {
    return call("HeadObject", {{"Bucket", "photos"}, {"Key", key}})["StorageClass"].string_or("STANDARD");
  }
};

const Map all{{"Prefix", ""}};

}  // namespace

TEST_CASE("an object expires at the midnight after its days") {
  Ruled kernel;
  kernel.rules({Ruled::rule({{"Prefix", "tmp/"}}, {{"ID", "tmp rule"}, {"Expiration", Map{{"Days", 2}}}})});
  const auto put = kernel.put("tmp/a", "1");
  CHECK(put["Expiration"].string() == "expiry-date=\"Mon, 04 Jan 2027 00:00:00 GMT\", rule-id=\"tmp%20rule\"");
  CHECK(kernel.get("tmp/a")["Expiration"].string() == put["Expiration"].string());
  CHECK(kernel.put("keep/a", "1")["Expiration"].is_null());
  kernel.clock.advance_ms(2 * day_ms + day_ms / 2 - 1);
  CHECK(Platform::keys(kernel.list()) == Words{"keep/a", "tmp/a"});
  kernel.clock.advance_ms(1);
  CHECK(Platform::keys(kernel.list()) == Words{"keep/a"});
  // Day after day.
  kernel.put("tmp/b", "1");
  kernel.days(3);
  CHECK(Platform::keys(kernel.list()) == Words{"keep/a"});
}

TEST_CASE("rules choose by tags and sizes, and a date ends all") {
  Ruled kernel;
  Map both{{"And", Map{{"Prefix", "a"}, {"Tags", List{Map{{"Key", "k"}, {"Value", "v"}}}}}}};
  kernel.rules({Ruled::rule(std::move(both), {{"Expiration", Map{{"Days", 1}}}}),
                Ruled::rule({{"ObjectSizeGreaterThan", 5}}, {{"Expiration", Map{{"Days", 1}}}}),
                Ruled::rule({{"Prefix", "z"}},
                            {{"Expiration", Map{{"Date", kernel.clock.now().ms / day_ms * day_ms + 5 * day_ms}}}})});
  kernel.put("a-tagged", "1", {{"Tagging", "k=v"}});
  kernel.put("a-other", "1", {{"Tagging", "k=w"}});
  kernel.put("b-tagged", "1", {{"Tagging", "k=v"}});
  kernel.put("large", "123456");
  kernel.put("small", "12345");
  kernel.put("z", "1");
  kernel.days(3);
  CHECK(Platform::keys(kernel.list()) == Words{"a-other", "b-tagged", "small", "z"});
  kernel.days(2);
  CHECK(Platform::keys(kernel.list()) == Words{"a-other", "b-tagged", "small"});
}

TEST_CASE("a version that is kept makes place for a marker, and goes later") {
  Ruled kernel;
  kernel.keep_versions();
  kernel.rules({Ruled::rule(
      all, {{"Expiration", Map{{"Days", 1}}}, {"NoncurrentVersionExpiration", Map{{"NoncurrentDays", 3}}}})});
  kernel.put("cat", "1");
  kernel.days(2);
  CHECK(Platform::keys(kernel.list()).empty());
  CHECK(kernel.version_count() == 1);
  CHECK(kernel.versions()["DeleteMarkers"].list().size() == 1);
  kernel.days(3);
  CHECK(kernel.version_count() == 0);
  // A marker with nothing below it is no use.
  kernel.days(1);
  CHECK(kernel.versions()["DeleteMarkers"].is_null());
}

TEST_CASE("so many noncurrent versions stay") {
  Ruled kernel;
  kernel.keep_versions();
  kernel.rules({Ruled::rule(
      all, {{"NoncurrentVersionExpiration", Map{{"NoncurrentDays", 1}, {"NewerNoncurrentVersions", 2}}}})});
  for (const auto* body : {"1", "2", "3", "4", "5"}) kernel.put("cat", body);
  kernel.days(3);
  CHECK(kernel.version_count() == 3);
  CHECK(kernel.body_of("cat") == "5");
}

TEST_CASE("a locked version outlives its rule") {
  Platform kernel("");
  kernel.call("CreateBucket", {{"Bucket", "photos"}, {"ObjectLockEnabledForBucket", true}});
  kernel.call("PutBucketLifecycleConfiguration",
              Ruled::configured({Ruled::rule(all, {{"NoncurrentVersionExpiration", Map{{"NoncurrentDays", 1}}}})}));
  const auto later = kernel.clock.now().ms + 10 * day_ms;
  const auto id =
      kernel.put("cat", "1", {{"ObjectLockMode", "COMPLIANCE"}, {"ObjectLockRetainUntilDate", later}})["VersionId"];
  kernel.put("cat", "2");
  kernel.clock.advance_ms(5 * day_ms);
  CHECK(kernel.body_of("cat", {{"VersionId", id}}) == "1");
  kernel.clock.advance_ms(6 * day_ms);
  CHECK(kernel.error("GetObject", {{"Bucket", "photos"}, {"Key", "cat"}, {"VersionId", id}}).code == "NoSuchVersion");
}

TEST_CASE("objects move to other classes, small ones only when asked") {
  Ruled kernel;
  const auto moves = [](int days, const char* storage_class) {
    return Map{{"Transitions", List{Map{{"Days", days}, {"StorageClass", storage_class}}}}};
  };
  kernel.rules({Ruled::rule({{"Prefix", "film"}}, moves(30, "STANDARD_IA")),
                Ruled::rule({{"Prefix", "film"}}, moves(40, "GLACIER")),
                Ruled::rule({{"ObjectSizeLessThan", 10}}, moves(30, "GLACIER_IR"))});
  kernel.put("film", large(200'000));
  kernel.put("film-short", large(20'000));
  kernel.put("note", "1");
  kernel.days(31);
  CHECK(kernel.storage_class("film") == "STANDARD_IA");
  CHECK(kernel.storage_class("film-short") == "STANDARD");
  CHECK(kernel.storage_class("note") == "GLACIER_IR");
  kernel.days(10);
  CHECK(kernel.storage_class("film") == "GLACIER");
}

TEST_CASE("uploads that nobody ends are ended") {
  Ruled kernel;
  kernel.rules(
      {Ruled::rule({{"Prefix", "in/"}}, {{"AbortIncompleteMultipartUpload", Map{{"DaysAfterInitiation", 2}}}})});
  for (const auto* key : {"in/film", "out/film"})
    kernel.call("CreateMultipartUpload", {{"Bucket", "photos"}, {"Key", key}});
  kernel.days(2);
  CHECK(kernel.call("ListMultipartUploads", {{"Bucket", "photos"}})["Uploads"].list().size() == 2);
  kernel.days(1);
  const auto left = kernel.call("ListMultipartUploads", {{"Bucket", "photos"}})["Uploads"];
  REQUIRE(left.list().size() == 1);
  CHECK(left[0]["Key"].string() == "out/film");
}

TEST_CASE("many objects go in steps") {
  Ruled kernel;
  kernel.rules({Ruled::rule({{"Prefix", "b"}}, {{"Expiration", Map{{"Days", 1}}}}),
                Ruled::rule({{"Prefix", "d"}}, {{"Expiration", Map{{"Days", 1}}}})});
  for (int i = 0; i < 510; ++i) kernel.put("b" + std::to_string(i), "1");
  for (const auto* key : {"a", "c", "d1", "d2", "e"}) kernel.put(key, "1");
  kernel.days(2);
  CHECK(Platform::keys(kernel.list()) == Words{"a", "c", "e"});
}

TEST_CASE("who wants to know is told what the rules did") {
  Ruled kernel({"storage", "queues"});
  const auto url = kernel.try_call("sqs", "CreateQueue", {{"QueueName", "events"}}).value()["QueueUrl"];
  Map queue{{"QueueArn", "arn:aws:sqs:us-east-1:000000000000:events"}, {"Events", List{"s3:LifecycleExpiration:*"}}};
  kernel.call("PutBucketNotificationConfiguration",
              {{"Bucket", "photos"},
               {"NotificationConfiguration", Map{{"QueueConfigurations", List{std::move(queue)}}}},
               {"SkipDestinationValidation", true}});
  kernel.rules({Ruled::rule(all, {{"Expiration", Map{{"Days", 1}}}})});
  kernel.put("cat", "1");
  kernel.days(2);
  const auto received = kernel.try_call("sqs", "ReceiveMessage", {{"QueueUrl", url}}).value()["Messages"];
  REQUIRE(received.list().size() == 1);
  const auto record = parse_json(received[0]["Body"].string()).value()["Records"][0];
  CHECK(record["eventVersion"].string() == "2.3");
  CHECK(record["eventName"].string() == "LifecycleExpiration:Delete");
  CHECK(record["userIdentity"]["principalId"].string() == "s3.amazonaws.com");
  CHECK(record["s3"]["object"]["key"].string() == "cat");
}

TEST_CASE("rules are kept until they are deleted") {
  Ruled kernel;
  CHECK(kernel.error("GetBucketLifecycleConfiguration", {{"Bucket", "photos"}}).code == "NoSuchLifecycleConfiguration");
  kernel.rules({Ruled::rule(all, {{"Expiration", Map{{"Days", 1}}}})});
  const auto kept = kernel.call("GetBucketLifecycleConfiguration", {{"Bucket", "photos"}});
  CHECK(kept["Rules"][0]["ID"].string().size() == 48);
  CHECK(kept["TransitionDefaultMinimumObjectSize"].string() == "all_storage_classes_128K");
  kernel.put("cat", "1");
  kernel.call("DeleteBucketLifecycle", {{"Bucket", "photos"}});
  kernel.days(3);
  CHECK(kernel.body_of("cat") == "1");
}

TEST_CASE("rules that make no sense are refused") {
  Ruled kernel;
  const auto malformed = "The XML you provided was not well-formed or did not validate against our published schema";
  CHECK(kernel.refused(Ruled::rule(all, {})) == "At least one action needs to be specified in a rule");
  CHECK(kernel.refused(Ruled::rule(all, {{"Expiration", Map{{"Days", 0}}}})) ==
        "'Days' for Expiration action must be a positive integer");
  CHECK(kernel.refused(Ruled::rule(all, {{"Expiration", Map{{"Days", 1}, {"Date", 0}}}})) == malformed);
  CHECK(kernel.refused(Ruled::rule(all, {{"Expiration", Map{{"Days", 1LL << 40}}}})) == malformed);
  CHECK(kernel.refused(Ruled::rule(all, {{"Expiration", Map{{"Date", 1}}}})) == "'Date' must be at midnight GMT");
  CHECK(kernel.refused({{"Status", "Enabled"}, {"Expiration", Map{{"Days", 1}}}}) == malformed);
  const auto moving = [&](int days, const char* storage_class) {
    return kernel.refused(Ruled::rule(all, {{"Transitions", List{Map{{"Days", days}, {"StorageClass", storage_class}}}},
                                            {"Expiration", Map{{"Days", 40}}}}));
  };
  CHECK(moving(29, "STANDARD_IA") ==
        "'Days' in Transition action must be greater than or equal to 30 for storageClass 'STANDARD_IA'");
  CHECK(moving(40, "GLACIER").starts_with("'Days' in the Expiration action"));
  CHECK(moving(1, "ATTIC") == malformed);
  const auto twice = Ruled::rule(all, {{"ID", "x"}, {"Expiration", Map{{"Days", 1}}}});
  CHECK(kernel.error("PutBucketLifecycleConfiguration", Ruled::configured({twice, twice})).message ==
        "Rule ID must be unique. Found same ID for more than one rule");
  CHECK(kernel.refused(Ruled::rule({{"Tag", Map{{"Key", "a"}, {"Value", "b"}}}},
                                   {{"AbortIncompleteMultipartUpload", Map{{"DaysAfterInitiation", 1}}}})) ==
        "AbortIncompleteMultipartUpload cannot be specified with Tags.");
}
