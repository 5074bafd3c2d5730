#include <moonbase/cbor.hpp>

#include "fuzz.hpp"

using namespace fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = text_of(data, size);
  if (const auto value = parse_cbor(bytes)) static_cast<void>(to_json(*value));
  HttpRequest request;
  request.body = bytes;
  round_trip(Protocol::rpc_v2_cbor, request);
  return 0;
}
