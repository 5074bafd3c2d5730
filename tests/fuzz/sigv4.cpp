#include <http/sigv4.hpp>

#include "fuzz.hpp"

using namespace fuzz;

// The first line is Authorization, the second the query, the third the path, the rest is dates.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = text_of(data, size);
  const auto line = [&] {
    const auto end = std::min(text.find('\n'), text.size());
    const auto result = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return std::string(result);
  };
  HttpRequest request;
  request.method = "GET";
  request.headers.add("Host", "example.amazonaws.com");
  if (auto authorization = line(); !authorization.empty()) request.headers.add("Authorization", authorization);
  request.query = line();
  request.path = "/" + line();
  request.headers.add("X-Amz-Date", line());
  const auto signature = http::parse_signature(request);
  if (!signature) {
    expect(!signature.error().code.empty(), "an error has a code");
    return 0;
  }
  if (!*signature) return 0;
  static http::SignatureVerifier verifier;
  const auto verdict = verifier.verify(request, **signature, "a secret that nobody can guess",
                                       http::payload_hash(request, **signature), Time{1'440'938'160'000});
  expect(!verdict.ok(), "nobody signs without the secret");
  return 0;
}
