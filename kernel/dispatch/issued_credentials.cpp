#include "dispatch/issued_credentials.hpp"

#include <moonbase/hash.hpp>
#include <moonbase/json.hpp>

namespace moonbase::dispatch {
namespace {

constexpr std::string_view prefix = "ASIAMOON";
constexpr std::size_t access_key_id_length = 20;

Error invalid_token() {
  return {"InvalidClientTokenId", "The security token included in the request is invalid.", {}, 403};
}

}  // namespace

bool IssuedCredentials::is_ours(std::string_view access_key_id) {
  return access_key_id.size() == access_key_id_length && access_key_id.starts_with(prefix);
}

std::string IssuedCredentials::secret_of(std::string_view access_key_id) const {
  return base64(hmac_sha256(key_, "secret " + std::string(access_key_id))).substr(0, 40);
}

Credentials IssuedCredentials::issue(const Identity& identity, Time expires) {
  Credentials credentials;
  credentials.access_key_id =
      std::string(prefix) +
      ids_.random_string(access_key_id_length - prefix.size(), "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
  credentials.secret_access_key = secret_of(credentials.access_key_id);
  credentials.expires = expires;
  const std::string claims = to_json(Value(Map{{"key", credentials.access_key_id},
                                               {"account", identity.account_id},
                                               {"arn", identity.arn},
                                               {"user", identity.user_id},
                                               {"until", expires.ms}}));
  credentials.session_token = base64_url(claims) + "." + base64_url(hmac_sha256(key_, "token " + claims));
  return credentials;
}

Result<Identity> IssuedCredentials::open(std::string_view access_key_id, std::string_view session_token,
                                         Time now) const {
  const auto dot = session_token.find('.');
  if (dot == std::string_view::npos) return invalid_token();
  const auto claims = from_base64_url(session_token.substr(0, dot));
  const auto seal = from_base64_url(session_token.substr(dot + 1));
  if (!claims || !seal || !equal_in_constant_time(*seal, hmac_sha256(key_, "token " + *claims)))
    return invalid_token();
  const auto read = parse_json(*claims);
  if (!read || (*read)["key"].string_or("") != access_key_id) return invalid_token();
  if ((*read)["until"].integer_or(0) <= now.ms)
    return Error{"ExpiredToken", "The security token included in the request is expired", {}, 403};
  Identity identity;
  identity.account_id = (*read)["account"].string();
  identity.arn = (*read)["arn"].string();
  identity.user_id = (*read)["user"].string();
  identity.access_key_id = access_key_id;
  identity.issued = true;
  return identity;
}

}  // namespace moonbase::dispatch
