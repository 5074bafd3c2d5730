// Transport: the bytes of one connection, in clear or under TLS, for fibers of its loop.
#pragma once

#include <chrono>
#include <cstddef>
#include <moonbase/io.hpp>
#include <string_view>

#include "loop/loop.hpp"

namespace moonbase::http {

// One fiber reads while another may write.
class Transport {
 public:
  static constexpr std::ptrdiff_t ended = 0;  // The other side has said its last.
  static constexpr std::ptrdiff_t timeout = -1;
  static constexpr std::ptrdiff_t broken = -2;

  virtual ~Transport() = default;
  // Some bytes, at least one; or one of the above.
  virtual std::ptrdiff_t read(char* into, std::size_t bytes_max, MachineTime deadline) = 0;
  // Suspends until a read would not wait; needs no buffer meanwhile. False at the deadline.
  virtual bool wait_readable(MachineTime deadline) = 0;
  // Whether a wait would suspend, as far as is known without asking the system.
  virtual bool would_wait() const { return false; }
  // All of both. False when the other side is gone, or has taken nothing for the write timeout.
  virtual bool write(std::string_view first, std::string_view second = {}) = 0;
  // Our last word is said; the other side may go on.
  virtual void end_writing() = 0;
};

// In clear. Does not own the descriptor.
class PlainTransport final : public Transport {
 public:
  PlainTransport(loop::Loop& loop, int descriptor, std::chrono::milliseconds write_timeout)
      : loop_(loop), descriptor_(descriptor), write_timeout_(write_timeout) {}

  std::ptrdiff_t read(char* into, std::size_t bytes_max, MachineTime deadline) override;
  bool wait_readable(MachineTime deadline) override;
  bool would_wait() const override { return drained_; }
  bool write(std::string_view first, std::string_view second) override;
  void end_writing() override;

 private:
  loop::Loop& loop_;
  const int descriptor_;
  const std::chrono::milliseconds write_timeout_;
  bool drained_ = false;  // The last read came up short: nothing is there before the next event.
};

}  // namespace moonbase::http
