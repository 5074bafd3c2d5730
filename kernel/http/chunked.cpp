#include "http/characters.hpp"
#include "http/head.hpp"

namespace moonbase::http {
namespace {

constexpr unsigned size_digits_max = 15;
constexpr std::size_t extension_bytes_max = 16 * 1024;
constexpr std::size_t trailer_bytes_max = 16 * 1024;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = lower_case(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

}  // namespace

ChunkedDecoder::Step ChunkedDecoder::next(std::string_view bytes, std::size_t& used, std::string_view& data) {
  used = 0;
  while (used < bytes.size()) {
    const char c = bytes[used];
    switch (state_) {
      case State::size:
        if (const int digit = hex_digit(c); digit >= 0) {
          if (++size_digits_ > size_digits_max) return Step::refused;
          left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
        } else if (size_digits_ == 0) {
          return Step::refused;
        } else if (c == '\r') {
          state_ = State::size_line_feed;
        } else if (c == ';') {
          state_ = State::extension;
        } else {
          return Step::refused;
        }
        ++used;
        break;
      case State::extension:
        if (c == '\r') {
          state_ = State::size_line_feed;
        } else if (!is(c, value_character) || ++extension_bytes_ > extension_bytes_max) {
          return Step::refused;
        }
        ++used;
        break;
      case State::size_line_feed:
        if (c != '\n') return Step::refused;
        ++used;
        size_digits_ = 0;
        state_ = left_ > 0 ? State::data : State::trailer;
        break;
      case State::data:
        data = bytes.substr(used, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - used)));
        left_ -= data.size();
        used += data.size();
        if (left_ == 0) state_ = State::data_return;
        return Step::data;
      case State::data_return:
        if (c != '\r') return Step::refused;
        ++used;
        state_ = State::data_line_feed;
        break;
      case State::data_line_feed:
        if (c != '\n') return Step::refused;
        ++used;
        state_ = State::size;
        break;
      case State::trailer:
        // Read for its form and kept apart: nothing a trailer says may change how a request is handled.
        ++used;
        if (after_return_) {
          if (c != '\n') return Step::refused;
          if (line_bytes_ == 0) return Step::end;
          if (in_name_) return Step::refused;  // A line without a colon.
          trailer_ += '\n';
          after_return_ = false;
          line_bytes_ = 0;
          in_name_ = true;
          break;
        }
        if (c == '\r') {
          after_return_ = true;
          break;
        }
        if (++trailer_bytes_ > trailer_bytes_max) return Step::refused;
        if (in_name_ && c == ':' && line_bytes_ > 0) {
          in_name_ = false;
        } else if (!is(c, in_name_ ? token_character : value_character)) {
          return Step::refused;
        }
        ++line_bytes_;
        trailer_ += c;
        break;
    }
  }
  return Step::need_more;
}

}  // namespace moonbase::http
