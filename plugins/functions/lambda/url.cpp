#include "lambda/url.hpp"

#include <algorithm>
#include <moonbase/json.hpp>
#include <stdexcept>

namespace moonbase::functions {
namespace {

constexpr std::string_view path_prefix = "/_aws/lambda-url/";

HttpResponse refusal(int status, std::string_view message) {
  HttpResponse response;
  response.status = status;
  response.headers.set("Content-Type", "application/json");
  response.body = to_json(Value(Map{{"Message", message}}));
  return response;
}

bool is_signed(const HttpRequest& request) {
  return request.headers.get("Authorization").starts_with("AWS4-HMAC-SHA256") ||
         request.query.find("X-Amz-Signature=") != request.query.npos;
}

// Whom a resource policy lets use a URL of this kind: "*", or account ids.
std::vector<std::string> url_principals(Transaction& tx, const FunctionUrl& url) {
  std::vector<std::string> principals;
  for (const auto& row : tx.query("SELECT statement FROM function_permission WHERE account = ? AND region = ? AND "
                                  "function = ? AND qualifier = ?",
                                  url.name.account, url.name.region, url.name.name, url.name.qualifier)) {
    const auto statement = parse_json(row["statement"].string());
    if (!statement) throw std::runtime_error("a permission's row holds no JSON");
    const auto action = (*statement)["Action"].string();
    if (action != "lambda:InvokeFunctionUrl" && action != "lambda:*" && action != "*") continue;
    const auto type = (*statement)["Condition"]["StringEquals"]["lambda:FunctionUrlAuthType"].string_or(url.auth_type);
    if (type != url.auth_type) continue;
    const auto& principal = (*statement)["Principal"];
    if (principal.is_string()) principals.push_back(principal.string());
    if (!principal["AWS"].is_string()) continue;
    const auto& arn = principal["AWS"].string();  // arn:aws:iam::ACCOUNT:root
    const auto at = arn.find("::");
    if (at != arn.npos) principals.push_back(arn.substr(at + 2, 12));
  }
  return principals;
}

}  // namespace

FunctionUrl function_url_of(const Row& row) {
  auto cors = parse_json(row["cors"].string());
  if (!cors || !cors->is_map()) throw std::runtime_error("a function URL's row holds no JSON object");
  return {{row["account"].string(), row["region"].string(), row["function"].string(), row["qualifier"].string()},
          row["url_id"].string(),
          row["auth_type"].string(),
          row["invoke_mode"].string(),
          std::move(cors->map()),
          {row["created_at_ms"].integer()},
          {row["modified_at_ms"].integer()}};
}

HttpMatch Urls::match() { return {.hosts = {"*.lambda-url.*"}, .paths = {std::string(path_prefix)}}; }

std::shared_ptr<const Urls::Known> Urls::find(HttpCall& call, const std::string& id) {
  const auto changes = functions_.url_changes();
  {
    const std::lock_guard lock(mutex_);
    if (changes_ != changes) known_.clear();
    changes_ = changes;
    if (const auto found = known_.find(id); found != known_.end()) return found->second;
  }
  auto known = std::make_shared<Known>();
  const auto read = call.kernel.store.read([&](Transaction& tx) -> Result<Value> {
    const auto rows = tx.query("SELECT * FROM function_url WHERE url_id = ?", id);
    if (rows.empty()) return Value(false);
    known->url = function_url_of(rows.front());
    known->principals = url_principals(tx, known->url);
    return Value(true);
  });
  if (!read || !read->boolean()) return nullptr;
  const std::lock_guard lock(mutex_);
  if (changes_ == functions_.url_changes()) known_[id] = known;
  return known;
}

HttpResponse Urls::serve(HttpCall& call) {
  auto& request = call.request;
  // Either URLID.lambda-url.…, or /_aws/lambda-url/URLID/….
  std::string id;
  std::string_view path = request.path;
  if (path.starts_with(path_prefix)) {
    path.remove_prefix(path_prefix.size());
    const auto slash = path.find('/');
    id = path.substr(0, slash);
    path = slash == path.npos ? std::string_view("/") : path.substr(slash);
  } else {
    const auto host = request.headers.get("Host");
    id = host.substr(0, host.find('.'));
  }
  const auto known = find(call, id);
  if (!known) return refusal(403, "Forbidden");
  const auto& url = known->url;
  HttpResponse response;
  if (!url.cors.empty() && is_preflight(request)) {
    apply_cors(url.cors, request, true, response);
    return response;
  }
  const UrlCaller caller{call.context.identity, is_signed(request)};
  const auto let_in = [&](std::string_view principal) {
    return std::find(known->principals.begin(), known->principals.end(), principal) != known->principals.end();
  };
  const bool permitted = url.auth_type == "NONE"
                             ? let_in("*")
                             : caller.is_signed && (caller.identity.account_id == url.name.account || let_in("*") ||
                                                    let_in(caller.identity.account_id));
  if (!permitted) return refusal(403, "Forbidden");
  if (!request.read_body(url_body_bytes_max)) return refusal(413, "Request Entity Too Large");

  Invocation invocation;
  invocation.function = url.name.arn();
  invocation.payload = url_event(url, request, path, call.context, caller, call.kernel.clock.now());
  CallContext context = call.context;
  context.identity = {};
  context.identity.account_id = url.name.account;
  context.identity.arn = "arn:aws:iam::" + url.name.account + ":root";
  context.region = url.name.region;
  const auto result = functions_.invoke(context, std::move(invocation));
  if (!result && result.error().status == 429) {
    response = refusal(429, "Rate Exceeded.");
  } else if (!result) {
    response = refusal(result.error().status == 501 ? 501 : 502, result.error().message);
  } else if (!result->function_error.empty()) {
    response.status = 502;
    response.headers.set("Content-Type", "text/plain;charset=UTF-8");
    response.body = "Internal Server Error";
  } else {
    answer_from(*result, response);
  }
  if (!url.cors.empty()) apply_cors(url.cors, request, false, response);
  response.headers.set("x-amzn-RequestId", call.context.request_id);
  return response;
}

}  // namespace moonbase::functions
