// The directory: which service a request means, and where everything that plugins registered is found.
#pragma once

#include "plugin/member.hpp"

#include <moonbase/http.hpp>

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace moonbase::dispatch {

// The credential scope of a request: "AKID/20261121/us-east-1/coupons/aws4_request". Views into it.
struct Scope {
  std::string_view access_key_id, date, region, service;
  bool present() const { return !access_key_id.empty(); }
};
// From the Authorization header or X-Amz-Credential; verified elsewhere.
Scope read_scope(const HttpRequest& request);

// Filled while plugins load, never changed afterwards.
class Directory {
 public:
  // All that a plugin registered. Throws std::runtime_error where two bring a service, a target or an
  // event source of the same name.
  void add(plugin::Member& member);

  plugin::Service* find(std::string_view name) const;
  const std::vector<plugin::Service*>& all() const { return all_; }

  // The services that the request may mean, the likeliest first. By X-Amz-Target, by the service of
  // an RPC-v2 path, by the scope's service, by the host's first part; without any of these, every
  // REST service that has operations.
  std::vector<plugin::Service*> candidates(const HttpRequest& request, const Scope& scope) const;

  struct Raw {
    const HttpHandler* handler = nullptr;
    plugin::Member* member = nullptr;
  };
  struct Target {
    const TargetHandler* handler = nullptr;
    plugin::Member* member = nullptr;
  };
  // Who takes deliveries to the ARNs of a service, by its part of the ARN, and who holds what can be polled;
  // nobody: null.
  Target target(std::string_view arn_service) const;
  EventSource* source(std::string_view arn_service) const;

  // Who asked for raw requests to this host or path; nobody: null.
  Raw raw(const HttpRequest& request) const;

 private:
  void add(plugin::Service& service);
  using ByName = std::unordered_map<std::string_view, std::vector<plugin::Service*>>;
  struct RawMatch {
    const HttpMatch* match;
    Raw raw;
  };
  std::vector<plugin::Service*> all_;
  std::unordered_map<std::string_view, plugin::Service*> by_name_, by_target_;
  ByName by_signing_name_, by_endpoint_prefix_;
  std::unordered_map<std::string_view, Target> targets_;
  std::unordered_map<std::string_view, EventSource*> sources_;
  std::vector<RawMatch> raw_;
};

}  // namespace moonbase::dispatch
