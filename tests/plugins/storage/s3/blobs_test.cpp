#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using moonbase::s3::testing::large;
using moonbase::s3::testing::Platform;

namespace {

struct Blobs : Platform {
  bool has(const std::string& body) {
    bool found = false;
    on_fiber([&](KernelServices& kernel, CallContext&) { found = kernel.blobs.contains(sha256_hex(body)); });
    return found;
  }
  void remove(const std::string& key) { call("DeleteObject", {{"Bucket", "photos"}, {"Key", key}}); }
  void settle() { clock.advance_ms(0); }
};

}  // namespace

TEST_CASE("small objects need no blob, large ones share theirs, and it goes with the last of them") {
  Blobs kernel;
  const auto body = large();
  kernel.put("small", "tiny");
  CHECK_FALSE(kernel.has("tiny"));
  kernel.put("one", body);
  kernel.put("two", body);
  kernel.call("CopyObject", {{"Bucket", "photos"}, {"Key", "three"}, {"CopySource", "photos/one"}});
  kernel.remove("one");
  kernel.put("two", "replaced");
  kernel.settle();
  CHECK(kernel.has(body));
  CHECK(kernel.body_of("three") == body);
  kernel.remove("three");
  kernel.settle();
  CHECK_FALSE(kernel.has(body));
}

TEST_CASE("parts that are replaced, left out or aborted leave no blob") {
  Blobs kernel;
  const auto replaced = large(140'000, 'a'), used = large(140'000, 'b'), left_out = large(140'000, 'c'),
             aborted = large(140'000, 'd');
  const auto begin = [&] {
    return kernel.call("CreateMultipartUpload", {{"Bucket", "photos"}, {"Key", "film"}})["UploadId"].string();
  };
  const auto part = [&](const std::string& id, int number, const std::string& body) {
    return kernel.call(
        "UploadPart",
        {{"Bucket", "photos"}, {"Key", "film"}, {"UploadId", id}, {"PartNumber", number}, {"Body", body}})["ETag"];
  };
  const auto id = begin(), other = begin();
  part(id, 1, replaced);
  const auto etag = part(id, 1, used);
  part(id, 2, left_out);
  part(other, 1, aborted);
  kernel.call("CompleteMultipartUpload",
              {{"Bucket", "photos"},
               {"Key", "film"},
               {"UploadId", id},
               {"MultipartUpload", Map{{"Parts", List{Map{{"PartNumber", 1}, {"ETag", etag}}}}}}});
  kernel.call("AbortMultipartUpload", {{"Bucket", "photos"}, {"Key", "film"}, {"UploadId", other}});
  kernel.settle();
  CHECK_FALSE(kernel.has(replaced));
  CHECK(kernel.has(used));
  CHECK_FALSE(kernel.has(left_out));
  CHECK_FALSE(kernel.has(aborted));
}

TEST_CASE("a body that is refused leaves no blob") {
  Blobs kernel;
  const auto body = large();
  CHECK(kernel.send("PUT", "/photos/cat", body, {{"Content-MD5", base64(md5("other"))}}).status == 400);
  CHECK_FALSE(
      kernel.try_call("s3", "PutObject", {{"Bucket", "photos"}, {"Key", "cat"}, {"Body", body}, {"IfMatch", "x"}}));
  kernel.restart();
  CHECK_FALSE(kernel.has(body));
}

TEST_CASE("a reader gets the whole object, though it is replaced meanwhile, and its blob goes later") {
  Blobs kernel;
  const auto body = large(2'000'000);
  kernel.put("film", body);
  kernel.on_fiber([&](KernelServices& inside, CallContext& context) {
    HttpResponse response;
    const auto id = sha256_hex(body);
    auto hold = inside.blobs.hold({id});
    REQUIRE(inside.services.call(context, "s3", "DeleteObject", Map{{"Bucket", "photos"}, {"Key", "film"}}));
    CHECK_FALSE(inside.blobs.erase_unused(id, [](const std::string&) { return false; }));
    CHECK(inside.blobs.contains(id));
  });
  kernel.clock.advance_ms(10'000);
  CHECK_FALSE(kernel.has(body));
}

TEST_CASE("a reset forgets the blobs as well") {
  Blobs kernel;
  const auto mine = large(150'000, 'a'), theirs = large(150'000, 'b'), both = large(150'000, 'c');
  kernel.put("mine", mine);
  kernel.put("both", both);
  CallContext other;
  other.identity.account_id = "111111111111";
  for (const auto& [key, body] : {std::pair("theirs", theirs), std::pair("both", both)}) {
    static_cast<void>(kernel.try_call_as(other, "s3", "CreateBucket", {{"Bucket", "others"}}));
    REQUIRE(kernel.try_call_as(other, "s3", "PutObject", {{"Bucket", "others"}, {"Key", key}, {"Body", body}}));
  }
  const auto reset = [&](const std::string& query) {
    HttpRequest request;
    request.method = "POST";
    request.path = "/_moonbase/reset";
    request.query = query;
    request.headers.add("Host", "127.0.0.1:4566");
    CHECK(kernel.http(std::move(request)).status == 200);
    kernel.settle();
  };
  reset("account=000000000000");
  CHECK_FALSE(kernel.has(mine));
  CHECK(kernel.has(both));
  CHECK(kernel.has(theirs));
  reset("");
  CHECK_FALSE(kernel.has(both));
  CHECK_FALSE(kernel.has(theirs));
}
