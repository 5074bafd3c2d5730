#include "runtime/address.hpp"

#include <catch2/catch.hpp>

using moonbase::gateway::address_of;

namespace {
std::string shown(std::string_view host, std::string_view path) {
  const auto address = address_of(host, path);
  if (!address) return "none";
  return std::string(address->api_id) + "|" + std::string(address->stage) + "|" + std::string(address->path);
}
}  // namespace

TEST_CASE("an API is addressed by its host") {
  CHECK(shown("abc.execute-api.localhost", "/prod/product") == "abc||/prod/product");
  CHECK(shown("abc.execute-api.us-east-1.amazonaws.com", "/") == "abc||/");
  CHECK(shown("abc.execute-api.localhost.localstack.cloud", "/x") == "abc||/x");
}

TEST_CASE("an API is addressed by a path") {
  CHECK(shown("127.0.0.1", "/_aws/execute-api/abc/prod/product/1") == "abc||/prod/product/1");
  CHECK(shown("127.0.0.1", "/_aws/execute-api/abc") == "abc||");
  CHECK(shown("127.0.0.1", "/restapis/abc/prod/_user_request_/product") == "abc|prod|/product");
  CHECK(shown("127.0.0.1", "/restapis/abc/prod/_user_request_") == "abc|prod|");
}

TEST_CASE("other hosts and paths address no API") {
  CHECK(shown("127.0.0.1", "/prod/product") == "none");
  CHECK(shown(".execute-api.localhost", "/") == "none");
  CHECK(shown("127.0.0.1", "/restapis/abc/prod/_user_requests_/product") == "none");
  CHECK(shown("127.0.0.1", "/restapis/abc") == "none");
}
