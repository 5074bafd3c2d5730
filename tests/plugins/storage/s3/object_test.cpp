#include <algorithm>
#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using moonbase::s3::testing::large;
using moonbase::s3::testing::Platform;

TEST_CASE("an object comes back as it was put, small or large") {
  Platform kernel;
  for (const std::size_t bytes : {0u, 1u, 131'072u, 131'073u, 1'000'000u}) {
    CAPTURE(bytes);
    const auto body = large(bytes);
    const auto put = kernel.put("some/key", body, {{"ContentType", "text/plain"}, {"Metadata", Map{{"by", "me"}}}});
    CHECK(put["ETag"].string() == "\"" + md5_hex(body) + "\"");
    const auto got = kernel.get("some/key");
    CHECK(got["Body"].string() == body);
    CHECK(got["ETag"] == put["ETag"]);
    CHECK(got["ContentLength"].integer() == static_cast<std::int64_t>(bytes));
    CHECK(got["ContentType"].string() == "text/plain");
    CHECK(got["Metadata"]["by"].string() == "me");
    CHECK(got["LastModified"].integer() == kernel.clock.now().ms);
    CHECK(got["VersionId"].is_null());
  }
  CHECK(kernel.call("HeadObject", {{"Bucket", "photos"}, {"Key", "some/key"}})["ContentLength"].integer() == 1'000'000);
}

TEST_CASE("a large object streams in and out over HTTP") {
  Platform kernel;
  const auto body = large(3'000'000);
  const auto put = kernel.send("PUT", "/photos/film", body);
  CHECK(put.status == 200);
  CHECK(put.headers.get("ETag") == "\"" + md5_hex(body) + "\"");
  const auto got = kernel.send("GET", "/photos/film");
  CHECK(got.status == 200);
  CHECK(got.length == body.size());
  CHECK(got.body == body);
  const auto part = kernel.send("GET", "/photos/film", "", {{"Range", "bytes=1000000-1999999"}});
  CHECK(part.status == 206);
  CHECK(part.headers.get("Content-Range") == "bytes 1000000-1999999/3000000");
  CHECK(part.body == body.substr(1'000'000, 1'000'000));
}

TEST_CASE("what is not there is missing, and can be deleted all the same") {
  Platform kernel;
  const auto missing = kernel.error("GetObject", {{"Bucket", "photos"}, {"Key", "cat"}});
  CHECK(missing.code == "NoSuchKey");
  CHECK(missing.members.find("Key")->string() == "cat");
  kernel.call("DeleteObject", {{"Bucket", "photos"}, {"Key", "cat"}});
  kernel.put("cat", "miau");
  kernel.call("DeleteObject", {{"Bucket", "photos"}, {"Key", "cat"}});
  CHECK(kernel.error("GetObject", {{"Bucket", "photos"}, {"Key", "cat"}}).code == "NoSuchKey");
  CHECK(kernel.send("DELETE", "/photos/cat").status == 204);
}

TEST_CASE("keys are bytes, whatever they look like") {
  Platform kernel;
  const std::vector<std::string> keys = {"..",
                                         "../x",
                                         ".",
                                         "/",
                                         "//",
                                         "/a",
                                         "a//b",
                                         "%2e%2e",
                                         "a\nb",
                                         "\xc3\xa9",
                                         "A",
                                         "a",
                                         std::string("nul\0l", 5),
                                         std::string(1024, 'k')};
  for (const auto& key : keys) kernel.put(key, "of " + key);
  for (const auto& key : keys) {
    CAPTURE(key);
    CHECK(kernel.body_of(key) == "of " + key);
    const auto response = kernel.send("GET", "/photos/" + percent_encode(key, true));
    CHECK(response.body == "of " + key);
  }
  auto sorted = keys;
  std::sort(sorted.begin(), sorted.end());
  CHECK(Platform::keys(kernel.list()) == sorted);
  const auto too_long = kernel.error("PutObject", {{"Bucket", "photos"}, {"Key", std::string(1025, 'k')}});
  CHECK(too_long.code == "KeyTooLongError");
}

TEST_CASE("what an object may say of itself has limits") {
  Platform kernel;
  const auto refused = [&](Map more) {
    more.set("Bucket", "photos");
    more.set("Key", "cat");
    return kernel.error("PutObject", std::move(more)).code;
  };
  CHECK(refused({{"Metadata", Map{{"name", std::string(2045, 'x')}}}}) == "MetadataTooLarge");
  CHECK_NOTHROW(kernel.put("cat", "", {{"Metadata", Map{{"name", std::string(2044, 'x')}}}}));
  CHECK(refused({{"StorageClass", "WARM"}}) == "InvalidStorageClass");
  CHECK(refused({{"Tagging", "a=1&a=2"}}) == "InvalidArgument");
  CHECK(refused({{"Tagging", "a&b&c&d&e&f&g&h&i&j&k"}}) == "BadRequest");
  CHECK(refused({{"Tagging", "aws:a=1"}}) == "InvalidTag");
  CHECK(refused({{"ACL", "public-read"}}) == "AccessControlListNotSupported");
}

TEST_CASE("S3's own encryption may be asked for, and is said of what was put with it; others are not built") {
  Platform kernel;
  const auto asking = [](const std::string& method) {
    return Map{{"Bucket", "photos"}, {"Key", "a"}, {"Body", "lamp"}, {"ServerSideEncryption", method}};
  };
  CHECK(kernel.call("PutObject", asking("AES256"))["ServerSideEncryption"].string() == "AES256");
  CHECK(kernel.get("a")["ServerSideEncryption"].string() == "AES256");
  CHECK(kernel.error("PutObject", asking("aws:kms")).status == 501);
  CHECK(kernel.error("PutObject", asking("ROT13")).code == "InvalidArgument");
}

TEST_CASE("an archived object is not read before it is restored") {
  Platform kernel;
  kernel.put("cat", "miau", {{"StorageClass", "GLACIER"}});
  const auto error = kernel.error("GetObject", {{"Bucket", "photos"}, {"Key", "cat"}});
  CHECK(error.code == "InvalidObjectState");
  CHECK(kernel.call("HeadObject", {{"Bucket", "photos"}, {"Key", "cat"}})["StorageClass"].string() == "GLACIER");
}

TEST_CASE("a response says what the request wants it to say") {
  Platform kernel;
  kernel.put("cat", "miau");
  const auto got = kernel.send("GET", "/photos/cat?response-content-type=image%2Fjpeg&response-cache-control=no-store");
  CHECK(got.headers.get("Content-Type") == "image/jpeg");
  CHECK(got.headers.get("Cache-Control") == "no-store");
}

TEST_CASE("what was put outlives a restart") {
  Platform kernel;
  const auto body = large();
  kernel.put("small", "miau");
  kernel.put("large", body);
  kernel.restart();
  CHECK(kernel.body_of("small") == "miau");
  CHECK(kernel.body_of("large") == body);
}
