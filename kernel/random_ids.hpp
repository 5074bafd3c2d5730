// Randomness: the operating system's, or a sequence that a seed repeats.
#pragma once

#include <moonbase/ids.hpp>

#include <cstdint>
#include <mutex>
#include <optional>
#include <random>

namespace moonbase::kernel {

class RandomIds final : public Ids {
 public:
  explicit RandomIds(std::optional<std::uint64_t> seed);
  std::string random_bytes(std::size_t count) override;

 private:
  const bool seeded_;
  std::mutex mutex_;
  std::mt19937_64 sequence_;
};

}  // namespace moonbase::kernel
