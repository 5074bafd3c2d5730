#include "http/sigv4.hpp"

#include <algorithm>
#include <map>
#include <moonbase/hash.hpp>
#include <mutex>

#include "http/characters.hpp"

namespace moonbase::http {
namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view unsigned_payload = "UNSIGNED-PAYLOAD";
constexpr std::string_view empty_sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::int64_t skew_ms_max = 5 * 60 * 1000;
constexpr std::int64_t presigned_seconds_max = 7 * 24 * 3600;
constexpr std::size_t signing_keys_max = 1024;
constexpr std::size_t signed_headers_max = 128;

Error incomplete(std::string message) {
  return {.code = "IncompleteSignature", .message = std::move(message), .status = 400};
}

Error bad_query(std::string message) {
  return {.code = "AuthorizationQueryParametersError", .message = std::move(message), .status = 400};
}

Error denied(std::string message) { return {.code = "AccessDenied", .message = std::move(message), .status = 403}; }

Error does_not_match() {
  return {.code = "SignatureDoesNotMatch",
          .message =
              "The request signature we calculated does not match the signature you provided. Check your AWS "
              "Secret Access Key and signing method. Consult the service documentation for details.",
          .status = 403};
}

bool is_digits(std::string_view text) { return text.find_first_not_of("0123456789") == std::string_view::npos; }

bool is_hex64(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// "20130524T000000Z" as milliseconds since 1970.
std::optional<std::int64_t> parse_timestamp(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  if (!is_digits(text.substr(0, 8)) || !is_digits(text.substr(9, 6))) return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t count) {
    std::int64_t value = 0;
    for (const char c : text.substr(at, count)) value = value * 10 + (c - '0');
    return value;
  };
  const auto year = number(0, 4), month = number(4, 2), day = number(6, 2);
  const auto hour = number(9, 2), minute = number(11, 2), second = number(13, 2);
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  // Days since 1970-01-01, with years that begin in March.
  const auto y = month <= 2 ? year - 1 : year;
  const auto era = (y >= 0 ? y : y - 399) / 400;
  const auto year_of_era = y - era * 400;
  const auto day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const auto day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  const auto days = era * 146097 + day_of_era - 719468;
  return ((days * 24 + hour) * 60 + minute) * 60'000 + second * 1000;
}

std::string basic_timestamp(std::int64_t ms) {
  std::string text;
  for (const char c : iso_8601({ms}).substr(0, 19)) {
    if (c != '-' && c != ':') text += c;
  }
  return text + "Z";
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const auto end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// "AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request". The key may hold slashes; the rest does not.
bool parse_credential(std::string_view text, Signature& signature) {
  auto parts = split(text, '/');
  const auto count = parts.size();
  if (count < 5 || parts[count - 1] != "aws4_request") return false;
  signature.service = parts[count - 2];
  signature.region = parts[count - 3];
  signature.date = parts[count - 4];
  for (std::size_t i = 0; i + 4 < count; ++i) {
    if (i > 0) signature.access_key_id += '/';
    signature.access_key_id += parts[i];
  }
  return !signature.access_key_id.empty() && signature.date.size() == 8 && is_digits(signature.date) &&
         !signature.region.empty() && !signature.service.empty();
}

bool parse_signed_headers(std::string_view text, Signature& signature) {
  signature.signed_headers = split(text, ';');
  if (signature.signed_headers.size() > signed_headers_max) return false;
  for (std::size_t i = 0; i < signature.signed_headers.size(); ++i) {
    const auto& name = signature.signed_headers[i];
    if (name.empty() || !all_are(name, token_character)) return false;
    for (const char c : name) {
      if (lower_case(c) != c) return false;
    }
    // In order and each once: there is one way to write it.
    if (i > 0 && !(signature.signed_headers[i - 1] < name)) return false;
  }
  return true;
}

Result<std::optional<Signature>> parse_header(const HttpRequest& request, std::string_view value) {
  Signature signature;
  bool credential = false, headers = false;
  for (const auto& part : split(value.substr(algorithm.size()), ',')) {
    const auto pair = trimmed(part);
    const auto equals = pair.find('=');
    const auto name = pair.substr(0, equals);
    const auto text = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    if (name == "Credential" && !credential) {
      credential = true;
      if (!parse_credential(text, signature)) {
        return incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            "keyid/date/region/service/term, got '" +
            std::string(text.substr(0, 256)) + "'");
      }
    } else if (name == "SignedHeaders" && !headers) {
      headers = true;
      if (!parse_signed_headers(text, signature)) {
        return incomplete("SignedHeaders in Authorization header is malformed.");
      }
    } else if (name == "Signature" && signature.signature.empty() && !text.empty()) {
      signature.signature = text;
    } else {
      return incomplete("'" + std::string(name.substr(0, 64)) +
                        "' not a valid key=value pair (missing equal-sign) in Authorization header.");
    }
  }
  const auto missing = [](const char* name) {
    return incomplete(std::string("Authorization header requires '") + name + "' parameter.");
  };
  if (!credential) return missing("Credential");
  if (signature.signature.empty()) return missing("Signature");
  if (!headers) return missing("SignedHeaders");
  signature.timestamp = request.headers.get("x-amz-date");
  if (signature.timestamp.empty() && request.headers.contains("date"))
    signature.timestamp = request.headers.get("date");
  if (signature.timestamp.empty()) {
    return incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
  }
  signature.session_token = request.headers.get("x-amz-security-token");
  signature.payload_hash = request.headers.get("x-amz-content-sha256");
  return std::optional(std::move(signature));
}

Result<std::optional<Signature>> parse_presigned(const HttpRequest& request) {
  Signature signature;
  signature.presigned = true;
  std::map<std::string, std::string> found;
  for (auto& [name, value] : parse_query(request.query)) {
    if (!name.starts_with("X-Amz-")) continue;
    if (!found.emplace(name, std::move(value)).second) return bad_query("Query parameter " + name + " is given twice.");
  }
  for (const char* name : {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders",
                           "X-Amz-Signature"}) {
    if (!found[name].empty()) continue;
    return bad_query(
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
        "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.");
  }
  if (found["X-Amz-Algorithm"] != algorithm) return bad_query("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
  if (!parse_credential(found["X-Amz-Credential"], signature)) {
    return bad_query(
        "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
        "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
  }
  if (!parse_signed_headers(found["X-Amz-SignedHeaders"], signature)) {
    return bad_query("X-Amz-SignedHeaders is malformed.");
  }
  signature.timestamp = found["X-Amz-Date"];
  if (!parse_timestamp(signature.timestamp)) {
    return bad_query("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  }
  const auto& expires = found["X-Amz-Expires"];
  if (!is_digits(expires) || expires.size() > 9) return bad_query("X-Amz-Expires should be a number");
  signature.expires_seconds = std::stoll(expires);
  if (signature.expires_seconds > presigned_seconds_max) {
    return bad_query(
        "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be "
        "less than 604800 seconds");
  }
  signature.signature = found["X-Amz-Signature"];
  signature.session_token = found["X-Amz-Security-Token"];
  signature.payload_hash = found["X-Amz-Content-Sha256"];
  if (signature.payload_hash.empty()) signature.payload_hash = request.headers.get("x-amz-content-sha256");
  if (signature.payload_hash.empty()) signature.payload_hash = unsigned_payload;
  return std::optional(std::move(signature));
}

// Dot segments resolved, repeated slashes joined.
std::string normalized(std::string_view path) {
  std::vector<std::string_view> segments;
  const bool ends_open = path.ends_with("/") || path.ends_with("/.") || path.ends_with("/..");
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    const auto segment = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (segment.empty() || segment == ".") continue;
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
    } else {
      segments.push_back(segment);
    }
  }
  std::string result;
  for (const auto& segment : segments) result.append("/").append(segment);
  if (result.empty() || ends_open) result += '/';
  return result;
}

// Services differ in how a path is written; every way needs the secret, so all may be tried.
std::vector<std::string> canonical_paths(std::string_view path) {
  std::vector<std::string> paths = {percent_encode(normalized(path), true), percent_encode(percent_decode(path), true),
                                    percent_encode(path, true)};
  std::sort(paths.begin() + 1, paths.end());
  paths.erase(std::unique(paths.begin() + 1, paths.end()), paths.end());
  paths.erase(std::remove(paths.begin() + 1, paths.end(), paths.front()), paths.end());
  return paths;
}

std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    const auto value = equals < pair.size() ? pair.substr(equals + 1) : std::string_view();
    auto name = percent_encode(percent_decode(pair.substr(0, equals)));
    if (name == "X-Amz-Signature") continue;
    parameters.emplace_back(std::move(name), percent_encode(percent_decode(value)));
  }
  std::sort(parameters.begin(), parameters.end());
  std::string canonical;
  for (const auto& [name, value] : parameters) {
    if (!canonical.empty()) canonical += '&';
    canonical += name + "=" + value;
  }
  return canonical;
}

// Runs of spaces count as one.
std::string canonical_value(std::string_view value) {
  std::string canonical;
  for (const char c : trimmed(value)) {
    if (c == ' ' && canonical.ends_with(' ')) continue;
    canonical += c;
  }
  return canonical;
}

bool has_signed(const Signature& signature, std::string_view name) {
  return std::binary_search(signature.signed_headers.begin(), signature.signed_headers.end(), name,
                            [](std::string_view a, std::string_view b) { return a < b; });
}

class HashedReader final : public BodyReader {
 public:
  HashedReader(std::unique_ptr<BodyReader> body, std::string expected)
      : body_(std::move(body)), expected_(std::move(expected)), digest_(make_digest("sha256")) {}

