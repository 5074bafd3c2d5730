// Io: readiness of file descriptors, for fibers. Execution environments and outgoing connections
// use it; nearly no service needs it.
#pragma once

#include <chrono>
#include <functional>

namespace moonbase {

// A limit on the machine's own time (monotonic), for processes and sockets: the platform's clock may
// be stopped while they run.
using MachineTime = std::chrono::steady_clock::time_point;

// Belongs to the loop thread on which the calling fiber runs. Descriptors must be non-blocking. One
// fiber waits for one descriptor at a time.
class Io {
 public:
  virtual ~Io() = default;

  // Suspends the fiber. False when the deadline passed first. A hang-up counts as readable.
  virtual bool wait_readable(int descriptor, MachineTime deadline) = 0;
  virtual bool wait_writable(int descriptor, MachineTime deadline) = 0;
  // Call it before close(), and before another loop waits for the descriptor.
  virtual void forget(int descriptor) = 0;

  // Suspends the fiber.
  virtual void sleep_until(MachineTime deadline) = 0;
  // Runs `work` on a thread that may block (compression, name resolution) and suspends the fiber.
  virtual void blocking(const std::function<void()>& work) = 0;
  // Starts another fiber on this loop.
  virtual void spawn(std::function<void()> work) = 0;
};

}  // namespace moonbase
