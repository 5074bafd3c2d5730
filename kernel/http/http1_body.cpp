#include "http/http1_body.hpp"

#include <algorithm>

namespace moonbase::http {
namespace {

class Reader final : public BodyReader {
 public:
  explicit Reader(Http1Body& body) : body_(body) {}
  Result<std::string> read(std::size_t bytes_max) override { return body_.read(bytes_max); }
  std::optional<std::uint64_t> length() const override { return body_.length(); }
  HttpHeaders trailers() const override { return body_.trailers(); }

 private:
  Http1Body& body_;
};

constexpr std::size_t step_bytes_max = 64 * 1024;

}  // namespace

Http1Body::Http1Body(Connection& connection, const Framing& framing)
    : connection_(connection),
      chunked_(framing.chunked),
      left_(framing.content_length.value_or(0)),
      ended_(!framing.chunked && left_ == 0),
      // Without a body there is nothing to wait for; and who has sent some of it does not wait.
      continue_due_(framing.expects_continue && !ended_ && connection.input.empty()) {}

bool Http1Body::all_here() const { return !ended_ && !chunked_ && left_ <= connection_.input.bytes().size(); }

void Http1Body::take_all(std::string& body) {
  body = connection_.input.bytes().substr(0, static_cast<std::size_t>(left_));
  connection_.input.consume(body.size());
  left_ = 0;
  ended_ = true;
}

std::unique_ptr<BodyReader> Http1Body::reader() { return std::make_unique<Reader>(*this); }

Error Http1Body::fail(const char* message, int status) {
  failed_ = true;
  return {.code = "IncompleteBody", .message = message, .status = status};
}

Result<std::string> Http1Body::read(std::size_t bytes_max) {
  if (failed_) return fail("The request body ended early.", 400);
  if (ended_ || bytes_max == 0) return std::string();
  if (continue_due_) {
    continue_due_ = false;
    if (!connection_.transport->write("HTTP/1.1 100 Continue\r\n\r\n")) return fail("The client has gone.", 400);
  }
  bytes_max = std::min(bytes_max, step_bytes_max);
  return chunked_ ? read_chunk(bytes_max) : read_by_length(bytes_max);
}

Result<std::string> Http1Body::read_by_length(std::size_t bytes_max) {
  bytes_max = static_cast<std::size_t>(std::min<std::uint64_t>(bytes_max, left_));
  std::string bytes;
  auto& input = connection_.input;
  if (!input.empty()) {
    bytes = input.bytes().substr(0, bytes_max);
    input.consume(bytes.size());
  } else {
    input.release();
    auto& transport = *connection_.transport;
    const auto deadline = connection_.after(connection_.limits().body_timeout);
    if (!transport.wait_readable(deadline)) return fail("The request body did not arrive in time.", 408);
    bytes.resize(bytes_max);
    const auto count = transport.read(bytes.data(), bytes_max, deadline);
    if (count == Transport::timeout) return fail("The request body did not arrive in time.", 408);
    if (count <= 0) return fail("The request body ended early.", 400);
    bytes.resize(static_cast<std::size_t>(count));
  }
  left_ -= bytes.size();
  ended_ = left_ == 0;
  return bytes;
}

Result<std::string> Http1Body::read_chunk(std::size_t bytes_max) {
  auto& input = connection_.input;
  std::string bytes;
  while (true) {
    std::size_t used = 0;
    std::string_view data;
    // Not more than asked for: the decoder takes what it is shown.
    const auto step = decoder_.next(input.bytes().substr(0, bytes_max - bytes.size()), used, data);
    bytes += data;
    input.consume(used);
    switch (step) {
      case ChunkedDecoder::Step::data:
        if (bytes.size() == bytes_max) return bytes;
        break;
      case ChunkedDecoder::Step::end:
        ended_ = true;
        return bytes;
      case ChunkedDecoder::Step::refused:
        return fail("The chunked request body is malformed.", 400);
      case ChunkedDecoder::Step::need_more: {
        if (!input.empty()) break;
        if (!bytes.empty()) return bytes;
        const auto deadline = connection_.after(connection_.limits().body_timeout);
        const auto count = input.fill(*connection_.transport, Input::input_bytes, deadline);
        if (count == Transport::timeout) return fail("The request body did not arrive in time.", 408);
        if (count <= 0) return fail("The request body ended early.", 400);
        break;
      }
    }
  }
}

HttpHeaders Http1Body::trailers() const {
  HttpHeaders headers;
  auto lines = ended_ ? decoder_.trailer() : std::string_view();
  while (!lines.empty()) {
    const auto line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(line.size() + 1);
    const auto colon = line.find(':');
    auto value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    headers.add(std::string(line.substr(0, colon)), std::string(value));
  }
  return headers;
}

bool Http1Body::can_be_skipped() const {
  if (ended_) return true;
  // Who waits for "100 Continue" may or may not send the body now: nobody could tell.
  if (failed_ || continue_due_) return false;
  return chunked_ || left_ <= connection_.limits().unread_body_bytes_max;
}

bool Http1Body::skip() {
  std::size_t dropped = 0;
  while (!ended_) {
    auto bytes = read(step_bytes_max);
    if (!bytes) return false;
    dropped += bytes->size();
    if (dropped > connection_.limits().unread_body_bytes_max) return false;
  }
  return true;
}

}  // namespace moonbase::http
