// Digests, checksums and their text forms.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace moonbase {

// Digests as raw bytes.
std::string md5(std::string_view bytes);
std::string sha1(std::string_view bytes);
std::string sha256(std::string_view bytes);
std::string hmac_sha256(std::string_view key, std::string_view bytes);

std::string md5_hex(std::string_view bytes);
std::string sha256_hex(std::string_view bytes);

// Checksums; pass the last result to go on.
std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0);
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);
std::uint64_t crc64_nvme(std::string_view bytes, std::uint64_t before = 0);

// A digest or checksum of bytes that come one piece after the other.
class Digest {
 public:
  virtual ~Digest() = default;
  virtual void add(std::string_view bytes) = 0;
  virtual std::string finish() = 0;  // Raw, a checksum's highest byte first. Once.
};
// "md5", "sha1", "sha256", "sha512", "crc32", "crc32c" or "crc64nvme". Null for other names.
std::unique_ptr<Digest> make_digest(std::string_view algorithm);

std::string hex(std::string_view bytes);  // Lower case.
std::optional<std::string> from_hex(std::string_view digits);
std::string base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);       // Strict, with padding.
std::string base64_url(std::string_view bytes);                      // Without padding.
std::optional<std::string> from_base64_url(std::string_view text);

// Compares in a time that does not depend on where they differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace moonbase
