// The kernel's end of one execution environment. What comes out of it is hostile: limits hold, and a
// violation of the protocol ends it.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <moonbase/clock.hpp>
#include <moonbase/io.hpp>
#include <moonbase/result.hpp>
#include <string>
#include <string_view>

#include "pool/processes.hpp"

namespace moonbase::functions {

// What an environment may ask for while it runs an invocation. Called on the invocation's fiber.
class InvocationHost {
 public:
  virtual ~InvocationHost() = default;
  virtual Result<std::string> call(std::string_view service, std::string_view operation, std::string_view input) = 0;
  // As in a fetch frame (environment/frames.hpp), and so the answer.
  virtual Result<std::string> fetch(std::string_view request, std::string_view body) = 0;
  virtual void log(std::string_view lines) = 0;
  virtual Time now() = 0;
  virtual std::string random_bytes(std::size_t count) = 0;
};

struct EnvironmentInvocation {
  std::string_view event;           // JSON, checked.
  std::string_view client_context;  // JSON, checked, or empty.
  std::string_view request_id;      // 36 characters.
  MachineTime deadline;
  std::string_view qualifier = {};  // Version or alias that it was invoked by, or empty.
};

struct EnvironmentAnswer {
  enum class Kind {
    answer,     // `json` is the handler's.
    failure,    // `json` is errorMessage, errorType, stackTrace.
    timed_out,  // Killed on the deadline.
    exited,     // `ending` says how.
    violated,   // Killed for what it sent.
    not_begun,  // Of a shared environment: it ended before this invocation's turn came. Try again.
  };
  Kind kind = Kind::exited;
  std::string json;
  Ending ending;
  std::uint32_t memory_kb_max = 0;
  std::uint32_t duration_us = 0;  // By the environment's own word: without its start.
  bool reusable = false;
  bool nothing_received = false;  // exited: it may never have begun.
};

// Used by one fiber at a time, always on the loop that began it.
class EnvironmentProcess {
  friend class SharedEnvironment;

 public:
  // Asks the template for a fork; null where the template is gone. The first invocation may follow at once.
  static std::unique_ptr<EnvironmentProcess> start(std::shared_ptr<Template> parent, std::uint64_t id,
                                                   std::string log_stream_name);
  ~EnvironmentProcess();

  EnvironmentAnswer invoke(Io& io, const EnvironmentInvocation& invocation, InvocationHost& host);
  // Between invocations: its loop lets go of it, and another may go on with it.
  void leave(Io& io) { io.forget(socket_.get()); }
  // Ends it; before destruction, on its loop.
  void close(Io& io);

  const std::string& log_stream_name() const { return log_stream_name_; }
  bool fresh() const { return invocations_ == 0; }
  MachineTime idle_since;  // The pool's note.

 private:
  EnvironmentProcess(std::shared_ptr<Template> parent, std::uint64_t id, std::string log_stream_name);

  enum class Progress { more, done, violated };
  Progress take_frames(InvocationHost& host, EnvironmentAnswer& answer, Io& io, MachineTime deadline);
  Progress take(const FrameHeader& header, std::string_view body, InvocationHost& host, EnvironmentAnswer& answer,
                Io& io, MachineTime deadline);
  bool send(Io& io, MachineTime deadline, const FrameHeader& header, std::initializer_list<std::string_view> body);
  bool reply(Io& io, MachineTime deadline, std::uint64_t id, std::uint16_t flags, std::string_view body);
  Progress reply(Io& io, MachineTime deadline, std::uint64_t id, const Result<std::string>& result);
  static std::size_t frame_bytes_max_of(FrameType type);
  static void append_invoke(std::string& out, std::uint64_t id, bool fresh, const EnvironmentInvocation& invocation,
                            InvocationHost& host);
  Child& child();

  std::shared_ptr<Template> template_;
  std::uint64_t id_;
  std::string log_stream_name_;
  Descriptor socket_;
  Child child_;
  bool claimed_ = false;
  std::uint64_t invocations_ = 0;
  std::string in_;  // An incomplete frame.
  std::string_view pending_;
};

}  // namespace moonbase::functions
