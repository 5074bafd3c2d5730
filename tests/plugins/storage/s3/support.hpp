// What the tests of S3 share.
#pragma once

#include <moonbase/hash.hpp>
#include <moonbase/testing.hpp>
#include <string>
#include <utility>
#include <vector>

namespace moonbase::s3::testing {

// A kernel with the plugin and, if named, a bucket.
struct Platform : moonbase::testing::TestKernel {
  explicit Platform(const std::string& bucket = "photos", std::vector<std::string> plugins = {"storage"})
      : TestKernel("s3", {std::move(plugins)}) {
    if (!bucket.empty()) call("CreateBucket", {{"Bucket", bucket}});
  }

  Value put(const std::string& key, const std::string& body, Map more = {}) {
    more.set("Bucket", "photos");
    more.set("Key", key);
    more.set("Body", body);
    return call("PutObject", std::move(more));
  }
  Value get(const std::string& key, Map more = {}) {
    more.set("Bucket", "photos");
    more.set("Key", key);
    return call("GetObject", std::move(more));
  }
  std::string body_of(const std::string& key, Map more = {}) { return get(key, std::move(more))["Body"].string(); }
  Value list(Map more = {}) {
    more.set("Bucket", "photos");
    return call("ListObjectsV2", std::move(more));
  }
  // The keys of a listing, and its common prefixes.
  static std::vector<std::string> keys(const Value& listing, const char* member = "Contents") {
    std::vector<std::string> keys;
    if (listing[member].is_list())
      for (const auto& entry : listing[member].list()) keys.push_back(entry["Key"].string());
    return keys;
  }
  static std::vector<std::string> prefixes(const Value& listing) {
    std::vector<std::string> prefixes;
    if (listing["CommonPrefixes"].is_list())
      for (const auto& entry : listing["CommonPrefixes"].list()) prefixes.push_back(entry["Prefix"].string());
    return prefixes;
  }

  // As a client's bytes: "GET", "/photos/cat.jpg?versionId=…".
  HttpResponse send(const std::string& method, const std::string& target, std::string body = {},
                    const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    HttpRequest request;
    request.method = method;
    request.path = target.substr(0, target.find('?'));
    if (request.path.size() < target.size()) request.query = target.substr(request.path.size() + 1);
    request.headers.add("Host", "127.0.0.1:4566");
    request.headers.add("Authorization",
                        "AWS4-HMAC-SHA256 Credential=test/20270101/us-east-1/s3/aws4_request, SignedHeaders=host, "
                        "Signature=0000000000000000000000000000000000000000000000000000000000000000");
    request.headers.add("Content-Length", std::to_string(body.size()));
    for (const auto& [name, value] : headers) request.headers.add(name, value);
    request.body = std::move(body);
    return http(std::move(request));
  }
};

// So long that it does not lie in a row.
inline std::string large(std::size_t bytes = 200'000, char first = 'a') {
  std::string text;
  text.reserve(bytes);
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(first + static_cast<char>(i * 31 % 23));
  return text;
}

}  // namespace moonbase::s3::testing
