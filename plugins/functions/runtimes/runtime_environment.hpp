// One execution environment of a runtime that speaks the Lambda Runtime API: its processes, the port
// on which it asks for work, its extensions. What comes out of it is hostile: limits hold, whoever
// breaks the protocol is told so and ended.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <moonbase/call.hpp>
#include <moonbase/internal/parker.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pool/environment_process.hpp"
#include "pool/processes.hpp"
#include "runtimes/changes.hpp"
#include "runtimes/platform_log.hpp"

namespace moonbase::functions {

class Telemetry;

// What an environment is started with.
struct RuntimeLaunch {
  std::vector<std::string> arguments;                          // Of the runtime; the first is its path.
  std::vector<std::pair<std::string, std::string>> variables;  // All but those that only the environment knows.
  std::string code, layers, runtime_folder, language;          // Folders outside.
  std::string tmp_parent;  // Without namespaces: each environment gets a folder in it, and TMPDIR says so.
  std::string working_folder, extensions_folder;  // As seen inside.
  std::uint64_t memory_bytes = 0, tmp_bytes = 0;
  bool own_bootstrap = false;  // Node.js and Python: knows what to do with a connection of its own.
  std::string function_name, function_version, function_arn, handler, account, runtime;
  PlatformLogFormat log_format;
  std::string missing;  // Not empty: why there is nothing to start; JSON, as Invoke answers it.
};

// A streamed answer on its way out, and what the runtime says that it is. False: nobody listens any more.
using ResponseSink = std::function<bool(std::string_view part, std::string_view content_type)>;

class RuntimeEnvironment : public std::enable_shared_from_this<RuntimeEnvironment> {
 public:
  RuntimeEnvironment(KernelServices& kernel, Processes& processes, std::shared_ptr<const RuntimeLaunch> launch,
                     std::string log_stream_name, std::function<void(std::string_view event, bool whole)> log);
  ~RuntimeEnvironment();

  // How the init phase went.
  struct Init {
    enum class Kind { ready, failed, exited, timed_out } kind = Kind::ready;
    std::string json;  // failed: as the runtime reported it. exited: as Lambda words it.
    std::string error_type;
  };
  // Starts everything and waits until runtime and extensions ask for work. An Error is the platform's.
  Result<Init> start(const std::vector<std::pair<std::string, std::string>>& variables, MachineTime deadline);

  // SnapStart, behind start(): the runtime goes on as it does when it is restored. Lambda gives it ten seconds.
  Init restore(MachineTime deadline);

  struct Answer {
    enum class Kind { answer, failure, timed_out, exited, out_of_memory } kind = Kind::exited;
    std::string body;        // Of the answer (unless it went to the sink), or of the failure.
    std::string error_type;  // failure, and a stream that broke off.
    Ending ending;
    bool streamed = false;  // It went to the sink.
    std::string content_type;
    std::optional<std::uint64_t> handler_us;  // How long the handler ran, as our own runtimes say.
  };
  struct Request {
    std::string_view event, client_context, request_id, trace_id, function_arn;
    MachineTime deadline;
    std::int64_t deadline_ms;  // The same on the platform's clock.
    const ResponseSink* sink = nullptr;
  };
  Answer invoke(const Request& request);
  // Behind invoke(): until runtime and extensions ask for work again, and what they logged until then. False: it
  // is of no more use.
  bool settle(MachineTime deadline);
  bool settled() const;
  bool ended() const { return closed_ || ended_; }
  bool gone() const { return closed_ && !root_; }  // Closed, and its processes killed.
  const Ending& ending() const { return ending_; }

  // Between invocations nothing in it runs; invoke() and close() let it go on.
  void freeze();
  bool frozen() const { return frozen_; }

  // What its processes use now, and the most that was seen.
  std::uint64_t memory_bytes();
  std::uint64_t memory_bytes_max() const { return memory_max_; }
  // Ends it: extensions that asked for it are told ("spindown", "timeout", "failure") and get two
  // seconds, on a fiber of their own. Only once.
  void close(std::string_view reason);
  void drain();  // Log lines that have been written so far.

