#include "http/websocket_frames.hpp"

#include <algorithm>

namespace moonbase::http {
namespace {

constexpr std::size_t control_bytes_max = 125;

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

void append_big_endian(std::string& out, std::uint64_t number, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 0xff);
}

// Those that may stand in a frame: RFC 6455 section 7.4 and its registry.
bool is_close_code(std::uint16_t code) {
  if (code >= 3000) return code <= 4999;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

}  // namespace

bool is_utf8(std::string_view text) {
  std::size_t i = 0;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  while (i < text.size()) {
    const auto first = byte(i);
    if (first < 0x80) {
      ++i;
      continue;
    }
    std::size_t more = 0;
    unsigned char low = 0x80, high = 0xbf;  // Of the second byte: no overlong forms, no surrogates.
    if (first >= 0xc2 && first <= 0xdf) {
      more = 1;
    } else if (first >= 0xe0 && first <= 0xef) {
      more = 2;
      if (first == 0xe0) low = 0xa0;
      if (first == 0xed) high = 0x9f;
    } else if (first >= 0xf0 && first <= 0xf4) {
      more = 3;
      if (first == 0xf0) low = 0x90;
      if (first == 0xf4) high = 0x8f;
    } else {
      return false;
    }
    if (text.size() - i <= more || byte(i + 1) < low || byte(i + 1) > high) return false;
    for (std::size_t k = 2; k <= more; ++k) {
      if ((byte(i + k) & 0xc0) != 0x80) return false;
    }
    i += more + 1;
  }
  return true;
}

void append_frame(std::string& out, WebSocketOpcode opcode, std::string_view payload) {
  out += static_cast<char>(0x80 | static_cast<int>(opcode));
  if (payload.size() < 126) {
    out += static_cast<char>(payload.size());
  } else if (payload.size() <= 0xffff) {
    out += static_cast<char>(126);
    append_big_endian(out, payload.size(), 2);
  } else {
    out += static_cast<char>(127);
    append_big_endian(out, payload.size(), 8);
  }
  out += payload;
}

std::string close_payload(std::uint16_t code, std::string_view reason) {
  std::string payload;
  append_big_endian(payload, code, 2);
  reason = reason.substr(0, control_bytes_max - 2);
  while (!is_utf8(reason) && !reason.empty()) reason.remove_suffix(1);
  payload += reason;
  return payload;
}

WebSocketDecoder::Step WebSocketDecoder::take_header(std::string_view bytes, std::size_t& used) {
  if (bytes.size() < 2) return Step::need_more;
  const auto first = static_cast<unsigned char>(bytes[0]), second = static_cast<unsigned char>(bytes[1]);
  if (first & 0x70) return refuse(1002);      // No extension was agreed on.
  if (!(second & 0x80)) return refuse(1002);  // Clients mask.
  const auto opcode = static_cast<WebSocketOpcode>(first & 0x0f);
  const bool final_frame = (first & 0x80) != 0;
  std::size_t header_bytes = 2;
  std::uint64_t length = second & 0x7f;
  const bool is_control = (first & 0x08) != 0;
  if (is_control && (length > control_bytes_max || !final_frame)) return refuse(1002);
  if (length >= 126) {
    const std::size_t length_bytes = length == 126 ? 2 : 8;
    if (bytes.size() < 2 + length_bytes) return Step::need_more;
    length = big_endian(bytes.substr(2, length_bytes));
    header_bytes += length_bytes;
    const bool shortest = length_bytes == 2 ? length >= 126 : length > 0xffff;
    if (!shortest || length >> 63) return refuse(1002);
  }
  switch (opcode) {
    case WebSocketOpcode::text:
    case WebSocketOpcode::binary:
      if (in_message_) return refuse(1002);
      break;
    case WebSocketOpcode::continuation:
      if (!in_message_) return refuse(1002);
      break;
    case WebSocketOpcode::close:
    case WebSocketOpcode::ping:
    case WebSocketOpcode::pong:
      break;
    default:
      return refuse(1002);
  }
  if (!is_control && length > message_bytes_max_ - (in_message_ ? message_.size() : 0)) return refuse(1009);
  if (bytes.size() < header_bytes + 4) return Step::need_more;
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(header_bytes), 4, mask_);
  mask_at_ = 0;
  used = header_bytes + 4;
  left_ = length;
  opcode_ = opcode;
  is_control_ = is_control;
  final_ = final_frame;
  in_frame_ = true;
  if (is_control) {
    control_.clear();
  } else if (!in_message_) {
    message_.clear();
    in_message_ = true;
    binary_ = opcode == WebSocketOpcode::binary;
  }
  return Step::message;  // Anything but need_more and refused.
}

WebSocketDecoder::Step WebSocketDecoder::end_frame() {
  in_frame_ = false;
  switch (opcode_) {
    case WebSocketOpcode::ping:
      return Step::ping;
    case WebSocketOpcode::pong:
      return Step::pong;
    case WebSocketOpcode::close: {
      code_ = 1005;
      if (control_.empty()) return Step::close;
      if (control_.size() == 1) return refuse(1002);
      code_ = static_cast<std::uint16_t>(big_endian(std::string_view(control_).substr(0, 2)));
      if (!is_close_code(code_)) return refuse(1002);
      control_.erase(0, 2);
      return is_utf8(control_) ? Step::close : refuse(1007);
    }
    default:
      break;
  }
  if (!final_) return Step::need_more;
  in_message_ = false;
  return binary_ || is_utf8(message_) ? Step::message : refuse(1007);
}

WebSocketDecoder::Step WebSocketDecoder::next(std::string_view bytes, std::size_t& used) {
  used = 0;
  while (true) {
    if (!in_frame_) {
      std::size_t header_bytes = 0;
      const auto step = take_header(bytes.substr(used), header_bytes);
      if (step == Step::need_more || step == Step::refused) return step;
      used += header_bytes;
    }
    const auto part = bytes.substr(used, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - used)));
    auto& into = payload();
    for (const char c : part) into += static_cast<char>(static_cast<unsigned char>(c) ^ mask_[mask_at_++ & 3]);
    used += part.size();
    left_ -= part.size();
    if (left_ > 0) return Step::need_more;
    const auto step = end_frame();
    if (step != Step::need_more) return step;
  }
}

}  // namespace moonbase::http
