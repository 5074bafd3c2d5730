#include <moonbase/event_stream.hpp>
#include <moonbase/hash.hpp>

#include <initializer_list>
#include <stdexcept>
#include <utility>

namespace moonbase {
namespace {

constexpr std::size_t frame_bytes_max = 24 * 1024 * 1024;
constexpr std::size_t header_text_bytes_max = 0x7fff;  // What is cut off only explains.
constexpr char header_is_string = 7;

void append_big_endian(std::string& out, std::uint64_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 0xff);
}

// Length, length of the headers, checksum of both; headers; payload; checksum of it all.
void append_frame(std::string& out, std::initializer_list<std::pair<std::string_view, std::string_view>> headers,
                  std::string_view payload) {
  std::string block;
  for (const auto& [name, text] : headers) {
    if (text.empty()) continue;
    block += static_cast<char>(name.size());
    block += name;
    block += header_is_string;
    const auto kept = text.substr(0, header_text_bytes_max);
    append_big_endian(block, kept.size(), 2);
    block += kept;
  }
  const auto bytes = 16 + block.size() + payload.size();
  if (bytes > frame_bytes_max) throw std::logic_error("an event is too long for its frame");
  const auto begin = out.size();
  append_big_endian(out, bytes, 4);
  append_big_endian(out, block.size(), 4);
  append_big_endian(out, crc32(std::string_view(out).substr(begin)), 4);
  out.append(block).append(payload);
  append_big_endian(out, crc32(std::string_view(out).substr(begin)), 4);
}

}  // namespace

void append_stream_event(std::string& out, std::string_view type, std::string_view content_type,
                         std::string_view payload) {
  append_frame(out, {{":message-type", "event"}, {":event-type", type}, {":content-type", content_type}}, payload);
}

void append_stream_error(std::string& out, const Error& error) {
  append_frame(out, {{":message-type", "error"}, {":error-code", error.code}, {":error-message", error.message}}, {});
}

}  // namespace moonbase
