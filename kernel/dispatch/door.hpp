// The door: from an HTTP request to a Call and back.
#pragma once

#include "dispatch/calls.hpp"
#include "dispatch/directory.hpp"
#include "dispatch/issued_credentials.hpp"
#include "http/origin.hpp"
#include "http/sigv4.hpp"

#include <moonbase/http.hpp>

namespace moonbase::dispatch {

class Door {
 public:
  Door(const Directory& directory, Calls& calls, const Clock& clock, Ids& ids, Log& log)
      : directory_(directory), calls_(calls), clock_(clock), ids_(ids), log_(log) {}

  void set_credentials(const IssuedCredentials& credentials) { credentials_ = &credentials; }
  void set_origins(http::OriginPolicy origins) { origins_ = std::move(origins); }

  // Runs on the connection's fiber.
  void handle(HttpRequest& request, HttpResponse& response);

 private:
  CallContext surroundings(const HttpRequest& request, const Scope& scope);
  void serve_raw(const Directory::Raw& raw, HttpRequest& request, CallContext context, HttpResponse& response);
  void serve_operation(HttpRequest& request, const Scope& scope, CallContext context, HttpResponse& response);
  // Who calls. Credentials that we issued are verified; of others, only the account is read.
  Result<Done> identify(HttpRequest& request, const Scope& scope, Identity& identity);
  Result<Done> check_link(const HttpRequest& request) const;
  Result<Done> unwrap_body(HttpRequest& request, const Scope& scope);

  const Directory& directory_;
  Calls& calls_;
  const Clock& clock_;
  Ids& ids_;
  Log& log_;
  const IssuedCredentials* credentials_ = nullptr;
  http::OriginPolicy origins_;
  http::SignatureVerifier verifier_;
};

// Who a request says it is: a 12-digit access key id is the account, anything else is 000000000000.
Identity identity_of(std::string_view access_key_id);

}  // namespace moonbase::dispatch
