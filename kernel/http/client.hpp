// The outbound HTTP client: for integrations, deliveries and handlers' http.get. It takes from other
// servers no more than we would from clients, follows no redirects, and does not reach the machine's
// own or private networks unless told to. It runs on fibers: a slow server costs no thread.
#pragma once

#include <memory>
#include <moonbase/http_client.hpp>
#include <mutex>
#include <string>

#include "http/outbound.hpp"

namespace moonbase {
class Io;
}

namespace moonbase::http {

using ClientRequest = HttpClientRequest;
using ClientLimits = HttpClientLimits;

// Any fiber of any loop may use it.
class Client final : public HttpClient {
 public:
  // `trusted_certificates`: a PEM file beside those that the machine trusts; may be empty.
  explicit Client(Io& io, OutboundPolicy policy = {}, std::string trusted_certificates = {});
  ~Client() override;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Result<HttpResponse> fetch(const ClientRequest& request, const ClientLimits& limits = {}) override;

  // For what is fetched from now on.
  void set_policy(OutboundPolicy policy);

 private:
  struct Trust;
  std::shared_ptr<const OutboundPolicy> policy() const;
  Trust& trust();

  Io& io_;
  const std::string trusted_certificates_;
  mutable std::mutex mutex_;
  std::shared_ptr<const OutboundPolicy> policy_;
  std::unique_ptr<Trust> trust_;  // Read at the first https request: it takes tens of milliseconds.
};

}  // namespace moonbase::http
