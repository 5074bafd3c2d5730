#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using moonbase::s3::testing::Platform;

namespace {

constexpr std::int64_t day_ms = 86'400'000;

struct Locked : Platform {
  Locked() : Platform("") { call("CreateBucket", {{"Bucket", "photos"}, {"ObjectLockEnabledForBucket", true}}); }
  std::int64_t in_days(int days) { return clock.now().ms + days * day_ms; }
  std::string locked(const char* mode, int days) {
    return put("cat", "1", {{"ObjectLockMode", mode}, {"ObjectLockRetainUntilDate", in_days(days)}})["VersionId"]
        .string();
  }
  Map version(const std::string& id, Map more = {}) {
    more.set("Bucket", "photos");
    more.set("Key", "cat");
    more.set("VersionId", id);
    return more;
  }
  Map retention(const std::string& id, const char* mode, std::int64_t until, bool bypass = false) {
    auto input = version(id, {{"Retention", Map{{"Mode", mode}, {"RetainUntilDate", until}}}});
    if (bypass) input.set("BypassGovernanceRetention", true);
    return input;
  }
  Map configured(Map rule) {
    return {{"Bucket", "photos"},
            {"ObjectLockConfiguration", Map{{"ObjectLockEnabled", "Enabled"}, {"Rule", std::move(rule)}}}};
  }
};

}  // namespace

TEST_CASE("a locked version stays until its date, whoever asks") {
  Locked kernel;
  const auto id = kernel.locked("COMPLIANCE", 2);
  const auto refused = kernel.error("DeleteObject", kernel.version(id, {{"BypassGovernanceRetention", true}}));
  CHECK(refused.code == "AccessDenied");
  CHECK(refused.message == "Access Denied because object protected by object lock.");
  CHECK(kernel.call("HeadObject", kernel.version(id))["ObjectLockMode"].string() == "COMPLIANCE");
  // A delete marker takes nothing away.
  CHECK(kernel.call("DeleteObject", {{"Bucket", "photos"}, {"Key", "cat"}})["DeleteMarker"].boolean());
  CHECK(kernel.body_of("cat", {{"VersionId", id}}) == "1");
  kernel.clock.advance_ms(2 * day_ms - 1);
  CHECK(kernel.error("DeleteObject", kernel.version(id)).code == "AccessDenied");
  kernel.clock.advance_ms(1);
  CHECK_NOTHROW(kernel.call("DeleteObject", kernel.version(id)));
  CHECK(kernel.error("GetObject", kernel.version(id)).code == "NoSuchVersion");
}

TEST_CASE("governance can be gone past, compliance only be prolonged") {
  Locked kernel;
  const auto governed = kernel.locked("GOVERNANCE", 5), strict = kernel.locked("COMPLIANCE", 5);
  const auto code = [&](Map input) { return kernel.error("PutObjectRetention", std::move(input)).code; };
  CHECK(code(kernel.retention(governed, "GOVERNANCE", kernel.in_days(1))) == "AccessDenied");
  CHECK_NOTHROW(kernel.call("PutObjectRetention", kernel.retention(governed, "GOVERNANCE", kernel.in_days(1), true)));
  CHECK(code(kernel.retention(strict, "COMPLIANCE", kernel.in_days(1), true)) == "AccessDenied");
  CHECK(code(kernel.retention(strict, "GOVERNANCE", kernel.in_days(9), true)) == "AccessDenied");
  CHECK(code(kernel.retention(strict, "COMPLIANCE", kernel.in_days(0))) == "InvalidArgument");
  CHECK_NOTHROW(kernel.call("PutObjectRetention", kernel.retention(strict, "COMPLIANCE", kernel.in_days(9))));
  const auto kept = kernel.call("GetObjectRetention", kernel.version(strict))["Retention"];
  CHECK(kept["RetainUntilDate"].integer() == kernel.in_days(9));
  CHECK(kernel.error("DeleteObject", kernel.version(governed)).code == "AccessDenied");
  CHECK_NOTHROW(kernel.call("DeleteObject", kernel.version(governed, {{"BypassGovernanceRetention", true}})));
}

TEST_CASE("a legal hold holds until it is let go") {
  Locked kernel;
  const auto id = kernel.put("cat", "1")["VersionId"].string();
  CHECK(kernel.error("GetObjectLegalHold", kernel.version(id)).code == "NoSuchObjectLockConfiguration");
  CHECK(kernel.error("GetObjectRetention", kernel.version(id)).code == "NoSuchObjectLockConfiguration");
  kernel.call("PutObjectLegalHold", kernel.version(id, {{"LegalHold", Map{{"Status", "ON"}}}}));
  CHECK(kernel.call("GetObjectLegalHold", kernel.version(id))["LegalHold"]["Status"].string() == "ON");
  CHECK(kernel.error("DeleteObject", kernel.version(id)).code == "AccessDenied");
  CHECK(kernel.error("PutObjectLegalHold", kernel.version(id, {{"LegalHold", Map{{"Status", "on"}}}})).code ==
        "MalformedXML");
  kernel.call("PutObjectLegalHold", kernel.version(id, {{"LegalHold", Map{{"Status", "OFF"}}}}));
  CHECK_NOTHROW(kernel.call("DeleteObject", kernel.version(id)));
}

