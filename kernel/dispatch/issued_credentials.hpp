// Credentials without a table of them: the secret follows from the access key id and the platform's
// key, the session token is sealed with that key.
#pragma once

#include <moonbase/call.hpp>
#include <moonbase/credentials.hpp>
#include <moonbase/result.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace moonbase::dispatch {

class IssuedCredentials final : public CredentialIssuer {
 public:
  // `key`: 32 random bytes, the same after a restart.
  IssuedCredentials(std::string key, Ids& ids) : key_(std::move(key)), ids_(ids) {}

  Credentials issue(const Identity& identity, Time expires) override;

  // Whether an access key id looks like ours; the others belong to nobody.
  static bool is_ours(std::string_view access_key_id);
  // Whom the token is for. Errors: InvalidClientTokenId (not ours, or not for this access key id),
  // ExpiredToken.
  Result<Identity> open(std::string_view access_key_id, std::string_view session_token, Time now) const;
  std::string secret_of(std::string_view access_key_id) const;

 private:
  const std::string key_;
  Ids& ids_;
};

}  // namespace moonbase::dispatch
