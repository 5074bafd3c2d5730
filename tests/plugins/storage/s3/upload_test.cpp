#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using moonbase::s3::testing::large;
using moonbase::s3::testing::Platform;

namespace {

constexpr std::size_t part_bytes = 5u << 20;

struct Uploads : Platform {
  std::string begin(const std::string& key, Map more = {}) {
    more.set("Bucket", "photos");
    more.set("Key", key);
    return call("CreateMultipartUpload", std::move(more))["UploadId"].string();
  }
  Map at(const std::string& key, const std::string& upload_id) {
    return {{"Bucket", "photos"}, {"Key", key}, {"UploadId", upload_id}};
  }
  Value part(const std::string& key, const std::string& upload_id, int number, const std::string& body, Map more = {}) {
    for (auto& [name, value] : at(key, upload_id)) more.set(name, value);
    more.set("PartNumber", number);
    more.set("Body", body);
    return call("UploadPart", std::move(more));
  }
  // Parts by number and ETag.
  Result<Value> complete(const std::string& key, const std::string& upload_id,
                         const std::vector<std::pair<int, std::string>>& parts, Map more = {}) {
    List list;
    for (const auto& [number, etag] : parts) list.push_back(Map{{"PartNumber", number}, {"ETag", etag}});
    for (auto& [name, value] : at(key, upload_id)) more.set(name, value);
    more.set("MultipartUpload", Map{{"Parts", std::move(list)}});
    return try_call("s3", "CompleteMultipartUpload", std::move(more));
  }
};

std::string error_of(const Result<Value>& result) { return result ? "none" : result.error().code; }

}  // namespace

TEST_CASE("an upload in parts becomes one object") {
  Uploads kernel;
  const auto id = kernel.begin("film", {{"ContentType", "video/mp4"}, {"Metadata", Map{{"by", "me"}}}});
  const auto one = large(part_bytes), two = large(part_bytes, 'A'), three = large(1000);
  const auto etag_3 = kernel.part("film", id, 7, three)["ETag"].string();
  const auto etag_1 = kernel.part("film", id, 1, one)["ETag"].string();
  kernel.part("film", id, 4, "rubbish");
  const auto etag_2 = kernel.part("film", id, 4, two)["ETag"].string();
  kernel.part("film", id, 5, "not listed in the end");
  CHECK(kernel.error("GetObject", {{"Bucket", "photos"}, {"Key", "film"}}).code == "NoSuchKey");

  const auto made = kernel.complete("film", id, {{1, etag_1}, {4, etag_2}, {7, etag_3}});
  REQUIRE(made);
  CHECK((*made)["ETag"].string() == "\"" + md5_hex(md5(one) + md5(two) + md5(three)) + "-3\"");
  CHECK((*made)["ChecksumType"].string() == "FULL_OBJECT");
  const auto whole = one + two + three;
  const auto got = kernel.get("film", {{"ChecksumMode", "ENABLED"}});
  CHECK(got["Body"].string() == whole);
  CHECK(got["ContentType"].string() == "video/mp4");
  CHECK(got["Metadata"]["by"].string() == "me");
  // As if it had been put at once: CRCs can be joined.
  const auto digest = make_digest("crc64nvme");
  digest->add(whole);
  CHECK(got["ChecksumCRC64NVME"].string() == base64(digest->finish()));

  // Across the parts' borders.
  const auto middle = kernel.get("film", {{"Range", "bytes=5242870-10485770"}});
  CHECK(middle["Body"].string() == whole.substr(5'242'870, 5'242'901));
  const auto part = kernel.get("film", {{"PartNumber", 2}});
  CHECK(part["Body"].string() == two);
  CHECK(part["PartsCount"].integer() == 3);
  CHECK(part["ContentRange"].string() == "bytes 5242880-10485759/10486760");
  CHECK(kernel.error("GetObject", {{"Bucket", "photos"}, {"Key", "film"}, {"PartNumber", 4}}).code ==
        "InvalidPartNumber");

  CHECK(kernel.call("ListMultipartUploads", {{"Bucket", "photos"}})["Uploads"].is_null());
  CHECK(error_of(kernel.try_call("s3", "ListParts", kernel.at("film", id))) == "NoSuchUpload");
  // Its answer may have been lost.
  CHECK(kernel.complete("film", id, {{1, etag_1}})->map().find("ETag")->string() == (*made)["ETag"].string());
  kernel.put("film", "other");
  CHECK(error_of(kernel.complete("film", id, {{1, etag_1}})) == "NoSuchUpload");
}

