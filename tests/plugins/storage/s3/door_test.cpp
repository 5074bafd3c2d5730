// What S3's clients rely on before an operation runs: hosts, links, digests of documents.
#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using moonbase::s3::testing::Platform;

TEST_CASE("a bucket may be in the host's name") {
  Platform kernel;
  for (const auto* host :
       {"photos.s3.localhost:4566", "photos.s3.us-east-1.amazonaws.com", "photos.s3.localhost.localstack.cloud"}) {
    CAPTURE(host);
    const auto send = [&](const std::string& method, const std::string& path, std::string body) {
      HttpRequest request;
      request.method = method;
      request.path = path;
      request.headers.add("Host", host);
      request.body = std::move(body);
      return kernel.http(std::move(request));
    };
    CHECK(send("PUT", "/a/cat", "miau").status == 200);
    CHECK(send("GET", "/a/cat", "").body == "miau");
    CHECK_THAT(send("GET", "/", "").body, Catch::Contains("<Key>a/cat</Key>"));
    CHECK(send("DELETE", "/a/cat", "").status == 204);
  }
}

TEST_CASE("a link ends when it says, whoever signed it") {
  Platform kernel;
  kernel.put("cat", "miau");
  const std::string link =
      "/photos/cat?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test%2F20270101%2Fus-east-1%2Fs3%2Faws4_request&"
      "X-Amz-Date=20270101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=" +
      std::string(64, '0');
  const auto open = [&] {
    HttpRequest request;
    request.method = "GET";
    request.path = "/photos/cat";
    request.query = link.substr(link.find('?') + 1);
    request.headers.add("Host", "127.0.0.1:4566");
    return kernel.http(std::move(request));
  };
  CHECK(open().body == "miau");
  kernel.clock.advance_ms(60'000);
  CHECK(open().body == "miau");
  kernel.clock.advance_ms(1);
  const auto late = open();
  CHECK(late.status == 403);
  CHECK_THAT(late.body, Catch::Contains("<Code>AccessDenied</Code><Message>Request has expired</Message>"));
}

TEST_CASE("a document that is not what its digest says changes nothing") {
  Platform kernel;
  kernel.put("cat", "miau");
  const std::string document = "<Delete><Object><Key>cat</Key></Object></Delete>";
  const auto remove = [&](const std::string& header, const std::string& value) {
    return kernel.send("POST", "/photos?delete", document, {{header, value}});
  };
  CHECK_THAT(remove("Content-MD5", base64(md5("other"))).body, Catch::Contains("BadDigest"));
  CHECK_THAT(remove("Content-MD5", "?").body, Catch::Contains("InvalidDigest"));
  CHECK_THAT(remove("x-amz-checksum-sha256", base64(sha256("other"))).body, Catch::Contains("BadDigest"));
  CHECK_THAT(remove("x-amz-checksum-crc32", "AAA=").body, Catch::Contains("InvalidRequest"));
  CHECK(kernel.body_of("cat") == "miau");
  CHECK(remove("x-amz-checksum-sha256", base64(sha256(document))).status == 200);
  CHECK(kernel.error("HeadObject", {{"Bucket", "photos"}, {"Key", "cat"}}).code == "NoSuchKey");
}

TEST_CASE("a body of unknown length, or beyond the limit, is refused before it comes") {
  Platform kernel;
  struct Endless final : BodyReader {
    std::optional<std::uint64_t> bytes;
    bool& read_from;
    Endless(std::optional<std::uint64_t> length, bool& read) : bytes(length), read_from(read) {}
    Result<std::string> read(std::size_t) override {
      read_from = true;
      return std::string();
    }
    std::optional<std::uint64_t> length() const override { return bytes; }
  };
  const auto put = [&](const std::string& path, std::optional<std::uint64_t> length) {
    bool read = false;
    HttpRequest request;
    request.method = "PUT";
    request.path = path;
    request.headers.add("Host", "127.0.0.1:4566");
    request.reader = std::make_unique<Endless>(length, read);
    auto response = kernel.http(std::move(request));
    CHECK_FALSE(read);
    return response;
  };
  CHECK(put("/photos/cat", std::nullopt).status == 411);
  CHECK_THAT(put("/photos/cat", (5ull << 30) + 1).body, Catch::Contains("<Code>EntityTooLarge</Code>"));
  CHECK_THAT(put("/nowhere/cat", 1'000'000).body, Catch::Contains("<Code>NoSuchBucket</Code>"));
}
