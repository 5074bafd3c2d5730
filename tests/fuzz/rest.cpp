// Paths, queries and headers: "PUT /places/1/a?place\nX-Words: a, b\n\nbody"
#include <model/router.hpp>

#include "fuzz.hpp"

using namespace fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto rest = text_of(data, size);
  const auto take_line = [&] {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    return line;
  };
  HttpRequest request;
  const auto first = take_line();
  const auto space = first.find(' ');
  request.method = first.substr(0, space);
  const auto target = space == std::string_view::npos ? std::string_view("/") : first.substr(space + 1);
  request.path = target.substr(0, target.find('?'));
  if (request.path.size() < target.size()) request.query = target.substr(request.path.size() + 1);
  for (auto line = take_line(); !line.empty(); line = take_line()) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) break;
    request.headers.add(std::string(line.substr(0, colon)), std::string(line.substr(colon + 1)));
  }
  request.body = rest;

  const auto& service = everything();
  static_cast<void>(wire::detect_protocol(service, request));
  for (const auto protocol : {Protocol::rest_json, Protocol::rest_xml}) {
    const auto operation = wire::find_operation(service, protocol, request);
    if (!operation) continue;
    const auto input = wire::decode_request(service, **operation, protocol, request);
    if (!input) continue;
    const auto sent = wire::encode_request(service, **operation, protocol, *input);
    if (!sent) continue;  // A label that decoded to nothing.
    const auto found = wire::find_operation(service, protocol, *sent);
    expect(found.ok() && *found == *operation, "an encoded request names the same operation");
  }
  for (const auto& operation : service.operations) static_cast<void>(model::labels_of(operation, request.path));
  return 0;
}