  static Error mismatch() {
    return {.code = "XAmzContentSHA256Mismatch",
            .message = "The provided 'x-amz-content-sha256' header does not match what was computed.",
            .status = 400};
  }

  void add(std::string_view bytes) { digest_->add(bytes); }

  Result<std::string> read(std::size_t bytes_max) override {
    if (failed_) return mismatch();
    auto bytes = body_->read(bytes_max);
    if (!bytes || bytes_max == 0) return bytes;
    if (!bytes->empty()) {
      digest_->add(*bytes);
    } else if (!checked_) {
      checked_ = true;
      failed_ = hex(digest_->finish()) != expected_;
      if (failed_) return mismatch();
    }
    return bytes;
  }
  std::optional<std::uint64_t> length() const override { return body_->length(); }
  HttpHeaders trailers() const override { return body_->trailers(); }

 private:
  const std::unique_ptr<BodyReader> body_;
  const std::string expected_;
  const std::unique_ptr<Digest> digest_;
  bool checked_ = false, failed_ = false;
};

}  // namespace

Result<std::optional<Signature>> parse_signature(const HttpRequest& request) {
  if (const auto* header = request.headers.find("authorization")) {
    // Another algorithm of the family must not pass for "no credentials".
    if (header->starts_with(algorithm) && header->size() > algorithm.size() && (*header)[algorithm.size()] == ' ') {
      if (request.headers.all("authorization").size() > 1) return incomplete("Authorization is given twice.");
      return parse_header(request, *header);
    }
    if (header->starts_with("AWS4-")) {
      return incomplete("Unsupported signature algorithm; only AWS4-HMAC-SHA256 is supported.");
    }
  }
  if (request.query.find("X-Amz-Signature=") != std::string::npos ||
      request.query.find("X-Amz-Algorithm=") != std::string::npos) {
    return parse_presigned(request);
  }
  return std::optional<Signature>();
}

