// Credentials that the platform issues: for a function's role, for assumed roles, for identities.
#pragma once

#include <moonbase/clock.hpp>

#include <string>

namespace moonbase {

struct Identity;

struct Credentials {
  std::string access_key_id;      // "ASIA…"
  std::string secret_access_key;
  std::string session_token;      // Carries who they are for and until when; sealed.
  Time expires;
};

// Any thread may use it.
class CredentialIssuer {
 public:
  virtual ~CredentialIssuer() = default;
  // Temporary credentials that make a caller `identity`. Requests signed with them are verified in
  // every mode; nothing is stored.
  virtual Credentials issue(const Identity& identity, Time expires) = 0;
};

}  // namespace moonbase
