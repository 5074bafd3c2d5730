#include "dispatch/door.hpp"

#include "dispatch/pages.hpp"
#include "http/aws_chunked.hpp"
#include "http/body_digests.hpp"
#include "http/gzip.hpp"
#include "wire/wire.hpp"

#include <moonbase/json.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace moonbase::dispatch {
namespace {

constexpr std::size_t trace_bytes_max = 2048;
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

// The JSON protocols have names of their own for what is wrong with a signature.
Error worded_for(model::Protocol protocol, Error error) {
  constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"SignatureDoesNotMatch", "InvalidSignatureException"},
      {"InvalidClientTokenId", "UnrecognizedClientException"},
      {"ExpiredToken", "ExpiredTokenException"},
      {"IncompleteSignature", "IncompleteSignatureException"},
      {"MissingAuthenticationToken", "MissingAuthenticationTokenException"},
      {"RequestTimeTooSkewed", "InvalidSignatureException"}};
  const bool is_json = protocol != model::Protocol::query && protocol != model::Protocol::ec2_query &&
                       protocol != model::Protocol::rest_xml;
  for (const auto& [plain, json] : names)
    if (is_json && error.code == plain) error.code = json;
  return error;
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

CallContext Door::surroundings(const HttpRequest& request, const Scope& scope) {
  CallContext context;
  if (!scope.region.empty()) context.region = scope.region;
  context.request_id = ids_.uuid();
  context.base_url = request.base_url();
  context.source_ip = request.source_ip;
  context.user_agent = request.headers.get("User-Agent");
  return context;
}

void Door::handle(HttpRequest& request, HttpResponse& response) {
  const Scope scope = read_scope(request);
  CallContext context = surroundings(request, scope);
  const auto raw = directory_.raw(request);
  const auto page = raw.handler ? std::nullopt : ask_for_page(directory_, request, scope, context);
  const bool own_rules = raw.handler || (page && page->headers);
  const auto surface = own_rules ? http::Surface::application : http::Surface::service;
  if (const auto refused = http::refuse_foreign(request, origins_, surface))
    return refuse(response, refused->status, refused->message);
  if (raw.handler) {
    if (const auto admitted = identify(request, scope, context.identity); !admitted) {
      response.status = 403;
      response.headers.set("Content-Type", "application/json");
      response.body = to_json(Value(Map{{"Message", admitted.error().message}}));
      return;
    }
    serve_raw(raw, request, std::move(context), response);
  } else if (page && page->preflight) {
    answer_preflight(*page, context.request_id, response);
  } else {
    serve_operation(request, scope, std::move(context), response);
    if (page && page->headers)
      for (const auto& [name, value] : *page->headers) response.headers.set(name, value);
  }
}

Result<Done> Door::identify(HttpRequest& request, const Scope& scope, Identity& identity) {
  identity = identity_of(scope.access_key_id);
  if (!credentials_ || !IssuedCredentials::is_ours(scope.access_key_id)) return check_link(request);
  const auto parsed = http::parse_signature(request);
  if (!parsed) return parsed.error();
  if (!*parsed) return Error{"MissingAuthenticationToken", "Missing Authentication Token", {}, 403};
  const auto& signature = **parsed;
  auto opened = credentials_->open(signature.access_key_id, signature.session_token, clock_.now());
  if (!opened) return opened.error();
  if (signature.payload_hash.empty())
    if (auto read = request.read_body(body_bytes_max); !read) return read;
  auto verified = verifier_.verify(request, signature, credentials_->secret_of(signature.access_key_id),
                                   http::payload_hash(request, signature), clock_.now());
  if (!verified) return verified;
  if (auto checked = http::check_payload_hash(request, signature); !checked) return checked;
  identity = std::move(*opened);
  return done;
}

// A presigned link ends when it says, also where nobody verifies who signed it.
Result<Done> Door::check_link(const HttpRequest& request) const {
  if (request.query.find("X-Amz-Expires=") == std::string::npos) return done;
  const auto parsed = http::parse_signature(request);
  if (!parsed) return parsed.error();
  return *parsed ? http::check_not_expired(**parsed, clock_.now()) : done;
}

Result<Done> Door::unwrap_body(HttpRequest& request, const Scope& scope) {
  auto options = http::aws_chunked_options(request.headers);
  if (!options) return options.error();
  if (!*options) return done;
  if (credentials_ && (*options)->is_signed && IssuedCredentials::is_ours(scope.access_key_id)) {
    const auto parsed = http::parse_signature(request);
    if (parsed && *parsed)
      (*options)->verify = verifier_.chunk_verifier(**parsed, credentials_->secret_of(scope.access_key_id));
  }
  http::decode_aws_chunked(request, std::move(**options));
  return done;
}

void Door::serve_raw(const Directory::Raw& raw, HttpRequest& request, CallContext context, HttpResponse& response) {
  auto& member = *raw.member;
  store::CallStore store(*member.store, context);
  const auto& own = *member.kernel;
  KernelServices kernel = own.with(store);
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
  auto admitted = identify(request, scope, context.identity);
  if (admitted) admitted = unwrap_body(request, scope);
  if (!admitted) {
    for (const auto* service : candidates)
      if (const auto protocol = wire::detect_protocol(service->model.header(), request))
        return wire::encode_error(service->model.header(), *protocol, context.request_id,
                                  worded_for(*protocol, admitted.error()), response);
    return refuse(response, 403, admitted.error().message);
  }
  // Functions hand on what they were given: a loop of them is seen by it.
  if (const auto* trace = request.headers.find("X-Amzn-Trace-Id"); trace && trace->size() <= trace_bytes_max)
    context.trace = *trace;
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
      http::decompress_body(request, body_bytes_max);
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
    http::decompress_body(request, body_bytes_max);  // Never of a stream: there, gzip is the content.
    auto read = request.read_body(body_bytes_max);
    if (read && meant->operation->checksum) read = http::check_body_digests(request);
    if (!read) {
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
  std::unique_ptr<BodyReader> streamed;  // A small body has arrived already; the operation reads it all the same.
  if (meant->operation->streams_input()) streamed = http::take_body(request);
  flight.body = streamed.get();
  flight.http = &response;
  const auto result = calls_.run(flight);
  wire::encode_response(model, meant->operation, meant->protocol, flight.context.request_id, result, response);
}

}  // namespace moonbase::dispatch
