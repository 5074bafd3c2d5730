#include <cstring>
#include <moonbase/hash.hpp>
#include <moonbase/ids.hpp>
#include <stdexcept>

namespace moonbase {

std::string Ids::uuid() {
  auto bytes = random_bytes(16);
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);  // Version 4,
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);  // variant 1.
  auto text = moonbase::hex(bytes);
  for (const std::size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
  return text;
}

std::string Ids::random_string(std::size_t length, std::string_view alphabet) {
  if (alphabet.empty() || alphabet.size() > 256) throw std::logic_error("an alphabet has 1 to 256 characters");
  // Bytes at or above the largest multiple of the alphabet's size would favour its first characters.
  const std::size_t usable = 256 - 256 % alphabet.size();
  std::string text;
  text.reserve(length);
  while (text.size() < length) {
    for (const char byte : random_bytes(length - text.size())) {
      const auto number = static_cast<unsigned char>(byte);
      if (number < usable) text += alphabet[number % alphabet.size()];
    }
  }
  return text;
}

std::string Ids::hex(std::size_t digits) {
  auto text = moonbase::hex(random_bytes((digits + 1) / 2));
  text.resize(digits);
  return text;
}

std::uint64_t Ids::number() {
  const auto bytes = random_bytes(sizeof(std::uint64_t));
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

}  // namespace moonbase
