#include "http/outbound.hpp"

#include <arpa/inet.h>

#include <cstring>

#include "http/characters.hpp"

namespace moonbase::http {
namespace {

struct Network {
  std::uint32_t prefix;
  int bits;
};
constexpr std::uint32_t v4(std::uint32_t a, std::uint32_t b, std::uint32_t c = 0, std::uint32_t d = 0) {
  return a << 24 | b << 16 | c << 8 | d;
}

// The IPv4 special-purpose registry, and multicast.
constexpr Network special_networks[] = {
    {v4(0, 0), 8},     {v4(10, 0), 8},         {v4(100, 64), 10},     {v4(127, 0), 8},       {v4(169, 254), 16},
    {v4(172, 16), 12}, {v4(192, 0, 0), 24},    {v4(192, 0, 2), 24},   {v4(192, 88, 99), 24}, {v4(192, 168), 16},
    {v4(198, 18), 15}, {v4(198, 51, 100), 24}, {v4(203, 0, 113), 24}, {v4(224, 0), 4},       {v4(240, 0), 4},
};

bool is_public_v4(std::uint32_t address) {
  for (const auto& network : special_networks) {
    if ((address ^ network.prefix) >> (32 - network.bits) == 0) return false;
  }
  return true;
}

bool is_public_v6(const in6_addr& address) {
  const auto* bytes = address.s6_addr;
  const auto embedded = [&](int at) { return v4(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]); };
  if (IN6_IS_ADDR_V4MAPPED(&address)) return is_public_v4(embedded(12));
  // NAT64 and 6to4 lead to the IPv4 address that they hold.
  static constexpr unsigned char nat64[12] = {0, 0x64, 0xff, 0x9b};
  if (std::memcmp(bytes, nat64, sizeof nat64) == 0) return is_public_v4(embedded(12));
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return is_public_v4(embedded(2));
  if ((bytes[0] & 0xe0) != 0x20) return false;  // All that is global begins with the bits 001.
  const bool documentation = bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0x0d && bytes[3] == 0xb8;
  const bool teredo_or_special = bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] < 0x02;
  return !documentation && !teredo_or_special;
}

bool matches(std::string_view host, std::string_view pattern) {
  std::string lower(host);
  for (auto& c : lower) c = lower_case(c);
  if (!pattern.starts_with("*.")) return lower == pattern;
  return lower.size() > pattern.size() - 1 && std::string_view(lower).ends_with(pattern.substr(1));
}

}  // namespace

bool is_public(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    return is_public_v4(ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) return is_public_v6(reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
  return false;
}

bool may_connect(const OutboundPolicy& policy, std::string_view host, const sockaddr& address) {
  if (policy.allow_private || is_public(address)) return true;
  for (const auto& pattern : policy.hosts) {
    if (matches(host, pattern)) return true;
  }
  return false;
}

}  // namespace moonbase::http
