// Signature Version 4: who says he sent a request, and did he?
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <moonbase/clock.hpp>
#include <moonbase/http.hpp>
#include <moonbase/result.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase::http {

// What a request says about itself; not verified.
struct Signature {
  std::string access_key_id;
  std::string date, region, service;        // The credential's scope. date: "20130524".
  std::string timestamp;                    // "20130524T000000Z".
  std::vector<std::string> signed_headers;  // In lower case, as listed.
  std::string signature;                    // 64 hexadecimal digits.
  std::string session_token;                // Empty where there is none.
  // x-amz-content-sha256: a SHA-256 in hexadecimal, UNSIGNED-PAYLOAD or STREAMING-…; empty where the
  // client gave none, so that the body's own hash counts.
  std::string payload_hash;
  bool presigned = false;
  std::int64_t expires_seconds = 0;  // When presigned.

  std::string scope() const { return date + "/" + region + "/" + service + "/aws4_request"; }
};

// Nothing for a request without credentials (or with those of another kind, such as Bearer). Errors:
// IncompleteSignature, AuthorizationQueryParametersError (both 400). The codes are those of the
// Query and REST-XML protocols; JSON's have the suffix Exception.
Result<std::optional<Signature>> parse_signature(const HttpRequest& request);

// Of a presigned request. Error AccessDenied (403).
Result<Done> check_not_expired(const Signature& signature, Time now);

// Any thread may use it; it remembers signing keys.
class SignatureVerifier {
 public:
  SignatureVerifier();
  ~SignatureVerifier();

  // Is the request signed with this secret, now? `payload_hash` is what the body's hash must be taken
  // for: see payload_hash(). Errors: SignatureDoesNotMatch, AccessDenied (expired, or a header that
  // should have been signed was not), RequestTimeTooSkewed; all 403. Takes the same time for every
  // wrong signature.
  Result<Done> verify(const HttpRequest& request, const Signature& signature, std::string_view secret_access_key,
                      std::string_view payload_hash, Time now);

  // For AwsChunkedOptions::verify: the chunks of a body whose request was verified.
  std::function<bool(bool is_trailer, std::string_view sha256_hex, std::string_view signature)> chunk_verifier(
      const Signature& signature, std::string_view secret_access_key);

 private:
  std::string signing_key(const Signature& signature, std::string_view secret_access_key);

  struct Cache;
  std::unique_ptr<Cache> cache_;
};

// The hash that was signed for: the one that the client gives, else the body's, which must have been
// read for that.
std::string payload_hash(const HttpRequest& request, const Signature& signature);

// If the client gave its body's SHA-256: checks the body if it has been read, and lets the reader
// check the rest otherwise. Error XAmzContentSHA256Mismatch (400), from here or from the reader.
Result<Done> check_payload_hash(HttpRequest& request, const Signature& signature);

// Exposed for tests, which compare them with AWS's published examples. `path` is the one way of
// several to write it.
std::vector<std::string> canonical_requests(const HttpRequest& request, const Signature& signature,
                                            std::string_view payload_hash);
std::string string_to_sign(const Signature& signature, std::string_view canonical_request);

}  // namespace moonbase::http
