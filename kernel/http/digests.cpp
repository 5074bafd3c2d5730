#include "http/digests.hpp"

#include <openssl/evp.h>

#include <moonbase/hash.hpp>
#include <new>

namespace moonbase::http {
namespace {

class EvpDigest final : public Digest {
 public:
  explicit EvpDigest(const EVP_MD* kind) : context_(EVP_MD_CTX_new()) {
    if (!context_ || EVP_DigestInit_ex(context_, kind, nullptr) != 1) throw std::bad_alloc();
  }
  ~EvpDigest() override { EVP_MD_CTX_free(context_); }
  EvpDigest(const EvpDigest&) = delete;
  EvpDigest& operator=(const EvpDigest&) = delete;

  void add(std::string_view bytes) override { EVP_DigestUpdate(context_, bytes.data(), bytes.size()); }
  std::string finish() override {
    unsigned char result[EVP_MAX_MD_SIZE];
    unsigned int count = 0;
    EVP_DigestFinal_ex(context_, result, &count);
    return {reinterpret_cast<const char*>(result), count};
  }

 private:
  EVP_MD_CTX* const context_;
};

template <class Number, Number (*step)(std::string_view, Number)>
class CrcDigest final : public Digest {
 public:
  void add(std::string_view bytes) override { number_ = step(bytes, number_); }
  std::string finish() override {
    std::string bytes;
    for (int shift = static_cast<int>(sizeof(Number)) * 8 - 8; shift >= 0; shift -= 8) {
      bytes += static_cast<char>(number_ >> shift & 0xff);
    }
    return bytes;
  }

 private:
  Number number_ = 0;
};

}  // namespace

std::unique_ptr<Digest> make_sha256() { return std::make_unique<EvpDigest>(EVP_sha256()); }

std::unique_ptr<Digest> make_checksum(std::string_view algorithm) {
  if (algorithm == "crc32") return std::make_unique<CrcDigest<std::uint32_t, crc32>>();
  if (algorithm == "crc32c") return std::make_unique<CrcDigest<std::uint32_t, crc32c>>();
  if (algorithm == "crc64nvme") return std::make_unique<CrcDigest<std::uint64_t, crc64_nvme>>();
  if (algorithm == "sha1") return std::make_unique<EvpDigest>(EVP_sha1());
  if (algorithm == "sha256") return make_sha256();
  return nullptr;
}

}  // namespace moonbase::http
