#include "dispatch/directory.hpp"

#include "wire/wire.hpp"

#include <algorithm>
#include <stdexcept>

namespace moonbase::dispatch {
namespace {

std::string_view next_part(std::string_view& text) {
  const auto slash = text.find('/');
  const auto part = text.substr(0, slash);
  text.remove_prefix(slash == std::string_view::npos ? text.size() : slash + 1);
  return part;
}

Scope parse_scope(std::string_view credential) {
  Scope scope;
  scope.access_key_id = next_part(credential);
  scope.date = next_part(credential);
  scope.region = next_part(credential);
  scope.service = next_part(credential);
  return scope;
}

std::string_view without_port(std::string_view host) {
  const auto colon = host.rfind(':');
  return colon == std::string_view::npos || host.find(']', colon) != std::string_view::npos ? host
                                                                                            : host.substr(0, colon);
}

// "*" stands for one or more characters.
bool host_matches(std::string_view pattern, std::string_view host) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == host;
  if (!host.starts_with(pattern.substr(0, star))) return false;
  const auto rest = pattern.substr(star + 1);
  for (auto skip = star + 1; skip <= host.size(); ++skip)
    if (host_matches(rest, host.substr(skip))) return true;
  return false;
}

// A prefix in which "*" stands for one segment: "/restapis/*/*/_user_request_".
bool path_begins(std::string_view path, std::string_view prefix) {
  for (;;) {
    const auto star = prefix.find('*');
    if (!path.starts_with(prefix.substr(0, star))) return false;
    if (star == std::string_view::npos) return true;
    path.remove_prefix(star);
    prefix.remove_prefix(star + 1);
    const auto slash = path.find('/');
    if (slash == 0 || slash == std::string_view::npos) return false;
    path.remove_prefix(slash);
  }
}

}  // namespace

Scope read_scope(const HttpRequest& request) {
  constexpr std::string_view marker = "Credential=";
  const auto authorization = request.headers.get("Authorization");
  if (const auto at = authorization.find(marker); at != std::string_view::npos) {
    const auto credential = authorization.substr(at + marker.size());
    return parse_scope(credential.substr(0, credential.find_first_of(", ")));
  }
  constexpr std::string_view presigned = "X-Amz-Credential=";
  const std::string_view query = request.query;
  if (const auto at = query.find(presigned); at != std::string_view::npos) {
    // Encoded slashes: the parts themselves hold none.
    auto credential = query.substr(at + presigned.size());
    credential = credential.substr(0, credential.find('&'));
    Scope scope;
    for (auto* part : {&scope.access_key_id, &scope.date, &scope.region, &scope.service}) {
      const auto slash = std::min(credential.find("%2F"), credential.find("%2f"));
      const auto plain = credential.find('/');
      const auto end = std::min(slash, plain);
      *part = credential.substr(0, end);
      if (end == std::string_view::npos) break;
      credential.remove_prefix(end + (end == slash ? 3 : 1));
    }
    return scope;
  }
  return {};
}

void Directory::add(plugin::Service& service) {
  const auto& header = service.model.header();
  if (!by_name_.emplace(header.name, &service).second)
    throw std::runtime_error("two plugins bring a service named " + header.name);
  all_.push_back(&service);
  if (!header.target.empty()) by_target_.emplace(header.target, &service);
  by_signing_name_[header.signing_name].push_back(&service);
  by_endpoint_prefix_[header.endpoint_prefix].push_back(&service);
}

void Directory::add(plugin::Member& member) {
  for (auto& service : member.services) add(*service);
  for (const auto& [match, handler] : member.http) raw_.push_back({&match, {&handler, &member}});
  for (const auto& [name, handler] : member.targets)
    if (!targets_.emplace(name, Target{&handler, &member}).second)
      throw std::runtime_error("two plugins take deliveries for " + name);
  for (const auto& [name, source] : member.sources)
    if (!sources_.emplace(name, source).second) throw std::runtime_error("two plugins bring event sources of " + name);
}

Directory::Target Directory::target(std::string_view arn_service) const {
  const auto found = targets_.find(arn_service);
  return found == targets_.end() ? Target{} : found->second;
}

EventSource* Directory::source(std::string_view arn_service) const {
  const auto found = sources_.find(arn_service);
  return found == sources_.end() ? nullptr : found->second;
}

plugin::Service* Directory::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

std::vector<plugin::Service*> Directory::candidates(const HttpRequest& request, const Scope& scope) const {
  const auto hints = wire::read_hints(request);
  if (!hints.target.empty()) {
    const auto found = by_target_.find(hints.target);
    if (found != by_target_.end()) return {found->second};
  }
  if (!scope.service.empty()) {
    const auto found = by_signing_name_.find(scope.service);
    if (found != by_signing_name_.end()) return found->second;
  }
  if (!hints.cbor_service.empty()) {
    std::vector<plugin::Service*> same;
    for (auto* service : all_)
      if (service->model.header().target == hints.cbor_service) same.push_back(service);
    if (!same.empty()) return same;
  }
  const auto host = without_port(request.headers.get("Host"));
  for (std::size_t begin = 0; begin < host.size();) {
    const auto dot = std::min(host.find('.', begin), host.size());
    const auto found = by_endpoint_prefix_.find(host.substr(begin, dot - begin));
    if (found != by_endpoint_prefix_.end()) return found->second;
    begin = dot + 1;
  }
  // Unsigned and without a name: by the form's action or by the path, among what is built.
  std::vector<plugin::Service*> rest, virtual_hosted;
  for (auto* service : all_) {
    if (service->operations.empty()) continue;
    const auto& header = service->model.header();
    const bool speaks = hints.form ? header.speaks(model::Protocol::query)
                                   : header.speaks(model::Protocol::rest_json) || header.speaks(model::Protocol::rest_xml);
    // Where every path is a name, everybody else comes first.
    if (speaks) (header.virtual_hosts.empty() ? rest : virtual_hosted).push_back(service);
  }
  rest.insert(rest.end(), virtual_hosted.begin(), virtual_hosted.end());
  return rest;
}

Directory::Raw Directory::raw(const HttpRequest& request) const {
  if (raw_.empty()) return {};
  const auto host = without_port(request.headers.get("Host"));
  for (const auto& [match, raw] : raw_) {
    for (const auto& path : match->paths)
      if (path_begins(request.path, path)) return raw;
    for (const auto& pattern : match->hosts)
      if (host_matches(pattern, host)) return raw;
  }
  return {};
}

}  // namespace moonbase::dispatch
