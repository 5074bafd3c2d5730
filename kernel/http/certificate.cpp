#include "http/certificate.hpp"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "durable_file.hpp"

namespace moonbase::http {
namespace {

// Clients refuse certificates that are valid for longer than 825 days.
constexpr long valid_seconds = 820L * 24 * 3600;
constexpr long renew_seconds = 30L * 24 * 3600;

template <auto free>
struct Free {
  template <class T>
  void operator()(T* object) const {
    free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;

bool is_address(const std::string& name) {
  unsigned char address[16];
  return inet_pton(AF_INET, name.c_str(), address) == 1 || inet_pton(AF_INET6, name.c_str(), address) == 1;
}

std::vector<std::string> all_names(const std::vector<std::string>& more) {
  std::vector<std::string> names = {"localhost", "*.localhost", "127.0.0.1", "::1"};
  names.insert(names.end(), more.begin(), more.end());
  return names;
}

// Compared as written: OpenSSL itself matches no wildcard directly below a top level domain.
bool covers(X509& certificate, const std::string& name) {
  if (is_address(name)) return X509_check_ip_asc(&certificate, name.c_str(), 0) == 1;
  const std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>> alternatives(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; alternatives && i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    const auto* alternative = sk_GENERAL_NAME_value(alternatives.get(), i);
    if (alternative->type != GEN_DNS) continue;
    const auto* text = reinterpret_cast<const char*>(ASN1_STRING_get0_data(alternative->d.dNSName));
    if (std::string_view(text, static_cast<std::size_t>(ASN1_STRING_length(alternative->d.dNSName))) == name) {
      return true;
    }
  }
  return false;
}

bool is_good(const std::string& folder, const std::vector<std::string>& names) {
  const Bio file(BIO_new_file(certificate_path(folder).c_str(), "r"));
  if (!file || ::access(key_path(folder).c_str(), R_OK) != 0) return false;
  const Certificate certificate(PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr));
  if (!certificate) return false;
  // Clients judge by the machine's clock, so it counts here, not the platform's.
  int days = 0, seconds = 0;
  if (ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate.get())) != 1) return false;
  if (days * 24L * 3600 + seconds < renew_seconds) return false;
  for (const auto& name : names) {
    if (!covers(*certificate, name)) return false;
  }
  return true;
}

void add_extension(X509& certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, &certificate, &certificate, nullptr, nullptr, 0);
  auto* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  if (!extension) throw std::runtime_error("cannot make a certificate extension: " + value);
  X509_add_ext(&certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Certificate make_certificate(EVP_PKEY& key, const std::vector<std::string>& names) {
  Certificate certificate(X509_new());
  if (!certificate) throw std::bad_alloc();
  X509_set_version(certificate.get(), 2);
  const std::unique_ptr<BIGNUM, Free<BN_free>> serial(BN_new());
  BN_rand(serial.get(), 120, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY);
  BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate.get()));
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), valid_seconds);
  X509_set_pubkey(certificate.get(), &key);
  auto* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("Moonbase"), -1, -1, 0);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  std::string alternatives;
  for (const auto& alternative : names) {
    if (!alternatives.empty()) alternatives += ',';
    alternatives += (is_address(alternative) ? "IP:" : "DNS:") + alternative;
  }
  add_extension(*certificate, NID_subject_alt_name, alternatives);
  add_extension(*certificate, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(*certificate, NID_key_usage, "critical,digitalSignature");
  add_extension(*certificate, NID_ext_key_usage, "serverAuth");
  if (X509_sign(certificate.get(), &key, EVP_sha256()) == 0) throw std::runtime_error("cannot sign the certificate");
  return certificate;
}

std::string_view text_of(BIO& content) {
  char* text = nullptr;
  const auto bytes = BIO_get_mem_data(&content, &text);
  return {text, static_cast<std::size_t>(bytes)};
}

bool is_name(const std::string& name) {
  if (name.empty() || name.size() > 253) return false;
  if (is_address(name)) return true;
  return name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_*") ==
         std::string::npos;
}

}  // namespace

std::string certificate_path(const std::string& folder) { return folder + "/tls.crt"; }
std::string key_path(const std::string& folder) { return folder + "/tls.key"; }

Result<Done> ensure_certificate(const std::string& folder, const std::vector<std::string>& more) {
  const auto names = all_names(more);
  for (const auto& name : names) {
    // Checked because names are joined with commas below.
    if (!is_name(name)) return Error{.code = "InvalidName", .message = "\"" + name + "\" is not a host name."};
  }
  const bool good = is_good(folder, names);
  ERR_clear_error();
  if (good) return done;
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error{.code = "InvalidFolder", .message = "Cannot make " + folder + ": " + std::strerror(errno) + "."};
  }
  const Key key(EVP_EC_gen("P-256"));
  if (!key) throw std::runtime_error("cannot make a key");
  const auto certificate = make_certificate(*key, names);
  const Bio key_text(BIO_new(BIO_s_mem())), certificate_text(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  PEM_write_bio_X509(certificate_text.get(), certificate.get());
  if (auto written = write_durably(key_path(folder), 0600, text_of(*key_text)); !written) return written;
  return write_durably(certificate_path(folder), 0644, text_of(*certificate_text));
}

}  // namespace moonbase::http
