#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <moonbase/hash.hpp>
#include <stdexcept>

namespace moonbase {
namespace {

struct Free {
  void operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// Fetched once: OpenSSL 3 looks an algorithm up by name on every use otherwise.
const EVP_MD* algorithm(const char* name) {
  EVP_MD* found = EVP_MD_fetch(nullptr, name, nullptr);
  if (!found) throw std::runtime_error(std::string("OpenSSL offers no ") + name);
  return found;
}

std::string digest(const EVP_MD* algorithm, std::string_view bytes) {
  thread_local const std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned length = 0;
  if (!context || EVP_DigestInit_ex2(context.get(), algorithm, nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), out.data(), &length) != 1)
    throw std::runtime_error("OpenSSL failed to compute a digest");
  return {reinterpret_cast<const char*>(out.data()), length};
}

// A reflected CRC, eight bytes a step: table[k] advances a byte over k further zero bytes.
template <class Number, Number polynomial>
struct Crc {
  std::array<std::array<Number, 256>, 8> table{};

  constexpr Crc() {
    for (unsigned byte = 0; byte < 256; ++byte) {
      Number rest = byte;
      for (int bit = 0; bit < 8; ++bit) rest = (rest & 1) != 0 ? (rest >> 1) ^ polynomial : rest >> 1;
      table[0][byte] = rest;
    }
    for (unsigned byte = 0; byte < 256; ++byte)
      for (std::size_t k = 1; k < 8; ++k)
        table[k][byte] = (table[k - 1][byte] >> 8) ^ table[0][table[k - 1][byte] & 0xff];
  }

  Number operator()(std::string_view bytes, Number before) const {
    Number rest = ~before;
    const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
    std::size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) {
      std::uint64_t block = 0;
      for (unsigned k = 0; k < 8; ++k) block |= std::uint64_t{at[k]} << (8 * k);
      block ^= rest;
      rest = 0;
      for (unsigned k = 0; k < 8; ++k) rest ^= table[7 - k][block >> (8 * k) & 0xff];
    }
    for (; left > 0; ++at, --left) rest = (rest >> 8) ^ table[0][(rest ^ *at) & 0xff];
    return ~rest;
  }
};

constexpr Crc<std::uint32_t, 0x82f63b78> castagnoli;
constexpr Crc<std::uint64_t, 0x9a6c9329ac4bc9b5> nvme;

const EVP_MD* md5_algorithm() {
  static const EVP_MD* const found = algorithm("MD5");
  return found;
}
const EVP_MD* sha1_algorithm() {
  static const EVP_MD* const found = algorithm("SHA1");
  return found;
}
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const found = algorithm("SHA256");
  return found;
}
const EVP_MD* sha512_algorithm() {
  static const EVP_MD* const found = algorithm("SHA512");
  return found;
}

class EvpDigest final : public Digest {
 public:
  explicit EvpDigest(const EVP_MD* kind) : context_(EVP_MD_CTX_new()) {
    if (!context_ || EVP_DigestInit_ex2(context_.get(), kind, nullptr) != 1)
      throw std::runtime_error("OpenSSL failed to begin a digest");
  }
  void add(std::string_view bytes) override { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string finish() override {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned length = 0;
    EVP_DigestFinal_ex(context_.get(), out.data(), &length);
    return {reinterpret_cast<const char*>(out.data()), length};
  }

 private:
  const std::unique_ptr<EVP_MD_CTX, Free> context_;
};

template <class Number, Number (*step)(std::string_view, Number)>
class CrcDigest final : public Digest {
 public:
  void add(std::string_view bytes) override { number_ = step(bytes, number_); }
  std::string finish() override {
    std::string bytes;
    for (int shift = static_cast<int>(sizeof(Number)) * 8 - 8; shift >= 0; shift -= 8)
      bytes += static_cast<char>(number_ >> shift & 0xff);
    return bytes;
  }

