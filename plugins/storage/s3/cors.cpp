#include "cors.hpp"

#include <algorithm>
#include <array>

#include "errors.hpp"

namespace moonbase::s3 {
namespace {

constexpr std::size_t rules_max = 100, id_bytes_max = 255;
constexpr std::array<std::string_view, 5> methods = {"GET", "PUT", "POST", "DELETE", "HEAD"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same(std::string_view a, std::string_view b, bool ignoring_case) {
  if (!ignoring_case) return a == b;
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

Result<Done> check_wildcards(const Value& texts, const std::string& name) {
  if (texts.is_null()) return done;
  for (const auto& text : texts.list())
    if (std::count(text.string().begin(), text.string().end(), '*') > 1)
      return invalid_request(name + " \"" + text.string() + "\" can not have more than one wildcard.");
  return done;
}

Result<Done> check_rule(const Value& rule) {
  const auto &allowed = rule["AllowedMethods"], &origins = rule["AllowedOrigins"], &exposed = rule["ExposeHeaders"];
  if (!allowed.is_list() || allowed.list().empty() || !origins.is_list() || origins.list().empty())
    return malformed_xml();
  if (rule["ID"].string_or("").size() > id_bytes_max) return malformed_xml();
  for (const auto& method : allowed.list())
    if (std::find(methods.begin(), methods.end(), method.string()) == methods.end())
      return invalid_request("Found unsupported HTTP method in CORS config. Unsupported method is " + method.string());
  if (auto checked = check_wildcards(origins, "AllowedOrigin"); !checked) return checked;
  if (auto checked = check_wildcards(rule["AllowedHeaders"], "AllowedHeader"); !checked) return checked;
  if (exposed.is_null()) return done;
  for (const auto& header : exposed.list())
    if (header.string().find('*') != std::string::npos)
      return invalid_request("ExposeHeader \"" + header.string() +
                             "\" contains wildcard. We currently do not support wildcard for ExposeHeader.");
  return done;
}

bool any_matches(const Value& patterns, std::string_view text, bool ignoring_case) {
  return patterns.is_list() && std::any_of(patterns.list().begin(), patterns.list().end(), [&](const Value& pattern) {
           return cors_matches(pattern.string(), text, ignoring_case);
         });
}

bool allows(const Value& rule, const CrossRequest& request) {
  const auto& allowed = rule["AllowedMethods"].list();
  return any_matches(rule["AllowedOrigins"], request.origin, false) &&
         std::any_of(allowed.begin(), allowed.end(),
                     [&](const Value& one) { return one.string() == request.method; }) &&
         std::all_of(request.headers.begin(), request.headers.end(),
                     [&](const std::string& header) { return any_matches(rule["AllowedHeaders"], header, true); });
}

}  // namespace

Result<Done> check_cors(const Value& configuration) {
  const auto& rules = configuration["CORSRules"];
  if (!rules.is_list() || rules.list().empty()) return malformed_xml();
  if (rules.list().size() > rules_max)
    return invalid_request("The number of CORS rules should not exceed allowed limit of 100 rules.");
  for (const auto& rule : rules.list())
    if (auto checked = check_rule(rule); !checked) return checked;
  return done;
}

const Value* find_cors_rule(const Value& configuration, const CrossRequest& request) {
  const auto& rules = configuration["CORSRules"];
  if (!rules.is_list()) return nullptr;
  const auto found =
      std::find_if(rules.list().begin(), rules.list().end(), [&](const Value& rule) { return allows(rule, request); });
  return found == rules.list().end() ? nullptr : &*found;
}

bool cors_matches(std::string_view pattern, std::string_view text, bool ignoring_case) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return same(pattern, text, ignoring_case);
  const auto before = pattern.substr(0, star), behind = pattern.substr(star + 1);
  return text.size() >= before.size() + behind.size() && same(before, text.substr(0, before.size()), ignoring_case) &&
         same(behind, text.substr(text.size() - behind.size()), ignoring_case);
}

}  // namespace moonbase::s3
