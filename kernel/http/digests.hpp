// Digests that grow with what passes by.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace moonbase::http {

// Give bytes with add(), take the raw result once with finish().
class Digest {
 public:
  virtual ~Digest() = default;
  virtual void add(std::string_view bytes) = 0;
  virtual std::string finish() = 0;
};

std::unique_ptr<Digest> make_sha256();

// By the names that clients give: crc32, crc32c, crc64nvme, sha1, sha256 in lower case. Null for others.
std::unique_ptr<Digest> make_checksum(std::string_view algorithm);

}  // namespace moonbase::http
