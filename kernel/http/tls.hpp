// TLS on the front door's port, with a certificate of our own making.
#pragma once

#include <memory>
#include <moonbase/result.hpp>
#include <string>
#include <vector>

#include "http/limits.hpp"
#include "http/transport.hpp"

namespace moonbase::http {

// Any thread may use it once it is open.
class Tls {
 public:
  // Reads tls.key and tls.crt from `folder`, or makes them: a key that only its owner can read, and a
  // certificate for localhost, *.localhost, 127.0.0.1, ::1 and `names`. Made anew when it is about to
  // expire or lacks a name. An Error says what is wrong with the folder.
  static Result<std::unique_ptr<Tls>> open(const std::string& folder, const std::vector<std::string>& names);
  ~Tls();

  // Shakes hands; null when the client gives up or cannot agree. Suspends the fiber. `http2` says
  // whether the client chose it.
  std::unique_ptr<Transport> accept(loop::Loop& loop, int descriptor, const Limits& limits, bool& http2) const;

 private:
  Tls() = default;
  void* context_ = nullptr;  // An SSL_CTX.
};

// The other side: connections of ours to servers that the machine trusts.
class TlsClient {
 public:
  // `trusted_certificates`: a PEM file with more to trust; may be empty.
  explicit TlsClient(const std::string& trusted_certificates);
  ~TlsClient();
  TlsClient(TlsClient&& other) noexcept : context_(other.context_) { other.context_ = nullptr; }

  // Shakes hands on a connected socket and checks that the certificate is for `host`. Null and a
  // `problem` when that fails. Suspends the fiber.
  std::unique_ptr<Transport> connect(loop::Loop& loop, int descriptor, const std::string& host,
                                     std::chrono::milliseconds timeout, std::string& problem) const;

 private:
  void* context_ = nullptr;  // An SSL_CTX.
};

}  // namespace moonbase::http