std::vector<std::string> canonical_requests(const HttpRequest& request, const Signature& signature,
                                            std::string_view payload) {
  std::string rest = "\n" + canonical_query(request.query) + "\n", names;
  for (const auto& name : signature.signed_headers) {
    rest += name + ":";
    bool first = true;
    for (const auto value : request.headers.all(name)) {
      if (!first) rest += ',';
      first = false;
      rest += canonical_value(value);
    }
    rest += "\n";
    if (!names.empty()) names += ';';
    names += name;
  }
  rest += "\n" + names + "\n";
  rest += payload;
  std::vector<std::string> requests;
  for (const auto& path : canonical_paths(request.path)) requests.push_back(request.method + "\n" + path + rest);
  return requests;
}

std::string string_to_sign(const Signature& signature, std::string_view canonical_request) {
  return std::string(algorithm) + "\n" + signature.timestamp + "\n" + signature.scope() + "\n" +
         sha256_hex(canonical_request);
}

struct SignatureVerifier::Cache {
  std::mutex mutex;
  // By access key and scope; the secret is compared, for it may have been replaced.
  std::map<std::string, std::pair<std::string, std::string>> keys;
};

SignatureVerifier::SignatureVerifier() : cache_(std::make_unique<Cache>()) {}
SignatureVerifier::~SignatureVerifier() = default;

std::string SignatureVerifier::signing_key(const Signature& signature, std::string_view secret) {
  const auto name = signature.access_key_id + "/" + signature.scope();
  {
    const std::lock_guard lock(cache_->mutex);
    const auto it = cache_->keys.find(name);
    if (it != cache_->keys.end() && equal_in_constant_time(it->second.first, secret)) return it->second.second;
  }
  auto key = hmac_sha256("AWS4" + std::string(secret), signature.date);
  for (const auto part :
       {std::string_view(signature.region), std::string_view(signature.service), std::string_view("aws4_request")}) {
    key = hmac_sha256(key, part);
  }
  const std::lock_guard lock(cache_->mutex);
  // Scopes come from outside. Starting over is rare and costs a few hashes.
  if (cache_->keys.size() >= signing_keys_max) cache_->keys.clear();
  cache_->keys[name] = {std::string(secret), key};
  return key;
}

