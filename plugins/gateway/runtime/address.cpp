#include "runtime/address.hpp"

namespace moonbase::gateway {
namespace {

// Takes "name" off "name/rest"; `path` keeps its slash.
std::string_view take_segment(std::string_view& path) {
  const auto slash = path.find('/');
  const auto segment = path.substr(0, slash);
  path = slash == std::string_view::npos ? std::string_view() : path.substr(slash);
  return segment;
}

bool take_prefix(std::string_view& path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return false;
  path.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::optional<Address> address_of(std::string_view host, std::string_view path) {
  if (auto rest = path; take_prefix(rest, "/restapis/")) {
    const auto api = take_segment(rest);
    if (!take_prefix(rest, "/")) return std::nullopt;
    const auto stage = take_segment(rest);
    if (!take_prefix(rest, "/_user_request_") || (!rest.empty() && rest.front() != '/')) return std::nullopt;
    return Address{api, stage, rest};
  }
  if (auto rest = path; take_prefix(rest, "/_aws/execute-api/")) {
    const auto api = take_segment(rest);
    return Address{api, {}, rest};
  }
  const auto dot = host.find(".execute-api.");
  if (dot == std::string_view::npos || dot == 0) return std::nullopt;
  return Address{host.substr(0, dot), {}, path};
}

}  // namespace moonbase::gateway