 private:
  Number number_ = 0;
};

constexpr std::string_view standard_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<signed char, 256> values_of(std::string_view digits) {
  std::array<signed char, 256> values{};
  for (auto& value : values) value = -1;
  for (std::size_t i = 0; i < digits.size(); ++i)
    values[static_cast<unsigned char>(digits[i])] = static_cast<signed char>(i);
  return values;
}
constexpr auto standard_values = values_of(standard_digits);
constexpr auto url_values = values_of(url_digits);

std::string encode_64(std::string_view bytes, std::string_view digits, bool pad) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  const auto byte = [&](std::size_t at) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at])); };
  std::size_t at = 0;
  for (; at + 3 <= bytes.size(); at += 3) {
    const auto block = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
    const char quartet[] = {digits[block >> 18], digits[block >> 12 & 63], digits[block >> 6 & 63], digits[block & 63]};
    text.append(quartet, 4);
  }
  if (bytes.size() - at == 1) {
    const auto block = byte(at) << 16;
    text += {digits[block >> 18], digits[block >> 12 & 63]};
    if (pad) text += "==";
  } else if (bytes.size() - at == 2) {
    const auto block = byte(at) << 16 | byte(at + 1) << 8;
    text += {digits[block >> 18], digits[block >> 12 & 63], digits[block >> 6 & 63]};
    if (pad) text += '=';
  }
  return text;
}

// `text` without padding.
std::optional<std::string> decode_64(std::string_view text, const std::array<signed char, 256>& values) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t block = 0;
  int bits = 0;
  for (const char digit : text) {
    const int value = values[static_cast<unsigned char>(digit)];
    if (value < 0) return std::nullopt;
    block = block << 6 | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(block >> bits & 0xff);
    }
  }
  // Bits that belong to no byte must be zero, or two texts would mean the same bytes.
  if ((block & ((1U << bits) - 1)) != 0) return std::nullopt;
  return bytes;
}

}  // namespace

std::string md5(std::string_view bytes) { return digest(md5_algorithm(), bytes); }
std::string sha1(std::string_view bytes) { return digest(sha1_algorithm(), bytes); }
std::string sha256(std::string_view bytes) { return digest(sha256_algorithm(), bytes); }

std::string hmac_sha256(std::string_view key, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned length = 0;
  // HMAC() takes a null key for "the key of before", so an empty key needs an address.
  if (!HMAC(sha256_algorithm(), key.empty() ? "" : key.data(), static_cast<int>(key.size()),
            reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out.data(), &length))
    throw std::runtime_error("OpenSSL failed to compute an HMAC");
  return {reinterpret_cast<const char*>(out.data()), length};
}

std::string md5_hex(std::string_view bytes) { return hex(md5(bytes)); }
std::string sha256_hex(std::string_view bytes) { return hex(sha256(bytes)); }

std::uint32_t crc32(std::string_view bytes, std::uint32_t before) {
  return static_cast<std::uint32_t>(
      ::crc32_z(before, reinterpret_cast<const Bytef*>(bytes.empty() ? "" : bytes.data()), bytes.size()));
}
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) { return castagnoli(bytes, before); }
std::uint64_t crc64_nvme(std::string_view bytes, std::uint64_t before) { return nvme(bytes, before); }

std::unique_ptr<Digest> make_digest(std::string_view algorithm) {
  if (algorithm == "md5") return std::make_unique<EvpDigest>(md5_algorithm());
  if (algorithm == "sha1") return std::make_unique<EvpDigest>(sha1_algorithm());
  if (algorithm == "sha256") return std::make_unique<EvpDigest>(sha256_algorithm());
  if (algorithm == "sha512") return std::make_unique<EvpDigest>(sha512_algorithm());
  if (algorithm == "crc32") return std::make_unique<CrcDigest<std::uint32_t, crc32>>();
  if (algorithm == "crc32c") return std::make_unique<CrcDigest<std::uint32_t, crc32c>>();
  if (algorithm == "crc64nvme") return std::make_unique<CrcDigest<std::uint64_t, crc64_nvme>>();
  return nullptr;
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(bytes.size() * 2, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    text[2 * i] = digits[byte >> 4];
    text[2 * i + 1] = digits[byte & 15];
  }
  return text;
}

std::optional<std::string> from_hex(std::string_view digits) {
  if (digits.size() % 2 != 0) return std::nullopt;
  const auto value = [](char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
  };
  std::string bytes(digits.size() / 2, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int high = value(digits[2 * i]);
    const int low = value(digits[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes[i] = static_cast<char>(high << 4 | low);
  }
  return bytes;
}

std::string base64(std::string_view bytes) { return encode_64(bytes, standard_digits, true); }
std::string base64_url(std::string_view bytes) { return encode_64(bytes, url_digits, false); }

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int padding = 0; padding < 2 && !text.empty() && text.back() == '='; ++padding) text.remove_suffix(1);
  return decode_64(text, standard_values);
}
std::optional<std::string> from_base64_url(std::string_view text) { return decode_64(text, url_values); }

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace moonbase
