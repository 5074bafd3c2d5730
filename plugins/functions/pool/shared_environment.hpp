// An environment that several fibers of one loop use: their invocations wait in its socket and run one
// after another. For handlers that take microseconds, where waking a process costs more than running
// it: what one pass of the loop asks for leaves in one send, and answers are read many at a time.
//
// Each invocation is still alone in the process while it runs. Should one of them turn out slow, those
// behind it wait; should the process end, those that had not begun are told so and go elsewhere.
#pragma once

#include "pool/environment_process.hpp"

#include <moonbase/internal/parker.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>

namespace moonbase::functions {

// Everything on the loop that began it.
class SharedEnvironment : public std::enable_shared_from_this<SharedEnvironment> {
 public:
  // `holds`: the runtime may hold answers back for a moment (Lua), so that a process that dies may have
  // run more than it has answered: whoever waits then has failed too, and is not tried again.
  SharedEnvironment(std::unique_ptr<EnvironmentProcess> process, bool holds)
      : process_(std::move(process)), holds_(holds) {}

  // False once it has ended, is full, or whoever is first has been running for long.
  bool accepts(MachineTime now) const;
  bool idle() const { return waiting_.empty(); }
  bool ended() const { return ended_; }
  MachineTime idle_since() const { return progress_at_; }

  // Suspends the fiber.
  EnvironmentAnswer invoke(Io& io, const EnvironmentInvocation& invocation, InvocationHost& host);
  // Only when idle.
  void close(Io& io);

  const std::string& log_stream_name() const { return process_->log_stream_name(); }

 private:
  struct Waiting {
    std::uint64_t id;
    MachineTime deadline;
    InvocationHost* host;
    EnvironmentAnswer answer;
    std::shared_ptr<internal::Parker> parker;
    bool done = false;
  };
  void flush(Io& io);
  void read(Io& io);  // Until nobody waits.
  // Deals with what has arrived. How the process is to end, if it is.
  std::optional<EnvironmentAnswer::Kind> take(Io& io);
  void finish(EnvironmentAnswer answer);  // Of whoever is first.
  void end(Io& io, EnvironmentAnswer::Kind kind, Ending ending = {});

  std::unique_ptr<EnvironmentProcess> process_;
  const bool holds_;
  std::deque<Waiting*> waiting_;  // In the order of their turns; null: gave up.
  std::string out_, in_;
  std::string_view pending_;
  bool flushing_ = false, reading_ = false, ended_ = false;
  MachineTime progress_at_ = std::chrono::steady_clock::now();
};

}  // namespace moonbase::functions
