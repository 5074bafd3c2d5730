#include "runtime/runtime.hpp"

#include <algorithm>
#include <chrono>
#include <moonbase/hash.hpp>

#include "runtime/address.hpp"
#include "runtime/answer.hpp"
#include "runtime/event.hpp"
#include "runtime/text.hpp"

namespace moonbase::gateway {
namespace {

constexpr std::size_t payload_bytes_max = 10u << 20;

std::string_view without_port(std::string_view host) {
  const auto colon = host.rfind(':');
  return colon == std::string_view::npos || host.find(']', colon) != std::string_view::npos ? host
                                                                                            : host.substr(0, colon);
}

// What AWS shows beside the request id: "JKJaXmPLvHcESHA=". Made from the request id, so that it costs
// no further randomness.
std::string extended_id_of(std::string_view request_id) {
  std::string digits;
  for (const char c : request_id)
    if (c != '-' && digits.size() < 22) digits += c;
  return base64(from_hex(digits).value_or("moonbase"));
}

// "Root=1-67891233-abcdef012345678912345678", or what the client sent.
std::string trace_id_of(const HttpRequest& http, Time time, std::string_view request_id) {
  if (const auto* sent = http.headers.find("X-Amzn-Trace-Id"); sent && sent->size() <= 1024) return *sent;
  constexpr std::string_view digits = "0123456789abcdef";
  std::string id = "Root=1-";
  const auto seconds = static_cast<std::uint64_t>(time.seconds());
  for (int shift = 28; shift >= 0; shift -= 4) id += digits[(seconds >> shift) & 15];
  id += '-';
  std::size_t taken = 0;
  for (const char c : request_id)
    if (c != '-' && taken++ < 24) id += c;
  return id;
}

// A request on its way through an API.
class Request {
 public:
  Request(HttpCall& call, const Api& api)
      : call_(call),
        http_(call.request),
        api_(api),
        rest_(api.kind == ApiKind::rest),
        time_(call.kernel.clock.now()),
        request_id_(call.context.request_id),
        extended_id_(extended_id_of(request_id_)),
        trace_id_(trace_id_of(http_, time_, request_id_)) {}

  HttpResponse serve(const Address& address) {
    HttpResponse response;
    handle(address, response);
    if (stage_ && stage_->cors.configured && !preflight_) stage_->cors.mark(http_, response);
    if (rest_) {
      response.headers.add("x-amzn-RequestId", request_id_);
      response.headers.add("x-amz-apigw-id", extended_id_);
      response.headers.add("X-Amzn-Trace-Id", trace_id_);
    } else {
      response.headers.add("apigw-requestid", extended_id_);
    }
    return response;
  }

 private:
  void handle(const Address& address, HttpResponse& response) {
    if (api_.endpoint_disabled || !find_stage(address))
      return refuse(response, rest_ ? refusals::forbidden : refusals::http_not_found);
    if (stage_->cors.configured && Cors::is_preflight(http_)) {
      preflight_ = true;
      return stage_->cors.answer_preflight(http_, response);
    }
    const auto* route = find_route();
    if (!route) return refuse(response, rest_ ? refusals::missing_token : refusals::http_not_found);
    if (!route->not_built.empty()) return refuse_not_built(response, not_implemented(route->not_built));
    if (route->broken) return refuse(response, rest_ ? refusals::rest_internal : refusals::http_internal);
    if (const auto read = http_.read_body(payload_bytes_max); !read) {
      const bool too_long = read.error().code == "RequestEntityTooLargeException";
      const auto& refusal = rest_ ? refusals::rest_too_long : refusals::http_too_long;
      return refuse(response, too_long ? refusal : refusals::bad_request);
    }
    if (route->integration == Route::Integration::mock)
      answer_from_mock(*route, response);
    else
      invoke(*route, response);
  }

