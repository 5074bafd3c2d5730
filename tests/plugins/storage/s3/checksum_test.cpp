#include "s3/checksum.hpp"

#include <catch2/catch.hpp>

#include "s3/upload.hpp"
#include "support.hpp"

using namespace moonbase;
using moonbase::s3::testing::large;
using moonbase::s3::testing::Platform;

namespace {

std::string checksum(const s3::Algorithm& algorithm, std::string_view text) {
  const auto digest = make_digest(algorithm.digest);
  digest->add(text);
  return base64(digest->finish());
}

}  // namespace

TEST_CASE("the CRC of a whole follows from those of its parts") {
  const auto text = large(100'000);
  for (const auto* name : {"CRC32", "CRC32C", "CRC64NVME"}) {
    CAPTURE(name);
    const auto& algorithm = *s3::find_algorithm(name);
    for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, std::size_t{4097}, text.size()}) {
      std::vector<s3::Part> parts(2);
      parts[0].size = cut;
      parts[0].checksum = checksum(algorithm, text.substr(0, cut));
      parts[1].size = text.size() - cut;
      parts[1].checksum = checksum(algorithm, text.substr(cut));
      CHECK(s3::whole_checksum({name, "FULL_OBJECT", ""}, parts) == checksum(algorithm, text));
    }
  }
}

TEST_CASE("what a client says of its body is checked") {
  Platform kernel;
  for (const auto& body : {std::string("miau"), large()}) {
    for (const auto& algorithm : s3::all_algorithms()) {
      if (algorithm.digest.empty()) continue;
      CAPTURE(algorithm.name, body.size());
      const auto header = "x-amz-checksum-" + std::string(algorithm.digest);
      const auto put = kernel.send("PUT", "/photos/cat", body, {{header, checksum(algorithm, body)}});
      CHECK(put.status == 200);
      CHECK(put.headers.get(header) == checksum(algorithm, body));
      CHECK(kernel.send("GET", "/photos/cat").headers.get(header).empty());
      const auto got = kernel.send("GET", "/photos/cat", "", {{"x-amz-checksum-mode", "ENABLED"}});
      CHECK(got.headers.get(header) == checksum(algorithm, body));
      CHECK(got.headers.get("x-amz-checksum-type") == "FULL_OBJECT");
      const auto wrong = kernel.send("PUT", "/photos/cat", body, {{header, checksum(algorithm, "other")}});
      CHECK(wrong.status == 400);
      CHECK_THAT(wrong.body, Catch::Contains("<Code>BadDigest</Code>"));
      CHECK_THAT(kernel.send("PUT", "/photos/cat", body, {{header, "AAA="}}).body,
                 Catch::Contains("<Code>InvalidRequest</Code>"));
    }
    CHECK(kernel.send("PUT", "/photos/cat", body, {{"Content-MD5", base64(md5(body))}}).status == 200);
    CHECK_THAT(kernel.send("PUT", "/photos/cat", body, {{"Content-MD5", base64(md5("other"))}}).body,
               Catch::Contains("<Code>BadDigest</Code>"));
    CHECK_THAT(kernel.send("PUT", "/photos/cat", body, {{"Content-MD5", "short"}}).body,
               Catch::Contains("<Code>InvalidDigest</Code>"));
  }
  CHECK(kernel.body_of("cat") == large());
}

TEST_CASE("an object has a checksum though nobody asked for it, and at most one was given") {
  Platform kernel;
  const auto put = kernel.put("cat", "miau");
  CHECK(put["ChecksumCRC64NVME"].string() == checksum(s3::default_algorithm(), "miau"));
  CHECK(put["ChecksumType"].string() == "FULL_OBJECT");
  CHECK(kernel.put("cat", "miau", {{"ChecksumAlgorithm", "SHA256"}})["ChecksumSHA256"].string() ==
        base64(sha256("miau")));
  const auto refused = [&](Map more) {
    more.set("Bucket", "photos");
    more.set("Key", "cat");
    return kernel.error("PutObject", std::move(more)).code;
  };
  CHECK(refused({{"ChecksumSHA1", base64(sha1(""))}, {"ChecksumSHA256", base64(sha256(""))}}) == "InvalidRequest");
  CHECK(refused({{"ChecksumAlgorithm", "ROT13"}}) == "InvalidRequest");
  CHECK(refused({{"ChecksumAlgorithm", "XXHASH64"}}) == "NotImplemented");
}

TEST_CASE("a checksum that comes behind a chunked body is kept") {
  Platform kernel;
  const std::string body = "123456789";
  const auto put = kernel.send("PUT", "/photos/cat", "9\r\n" + body + "\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n",
                               {{"x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"},
                                {"x-amz-decoded-content-length", "9"},
                                {"x-amz-trailer", "x-amz-checksum-crc32"},
                                {"Content-Encoding", "aws-chunked"}});
  CHECK(put.status == 200);
  const auto got = kernel.get("cat", {{"ChecksumMode", "ENABLED"}});
  CHECK(got["Body"].string() == body);
  CHECK(got["ChecksumCRC32"].string() == "y/Q5Jg==");
  CHECK(got["ContentEncoding"].is_null());
}
