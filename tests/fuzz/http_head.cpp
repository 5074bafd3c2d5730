#include <http/characters.hpp>
#include <http/response_head.hpp>

#include "fuzz.hpp"

using namespace fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = text_of(data, size);
  const http::Limits limits;
  HttpRequest request;
  http::Framing framing;
  const auto head = http::parse_head(text, limits, request, framing);
  if (head.state == http::HeadResult::State::complete) {
    HttpRequest same, shorter;
    http::Framing same_framing, shorter_framing;
    const auto again = http::parse_head(text.substr(0, head.bytes), limits, same, same_framing);
    expect(again.state == head.state && again.bytes == head.bytes, "what follows a head does not change it");
    const auto part = http::parse_head(text.substr(0, head.bytes - 1), limits, shorter, shorter_framing);
    expect(part.state == http::HeadResult::State::incomplete, "a head without its last byte is incomplete");
    expect(!(framing.chunked && framing.content_length), "one length");
    expect(request.http_minor == 0 || request.headers.all("host").size() == 1, "one Host");
    for (const auto& [name, value] : request.headers) {
      expect(!name.empty() && http::all_are(name, http::token_character), "names are tokens");
      expect(http::all_are(value, http::value_character), "values are clean");
    }
  }
  HttpResponse response;
  http::Framing response_framing;
  static_cast<void>(
      http::parse_response_head(text, limits.head_bytes_max, limits.headers_max, response, response_framing));
  return 0;
}