  // The stage, and the path behind it. An HTTP API's "$default" stage has no segment of its own.
  bool find_stage(const Address& address) {
    std::string_view rest = address.path;
    std::string_view name = address.stage;
    if (name.empty()) {
      if (rest.starts_with('/')) rest.remove_prefix(1);
      const auto slash = rest.find('/');
      name = rest.substr(0, slash);
      rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
    }
    stage_ = api_.stage(name);
    if (!stage_ && name == "%24default") stage_ = api_.stage("$default");
    if (!stage_ && !rest_ && address.stage.empty()) {
      stage_ = api_.stage("$default");
      rest = address.path;
    }
    if (!stage_) return false;
    path_ = rest.empty() ? std::string_view("/") : rest;
    if (!rest_ && path_.find('%') != std::string_view::npos) {
      decoded_path_ = percent_decode(path_);
      path_ = decoded_path_;
    }
    // The stage belongs to the path that events show; "$default" does not.
    if (stage_->name != "$default") {
      full_path_.reserve(path_.size() + stage_->name.size() + 1);
      full_path_ += '/';
      full_path_ += stage_->name;
    }
    full_path_ += path_;
    // REST APIs see one slash where a client sent several before the path.
    if (rest_)
      while (path_.starts_with("//")) path_.remove_prefix(1);
    return true;
  }

  const Route* find_route() {
    if (stage_->routes_by_path.find(http_.method, path_, match_) == RouteFound::found)
      return &stage_->routes[match_.route];
    match_.values_count = 0;
    return stage_->default_route;
  }

  void answer_from_mock(const Route& route, HttpResponse& response) {
    std::string not_built;
    if (!answer_mock(*route.mock, http_, response, not_built)) return refuse(response, refusals::rest_internal);
    if (!not_built.empty()) refuse_not_built(response, not_implemented(not_built + " of MOCK integrations"));
  }

  // "arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/GET/product/{id}": what permissions of functions name.
  std::string source_arn(const Route& route) const {
    std::string arn;
    arn.reserve(48 + api_.region.size() + api_.id.size() + stage_->name.size() + route.path.size());
    arn.append("arn:aws:execute-api:").append(api_.region).append(":").append(api_.account_id).append(":");
    arn.append(api_.id).append("/").append(stage_->name).append("/");
    if (route.path.front() == '/') arn.append(http_.method);
    return arn.append(route.path);
  }

  void invoke(const Route& route, HttpResponse& response) {
    auto& context = call_.context;
    const auto domain = without_port(http_.headers.get("Host"));
    Invocation invocation;
    invocation.function = route.function;
    invocation.payload = make_event({http_, *stage_, route, match_, path_, full_path_,
                                     rest_ ? std::string_view(request_id_) : std::string_view(extended_id_),
                                     extended_id_, trace_id_, domain, api_.id, time_});
    // The function runs for the API's owner, whoever asked.
    context.identity = {};
    context.identity.account_id = api_.account_id;
    context.identity.arn = "arn:aws:iam::" + api_.account_id + ":root";
    context.identity.service = "apigateway.amazonaws.com";
    context.identity.source_arn = source_arn(route);
    context.region = api_.region;
    const auto deadline = MachineTime::clock::now() + std::chrono::milliseconds(route.timeout_ms);
    context.deadline = std::min(context.deadline, deadline);
    const auto result = call_.kernel.functions.invoke(context, std::move(invocation));
    const bool timed_out = MachineTime::clock::now() >= context.deadline;
    if (result && !timed_out) return answer(route.format, *stage_, *result, http_.headers.get("Accept"), response);
    answer(route.format, result ? Error{} : result.error(), timed_out, response);
  }

  HttpCall& call_;
  HttpRequest& http_;
  const Api& api_;
  const bool rest_;
  const Time time_;
  const std::string request_id_, extended_id_, trace_id_;
  const Stage* stage_ = nullptr;
  std::string_view path_;
  std::string decoded_path_, full_path_;
  RouteMatch match_;
  bool preflight_ = false;
};

}  // namespace

HttpMatch runtime_match() {
  return {.hosts = {"*.execute-api.*"}, .paths = {"/_aws/execute-api/", "/restapis/*/*/_user_request_"}};
}

HttpResponse serve(Apis& apis, HttpCall& call) {
  const auto host = without_port(call.request.headers.get("Host"));
  const auto address = address_of(host, call.request.path);
  const auto api = address ? apis.find(call.kernel, call.context, address->api_id) : nullptr;
  if (!api) {
    HttpResponse response;
    refuse(response, refusals::forbidden);
    response.headers.add("x-amzn-RequestId", call.context.request_id);
    return response;
  }
  return Request(call, *api).serve(*address);
}

}  // namespace moonbase::gateway
