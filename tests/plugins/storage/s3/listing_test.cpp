#include "s3/listing.hpp"

#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using moonbase::s3::testing::Platform;
using Words = std::vector<std::string>;

namespace {

struct Filled : Platform {
  Filled() {
    for (const auto* key : {"a", "b/1", "b/2", "b/c/3", "c/1", "d", "e/1"}) put(key, key);
  }
};

}  // namespace

TEST_CASE("keys below a delimiter are shown as one") {
  Filled kernel;
  const auto top = kernel.list({{"Delimiter", "/"}});
  CHECK(Platform::keys(top) == Words{"a", "d"});
  CHECK(Platform::prefixes(top) == Words{"b/", "c/", "e/"});
  CHECK(top["KeyCount"].integer() == 5);
  CHECK_FALSE(top["IsTruncated"].boolean());
  const auto below = kernel.list({{"Delimiter", "/"}, {"Prefix", "b/"}});
  CHECK(Platform::keys(below) == Words{"b/1", "b/2"});
  CHECK(Platform::prefixes(below) == Words{"b/c/"});
  CHECK(Platform::keys(kernel.list({{"Prefix", "b"}})) == Words{"b/1", "b/2", "b/c/3"});
  CHECK(Platform::prefixes(kernel.list({{"Delimiter", "/1"}})) == Words{"b/1", "c/1", "e/1"});
}

TEST_CASE("a listing goes on where it stopped, whatever the size of its pages") {
  Filled kernel;
  for (std::int64_t page = 1; page <= 6; ++page) {
    CAPTURE(page);
    for (const auto* delimiter : {"", "/"}) {
      Words keys, prefixes;
      Map input{{"MaxKeys", page}};
      if (*delimiter) input.set("Delimiter", delimiter);
      for (int pages = 0; pages < 10; ++pages) {
        const auto listing = kernel.list(input);
        CHECK(listing["KeyCount"].integer() <= page);
        for (auto& key : Platform::keys(listing)) keys.push_back(key);
        for (auto& prefix : Platform::prefixes(listing)) prefixes.push_back(prefix);
        if (!listing["IsTruncated"].boolean()) break;
        input.set("ContinuationToken", listing["NextContinuationToken"]);
      }
      if (*delimiter) {
        CHECK(keys == Words{"a", "d"});
        CHECK(prefixes == Words{"b/", "c/", "e/"});
      } else {
        CHECK(keys == Words{"a", "b/1", "b/2", "b/c/3", "c/1", "d", "e/1"});
      }
    }
  }
}

TEST_CASE("a listing begins behind a key that need not exist") {
  Filled kernel;
  CHECK(Platform::keys(kernel.list({{"StartAfter", "b/2"}})) == Words{"b/c/3", "c/1", "d", "e/1"});
  CHECK(Platform::keys(kernel.list({{"StartAfter", "b/2x"}})) == Words{"b/c/3", "c/1", "d", "e/1"});
  CHECK(kernel.list({{"StartAfter", "z"}})["KeyCount"].integer() == 0);
  CHECK(kernel.error("ListObjectsV2", {{"Bucket", "photos"}, {"ContinuationToken", "?"}}).code == "InvalidArgument");
  CHECK(kernel.error("ListObjectsV2", {{"Bucket", "photos"}, {"MaxKeys", -1}}).code == "InvalidArgument");
  CHECK(kernel.list({{"MaxKeys", 0}})["KeyCount"].integer() == 0);
  CHECK(kernel.list({{"MaxKeys", 5000}})["MaxKeys"].integer() == 1000);
}

TEST_CASE("the first version of the operation pages by markers") {
  Filled kernel;
  const auto list = [&](Map more) {
    more.set("Bucket", "photos");
    return kernel.call("ListObjects", std::move(more));
  };
  const auto first = list({{"Delimiter", "/"}, {"MaxKeys", 2}});
  CHECK(Platform::keys(first) == Words{"a"});
  CHECK(Platform::prefixes(first) == Words{"b/"});
  CHECK(first["NextMarker"].string() == "b/");
  const auto second = list({{"Delimiter", "/"}, {"MaxKeys", 2}, {"Marker", first["NextMarker"]}});
  CHECK(Platform::prefixes(second) == Words{"c/"});
  CHECK(Platform::keys(second) == Words{"d"});
  CHECK(Platform::keys(list({{"Marker", "b/2"}, {"MaxKeys", 1}})) == Words{"b/c/3"});
  CHECK(list({})["Contents"][0]["Owner"]["ID"].string().size() == 64);
}

TEST_CASE("names in a listing are encoded when asked for") {
  Platform kernel;
  kernel.put("a b/+\xc3\xa9", "");
  const auto listing = kernel.list({{"EncodingType", "url"}, {"Prefix", "a "}});
  CHECK(Platform::keys(listing) == Words{"a%20b/%2B%C3%A9"});
  CHECK(listing["Prefix"].string() == "a%20");
  CHECK(kernel.error("ListObjectsV2", {{"Bucket", "photos"}, {"EncodingType", "xml"}}).code == "InvalidArgument");
}

TEST_CASE("what lies behind everything with a prefix") {
  CHECK(s3::behind("a") == "b");
  CHECK(s3::behind("a\xff") == "b");
  CHECK(s3::behind("\xff\xff").empty());
  CHECK(s3::behind("").empty());
}
