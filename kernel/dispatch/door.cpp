#include "dispatch/door.hpp"

#include "wire/wire.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

namespace moonbase::dispatch {
namespace {

// What is not streamed is held in memory; no operation takes more.
constexpr std::size_t body_bytes_max = 64u << 20;

struct Meant {
  plugin::Service* service = nullptr;
  model::Protocol protocol{};
  const model::Operation* operation = nullptr;
};

bool is_rest(model::Protocol protocol) {
  return protocol == model::Protocol::rest_json || protocol == model::Protocol::rest_xml;
}

void refuse(HttpResponse& response, int status, std::string_view text) {
  response.status = status;
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  response.body.assign(text).push_back('\n');
}

}  // namespace

Identity identity_of(std::string_view access_key_id) {
  Identity identity;
  identity.access_key_id = access_key_id;
  const bool is_account = access_key_id.size() == 12 &&
                          std::all_of(access_key_id.begin(), access_key_id.end(),
                                      [](char digit) { return digit >= '0' && digit <= '9'; });
  if (is_account) {
    identity.account_id = access_key_id;
    identity.arn = "arn:aws:iam::" + identity.account_id + ":root";
  }
  return identity;
}

CallContext Door::identify(const HttpRequest& request, const Scope& scope) {
  CallContext context;
  context.identity = identity_of(scope.access_key_id);
  if (!scope.region.empty()) context.region = scope.region;
  context.request_id = ids_.uuid();
  context.base_url = request.base_url();
  context.source_ip = request.source_ip;
  context.user_agent = request.headers.get("User-Agent");
  return context;
}

void Door::handle(HttpRequest& request, HttpResponse& response) {
  const Scope scope = read_scope(request);
  CallContext context = identify(request, scope);
  if (const auto raw = directory_.raw(request); raw.handler)
    serve_raw(raw, request, std::move(context), response);
  else
    serve_operation(request, scope, std::move(context), response);
}

void Door::serve_raw(const Directory::Raw& raw, HttpRequest& request, CallContext context, HttpResponse& response) {
  auto& member = *raw.member;
  store::CallStore store(*member.store, context);
  const auto& own = *member.kernel;
  KernelServices kernel{store,       own.blobs, own.clock, own.ids, own.services,
                        own.targets, own.functions, own.io, own.log, own.metrics};
  HttpCall call{request, context, kernel};
  try {
    response = (*raw.handler)(call);
  } catch (const std::exception& failure) {
    log_.error(context.request_id + " " + request.method + " " + request.path + " failed: " + failure.what());
    response = HttpResponse();
    response.status = 500;
    response.headers.set("Content-Type", "application/json");
    response.body = R"({"message":"Internal server error"})";
  }
}

void Door::serve_operation(HttpRequest& request, const Scope& scope, CallContext context, HttpResponse& response) {
  const auto candidates = directory_.candidates(request, scope);
  std::optional<Meant> meant;
  std::optional<Error> problem;   // Of the likeliest candidate.
  Meant asked;                    // Whose protocol the problem is told in.
  bool body_read = false;
  for (auto* service : candidates) {
    const auto& header = service->model.header();
    const auto protocol = wire::detect_protocol(header, request);
    if (!protocol) continue;
    if (!is_rest(*protocol) && !body_read) {
      // Query names its operation in the body.
      if (auto read = request.read_body(body_bytes_max); !read) {
        wire::encode_error(header, *protocol, context.request_id, read.error(), response);
        return;
      }
      body_read = true;
    }
    auto found = wire::find_operation(service->model.service(), *protocol, request);
    if (found) {
      meant = Meant{service, *protocol, *found};
      break;
    }
    if (!problem) {
      problem = found.error();
      asked = {service, *protocol, nullptr};
    }
  }
  if (!meant && problem) {
    wire::encode_error(asked.service->model.header(), asked.protocol, context.request_id, *problem, response);
    return;
  }
  if (!meant) {
    refuse(response, 404,
           "Nothing here answers this request. AWS SDKs and tools find their service by the request they sign; "
           "GET /_moonbase/health tells what runs, GET /_moonbase/coverage what is built.");
    return;
  }

  const auto& model = meant->service->model.service();
  if (!meant->operation->streams_input() && !body_read) {
    if (auto read = request.read_body(body_bytes_max); !read) {
      wire::encode_error(model, meant->protocol, context.request_id, read.error(), response);
      return;
    }
  }
  auto input = wire::decode_request(model, *meant->operation, meant->protocol, request);
  if (!input) {
    wire::encode_response(model, meant->operation, meant->protocol, context.request_id, input.error(), response);
    return;
  }
  Flight flight{*meant->service, *meant->operation, std::move(context), std::move(*input)};
  flight.body = meant->operation->streams_input() ? request.reader.get() : nullptr;
  flight.http = &response;
  const auto result = calls_.run(flight);
  wire::encode_response(model, meant->operation, meant->protocol, flight.context.request_id, result, response);
}

}  // namespace moonbase::dispatch
