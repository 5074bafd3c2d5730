#include <moonbase/hash.hpp>
#include <wire/event_stream.hpp>

#include "fuzz.hpp"

using namespace fuzz;

namespace {

void put_checksum(std::string& bytes, std::size_t at, std::size_t covered) {
  const auto checksum = crc32(std::string_view(bytes).substr(0, covered));
  for (int i = 0; i < 4; ++i)
    bytes[at + static_cast<std::size_t>(i)] = static_cast<char>(checksum >> (24 - 8 * i) & 0xff);
}

void take_all(std::string_view bytes) {
  while (true) {
    const auto whole = bytes;
    const auto taken = wire::take_event(bytes);
    if (!taken || !taken->complete) return;
    std::string again;
    wire::append_event(again, taken->message);
    expect(again == whole.substr(0, whole.size() - bytes.size()), "an event is written as it was read");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  take_all(text_of(data, size));
  // Right checksums open the way to what lies behind them.
  if (size < 16) return 0;
  std::string bytes(text_of(data, size));
  bytes[0] = bytes[1] = 0;
  bytes[2] = static_cast<char>(size >> 8 & 0xff);
  bytes[3] = static_cast<char>(size & 0xff);
  put_checksum(bytes, 8, 8);
  put_checksum(bytes, size - 4, size - 4);
  take_all(bytes);
  return 0;
}
