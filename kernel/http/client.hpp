// The outbound HTTP client: for integrations, deliveries and handlers' http.get. It takes from other
// servers no more than we would from clients, follows no redirects, and does not reach the machine's
// own or private networks unless told to. It runs on fibers: a slow server costs no thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <moonbase/http.hpp>
#include <moonbase/result.hpp>
#include <string>

#include "http/outbound.hpp"

namespace moonbase {
class Io;
}

namespace moonbase::http {

struct ClientLimits {
  std::size_t head_bytes_max = 64 * 1024;
  std::size_t headers_max = 128;
  std::size_t body_bytes_max = 10 * 1024 * 1024;
  std::chrono::milliseconds timeout{29'000};  // For all of it, from resolving the name to the last byte.
};

struct ClientRequest {
  std::string method = "GET";
  std::string url;      // http or https, absolute.
  HttpHeaders headers;  // Host, lengths and Connection are the client's own.
  std::string body;
};

// Any fiber of any loop may use it.
class Client {
 public:
  // `trusted_certificates`: a PEM file beside those that the machine trusts; may be empty.
  explicit Client(Io& io, OutboundPolicy policy = {}, const std::string& trusted_certificates = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Suspends the fiber. The response is whole. Errors: InvalidUrl, InvalidHeader, AddressNotAllowed,
  // NameNotResolved, ConnectionFailed, CertificateNotTrusted, Timeout, InvalidResponse, ResponseTooLarge.
  Result<HttpResponse> fetch(const ClientRequest& request, const ClientLimits& limits = {});

 private:
  Io& io_;
  const OutboundPolicy policy_;
  struct Trust;
  std::unique_ptr<Trust> trust_;
};

}  // namespace moonbase::http
