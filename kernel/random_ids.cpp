#include "random_ids.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace moonbase::kernel {
namespace {

void fill_from_system(char* out, std::size_t count) {
  while (count > 0) {
    const auto got = ::getrandom(out, count, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw std::system_error(errno, std::system_category(), "getrandom");
    out += got;
    count -= static_cast<std::size_t>(got);
  }
}

// One system call for many ids.
struct Reserve {
  std::array<char, 4096> bytes;
  std::size_t used = sizeof bytes;
};

}  // namespace

RandomIds::RandomIds(std::optional<std::uint64_t> seed) : seeded_(seed.has_value()), sequence_(seed.value_or(0)) {}

std::string RandomIds::random_bytes(std::size_t count) {
  std::string out(count, '\0');
  if (seeded_) {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < count; i += 8) {
      const std::uint64_t number = sequence_();
      std::memcpy(out.data() + i, &number, std::min<std::size_t>(8, count - i));
    }
    return out;
  }
  thread_local Reserve reserve;
  if (count > reserve.bytes.size() / 8) {
    fill_from_system(out.data(), count);
    return out;
  }
  if (reserve.bytes.size() - reserve.used < count) {
    fill_from_system(reserve.bytes.data(), reserve.bytes.size());
    reserve.used = 0;
  }
  std::memcpy(out.data(), reserve.bytes.data() + reserve.used, count);
  std::memset(reserve.bytes.data() + reserve.used, 0, count);  // A secret is not kept twice.
  reserve.used += count;
  return out;
}

}  // namespace moonbase::kernel
