#include "fuzz.hpp"

using namespace fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  HttpRequest request;
  request.body = text_of(data, size);
  round_trip(Protocol::rest_xml, request);
  HttpResponse response;
  response.body = request.body;
  const auto& echo = *everything().operation("Echo");
  for (const int status : {200, 400}) {
    response.status = status;
    for (const auto protocol : {Protocol::query, Protocol::ec2_query, Protocol::rest_xml})
      static_cast<void>(wire::decode_response(everything(), echo, protocol, response));
  }
  return 0;
}
