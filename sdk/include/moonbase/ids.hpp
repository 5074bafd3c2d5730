// Identifiers and randomness. Nobody in a plugin makes either on their own: with --seed they repeat.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace moonbase {

// Any thread may use it.
class Ids {
 public:
  virtual ~Ids() = default;

  // Random bytes, fit for secrets (unless a seed was given).
  virtual std::string random_bytes(std::size_t count) = 0;

  std::string uuid();                                                  // Version 4, lower case.
  std::string random_string(std::size_t length, std::string_view alphabet);
  std::string hex(std::size_t digits);                                 // Lower case.
  std::uint64_t number();                                              // All 64 bits.
};

}  // namespace moonbase
