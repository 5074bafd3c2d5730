#include "fuzz.hpp"

using namespace fuzz;

namespace {

class FixedIds final : public Ids {
 public:
  std::string random_bytes(std::size_t count) override { return std::string(count, '\x11'); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Any Value at all may come from inside.
  auto value = parse_json(text_of(data, size));
  if (!value) return 0;
  FixedIds ids;
  for (const auto* name : {"Echo", "Place"}) {
    auto input = *value;
    const auto& operation = *everything().operation(name);
    if (!wire::validate(everything(), operation, input, ids)) continue;
    static_cast<void>(wire::encode_json_output(everything(), operation, input));
    if (std::string_view(name) != "Echo") continue;
    for (const auto protocol : everything().protocols) {
      HttpResponse response;
      wire::encode_response(everything(), &operation, protocol, "id", input, response);
      expect(wire::decode_response(everything(), operation, protocol, response).ok(), "a valid input can be answered");
    }
  }
  return 0;
}