TEST_CASE("an upload is completed with its own parts, in order, none but the last too small") {
  Uploads kernel;
  const auto id = kernel.begin("film");
  const auto big = kernel.part("film", id, 1, large(part_bytes))["ETag"].string();
  const auto small = kernel.part("film", id, 2, "small")["ETag"].string();
  const auto last = kernel.part("film", id, 3, "last")["ETag"].string();
  CHECK(error_of(kernel.complete("film", id, {{1, big}, {2, small}, {3, last}})) == "EntityTooSmall");
  CHECK(error_of(kernel.complete("film", id, {{3, last}, {1, big}})) == "InvalidPartOrder");
  CHECK(error_of(kernel.complete("film", id, {{1, big}, {1, big}})) == "InvalidPartOrder");
  CHECK(error_of(kernel.complete("film", id, {{1, last}})) == "InvalidPart");
  CHECK(error_of(kernel.complete("film", id, {{1, big}, {9, last}})) == "InvalidPart");
  CHECK(error_of(kernel.complete("film", id, {})) == "MalformedXML");
  CHECK(error_of(kernel.complete("film", id + "0", {{1, big}})) == "NoSuchUpload");
  CHECK(error_of(kernel.complete("movie", id, {{1, big}})) == "NoSuchUpload");
  CHECK(error_of(kernel.complete("film", id, {{1, big}}, {{"MpuObjectSize", 5}})) == "InvalidRequest");
  // What was refused changed nothing.
  CHECK(kernel.complete("film", id, {{1, big}, {3, last}}));
  CHECK(kernel.get("film")["Body"].string() == large(part_bytes) + "last");
  const auto wrong = kernel.at("film", id);
  for (const auto number : {0, 10'001}) {
    Map input = wrong;
    input.set("PartNumber", number);
    CHECK(kernel.error("UploadPart", std::move(input)).code == "InvalidArgument");
  }
}

TEST_CASE("an aborted upload leaves nothing") {
  Uploads kernel;
  const auto id = kernel.begin("film");
  kernel.part("film", id, 1, large(part_bytes));
  kernel.call("AbortMultipartUpload", kernel.at("film", id));
  CHECK(kernel.error("AbortMultipartUpload", kernel.at("film", id)).code == "NoSuchUpload");
  Map input = kernel.at("film", id);
  input.set("PartNumber", 2);
  CHECK(kernel.error("UploadPart", std::move(input)).code == "NoSuchUpload");
  kernel.begin("other");
  CHECK_NOTHROW(kernel.call("DeleteBucket", {{"Bucket", "photos"}}));
}

TEST_CASE("the checksum of an upload is that of its parts, or of the whole") {
  Uploads kernel;
  const auto one = large(part_bytes), two = std::string("end");
  const auto both = [&](const char* algorithm, const char* type, const std::string& expected) {
    CAPTURE(algorithm, type);
    Map more{{"ChecksumAlgorithm", algorithm}};
    if (type) more.set("ChecksumType", type);
    const auto id = kernel.begin("film", std::move(more));
    const auto member = std::string("Checksum") + algorithm;
    List parts;
    int number = 0;
    for (const auto& body : {one, two}) {
      const auto part = kernel.part("film", id, ++number, body, {{"ChecksumAlgorithm", algorithm}});
      parts.push_back(Map{{"PartNumber", number}, {"ETag", part["ETag"]}, {member, part[member]}});
    }
    Map input = kernel.at("film", id);
    input.set("MultipartUpload", Map{{"Parts", parts}});
    CHECK(kernel.call("CompleteMultipartUpload", std::move(input))[member].string() == expected);
  };
  const auto crc32_bytes = [](std::string_view text) {
    const auto d = make_digest("crc32");
    d->add(text);
    return d->finish();
  };
  const auto crc32c_bytes = [](std::string_view text) {
    const auto d = make_digest("crc32c");
    d->add(text);
    return d->finish();
  };
  both("SHA256", nullptr, base64(sha256(sha256(one) + sha256(two))) + "-2");
  both("SHA1", "COMPOSITE", base64(sha1(sha1(one) + sha1(two))) + "-2");
  both("CRC32", nullptr, base64(crc32_bytes(crc32_bytes(one) + crc32_bytes(two))) + "-2");
  both("CRC32", "FULL_OBJECT", base64(crc32_bytes(one + two)));
  both("CRC32C", "FULL_OBJECT", base64(crc32c_bytes(one + two)));
  CHECK(kernel
            .error("CreateMultipartUpload",
                   {{"Bucket", "photos"}, {"Key", "k"}, {"ChecksumAlgorithm", "SHA1"}, {"ChecksumType", "FULL_OBJECT"}})
            .code == "InvalidRequest");

  const auto id = kernel.begin("film", {{"ChecksumAlgorithm", "SHA256"}});
  Map wrong = kernel.at("film", id);
  wrong.set("PartNumber", 1);
  wrong.set("ChecksumAlgorithm", "CRC32");
  CHECK(kernel.error("UploadPart", std::move(wrong)).code == "InvalidRequest");
  const auto etag = kernel.part("film", id, 1, one)["ETag"].string();
  CHECK(error_of(kernel.complete("film", id, {{1, etag}})) == "InvalidRequest");  // Each part's checksum is wanted.
}

TEST_CASE("parts and uploads are listed page by page") {
  Uploads kernel;
  std::vector<std::string> ids;
  for (const auto* key : {"a/1", "b", "b", "c"}) {
    ids.push_back(kernel.begin(key));
    kernel.clock.advance_ms(10);
  }
  for (const auto number : {1, 2, 5})
    kernel.part("c", ids[3], number, std::string(static_cast<std::size_t>(number), 'x'));
  Map input = kernel.at("c", ids[3]);
  input.set("MaxParts", 2);
  const auto parts = kernel.call("ListParts", input);
  REQUIRE(parts["Parts"].list().size() == 2);
  CHECK(parts["IsTruncated"].boolean());
  input.set("PartNumberMarker", parts["NextPartNumberMarker"]);
  const auto rest = kernel.call("ListParts", input);
  REQUIRE(rest["Parts"].list().size() == 1);
  CHECK(rest["Parts"][0]["PartNumber"].integer() == 5);
  CHECK(rest["Parts"][0]["Size"].integer() == 5);

  for (std::int64_t page = 1; page <= 5; ++page) {
    std::vector<std::string> found;
    Map more{{"Bucket", "photos"}, {"MaxUploads", page}};
    for (int pages = 0; pages < 10; ++pages) {
      const auto listing = kernel.call("ListMultipartUploads", more);
      if (listing["Uploads"].is_list())
        for (const auto& upload : listing["Uploads"].list()) found.push_back(upload["UploadId"].string());
      if (!listing["IsTruncated"].boolean()) break;
      more.set("KeyMarker", listing["NextKeyMarker"]);
      more.set("UploadIdMarker", listing["NextUploadIdMarker"]);
    }
    CHECK(found == ids);
  }
  const auto grouped = kernel.call("ListMultipartUploads", {{"Bucket", "photos"}, {"Delimiter", "/"}});
  CHECK(Platform::prefixes(grouped) == std::vector<std::string>{"a/"});
}

TEST_CASE("only one of two writers who want to be the first completes") {
  Uploads kernel;
  const auto id = kernel.begin("film");
  const auto etag = kernel.part("film", id, 1, "x")["ETag"].string();
  kernel.put("film", "already");
  CHECK(error_of(kernel.complete("film", id, {{1, etag}}, {{"IfNoneMatch", "*"}})) == "PreconditionFailed");
  CHECK(kernel.body_of("film") == "already");
  CHECK(kernel.complete("film", id, {{1, etag}}));
}
