// What pages of other origins may do with a bucket: its CORS rules, as browsers ask for them.
#include "pages.hpp"

#include <algorithm>

#include "bucket.hpp"
#include "cors.hpp"
#include "errors.hpp"
#include "setting.hpp"

namespace moonbase::s3 {
namespace {

constexpr std::size_t headers_max = 100;  // That one preflight may name.

Error forbidden(std::string message, const PageCall& call, bool is_object) {
  return {"AccessForbidden",
          "CORSResponse: " + std::move(message),
          {{"Method", call.request.method}, {"ResourceType", is_object ? "OBJECT" : "BUCKET"}},
          403};
}

// "X-Amz-Date, content-type" in lower case.
std::vector<std::string> asked_headers(std::string_view text) {
  std::vector<std::string> headers(1);
  for (const char c : text) {
    if (c == ',')
      headers.emplace_back();
    else if (c != ' ' && c != '\t')
      headers.back() += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  headers.erase(std::remove(headers.begin(), headers.end(), ""), headers.end());
  return headers;
}

std::string joined(const Value& texts) {
  std::string text;
  if (!texts.is_list()) return text;
  for (const auto& one : texts.list()) text += (text.empty() ? "" : ", ") + one.string();
  return text;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string text;
  for (const auto& one : texts) text += (text.empty() ? "" : ", ") + one;
  return text;
}

HttpHeaders headers_of(const Value& rule, const CrossRequest& request) {
  const auto& origins = rule["AllowedOrigins"].list();
  const bool anybody =
      std::any_of(origins.begin(), origins.end(), [](const Value& one) { return one.string() == "*"; });
  HttpHeaders headers;
  headers.set("Access-Control-Allow-Origin", anybody ? "*" : std::string(request.origin));
  headers.set("Access-Control-Allow-Methods", joined(rule["AllowedMethods"]));
  if (!request.headers.empty()) headers.set("Access-Control-Allow-Headers", joined(request.headers));
  if (const auto exposed = joined(rule["ExposeHeaders"]); !exposed.empty())
    headers.set("Access-Control-Expose-Headers", exposed);
  if (const auto& age = rule["MaxAgeSeconds"]; age.is_integer())
    headers.set("Access-Control-Max-Age", std::to_string(age.integer()));
  if (!anybody) headers.set("Access-Control-Allow-Credentials", "true");
  headers.set("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
  return headers;
}

// The rules of a bucket; nothing where it has none, or is none.
Value rules_of(KernelServices& kernel, const std::string& name) {
  const auto read = kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto bucket = read_bucket(tx, name);
    return bucket ? read_setting(tx, *bucket, Setting::cors) : Value();
  });
  return read ? *read : Value();
}

}  // namespace

Result<HttpHeaders> rules_for_pages(PageCall& call) {
  const auto rest = call.path.substr(std::min<std::size_t>(1, call.path.size()));
  const auto slash = rest.find('/');
  const bool is_object = slash != std::string_view::npos && slash + 1 < rest.size();
  const auto rules = rules_of(call.kernel, percent_decode(rest.substr(0, slash)));
  if (rules.is_null()) return forbidden("CORS is not enabled for this bucket.", call, is_object);
  const auto& headers = call.request.headers;
  CrossRequest page{headers.get("Origin"), call.request.method, {}};
  if (call.preflight) page.headers = asked_headers(headers.get("Access-Control-Request-Headers"));
  const auto* rule = page.headers.size() > headers_max ? nullptr : find_cors_rule(rules, page);
  if (rule) return headers_of(*rule, page);
  return forbidden(
      "This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
      "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS "
      "spec.",
      call, is_object);
}

}  // namespace moonbase::s3
