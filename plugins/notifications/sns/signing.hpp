// Signing: the RSA keys that messages are signed with, one an account and region, and their certificates.
#pragma once

#include <map>
#include <memory>
#include <moonbase/call.hpp>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "common.hpp"

namespace moonbase::notifications::sns {

// Any fiber may use it.
class Signing {
 public:
  // Signs: version "1" is SHA1, "2" SHA256, both PKCS #1 v1.5. Makes the key where there is none yet.
  struct Signature {
    std::string base64;
    std::string certificate_name;  // "SimpleNotificationService-….pem"
  };
  Result<Signature> sign(const KernelServices& kernel, const Owner& owner, std::string_view version,
                         std::string_view text);

  // PEM. Nothing where no certificate has the name.
  static std::optional<std::string> certificate(Store& store, const std::string& name);

  void clear();

 private:
  struct Key;
  Result<std::shared_ptr<const Key>> key_of(const KernelServices& kernel, const Owner& owner);

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Key>> keys_;
};

// "https://127.0.0.1:4566/…" of "http://127.0.0.1:4566": one port speaks both, and validators want TLS.
std::string certificate_url(const std::string& base_url, const std::string& certificate_name);

}  // namespace moonbase::notifications::sns
