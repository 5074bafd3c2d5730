#include "http/origin.hpp"

#include <catch2/catch.hpp>

using moonbase::HttpRequest;
using namespace moonbase::http;

namespace {

struct Page {
  std::string method = "POST", host = "localhost:4566", origin, query, fetch_site, upgrade;
};

bool allowed(const Page& page, Surface surface = Surface::service, const OriginPolicy& policy = {},
             bool signature_is_valid = false) {
  HttpRequest request;
  request.method = page.method;
  request.path = "/";
  request.query = page.query;
  request.headers.add("Host", page.host);
  if (!page.origin.empty()) request.headers.add("Origin", page.origin);
  if (!page.fetch_site.empty()) request.headers.add("Sec-Fetch-Site", page.fetch_site);
  if (!page.upgrade.empty()) request.headers.add("Upgrade", page.upgrade);
  return !refuse_foreign(request, policy, surface, signature_is_valid);
}

}  // namespace

TEST_CASE("names that lead to this machine are served, others are not") {
  const OriginPolicy policy{.hosts = {"cloud.example.com", "*.api.example.com"}};
  for (const std::string host :
       {"localhost", "LOCALHOST:4566", "localhost.", "127.0.0.1:4566", "[::1]:4566", "::1", "192.168.0.7",
        "moonbase:4566", "bucket.localhost", "a.b.localhost:4566", "abc.execute-api.localhost.localstack.cloud:4566",
        "sqs.us-east-1.amazonaws.com", "host.docker.internal", "cloud.example.com", "x.api.example.com", ""}) {
    CAPTURE(host);
    CHECK(is_local_host(host, policy));
  }
  for (const std::string host :
       {"evil.example", "evil.example:4566", "localhost.evil.example", "127.0.0.1.evil.example", "evilamazonaws.com",
        "amazonaws.com.evil.example", "other.example.com", "api.example.com", "notlocalhost.com"}) {
    CAPTURE(host);
    CHECK_FALSE(is_local_host(host, policy));
  }
}

TEST_CASE("a rebound name reaches nothing, whatever it asks for") {
  for (const auto surface : {Surface::admin, Surface::service, Surface::application}) {
    CHECK_FALSE(allowed({"GET", "evil.example:4566"}, surface));
    CHECK_FALSE(allowed({"POST", "evil.example:4566", "http://evil.example:4566"}, surface));
  }
}

TEST_CASE("a foreign page cannot act, nor touch what is for administrators") {
  for (const std::string origin : {"https://evil.example", "null", "http://6.6.6.6", "https://bucket.s3.amazonaws.com",
                                   "http://localhost.evil.example", "chrome-extension://abc", "http://", "localhost"}) {
    CAPTURE(origin);
    CHECK_FALSE(allowed({"POST", "localhost:4566", origin}));
    CHECK_FALSE(allowed({"DELETE", "localhost:4566", origin}));
    CHECK_FALSE(allowed({"GET", "localhost:4566", origin, "Action=DeleteQueue"}));
    CHECK_FALSE(allowed({"GET", "localhost:4566", origin, "", "", "websocket"}));
    CHECK_FALSE(allowed({"GET", "localhost:4566", origin}, Surface::admin));
    CHECK_FALSE(allowed({"POST", "localhost:4566", origin}, Surface::admin));
    CHECK(allowed({"GET", "localhost:4566", origin}));
    CHECK(allowed({"POST", "localhost:4566", origin}, Surface::application));
    CHECK(allowed({"POST", "localhost:4566", origin}, Surface::service, {}, true));
  }
  // An image of a foreign page: no Origin, but the browser says where it comes from.
  CHECK_FALSE(allowed({"GET", "localhost:4566", "", "Action=DeleteQueue", "cross-site"}));
  CHECK_FALSE(allowed({"GET", "localhost:4566", "", "", "cross-site"}, Surface::admin));
  CHECK(allowed({"GET", "localhost:4566", "", "", "cross-site"}));
}

TEST_CASE("programs and local pages may act") {
  const OriginPolicy policy{.origins = {"https://app.example.com"}};
  for (const auto surface : {Surface::admin, Surface::service}) {
    CHECK(allowed({"POST", "localhost:4566", ""}, surface));
    CHECK(allowed({"POST", "localhost:4566", "http://localhost:3000"}, surface));
    CHECK(allowed({"POST", "localhost:4566", "http://127.0.0.1:5173"}, surface));
    CHECK(allowed({"POST", "127.0.0.1:4566", "http://[::1]:80"}, surface));
    CHECK(allowed({"POST", "192.168.0.7:4566", "http://192.168.0.7:4566"}, surface));
    CHECK(allowed({"POST", "localhost:4566", "https://app.example.com"}, surface, policy));
    CHECK_FALSE(allowed({"POST", "localhost:4566", "http://app.example.com"}, surface, policy));
    CHECK_FALSE(allowed({"POST", "192.168.0.7:4566", "http://192.168.0.7:80"}, surface));
  }
}