  const std::string& log_stream_name() const { return log_stream_name_; }
  // Whether platform events reach anybody: the log, or a subscription.
  bool is_heard() const;
  // Tells extensions what their subscriptions call for; only INIT_REPORT and REPORT come from outside.
  void tell_platform(std::string_view type, Map record);
  MachineTime idle_since;
  Time expires{INT64_MAX};  // Its credentials do.
  bool used = false;
  bool snap_starts = false;    // Its runtime asks to be restored before it asks for work.
  const char* phase = "init";  // "invoke": what failed in the init phase is tried again.
  std::string user_agent;      // Of its runtime.

 private:
  friend class RuntimeApi;
  struct Extension {
    std::string name, id;
    bool external = false, process_ended = false, invoke_events = false, shutdown_events = false;
    bool registered = false, waiting = false, failed = false;
    std::uint64_t event_sent = 0;  // The last event that it has taken.
    std::string error_type;
  };
  struct Current {
    std::string request_id;
    const Request* request = nullptr;
    Answer answer;
    bool taken = false, responding = false, done = false;
    bool sending = false;  // Somebody is writing to the sink: it must not go away.
    Time begun, responded;
    std::size_t produced_bytes = 0;
  };
  // stdout and stderr of runtime or extensions.
  struct Output {
    Descriptor pipe;
    std::string line;
    bool extensions = false;
  };

  void listen_to_root();
  void read_pipe(Descriptor& pipe, const std::function<void()>& read);
  void read_output(Output& output);
  void read_telemetry();
  void take_output(Output& output, std::string_view bytes, bool flush);
  void log(std::string_view text, bool whole, bool of_extension);
  // A platform event for subscribers, and for the log: as text if there is any, as JSON from its level on.
  enum class Level { debug, info, warn };
  void platform(std::string_view type, Map record, Level level, const std::string& text);
  void tell_init(const Init& init, std::string_view initialization, MachineTime begun);
  void tell_done(const Answer& answer, const Request& request, MachineTime begun);
  bool start_extensions();
  bool start_runtime();
  void thaw();
  Answer await(const Request& request);
  bool order(ProcessCommand command, std::uint32_t number, int descriptor = -1);
  std::string package(const std::vector<std::pair<std::string, std::string>>& variables) const;
  bool extensions_ready() const;
  Answer ended_answer() const;
  Init extension_failure(const ProcessReport& report) const;
  void finish_closing();

  KernelServices& kernel_;
  Processes& processes_;
  const std::shared_ptr<const RuntimeLaunch> launch_;
  const std::string log_stream_name_;
  const std::function<void(std::string_view, bool)> log_;

  std::unique_ptr<HttpListener> listener_;
  std::string tmp_folder_;
  Child root_;
  Descriptor control_, telemetry_;
  Output output_, extension_output_;
  std::string telemetry_frame_;
  Changes changes_;
  std::shared_ptr<Telemetry> subscriptions_;  // From start() on.

  bool root_ready_ = false, ended_ = false, closed_ = false, runtime_started_ = false;
  bool stopping_ = false;  // Closed, and extensions may hear of it.
  bool frozen_ = false;
  int start_error_ = 0;  // errno, where there is nothing to run.
  Ending ending_;
  std::vector<Extension> extensions_;
  std::size_t external_ = 0;
  std::uint64_t next_calls_ = 0;  // Of the runtime; the newest is the one that counts.
  bool runtime_waiting_ = false, init_done_ = false;
  std::optional<Init> init_error_, restore_error_;
  bool restore_waiting_ = false, restored_ = false;
  Current current_;
  bool invoking_ = false;
  std::uint64_t events_ = 0;  // Invocations so far, as extensions see them.
  std::string invoke_event_, shutdown_reason_;
  std::int64_t shutdown_deadline_ms_ = 0;
  std::uint64_t memory_max_ = 0;
  MachineTime memory_looked_at_;
  std::vector<std::uint64_t> trusted_sockets_;
};

// Bytes of memory that a process and its descendants use. `precise` counts shared pages once.
std::uint64_t tree_memory_bytes(pid_t root, bool precise);
// All processes of the tree, the root among them.
std::vector<pid_t> process_tree(pid_t root);

}  // namespace moonbase::functions
