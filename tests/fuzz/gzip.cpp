#include <http/gzip.hpp>

#include "fuzz.hpp"

using namespace fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = text_of(data, size);
  const auto plain = http::gunzip(text, 100'000);
  HttpRequest request;
  request.body = text;
  request.headers.add("Content-Encoding", "gzip");
  http::decompress_body(request, 100'000);
  const auto streamed = request.read_body(1 << 20);
  if (plain) expect(plain->size() <= 100'000, "what comes out is limited");
  if (!text.empty()) expect(plain.ok() == streamed.ok(), "whole and in parts agree");
  if (plain && streamed.ok()) expect(*plain == request.body, "whole and in parts are the same");
  expect(http::gunzip(http::gzip(text), size).value() == text, "what was compressed comes back");
  return 0;
}
