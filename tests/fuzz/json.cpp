#include "fuzz.hpp"

using namespace fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = text_of(data, size);
  if (const auto value = parse_json(text)) {
    const auto written = to_json(*value);
    const auto again = parse_json(written);
    expect(again.ok(), "what was written can be read");
    expect(to_json(*again) == written, "reading what was written changes nothing");
  }
  HttpRequest request;
  request.body = text;
  round_trip(Protocol::json_1_0, request);
  return 0;
}
