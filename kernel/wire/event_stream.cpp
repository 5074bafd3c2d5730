#include <moonbase/event_stream.hpp>
#include <moonbase/hash.hpp>
#include <stdexcept>
#include <wire/event_stream.hpp>

namespace moonbase::wire {
namespace {

using Type = EventHeader::Type;

constexpr std::size_t prelude_bytes = 12;  // Length, length of the headers, checksum of both.
constexpr std::size_t message_bytes_min = prelude_bytes + 4;
constexpr std::size_t message_bytes_max = 24 * 1024 * 1024;
constexpr std::size_t headers_bytes_max = 128 * 1024;

void append_big_endian(std::string& out, std::uint64_t number, int size) {
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 0xff);
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
  return number;
}

int integer_size(Type type) {
  switch (type) {
    case Type::byte:
      return 1;
    case Type::int16:
      return 2;
    case Type::int32:
      return 4;
    case Type::int64:
    case Type::timestamp:
      return 8;
    default:
      return 0;
  }
}

void append_header(std::string& out, const EventHeader& header) {
  if (header.name.empty() || header.name.size() > 255 || header.text.size() > 0xffff)
    throw std::logic_error("an event header is too long for its frame");
  out += static_cast<char>(header.name.size());
  out += header.name;
  out += static_cast<char>(header.type);
  if (const int size = integer_size(header.type); size > 0) {
    append_big_endian(out, static_cast<std::uint64_t>(header.integer), size);
  } else if (header.type == Type::bytes || header.type == Type::string) {
    append_big_endian(out, header.text.size(), 2);
    out += header.text;
  } else if (header.type == Type::uuid) {
    if (header.text.size() != 16) throw std::logic_error("a UUID has 16 bytes");
    out += header.text;
  }
}

// False where the bytes are no headers.
bool read_headers(std::string_view bytes, std::vector<EventHeader>& headers) {
  const auto take = [&](std::size_t count, std::string_view& taken) {
    if (bytes.size() < count) return false;
    taken = bytes.substr(0, count);
    bytes.remove_prefix(count);
    return true;
  };
  while (!bytes.empty()) {
    EventHeader header;
    std::string_view piece;
    if (!take(1, piece)) return false;
    const auto name_size = static_cast<unsigned char>(piece[0]);
    if (name_size == 0 || !take(name_size, piece)) return false;
    header.name = piece;
    if (!take(1, piece) || static_cast<unsigned char>(piece[0]) > 9) return false;
    header.type = static_cast<Type>(piece[0]);
    if (const int size = integer_size(header.type); size > 0) {
      if (!take(static_cast<std::size_t>(size), piece)) return false;
      const auto shift = 64 - 8 * size;  // Sign-extends.
      header.integer = static_cast<std::int64_t>(big_endian(piece) << shift) >> shift;
    } else if (header.type == Type::bytes || header.type == Type::string) {
      if (!take(2, piece) || !take(static_cast<std::size_t>(big_endian(piece)), piece)) return false;
      header.text = piece;
    } else if (header.type == Type::uuid) {
      if (!take(16, piece)) return false;
      header.text = piece;
    }
    headers.push_back(std::move(header));
  }
  return true;
}

}  // namespace

std::string_view EventMessage::header(std::string_view name) const {
  for (const auto& one : headers)
    if (one.name == name && one.type == Type::string) return one.text;
  return {};
}

void append_event(std::string& out, const EventMessage& message) {
  std::string headers;
  for (const auto& header : message.headers) append_header(headers, header);
  const auto size = message_bytes_min + headers.size() + message.payload.size();
  if (headers.size() > headers_bytes_max || size > message_bytes_max)
    throw std::logic_error("an event is too long for its frame");
  std::string frame;
  frame.reserve(size);
  append_big_endian(frame, size, 4);
  append_big_endian(frame, headers.size(), 4);
  append_big_endian(frame, crc32(frame), 4);
  frame += headers;
  frame += message.payload;
  append_big_endian(frame, crc32(frame), 4);
  out += frame;
}

void append_event(std::string& out, std::string_view type, std::string_view content_type, std::string_view payload) {
  append_stream_event(out, type, content_type, payload);
}

void append_event_error(std::string& out, const Error& error) { append_stream_error(out, error); }

Result<TakenEvent> take_event(std::string_view& bytes) {
  const auto malformed = [](const char* why) { return Error{"SerializationException", why}; };
  TakenEvent taken;
  if (bytes.size() < prelude_bytes) return taken;
  const auto size = static_cast<std::size_t>(big_endian(bytes.substr(0, 4)));
  const auto headers_size = static_cast<std::size_t>(big_endian(bytes.substr(4, 4)));
  if (crc32(bytes.substr(0, 8)) != big_endian(bytes.substr(8, 4)))
    return malformed("The checksum of an event's prelude is wrong.");
  if (size < message_bytes_min || size > message_bytes_max || headers_size > headers_bytes_max ||
      headers_size > size - message_bytes_min)
    return malformed("The lengths of an event are wrong.");
  if (bytes.size() < size) return taken;
  if (crc32(bytes.substr(0, size - 4)) != big_endian(bytes.substr(size - 4, 4)))
    return malformed("The checksum of an event is wrong.");
  if (!read_headers(bytes.substr(prelude_bytes, headers_size), taken.message.headers))
    return malformed("The headers of an event are malformed.");
  taken.message.payload = bytes.substr(prelude_bytes + headers_size, size - message_bytes_min - headers_size);
  taken.complete = true;
  bytes.remove_prefix(size);
  return taken;
}

}  // namespace moonbase::wire
