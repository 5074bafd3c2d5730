// Function URLs: HTTP requests that invoke a function, without a gateway.
#pragma once

#include <memory>
#include <moonbase/plugin.hpp>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "lambda/service.hpp"

namespace moonbase::functions {

inline constexpr std::size_t url_body_bytes_max = 6 * 1024 * 1024;

struct FunctionUrl {
  FunctionName name;  // With the qualifier of an alias, where it is an alias's.
  std::string id;     // 32 letters and digits.
  std::string auth_type, invoke_mode;
  Map cors;
  Time created_at, modified_at;

  std::string url(const CallContext& context) const { return context.base_url + "/_aws/lambda-url/" + id + "/"; }
};
FunctionUrl function_url_of(const Row& row);

// Who invokes through a URL.
struct UrlCaller {
  Identity identity;
  bool is_signed = false;
};
// The event of payload format 2.0. `path`: behind the URL's own; `domain`: the host that was asked.
std::string url_event(const FunctionUrl& url, const HttpRequest& request, std::string_view path,
                      const CallContext& context, const UrlCaller& caller, Time now);
// What the client gets of a function's answer: statusCode, headers, cookies and body where it names them,
// else the answer itself as JSON. Or why there is none.
void answer_from(const Result<InvocationResult>& result, HttpResponse& response);
HttpResponse refusal(int status, std::string_view message);
// The same of a response stream's prelude: false where it is none.
bool answer_from_prelude(std::string_view prelude, HttpResponse& response);
// Runs the function and answers as soon as it has begun its answer, the rest of which follows as it is made.
HttpResponse stream_answer(FunctionService& functions, CallContext context, const FunctionName& name,
                           Invocation invocation);
// Marks an answer, or answers a preflight, as the URL's CORS settings say.
bool is_preflight(const HttpRequest& request);
void apply_cors(const Map& cors, const HttpRequest& request, bool preflight, HttpResponse& response);

// Serves all function URLs. Any fiber may use it.
class Urls {
 public:
  explicit Urls(FunctionService& functions) : functions_(functions) {}
  static HttpMatch match();  // URLID.lambda-url.REGION.*, and the path form that works under any host.
  HttpResponse serve(HttpCall& call);

 private:
  struct Known {
    FunctionUrl url;
    Policy policy;  // Of the function or alias.
  };
  std::shared_ptr<const Known> find(HttpCall& call, const std::string& id);

  FunctionService& functions_;
  std::mutex mutex_;
  std::uint64_t changes_ = 0;
  std::unordered_map<std::string, std::shared_ptr<const Known>> known_;
};

}  // namespace moonbase::functions
