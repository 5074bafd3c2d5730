#include <http/head.hpp>

#include "fuzz.hpp"

using namespace fuzz;
using Step = http::ChunkedDecoder::Step;

namespace {

struct Outcome {
  Step step = Step::need_more;
  std::string content;
  std::size_t used = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome decode(std::string_view text, std::size_t part_bytes) {
  http::ChunkedDecoder decoder;
  Outcome outcome;
  while (outcome.used < text.size()) {
    std::size_t used = 0;
    std::string_view content;
    const auto part = text.substr(outcome.used, part_bytes);
    outcome.step = decoder.next(part, used, content);
    outcome.content += content;
    outcome.used += used;
    expect(used <= part.size(), "no more is used than there is");
    if (outcome.step == Step::end || outcome.step == Step::refused) break;
    expect(used > 0, "it goes on");
  }
  if (outcome.step == Step::data) outcome.step = Step::need_more;
  if (outcome.step == Step::refused) outcome.used = 0;
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = text_of(data, size);
  const auto whole = decode(text, text.size() + 1);
  expect(whole == decode(text, 1), "the same in single bytes");
  expect(whole == decode(text, 7), "the same in parts");
  return 0;
}
