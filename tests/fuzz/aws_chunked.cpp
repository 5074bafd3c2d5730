#include <http/aws_chunked.hpp>

#include "fuzz.hpp"

using namespace fuzz;

namespace {

// The content, or the error's code behind a zero byte.
std::string decode(std::string_view text, std::size_t part_bytes, bool is_signed) {
  http::AwsChunkedOptions options;
  options.is_signed = is_signed;
  options.has_trailer = true;
  options.trailers = {"x-amz-checksum-crc32"};
  if (is_signed) {
    options.verify = [](bool, std::string_view sha256, std::string_view signature) {
      return sha256.substr(0, 1) == signature.substr(0, 1);
    };
  }
  HttpRequest request;
  struct Parts final : BodyReader {
    Parts(std::string_view all, std::size_t part) : text(all), part_bytes(part) {}
    std::string_view text;
    std::size_t part_bytes;
    Result<std::string> read(std::size_t bytes_max) override {
      const auto part = text.substr(0, std::min(bytes_max, part_bytes));
      text.remove_prefix(part.size());
      return std::string(part);
    }
    std::optional<std::uint64_t> length() const override { return std::nullopt; }
  };
  request.reader = std::make_unique<Parts>(text, part_bytes);
  http::decode_aws_chunked(request, std::move(options));
  const auto read = request.read_body(1 << 20);
  return read ? request.body : std::string(1, '\0') + read.error().code;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = text_of(data, size);
  for (const bool is_signed : {false, true}) {
    expect(decode(text, 1 << 20, is_signed) == decode(text, 1, is_signed), "the same in single bytes");
  }
  return 0;
}
