// WebSocket frames (RFC 6455) as a server reads and writes them. Pure functions of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace moonbase::http {

bool is_utf8(std::string_view text);

enum class WebSocketOpcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

void append_frame(std::string& out, WebSocketOpcode opcode, std::string_view payload);
std::string close_payload(std::uint16_t code, std::string_view reason);

// What a client sends, joined to messages.
class WebSocketDecoder {
 public:
  enum class Step { need_more, message, ping, pong, close, refused };

  explicit WebSocketDecoder(std::size_t message_bytes_max) : message_bytes_max_(message_bytes_max) {}

  // Looks at `bytes`, the next of the wire; `used` of them are done with. After message, ping and
  // close, take payload(). Once it has said close or refused, it is not asked again.
  Step next(std::string_view bytes, std::size_t& used);

  std::string& payload() { return is_control_ ? control_ : message_; }
  bool binary() const { return binary_; }
  // Of a close frame: 1005 where it gave none. When refused: why.
  std::uint16_t code() const { return code_; }

 private:
  Step take_header(std::string_view bytes, std::size_t& used);
  Step end_frame();
  Step refuse(std::uint16_t code) {
    code_ = code;
    return Step::refused;
  }

  const std::size_t message_bytes_max_;
  std::string message_, control_;
  bool in_message_ = false, in_frame_ = false;
  bool binary_ = false, final_ = false, is_control_ = false;
  WebSocketOpcode opcode_ = WebSocketOpcode::text;
  std::uint64_t left_ = 0;
  unsigned char mask_[4] = {};
  std::size_t mask_at_ = 0;
  std::uint16_t code_ = 0;
};

}  // namespace moonbase::http
