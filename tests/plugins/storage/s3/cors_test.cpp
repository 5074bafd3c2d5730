#include "s3/cors.hpp"

#include <catch2/catch.hpp>

#include "support.hpp"

using namespace moonbase;
using moonbase::s3::testing::Platform;

namespace {

constexpr auto page = "https://app.example.com";

struct Shared : Platform {
  Shared() {
    Map rule{{"AllowedOrigins", List{"https://*.example.com"}},
             {"AllowedMethods", List{"PUT", "GET"}},
             {"AllowedHeaders", List{"x-amz-*", "Content-Type"}},
             {"ExposeHeaders", List{"ETag"}},
             {"MaxAgeSeconds", 600}};
    call("PutBucketCors", {{"Bucket", "photos"}, {"CORSConfiguration", Map{{"CORSRules", List{std::move(rule)}}}}});
  }
  HttpResponse ask(const std::string& target, const std::string& method, const std::string& headers = "",
                   const std::string& origin = page, const std::string& host = "127.0.0.1:4566") {
    HttpRequest request;
    request.method = "OPTIONS";
    request.path = target.substr(0, target.find('?'));
    if (request.path.size() < target.size()) request.query = target.substr(request.path.size() + 1);
    request.headers.add("Host", host);
    request.headers.add("Origin", origin);
    request.headers.add("Access-Control-Request-Method", method);
    if (!headers.empty()) request.headers.add("Access-Control-Request-Headers", headers);
    return http(std::move(request));
  }
};

}  // namespace

TEST_CASE("a page asks first, and is answered by the bucket's rules") {
  Shared kernel;
  const auto answer = kernel.ask("/photos/cat.jpg?x-id=PutObject", "PUT", "Content-Type, X-Amz-Date");
  CHECK(answer.status == 200);
  CHECK(answer.body.empty());
  CHECK(answer.headers.get("Access-Control-Allow-Origin") == page);
  CHECK(answer.headers.get("Access-Control-Allow-Methods") == "PUT, GET");
  CHECK(answer.headers.get("Access-Control-Allow-Headers") == "content-type, x-amz-date");
  CHECK(answer.headers.get("Access-Control-Expose-Headers") == "ETag");
  CHECK(answer.headers.get("Access-Control-Max-Age") == "600");
  CHECK(answer.headers.get("Access-Control-Allow-Credentials") == "true");
  CHECK(answer.headers.get("Vary") == "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
  CHECK(kernel.ask("/cat.jpg", "GET", "", page, "photos.s3.localhost:4566").status == 200);
  CHECK(kernel.ask("/photos", "GET").status == 200);
}

TEST_CASE("a page that the rules do not let is told so") {
  Shared kernel;
  const auto refused = [&](const HttpResponse& answer) {
    CHECK(answer.status == 403);
    CHECK_FALSE(answer.headers.contains("Access-Control-Allow-Origin"));
    return answer.body;
  };
  CHECK_THAT(refused(kernel.ask("/photos/cat.jpg", "DELETE")),
             Catch::Contains("<Code>AccessForbidden</Code>") && Catch::Contains("<Method>DELETE</Method>") &&
                 Catch::Contains("<ResourceType>OBJECT</ResourceType>"));
  refused(kernel.ask("/photos/cat.jpg", "PUT", "Authorization"));
  refused(kernel.ask("/photos/cat.jpg", "PUT", "", "https://evil.example"));
  refused(kernel.ask("/photos/cat.jpg", "PUT", "", "null"));
  refused(kernel.ask("/photos/cat.jpg", "PUT", "", page, "photos.evil.example"));
  CHECK_THAT(refused(kernel.ask("/films/cat.avi", "GET")), Catch::Contains("CORS is not enabled for this bucket."));
  kernel.call("CreateBucket", {{"Bucket", "films"}});
  CHECK_THAT(refused(kernel.ask("/films", "GET")), Catch::Contains("<ResourceType>BUCKET</ResourceType>"));
}

TEST_CASE("a page acts as far as the rules go, and no further") {
  Shared kernel;
  const auto put = [&](const std::string& origin, const std::string& target = "/photos/cat.jpg") {
    return kernel.send("PUT", target, "pixels", {{"Origin", origin}});
  };
  const auto done = put(page);
  CHECK(done.status == 200);
  CHECK(done.headers.get("Access-Control-Allow-Origin") == page);
  CHECK(kernel.body_of("cat.jpg") == "pixels");
  CHECK(put("https://evil.example").status == 403);
  CHECK(put("http://app.example.com").status == 403);
  kernel.call("CreateBucket", {{"Bucket", "films"}});
  CHECK(put(page, "/films/cat.avi").status == 403);
  CHECK(kernel.error("GetObject", {{"Bucket", "films"}, {"Key", "cat.avi"}}).code == "NoSuchKey");
  const auto remove = kernel.send("DELETE", "/photos/cat.jpg", "", {{"Origin", page}});
  CHECK(remove.status == 403);
  CHECK(kernel.body_of("cat.jpg") == "pixels");
  // What markup could load is served, but a script cannot read it.
  const auto read = kernel.send("GET", "/photos/cat.jpg", "", {{"Origin", "https://evil.example"}});
  CHECK(read.status == 200);
  CHECK_FALSE(read.headers.contains("Access-Control-Allow-Origin"));
  CHECK(kernel.send("GET", "/photos/cat.jpg", "", {{"Origin", page}}).headers.get("Access-Control-Expose-Headers") ==
        "ETag");
}

TEST_CASE("a rule's star stands for any characters, once") {
  using s3::cors_matches;
  CHECK(cors_matches("*", "https://a.b", false));
  CHECK(cors_matches("https://*.example.com", "https://a.b.example.com", false));
  CHECK_FALSE(cors_matches("https://*.example.com", "https://example.com", false));
  CHECK_FALSE(cors_matches("a*a", "a", false));
  CHECK_FALSE(cors_matches("https://x", "https://X", false));
  CHECK(cors_matches("X-Amz-*", "x-amz-date", true));
}
