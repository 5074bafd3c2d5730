#include "http/body_digests.hpp"

#include <moonbase/hash.hpp>

#include "http/characters.hpp"

namespace moonbase::http {
namespace {

constexpr std::string_view prefix = "x-amz-checksum-";

Result<Done> check_md5(std::string_view claimed_text, std::string_view body) {
  const auto claimed = from_base64(claimed_text);
  const auto computed = md5(body);
  if (!claimed || claimed->size() != computed.size())
    return Error{.code = "InvalidDigest", .message = "The Content-MD5 you specified was invalid.", .status = 400};
  if (*claimed == computed) return done;
  return Error{.code = "BadDigest",
               .message = "The Content-MD5 you specified did not match what we received.",
               .members = {{"ExpectedDigest", claimed_text}, {"CalculatedDigest", base64(computed)}},
               .status = 400};
}

Result<Done> check_checksum(const std::string& algorithm, Digest& digest, std::string_view claimed_text,
                            std::string_view body) {
  digest.add(body);
  const auto computed = digest.finish();
  const auto claimed = from_base64(claimed_text);
  if (!claimed || claimed->size() != computed.size())
    return Error{.code = "InvalidRequest",
                 .message = "Value for " + std::string(prefix) + algorithm + " header is invalid.",
                 .status = 400};
  if (*claimed == computed) return done;
  std::string name = algorithm;
  for (auto& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c;
  return Error{.code = "BadDigest",
               .message = "The " + name + " you specified did not match the calculated checksum.",
               .status = 400};
}

}  // namespace

Result<Done> check_body_digests(const HttpRequest& request) {
  for (const auto& [name, value] : request.headers) {
    std::string lower = name;
    for (auto& c : lower) c = lower_case(c);
    auto checked = Result<Done>(done);
    if (lower == "content-md5") {
      checked = check_md5(value, request.body);
    } else if (lower.starts_with(prefix)) {
      const auto algorithm = lower.substr(prefix.size());
      // Others of that prefix say what kind of checksum it is.
      if (const auto digest = make_digest(algorithm)) checked = check_checksum(algorithm, *digest, value, request.body);
    }
    if (!checked) return checked;
  }
  return done;
}

}  // namespace moonbase::http
