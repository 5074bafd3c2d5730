#include "lambda/url.hpp"

#include <algorithm>
#include <moonbase/json.hpp>
#include <stdexcept>

namespace moonbase::functions {
namespace {

constexpr std::string_view path_prefix = "/_aws/lambda-url/";

bool is_signed(const HttpRequest& request) {
  return request.headers.get("Authorization").starts_with("AWS4-HMAC-SHA256") ||
         request.query.find("X-Amz-Signature=") != request.query.npos;
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
    known->policy = read_policy(tx, known->url.name);
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
  const bool anonymous = url.auth_type == "NONE";
  const auto answer = ask(known->policy, {.who = caller.identity,
                                          .action = "lambda:InvokeFunctionUrl",
                                          .resource = url.name.arn(),
                                          .anonymous = anonymous,
                                          .keys = policy_keys(url.auth_type)});
  const bool own = caller.identity.account_id == url.name.account && answer != PolicyAnswer::denies;
  const bool permitted =
      anonymous ? answer == PolicyAnswer::allows : caller.is_signed && (own || answer == PolicyAnswer::allows);
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
  if (url.invoke_mode == "RESPONSE_STREAM") {
    response = stream_answer(functions_, std::move(context), url.name, std::move(invocation));
  } else {
    answer_from(functions_.invoke(context, std::move(invocation)), response);
  }
  if (!url.cors.empty()) apply_cors(url.cors, request, false, response);
  response.headers.set("x-amzn-RequestId", call.context.request_id);
  return response;
}

}  // namespace moonbase::functions