TEST_CASE("a bucket's default retention is that of versions which say nothing") {
  Locked kernel;
  kernel.call("PutObjectLockConfiguration",
              kernel.configured({{"DefaultRetention", Map{{"Mode", "GOVERNANCE"}, {"Days", 3}}}}));
  const auto id = kernel.put("cat", "1")["VersionId"].string();
  const auto kept = kernel.call("GetObjectRetention", kernel.version(id))["Retention"];
  CHECK(kept["Mode"].string() == "GOVERNANCE");
  CHECK(kept["RetainUntilDate"].integer() == kernel.in_days(3));
  const auto strict = kernel.locked("COMPLIANCE", 1);
  CHECK(kernel.call("GetObjectRetention", kernel.version(strict))["Retention"]["Mode"].string() == "COMPLIANCE");
  const auto code = [&](Map retention) {
    return kernel.error("PutObjectLockConfiguration", kernel.configured({{"DefaultRetention", std::move(retention)}}))
        .code;
  };
  CHECK(code({{"Mode", "GOVERNANCE"}, {"Days", 1}, {"Years", 1}}) == "MalformedXML");
  CHECK(code({{"Mode", "GOVERNANCE"}, {"Days", 0}}) == "InvalidArgument");
  CHECK(code({{"Mode", "GOVERNANCE"}, {"Days", 36'501}}) == "InvalidArgument");
  CHECK(code({{"Mode", "STRICT"}, {"Days", 1}}) == "MalformedXML");
}

TEST_CASE("a copy is locked by its own words, and what is uploaded in parts by those of its beginning") {
  Locked kernel;
  kernel.locked("COMPLIANCE", 5);
  const auto copied =
      kernel.call("CopyObject",
                  {{"Bucket", "photos"}, {"Key", "cat"}, {"CopySource", "photos/cat"}, {"StorageClass", "GLACIER_IR"}});
  CHECK_NOTHROW(kernel.call("DeleteObject", kernel.version(copied["VersionId"].string())));
  const auto id = kernel.call("CreateMultipartUpload", {{"Bucket", "photos"},
                                                        {"Key", "cat"},
                                                        {"ObjectLockMode", "GOVERNANCE"},
                                                        {"ObjectLockRetainUntilDate", kernel.in_days(2)}})["UploadId"];
  Map part{{"Bucket", "photos"}, {"Key", "cat"}, {"UploadId", id}, {"PartNumber", 1}, {"Body", "1"}};
  const auto etag = kernel.call("UploadPart", part)["ETag"];
  Map end{{"Bucket", "photos"}, {"Key", "cat"}, {"UploadId", id}};
  end.set("MultipartUpload", Map{{"Parts", List{Map{{"PartNumber", 1}, {"ETag", etag}}}}});
  const auto made = kernel.call("CompleteMultipartUpload", end)["VersionId"].string();
  CHECK(kernel.error("DeleteObject", kernel.version(made)).code == "AccessDenied");
  const List many{Map{{"Key", "cat"}, {"VersionId", made}}};
  const auto bulk = kernel.call("DeleteObjects", {{"Bucket", "photos"}, {"Delete", Map{{"Objects", many}}}});
  CHECK(bulk["Errors"][0]["Code"].string() == "AccessDenied");
}

TEST_CASE("Object Lock needs versions, and keeps them") {
  Platform kernel;
  const Map configuration{{"Bucket", "photos"}, {"ObjectLockConfiguration", Map{{"ObjectLockEnabled", "Enabled"}}}};
  const auto versions = [&](const char* status) {
    return Map{{"Bucket", "photos"}, {"VersioningConfiguration", Map{{"Status", status}}}};
  };
  CHECK(kernel.error("PutObjectLockConfiguration", configuration).code == "InvalidBucketState");
  CHECK(
      kernel.error("PutObject", {{"Bucket", "photos"}, {"Key", "cat"}, {"ObjectLockLegalHoldStatus", "ON"}}).message ==
      "Bucket is missing Object Lock Configuration");
  kernel.call("PutBucketVersioning", versions("Enabled"));
  kernel.call("PutObjectLockConfiguration", configuration);
  CHECK(kernel.error("PutBucketVersioning", versions("Suspended")).code == "InvalidBucketState");
  const auto code = [&](Map more) {
    more.set("Bucket", "photos");
    more.set("Key", "cat");
    return kernel.error("PutObject", std::move(more)).message;
  };
  const auto later = kernel.clock.now().ms + day_ms;
  CHECK(code({{"ObjectLockMode", "GOVERNANCE"}}) ==
        "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied");
  CHECK(code({{"ObjectLockMode", "HARD"}, {"ObjectLockRetainUntilDate", later}}) == "Unknown wormMode directive.");
  CHECK(code({{"ObjectLockMode", "GOVERNANCE"}, {"ObjectLockRetainUntilDate", later - day_ms}}) ==
        "The retain until date must be in the future!");
  CHECK(code({{"ObjectLockLegalHoldStatus", "MAYBE"}}) == "Legal Hold must be either of 'ON' or 'OFF'");
}
