#include "fuzz.hpp"

using namespace fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  HttpRequest request;
  request.body = text_of(data, size);
  for (const auto protocol : {Protocol::query, Protocol::ec2_query}) {
    static_cast<void>(wire::find_operation(everything(), protocol, request));
    round_trip(protocol, request);
  }
  return 0;
}
