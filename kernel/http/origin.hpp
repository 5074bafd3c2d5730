// Host and Origin: keeps a web page of somebody else from driving a local cloud through its
// visitor's browser, whether directly or by pointing its own name at us (DNS rebinding).
#pragma once

#include <moonbase/http.hpp>
#include <moonbase/result.hpp>
#include <optional>
#include <string>
#include <vector>

namespace moonbase::http {

struct OriginPolicy {
  // Names beside the local ones under which we may be reached: "api.example.com", "*.example.com".
  std::vector<std::string> hosts;
  // Pages beside the local ones that may act: "https://app.example.com".
  std::vector<std::string> origins;
};

enum class Surface {
  admin,        // /_moonbase: no foreign page may do anything.
  service,      // AWS operations: a foreign page may read what its own markup could load.
  application,  // The user's own APIs, and resources, whose own CORS rules have let the page: only Host counts.
};

// An Error (AccessDenied, 403, saying what to configure) if the request may come from a foreign page.
// `signature_is_valid`: verified with credentials that we issued, which no page can guess.
std::optional<Error> refuse_foreign(const HttpRequest& request, const OriginPolicy& policy, Surface surface,
                                    bool signature_is_valid = false);

// May we be asked under this name ("name" or "name:port")? Addresses and names without a dot cannot
// be pointed at us by others; nor can localhost and the names below, which stand for this machine or
// for AWS itself.
bool is_local_host(std::string_view host, const OriginPolicy& policy);

}  // namespace moonbase::http
