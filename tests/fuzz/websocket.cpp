#include <http/websocket_frames.hpp>

#include "fuzz.hpp"

using namespace fuzz;
using Step = http::WebSocketDecoder::Step;

namespace {

std::string decode(std::string_view text, std::size_t part_bytes) {
  http::WebSocketDecoder decoder(4096);
  std::string outcome, held;
  for (std::size_t at = 0; at < text.size(); at += part_bytes) {
    held += text.substr(at, part_bytes);
    while (true) {
      std::size_t used = 0;
      const auto step = decoder.next(held, used);
      held.erase(0, used);
      if (step == Step::need_more) break;
      outcome += std::to_string(static_cast<int>(step)) + ":";
      if (step == Step::refused) return outcome + std::to_string(decoder.code());
      expect(decoder.payload().size() <= 4096, "messages are limited");
      if (step == Step::message && !decoder.binary()) expect(http::is_utf8(decoder.payload()), "text is text");
      outcome += decoder.payload() + ";";
      if (step == Step::close) return outcome;
    }
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = text_of(data, size);
  expect(decode(text, text.size() + 1) == decode(text, 1), "the same in single bytes");
  return 0;
}
