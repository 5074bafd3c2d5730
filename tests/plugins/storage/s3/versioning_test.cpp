#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using moonbase::s3::testing::large;
using moonbase::s3::testing::Platform;
using Words = std::vector<std::string>;

namespace {

struct Versioned : Platform {
  Versioned() { status("Enabled"); }
  void status(const std::string& status) {
    call("PutBucketVersioning", {{"Bucket", "photos"}, {"VersioningConfiguration", Map{{"Status", status}}}});
  }
  std::string version(const std::string& key, const std::string& body) { return put(key, body)["VersionId"].string(); }
  Value remove(const std::string& key, const std::string& version_id = "") {
    Map input{{"Bucket", "photos"}, {"Key", key}};
    if (!version_id.empty()) input.set("VersionId", version_id);
    return call("DeleteObject", std::move(input));
  }
  std::string get_error(const std::string& key, Map more = {}) {
    more.set("Bucket", "photos");
    more.set("Key", key);
    return error("GetObject", std::move(more)).code;
  }
  Value versions(Map more = {}) {
    more.set("Bucket", "photos");
    return call("ListObjectVersions", std::move(more));
  }
};

}  // namespace

TEST_CASE("a bucket keeps no versions until it is told to") {
  Platform kernel;
  CHECK(kernel.call("GetBucketVersioning", {{"Bucket", "photos"}})["Status"].is_null());
  CHECK(kernel.put("cat", "1")["VersionId"].is_null());
  const auto wrong = [&](Map configuration) {
    return kernel
        .error("PutBucketVersioning", {{"Bucket", "photos"}, {"VersioningConfiguration", std::move(configuration)}})
        .code;
  };
  CHECK(wrong({{"Status", "On"}}) == "MalformedXML");
  CHECK(wrong({}) == "IllegalVersioningConfigurationException");
  CHECK(wrong({{"Status", "Enabled"}, {"MFADelete", "Enabled"}}) == "NotImplemented");
}

TEST_CASE("each version can be read and deleted") {
  Versioned kernel;
  const auto one = kernel.version("cat", "one"), two = kernel.version("cat", large());
  CHECK(one != two);
  CHECK(kernel.body_of("cat") == large());
  CHECK(kernel.get("cat")["VersionId"].string() == two);
  CHECK(kernel.body_of("cat", {{"VersionId", one}}) == "one");
  CHECK(kernel.remove("cat", two)["VersionId"].string() == two);
  CHECK(kernel.body_of("cat") == "one");
  CHECK(kernel.get_error("cat", {{"VersionId", two}}) == "NoSuchVersion");
  CHECK(kernel.get_error("cat", {{"VersionId", "null"}}) == "NoSuchVersion");
  CHECK(kernel.get_error("cat", {{"VersionId", "rubbish"}}) == "InvalidArgument");
  CHECK(kernel.get_error("cat", {{"VersionId", ""}}) == "InvalidArgument");
  CHECK_NOTHROW(kernel.remove("cat", two));
}

TEST_CASE("a delete marker hides what is below it until it is deleted") {
  Versioned kernel;
  const auto one = kernel.version("cat", "one");
  const auto removed = kernel.remove("cat");
  CHECK(removed["DeleteMarker"].boolean());
  const auto marker = removed["VersionId"].string();
  CHECK(kernel.get_error("cat") == "NoSuchKey");
  CHECK(kernel.get_error("cat", {{"VersionId", marker}}) == "MethodNotAllowed");
  CHECK(kernel.body_of("cat", {{"VersionId", one}}) == "one");
  CHECK(kernel.list()["KeyCount"].integer() == 0);

  const auto hidden = kernel.send("GET", "/photos/cat");
  CHECK(hidden.status == 404);
  CHECK(hidden.headers.get("x-amz-delete-marker") == "true");
  CHECK(hidden.headers.get("x-amz-version-id") == marker);
  const auto asked = kernel.send("HEAD", "/photos/cat?versionId=" + marker);
  CHECK(asked.status == 405);
  CHECK(asked.headers.get("Allow") == "DELETE");

  CHECK(kernel.remove("cat", marker)["DeleteMarker"].boolean());
  CHECK(kernel.body_of("cat") == "one");
  CHECK(Platform::keys(kernel.list()) == Words{"cat"});
  CHECK(kernel.error("DeleteBucket", {{"Bucket", "photos"}}).code == "BucketNotEmpty");
}

