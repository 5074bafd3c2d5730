// HttpClient: requests to servers outside, for integrations, deliveries and handlers' http.get. They
// go where the platform's outbound policy lets them, judged after the name was resolved: without one,
// the machine's own, link-local and private addresses are out of reach (a stack's `outbound` setting,
// `moonbase up --outbound`).
#pragma once

#include <moonbase/http.hpp>
#include <moonbase/result.hpp>

#include <chrono>
#include <cstddef>
#include <string>

namespace moonbase {

struct HttpClientRequest {
  std::string method = "GET";
  std::string url;      // http or https, absolute.
  HttpHeaders headers;  // Host, lengths and Connection are the client's own.
  std::string body;
};

struct HttpClientLimits {
  std::size_t head_bytes_max = 64 * 1024;
  std::size_t headers_max = 128;
  std::size_t body_bytes_max = 10 * 1024 * 1024;
  std::chrono::milliseconds timeout{29'000};  // For all of it, from resolving the name to the last byte.
};

// Any fiber may use it.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // Suspends the fiber, on the machine's own time. The response is whole; a redirect is an answer like
  // any other. Errors: InvalidUrl, InvalidHeader, AddressNotAllowed, NameNotResolved,
  // ConnectionFailed, CertificateNotTrusted, Timeout, InvalidResponse, ResponseTooLarge.
  virtual Result<HttpResponse> fetch(const HttpClientRequest& request, const HttpClientLimits& limits = {}) = 0;
};

}  // namespace moonbase
