#include "s3/conditions.hpp"

#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using moonbase::s3::testing::Platform;

TEST_CASE("ranges are read as HTTP has them, and malformed ones not at all") {
  const auto range = [](const char* text, std::uint64_t size) -> std::string {
    const auto parsed = s3::parse_range(text, size);
    if (!parsed) return parsed.error().code;
    return *parsed ? s3::content_range(**parsed, size) : "none";
  };
  CHECK(range("bytes=0-0", 10) == "bytes 0-0/10");
  CHECK(range("bytes=5-", 10) == "bytes 5-9/10");
  CHECK(range("bytes=5-99", 10) == "bytes 5-9/10");
  CHECK(range("bytes=-3", 10) == "bytes 7-9/10");
  CHECK(range("bytes=-99", 10) == "bytes 0-9/10");
  CHECK(range("bytes=0-18446744073709551616", 10) == "bytes 0-9/10");
  for (const auto* text : {"bytes=10-", "bytes=-0", "bytes=99-100"}) CHECK(range(text, 10) == "InvalidRange");
  CHECK(range("bytes=0-", 0) == "InvalidRange");
  for (const auto* text : {"bytes=5-4", "bytes=a-b", "bytes=-", "items=0-1", "bytes=0-1,3-4", "bytes=1", ""})
    CHECK(range(text, 10) == "none");
}

TEST_CASE("a header may name several ETags, quoted, weak or not") {
  CHECK(s3::names_etag("\"abc\"", "abc"));
  CHECK(s3::names_etag("abc", "abc"));
  CHECK(s3::names_etag("W/\"abc\"", "abc"));
  CHECK(s3::names_etag("\"x\", \"abc\"", "abc"));
  CHECK(s3::names_etag("*", "abc"));
  CHECK_FALSE(s3::names_etag("\"x\"", "abc"));
  CHECK_FALSE(s3::names_etag("", "abc"));
}

TEST_CASE("a read is conditional, and an ETag outweighs a date") {
  Platform kernel;
  const auto etag = kernel.put("cat", "miau")["ETag"].string();
  const auto now = kernel.clock.now();
  const auto then = http_date(Time{now.ms - 1000}), at = http_date(now);
  const auto status = [&](const std::vector<std::pair<std::string, std::string>>& headers) {
    const auto got = kernel.send("GET", "/photos/cat", "", headers),
               head = kernel.send("HEAD", "/photos/cat", "", headers);
    CHECK(got.status == head.status);
    if (got.status == 304) {
      CHECK(got.body.empty());
      CHECK(got.headers.get("ETag") == etag);
    }
    return got.status;
  };
  CHECK(status({{"If-Match", etag}}) == 200);
  CHECK(status({{"If-Match", "\"x\""}}) == 412);
  CHECK(status({{"If-None-Match", etag}}) == 304);
  CHECK(status({{"If-None-Match", "\"x\""}}) == 200);
  CHECK(status({{"If-Modified-Since", then}}) == 200);
  CHECK(status({{"If-Modified-Since", at}}) == 304);
  CHECK(status({{"If-Unmodified-Since", then}}) == 412);
  CHECK(status({{"If-Unmodified-Since", at}}) == 200);
  CHECK(status({{"If-Match", etag}, {"If-Unmodified-Since", then}}) == 200);
  CHECK(status({{"If-None-Match", "\"x\""}, {"If-Modified-Since", at}}) == 200);
  CHECK(status({{"If-None-Match", etag}, {"If-Modified-Since", then}}) == 304);
}

TEST_CASE("a range beyond the end is refused, and the size is told") {
  Platform kernel;
  kernel.put("cat", "0123456789");
  const auto bad = kernel.send("GET", "/photos/cat", "", {{"Range", "bytes=10-"}});
  CHECK(bad.status == 416);
  CHECK_THAT(bad.body, Catch::Contains("<ActualObjectSize>10</ActualObjectSize>") &&
                           Catch::Contains("<RangeRequested>bytes=10-</RangeRequested>"));
}

TEST_CASE("a write is conditional on what is there") {
  Platform kernel;
  const auto put = [&](Map more) {
    more.set("Bucket", "photos");
    more.set("Key", "cat");
    more.set("Body", "new");
    const auto result = kernel.try_call("s3", "PutObject", std::move(more));
    return result ? std::string("ok") : result.error().code;
  };
  CHECK(put({{"IfMatch", "x"}}) == "NoSuchKey");
  CHECK(put({{"IfNoneMatch", "*"}}) == "ok");
  CHECK(put({{"IfNoneMatch", "*"}}) == "PreconditionFailed");
  CHECK(put({{"IfNoneMatch", "x"}}) == "NotImplemented");
  CHECK(put({{"IfMatch", "x"}}) == "PreconditionFailed");
  CHECK(put({{"IfMatch", "\"" + md5_hex("new") + "\""}}) == "ok");
  const auto remove = [&](const std::string& etag) {
    const auto result =
        kernel.try_call("s3", "DeleteObject", {{"Bucket", "photos"}, {"Key", "cat"}, {"IfMatch", etag}});
    return result ? std::string("ok") : result.error().code;
  };
  CHECK(remove("x") == "PreconditionFailed");
  CHECK(remove(md5_hex("new")) == "ok");
  CHECK(remove(md5_hex("new")) == "NoSuchKey");
  CHECK(put({{"IfNoneMatch", "*"}}) == "ok");
}