TEST_CASE("a suspended bucket has one null version of a key, beside those it kept") {
  Versioned kernel;
  kernel.status("Suspended");
  kernel.put("cat", "zero");
  kernel.status("Enabled");
  const auto one = kernel.version("cat", "one");
  CHECK(kernel.body_of("cat", {{"VersionId", "null"}}) == "zero");
  kernel.status("Suspended");
  CHECK(kernel.version("cat", "two") == "null");
  CHECK(kernel.body_of("cat") == "two");
  CHECK(kernel.body_of("cat", {{"VersionId", "null"}}) == "two");
  CHECK(kernel.body_of("cat", {{"VersionId", one}}) == "one");
  CHECK(kernel.versions()["Versions"].list().size() == 2);
  // Its delete marker takes the null version's place.
  CHECK(kernel.remove("cat")["VersionId"].string() == "null");
  CHECK(kernel.get_error("cat") == "NoSuchKey");
  CHECK(kernel.versions()["Versions"].list().size() == 1);
  CHECK(kernel.versions()["DeleteMarkers"].list().size() == 1);
  kernel.remove("cat", "null");
  CHECK(kernel.body_of("cat") == "one");
}

TEST_CASE("what was there before versions is the null version") {
  Platform kernel;
  kernel.put("cat", "old");
  kernel.call("PutBucketVersioning", {{"Bucket", "photos"}, {"VersioningConfiguration", Map{{"Status", "Enabled"}}}});
  CHECK(kernel.get("cat")["VersionId"].string() == "null");
  kernel.put("cat", "new");
  CHECK(kernel.body_of("cat", {{"VersionId", "null"}}) == "old");
}

TEST_CASE("versions are listed newest first, page by page") {
  Versioned kernel;
  Words expected;
  for (const auto* key : {"a", "b/x", "c"}) {
    Words of_key;
    for (int i = 0; i < 3; ++i) of_key.insert(of_key.begin(), kernel.version(key, std::to_string(i)));
    expected.insert(expected.end(), of_key.begin(), of_key.end());
  }
  for (std::int64_t page = 1; page <= 10; ++page) {
    CAPTURE(page);
    Words found;
    int newest = 0;
    Map input{{"MaxKeys", page}};
    for (int pages = 0; pages < 10; ++pages) {
      const auto listing = kernel.versions(input);
      for (const auto& entry : listing["Versions"].list()) {
        found.push_back(entry["VersionId"].string());
        newest += entry["IsLatest"].boolean() ? 1 : 0;
      }
      if (!listing["IsTruncated"].boolean()) break;
      input.set("KeyMarker", listing["NextKeyMarker"]);
      input.set("VersionIdMarker", listing["NextVersionIdMarker"]);
    }
    CHECK(found == expected);
    CHECK(newest == 3);
  }
  const auto grouped = kernel.versions({{"Delimiter", "/"}});
  CHECK(Platform::prefixes(grouped) == Words{"b/"});
  CHECK(grouped["Versions"].list().size() == 6);
  CHECK(Platform::keys(kernel.versions({{"KeyMarker", "b/x"}}), "Versions") == Words{"c", "c", "c"});
  CHECK(Platform::keys(kernel.versions({{"Prefix", "c"}, {"KeyMarker", "a"}}), "Versions") == Words{"c", "c", "c"});
  CHECK(kernel.error("ListObjectVersions", {{"Bucket", "photos"}, {"VersionIdMarker", "null"}}).code ==
        "InvalidArgument");
}

TEST_CASE("the null version is found wherever it stands, and again when it is the newest") {
  Versioned kernel;
  kernel.status("Suspended");
  kernel.put("cat", "null");
  kernel.status("Enabled");
  Words ids;
  for (int round = 0; round < 2; ++round) {
    for (const auto* body : {"one", "two"}) ids.push_back(kernel.version("cat", body));
    CHECK(kernel.body_of("cat", {{"VersionId", "null"}}) == "null");
    for (; !ids.empty(); ids.pop_back()) kernel.remove("cat", ids.back());
    CHECK(kernel.body_of("cat") == "null");
    CHECK(kernel.get("cat")["VersionId"].string() == "null");
  }
  const auto one = kernel.version("cat", "one");
  kernel.remove("cat", "null");
  CHECK(kernel.get_error("cat", {{"VersionId", "null"}}) == "NoSuchVersion");
  kernel.status("Suspended");
  kernel.put("cat", "new null");
  kernel.status("Enabled");
  kernel.put("cat", "two");
  CHECK(kernel.body_of("cat", {{"VersionId", "null"}}) == "new null");
  CHECK(kernel.body_of("cat", {{"VersionId", one}}) == "one");
}
