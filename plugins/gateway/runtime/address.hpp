// Where a request to an API is addressed: which API, and the path behind it.
#pragma once

#include <optional>
#include <string_view>

namespace moonbase::gateway {

// Views into host and path.
struct Address {
  std::string_view api_id;
  std::string_view stage;  // Empty where the path's first segment may name it.
  std::string_view path;   // Behind the API (and the stage, if that is known); begins with "/" or is empty.
};

// "{api}.execute-api.…/{stage}/…", "/_aws/execute-api/{api}/{stage}/…" or
// "/restapis/{api}/{stage}/_user_request_/…". Nothing for another address.
std::optional<Address> address_of(std::string_view host, std::string_view path);

}  // namespace moonbase::gateway
