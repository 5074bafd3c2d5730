#include <algorithm>
#include <model/router.hpp>
#include <wire/wire.hpp>

namespace moonbase::wire {
namespace {

constexpr std::string_view target_header = "x-amz-target";

bool is_json(Protocol protocol) { return protocol == Protocol::json_1_0 || protocol == Protocol::json_1_1; }

// Case-insensitive beginning, as media types compare.
bool begins(std::string_view text, std::string_view prefix) {
  if (text.size() < prefix.size()) return false;
  return std::equal(prefix.begin(), prefix.end(), text.begin(),
                    [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b + 32) : b); });
}

bool has_action(std::string_view query) {
  for (std::size_t at = query.find("Action="); at != std::string_view::npos; at = query.find("Action=", at + 1))
    if (at == 0 || query[at - 1] == '&') return true;
  return false;
}

// "/service/NAME/operation/NAME"
void read_cbor_path(std::string_view path, Hints& hints) {
  constexpr std::string_view service = "/service/";
  constexpr std::string_view operation = "/operation/";
  const auto begin = path.rfind(service);
  if (begin == std::string_view::npos) return;
  const auto rest = path.substr(begin + service.size());
  const auto middle = rest.find(operation);
  if (middle == std::string_view::npos) return;
  hints.cbor_service = rest.substr(0, middle);
  hints.cbor_operation = rest.substr(middle + operation.size());
}

// The first Action, of the query or the form.
std::optional<std::string> action_of(const HttpRequest& request) {
  for (const auto* text : {&request.body, &request.query}) {
    std::string_view rest = *text;
    while (!rest.empty()) {
      const auto part = rest.substr(0, rest.find('&'));
      rest.remove_prefix(std::min(part.size() + 1, rest.size()));
      if (part.starts_with("Action=")) return percent_decode(part.substr(7), true);
    }
  }
  return std::nullopt;
}

Result<const model::Operation*> named_operation(const model::Service& service, std::string_view name) {
  if (const auto* operation = service.operation(name)) return operation;
  return Error{"UnknownOperationException", ""};
}

Result<const model::Operation*> find_action(const model::Service& service, Protocol protocol,
                                            const HttpRequest& request) {
  const auto action = action_of(request);
  if (!action || action->empty())
    return Error{"MissingAction", "The request must contain the parameter Action.", {}, 400};
  if (const auto* operation = service.operation(*action)) return operation;
  if (protocol == Protocol::ec2_query)
    return Error{"InvalidAction", "The action " + *action + " is not valid for this web service.", {}, 400};
  return Error{"InvalidAction", "Could not find operation " + *action + " for version " + service.version, {}, 400};
}

Result<const model::Operation*> find_route(const model::Service& service, const HttpRequest& request) {
  const auto path = routed_path(service, request);
  const auto query = parse_query(request.query);
  const auto has_header = [](const void* headers, std::string_view name) {
    return static_cast<const HttpHeaders*>(headers)->contains(name);
  };
  const auto found = service.router->match({request.method, path, query, &request.headers, has_header});
  if (found.operation) return found.operation;
  if (found.path_known)
    return Error{"MethodNotAllowed", "The specified method is not allowed against this resource.", {}, 405};
  return Error{"UnknownOperationException",
               "There is no operation " + request.method + " " + request.path.substr(0, 256),
               {},
               404};
}

}  // namespace

Hints read_hints(const HttpRequest& request) {
  Hints hints;
  const auto target = request.headers.get(target_header);
  if (const auto dot = target.rfind('.'); dot != std::string_view::npos) {
    hints.target = target.substr(0, dot);
    hints.target_operation = target.substr(dot + 1);
    // Some clients put a package before the service: "com.example.v1.Service_2013.Operation".
    if (const auto package = hints.target.rfind('.'); package != std::string_view::npos)
      hints.target.remove_prefix(package + 1);
  }
  if (request.headers.get("smithy-protocol") == "rpc-v2-cbor") read_cbor_path(request.path, hints);
  // Others say so too of what is no form, such as a PUT of a file.
  const bool posts_form = request.method == "POST" &&
                          begins(request.headers.get("content-type"), "application/x-www-form-urlencoded");
  hints.form = posts_form || has_action(request.query);
  return hints;
}

std::optional<Protocol> detect_protocol(const model::Header& service, const HttpRequest& request) {
  const auto speaks = [&](Protocol protocol) { return service.speaks(protocol); };
  const auto hints = read_hints(request);
  if (!hints.cbor_operation.empty())
    return speaks(Protocol::rpc_v2_cbor) ? std::optional(Protocol::rpc_v2_cbor) : std::nullopt;
  if (!hints.target_operation.empty()) {
    // Either JSON version is answered in kind; they differ in their content type alone.
    if (std::any_of(service.protocols.begin(), service.protocols.end(), is_json)) {
      const auto type = request.headers.get("content-type");
      if (begins(type, "application/x-amz-json-1.1")) return Protocol::json_1_1;
      if (begins(type, "application/x-amz-json-1.0")) return Protocol::json_1_0;
      return *std::find_if(service.protocols.begin(), service.protocols.end(), is_json);
    }
  }
  for (const auto form : {Protocol::query, Protocol::ec2_query})
    if (hints.form && speaks(form)) return form;
  for (const auto rest : {Protocol::rest_json, Protocol::rest_xml})
    if (speaks(rest)) return rest;
  return std::nullopt;
}

std::string routed_path(const model::Header& service, const HttpRequest& request) {
  if (service.virtual_hosts.empty()) return request.path;
  auto host = request.headers.get("host");
  if (const auto colon = host.rfind(':'); colon != std::string_view::npos && !host.ends_with(']'))
    host = host.substr(0, colon);
  for (const std::string_view pattern : service.virtual_hosts) {
    // "{Bucket}.storage.*" or "{Bucket}.storage.localhost"
    const auto brace = pattern.find('}');
    if (brace == std::string_view::npos) continue;
    auto fixed = pattern.substr(brace + 1);
    const bool open = fixed.ends_with('*');
    if (open) fixed.remove_suffix(1);
    const auto at = host.rfind(fixed);
    if (at == std::string_view::npos || at == 0) continue;
    const auto rest = host.size() - at - fixed.size();
    if (open ? rest == 0 : rest != 0) continue;
    return "/" + percent_encode(host.substr(0, at)) + request.path;
  }
  return request.path;
}

Result<const model::Operation*> find_operation(const model::Service& service, Protocol protocol,
                                               const HttpRequest& request) {
  switch (protocol) {
    case Protocol::json_1_0:
    case Protocol::json_1_1: {
      const auto hints = read_hints(request);
      if (hints.target != service.target) return Error{"UnknownOperationException", ""};
      return named_operation(service, hints.target_operation);
    }
    case Protocol::rpc_v2_cbor:
      return named_operation(service, read_hints(request).cbor_operation);
    case Protocol::query:
    case Protocol::ec2_query:
      return find_action(service, protocol, request);
    default:
      return find_route(service, request);
  }
}

}  // namespace moonbase::wire
