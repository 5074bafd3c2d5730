#include "http/aws_chunked.hpp"

#include <catch2/catch.hpp>
#include <moonbase/hash.hpp>

using moonbase::HttpHeaders;
using moonbase::HttpRequest;
using namespace moonbase::http;

namespace {

HttpRequest upload(const std::string& body, const std::string& length, const std::string& trailer,
                   const std::string& kind = "STREAMING-UNSIGNED-PAYLOAD-TRAILER") {
  HttpRequest request;
  request.headers.add("x-amz-content-sha256", kind);
  if (!length.empty()) request.headers.add("x-amz-decoded-content-length", length);
  if (!trailer.empty()) request.headers.add("x-amz-trailer", trailer);
  request.headers.add("Content-Encoding", "gzip,aws-chunked");
  request.body = body;
  return request;
}

// The content, or the error's code.
std::string read(HttpRequest request) {
  auto options = aws_chunked_options(request.headers);
  if (!options) return options.error().code;
  if (!*options) return "not chunked";
  decode_aws_chunked(request, std::move(**options));
  CHECK(request.headers.get("content-encoding") == "gzip");
  const auto result = request.read_body(1'000'000);
  return result ? request.body : result.error().code;
}

}  // namespace

TEST_CASE("each checksum trailer is checked") {
  const std::string content = "123456789";
  const std::vector<std::pair<std::string, std::string>> checksums = {
      {"crc32", "y/Q5Jg=="},
      {"crc32c", "4waSgw=="},
      {"crc64nvme", "rosUhgp5mIg="},
      {"sha1", moonbase::base64(moonbase::sha1(content))},
      {"sha256", moonbase::base64(moonbase::sha256(content))},
  };
  for (const auto& [algorithm, value] : checksums) {
    CAPTURE(algorithm);
    const auto name = "x-amz-checksum-" + algorithm;
    const auto body = [&](const std::string& data, const std::string& trailer) {
      return "9\r\n" + data + "\r\n0\r\n" + trailer + "\r\n";
    };
    CHECK(read(upload(body(content, name + ":" + value + "\r\n"), "9", name)) == content);
    CHECK(read(upload(body("123456780", name + ":" + value + "\r\n"), "9", name)) == "BadDigest");
    CHECK(read(upload(body(content, name + ":AAAA\r\n"), "9", name)) == "InvalidRequest");
    CHECK(read(upload(body(content, name + ":!\r\n"), "9", name)) == "InvalidRequest");
    CHECK(read(upload(body(content, ""), "9", name)) == "MalformedTrailerError");
    CHECK(read(upload(body(content, name + ":" + value + "\r\n" + name + ":" + value + "\r\n"), "9", name)) ==
          "MalformedTrailerError");
    CHECK(read(upload(body(content, "x-amz-meta-a:b\r\n"), "9", name)) == "MalformedTrailerError");
  }
}

TEST_CASE("a trailer can be read behind its body") {
  auto request = upload("9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n", "9", "x-amz-checksum-crc32");
  auto options = aws_chunked_options(request.headers);
  REQUIRE(options);
  decode_aws_chunked(request, std::move(**options));
  CHECK(request.reader->trailers().size() == 0);
  REQUIRE(request.reader->read(100));
  CHECK(request.reader->read(100)->empty());
  CHECK(request.reader->trailers().get("x-amz-checksum-crc32") == "y/Q5Jg==");
}

TEST_CASE("a body without trailers needs none") {
  CHECK(read(upload("5\r\nhello\r\n0\r\n\r\n", "5", "")) == "hello");
  CHECK(read(upload("0\r\n\r\n", "0", "")).empty());
  CHECK(read(upload("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "5", "")) == "MalformedTrailerError");
}

TEST_CASE("the decoded length must be right") {
  CHECK(read(upload("5\r\nhello\r\n0\r\n\r\n", "4", "")) == "IncompleteBody");
  CHECK(read(upload("5\r\nhello\r\n0\r\n\r\n", "6", "")) == "IncompleteBody");
  CHECK(read(upload("5\r\nhello\r\n0\r\n\r\n", "", "")) == "MissingContentLength");
  CHECK(read(upload("5\r\nhello\r\n0\r\n\r\n", "five", "")) == "InvalidArgument");
  CHECK(read(upload("5\r\nhel", "5", "")) == "IncompleteBody");
  CHECK(read(upload("5\r\nhello\r\n", "5", "")) == "IncompleteBody");
  CHECK(read(upload("5\r\nhello\r\n0\r\n", "5", "")) == "IncompleteBody");
}

TEST_CASE("only the last chunk may be short") {
  const std::string most(8192, 'a'), less(8191, 'a');
  CHECK(read(upload("2000\r\n" + most + "\r\n1\r\nb\r\n0\r\n\r\n", "8193", "")) == most + "b");
  CHECK(read(upload("1fff\r\n" + less + "\r\n1\r\nb\r\n0\r\n\r\n", "8192", "")) == "InvalidChunkSizeError");
}

TEST_CASE("malformed framing is refused") {
  for (const std::string body :
       {"-5\r\nhello\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhello0\r\n\r\n",
        "5\r\nhellooo\r\n0\r\n\r\n", "\r\nhello", "5 \r\nhello\r\n0\r\n\r\n", "5;a=b\r\nhello\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nhello", "5\r\nhello\r\n0\r\n\r\nmore"}) {
    CAPTURE(body);
    const auto result = read(upload(body, "5", ""));
    CHECK(result == "InvalidRequest");
  }
  CHECK(read(upload(std::string(5000, '0') + "5\r\nhello\r\n0\r\n\r\n", "5", "")) == "InvalidRequest");
  CHECK(read(upload("5\r\nhello\r\n0\r\n" + std::string(20'000, 'a') + ":b\r\n\r\n", "5", "")) ==
        "MalformedTrailerError");
  const std::string payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
  CHECK(read(upload("5\r\nhello\r\n0\r\n\r\n", "5", "", payload)) == "InvalidRequest");
  CHECK(read(upload("5;chunk-signature=ab\r\nhello\r\n0\r\n\r\n", "5", "", payload)) == "InvalidRequest");
  CHECK(read(upload("", "5", "", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD")) == "NotImplemented");
  CHECK(read(upload("", "5", "x-amz-checksum-md17")) == "InvalidRequest");
}
