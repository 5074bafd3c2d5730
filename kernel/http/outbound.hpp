// Where our own requests may go: against servers that we are asked to reach only because we, and not
// the one who asks, can reach them.
#pragma once

#include <netinet/in.h>

#include <string>
#include <string_view>
#include <vector>

namespace moonbase::http {

struct OutboundPolicy {
  // Loopback, link-local (with the clouds' metadata services), private and other special networks.
  bool allow_private = false;
  // Names and addresses that may be reached even so: "localhost", "10.0.0.7", "*.internal".
  std::vector<std::string> hosts;
};

// Judged by the address to connect to, after the name was resolved: a name may lead anywhere.
bool is_public(const sockaddr& address);
bool may_connect(const OutboundPolicy& policy, std::string_view host, const sockaddr& address);

}  // namespace moonbase::http
