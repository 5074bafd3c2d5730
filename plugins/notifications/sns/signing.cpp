#include "sns/signing.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <moonbase/hash.hpp>
#include <stdexcept>

namespace moonbase::notifications::sns {
namespace {

constexpr int key_bits = 2048;
constexpr long lifetime_seconds = 10L * 365 * 24 * 3600;

template <auto release>
struct Free {
  template <class T>
  void operator()(T* object) const {
    release(object);
  }
};
using PrivateKey = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Memory = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;

void check(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("OpenSSL failed to ") + what);
}

std::string content(BIO* memory) {
  char* bytes = nullptr;
  const auto count = BIO_get_mem_data(memory, &bytes);
  return {bytes, static_cast<std::size_t>(count)};
}

struct Pair {
  std::string private_key, certificate;
};

// Self-signed. `serial` is 8 random bytes.
Pair make_pair(Time now, const std::string& serial) {
  PrivateKey key(EVP_RSA_gen(key_bits));
  check(key != nullptr, "make a key");
  Certificate certificate(X509_new());
  check(certificate && X509_set_version(certificate.get(), 2) == 1, "make a certificate");
  std::uint64_t number = 0;
  for (const char byte : serial) number = number << 8 | static_cast<unsigned char>(byte);
  check(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), number >> 1 | 1) == 1,
        "number a certificate");
  auto begins = static_cast<std::time_t>(now.seconds());
  check(X509_time_adj_ex(X509_getm_notBefore(certificate.get()), -1, 0, &begins) != nullptr &&
            X509_time_adj_ex(X509_getm_notAfter(certificate.get()), 0, lifetime_seconds, &begins) != nullptr,
        "date a certificate");
  auto* name = X509_get_subject_name(certificate.get());
  const auto* common_name = reinterpret_cast<const unsigned char*>("sns.amazonaws.com");
  check(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1 &&
            X509_set_issuer_name(certificate.get(), name) == 1 && X509_set_pubkey(certificate.get(), key.get()) == 1 &&
            X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0,
        "sign a certificate");
  const Memory key_text(BIO_new(BIO_s_mem())), certificate_text(BIO_new(BIO_s_mem()));
  check(key_text && certificate_text &&
            PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1 &&
            PEM_write_bio_X509(certificate_text.get(), certificate.get()) == 1,
        "write a key");
  return {content(key_text.get()), content(certificate_text.get())};
}

}  // namespace

struct Signing::Key {
  PrivateKey key;
  std::string certificate_name;
};

Result<std::shared_ptr<const Signing::Key>> Signing::key_of(const KernelServices& kernel, const Owner& owner) {
  const auto place = owner.account + "/" + owner.region;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = keys_.find(place); found != keys_.end()) return found->second;
  }
  constexpr auto select = "SELECT name, private_key FROM sns_signing_key WHERE account = ? AND region = ?";
  Rows rows;
  const auto look = [&](Transaction& tx) -> Result<Value> {
    rows = tx.query(select, owner.account, owner.region);
    return Value();
  };
  if (auto read = kernel.store.read(look); !read) return read.error();
  if (rows.empty()) {
    Pair pair;
    const auto name = "SimpleNotificationService-" + kernel.ids.hex(32) + ".pem";
    const auto serial = kernel.ids.random_bytes(8);
    const auto now = kernel.clock.now();
    kernel.io.blocking([&] { pair = make_pair(now, serial); });
    auto written = kernel.store.write([&](Transaction& tx) -> Result<Value> {
      tx.query(
          "INSERT INTO sns_signing_key (account, region, name, private_key, certificate) VALUES (?, ?, ?, ?, ?) "
          "ON CONFLICT (account, region) DO NOTHING",
          owner.account, owner.region, name, pair.private_key, pair.certificate);
      return look(tx);
    });
    if (!written) return written.error();
  }
  const auto& text = rows.front()[1].string();
  const Memory memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  auto key = std::make_shared<Key>();
  key->key.reset(PEM_read_bio_PrivateKey(memory.get(), nullptr, nullptr, nullptr));
  check(key->key != nullptr, "read a key");
  key->certificate_name = rows.front()[0].string();
  const std::lock_guard lock(mutex_);
  return std::shared_ptr<const Key>(keys_[place] = std::move(key));
}

Result<Signing::Signature> Signing::sign(const KernelServices& kernel, const Owner& owner, std::string_view version,
                                         std::string_view text) {
  const auto key = key_of(kernel, owner);
  if (!key) return key.error();
  const Digest digest(EVP_MD_CTX_new());
  std::size_t size = 0;
  const auto* kind = version == "2" ? EVP_sha256() : EVP_sha1();
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  check(digest && EVP_DigestSignInit(digest.get(), nullptr, kind, nullptr, (*key)->key.get()) == 1 &&
            EVP_DigestSign(digest.get(), nullptr, &size, bytes, text.size()) == 1,
        "sign");
  std::string signature(size, '\0');
  check(
      EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, text.size()) == 1,
      "sign");
  signature.resize(size);
  return Signature{base64(signature), (*key)->certificate_name};
}

std::optional<std::string> Signing::certificate(Store& store, const std::string& name) {
  std::optional<std::string> found;
  const auto read = store.read([&](Transaction& tx) -> Result<Value> {
    const auto rows = tx.query("SELECT certificate FROM sns_signing_key WHERE name = ?", name);
    if (!rows.empty()) found = rows.front()[0].string();
    return Value();
  });
  return read ? found : std::nullopt;
}

void Signing::clear() {
  const std::lock_guard lock(mutex_);
  keys_.clear();
}

std::string certificate_url(const std::string& base_url, const std::string& certificate_name) {
  const auto secure = base_url.starts_with("http://") ? "https://" + base_url.substr(7) : base_url;
  return secure + "/" + certificate_name;
}

}  // namespace moonbase::notifications::sns