Result<Done> check_not_expired(const Signature& signature, Time now) {
  const auto signed_at_ms = parse_timestamp(signature.timestamp);
  const bool expired = signed_at_ms && now.ms - *signed_at_ms > signature.expires_seconds * 1000;
  if (signature.presigned && expired) return denied("Request has expired");
  return done;
}

Result<Done> SignatureVerifier::verify(const HttpRequest& request, const Signature& signature, std::string_view secret,
                                       std::string_view payload, Time now) {
  const auto signed_at_ms = parse_timestamp(signature.timestamp);
  if (!signed_at_ms || !signature.timestamp.starts_with(signature.date)) {
    return incomplete("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '" +
                      signature.date + "' != '" + signature.timestamp.substr(0, 64) + "', from '" +
                      signature.timestamp.substr(0, 64) + "'.");
  }
  if (!has_signed(signature, "host")) return denied("'Host' must be a 'SignedHeader' in the AWS Authorization.");
  for (const auto& [name, value] : request.headers) {
    std::string lower = name;
    for (auto& c : lower) c = lower_case(c);
    if (lower.starts_with("x-amz-") && !has_signed(signature, lower)) {
      return denied("There were headers present in the request which were not signed");
    }
  }
  for (const auto& name : signature.signed_headers) {
    if (!request.headers.contains(name)) return does_not_match();
  }
  const auto age_ms = now.ms - *signed_at_ms;
  if (signature.presigned) {
    if (auto valid = check_not_expired(signature, now); !valid) return valid;
    if (age_ms < -skew_ms_max) return denied("Request is not yet valid");
  } else if (age_ms > skew_ms_max) {
    return Error{.code = "SignatureDoesNotMatch",
                 .message = "Signature expired: " + signature.timestamp + " is now earlier than " +
                            basic_timestamp(now.ms - skew_ms_max) + " (" + basic_timestamp(now.ms) + " - 5 min.)",
                 .status = 403};
  } else if (age_ms < -skew_ms_max) {
    return Error{.code = "SignatureDoesNotMatch",
                 .message = "Signature not yet current: " + signature.timestamp + " is still later than " +
                            basic_timestamp(now.ms + skew_ms_max) + " (" + basic_timestamp(now.ms) + " + 5 min.)",
                 .status = 403};
  }
  const auto key = signing_key(signature, secret);
  bool matches = false;
  for (const auto& canonical : canonical_requests(request, signature, payload)) {
    const auto computed = hex(hmac_sha256(key, string_to_sign(signature, canonical)));
    if (equal_in_constant_time(computed, signature.signature)) matches = true;
  }
  if (!matches) return does_not_match();
  return done;
}

std::function<bool(bool, std::string_view, std::string_view)> SignatureVerifier::chunk_verifier(
    const Signature& signature, std::string_view secret) {
  return [key = signing_key(signature, secret), previous = signature.signature,
          context = signature.timestamp + "\n" + signature.scope() + "\n"](bool is_trailer, std::string_view sha256,
                                                                           std::string_view claimed) mutable {
    std::string text = is_trailer ? "AWS4-HMAC-SHA256-TRAILER\n" : "AWS4-HMAC-SHA256-PAYLOAD\n";
    text += context + previous + "\n";
    if (!is_trailer) text.append(empty_sha256).append("\n");
    text += sha256;
    previous = hex(hmac_sha256(key, text));
    return equal_in_constant_time(previous, claimed);
  };
}

std::string payload_hash(const HttpRequest& request, const Signature& signature) {
  return signature.payload_hash.empty() ? sha256_hex(request.body) : signature.payload_hash;
}

Result<Done> check_payload_hash(HttpRequest& request, const Signature& signature) {
  if (!is_hex64(signature.payload_hash)) return done;
  if (!request.reader) {
    if (sha256_hex(request.body) != signature.payload_hash) return HashedReader::mismatch();
    return done;
  }
  auto reader = std::make_unique<HashedReader>(std::move(request.reader), signature.payload_hash);
  reader->add(request.body);
  request.reader = std::move(reader);
  return done;
}

}  // namespace moonbase::http
