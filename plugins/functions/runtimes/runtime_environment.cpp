#include "runtimes/runtime_environment.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <moonbase/json.hpp>

#include "environment/package.hpp"
#include "runtimes/runtime_api.hpp"
#include "runtimes/telemetry.hpp"

namespace moonbase::functions {
namespace {

using std::chrono::steady_clock;
constexpr auto memory_look_interval = std::chrono::milliseconds(50);  // While an invocation runs.
constexpr auto memory_known_time = std::chrono::seconds(1);           // Behind short ones: so old it may be.
constexpr auto pipe_look_interval = std::chrono::seconds(20);         // Pipes outlive us where somebody hides.
constexpr auto flush_time = std::chrono::milliseconds(500);      // Of telemetry, before extensions are told to end.
constexpr auto terminate_time = std::chrono::milliseconds(500);  // Of a runtime that was sent SIGTERM.
constexpr auto shutdown_time = std::chrono::seconds(2);          // As on Lambda, with external extensions.
constexpr std::size_t line_bytes_max = 256 * 1024;
constexpr std::uint32_t frame_magic = 0xa55a0000;
constexpr std::size_t frame_head_bytes = 16;

std::uint32_t big_endian(const char* bytes) {
  std::uint32_t number = 0;
  for (int i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

std::uint64_t us_since(MachineTime from) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - from).count());
}

Map tracing(std::string_view trace_id) { return {{"type", "X-Amzn-Trace-Id"}, {"value", trace_id}}; }

// An address of loopback that no other environment has: the port of its API is its own too.
std::string sandbox_address(std::uint16_t port) {
  return "127.77." + std::to_string(port >> 8) + "." + std::to_string(port & 255);
}

}  // namespace

RuntimeEnvironment::RuntimeEnvironment(KernelServices& kernel, Processes& processes,
                                       std::shared_ptr<const RuntimeLaunch> launch, std::string log_stream_name,
                                       std::function<void(std::string_view, bool)> log)
    : kernel_(kernel),
      processes_(processes),
      launch_(std::move(launch)),
      log_stream_name_(std::move(log_stream_name)),
      log_(std::move(log)) {}

RuntimeEnvironment::~RuntimeEnvironment() {
  std::error_code ignored;
  if (!tmp_folder_.empty()) std::filesystem::remove_all(tmp_folder_, ignored);
}

std::string RuntimeEnvironment::package(const std::vector<std::pair<std::string, std::string>>& variables) const {
  std::string package;
  append_package_entry(package, "code", launch_->code);
  append_package_entry(package, "layers", launch_->layers);
  append_package_entry(package, "runtime_folder", launch_->runtime_folder);
  append_package_entry(package, "language", launch_->language);
  append_package_entry(package, "working_folder", launch_->working_folder);
  append_package_entry(package, "extensions", launch_->extensions_folder);
  append_package_entry(package, "tmp_bytes", std::to_string(launch_->tmp_bytes));
  append_package_entry(package, "uid", std::to_string(geteuid()));
  append_package_entry(package, "gid", std::to_string(getegid()));
  append_package_entry(package, "sandbox_address", sandbox_address(listener_->port()));
  for (const auto& argument : launch_->arguments) append_package_entry(package, "argument", argument);
  for (const auto* list : {&launch_->variables, &variables})
    for (const auto& [name, value] : *list) append_package_entry(package, "variable", name + "=" + value);
  return package;
}

Result<RuntimeEnvironment::Init> RuntimeEnvironment::start(
    const std::vector<std::pair<std::string, std::string>>& variables, MachineTime deadline) {
  auto listener = kernel_.servers.listen([weak = weak_from_this()](HttpRequest& request, HttpResponse& response) {
    if (const auto self = weak.lock()) RuntimeApi(self).handle(request, response);
  });
  if (!listener) return Error{"ServiceException", listener.error().message, {}, 500};
  listener_ = std::move(*listener);
  const auto begun = steady_clock::now();
  subscriptions_ = std::make_shared<Telemetry>(kernel_, sandbox_address(listener_->port()));
  auto all = variables;
  all.emplace_back("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:" + std::to_string(listener_->port()));
  all.emplace_back("AWS_LAMBDA_LOG_STREAM_NAME", log_stream_name_);
  if (!launch_->tmp_parent.empty()) {
    tmp_folder_ = launch_->tmp_parent + "/tmp-XXXXXX";
    // Its user may be another than ours; nobody lists the folder above.
    if (!mkdtemp(tmp_folder_.data()) || chmod(tmp_folder_.c_str(), 0777) != 0)
      return Error{"ServiceException", "cannot make a folder for a function's files", {}, 500};
    all.emplace_back("TMPDIR", tmp_folder_);
  }
  auto started = processes_.start_process(package(all), launch_->memory_bytes);
  if (!started) return started.error();
  root_ = std::move(started->root);
  control_ = std::move(started->control);
  output_.pipe = std::move(started->output);
  telemetry_ = std::move(started->telemetry);
  kernel_.io.spawn([self = shared_from_this()] { self->listen_to_root(); });
  kernel_.io.spawn(
      [self = shared_from_this()] { self->read_pipe(self->output_.pipe, [&] { self->read_output(self->output_); }); });
  kernel_.io.spawn([self = shared_from_this()] { self->read_pipe(self->telemetry_, [&] { self->read_telemetry(); }); });
  auto initialization = std::string_view("on-demand");
  for (const auto& [name, value] : variables)
    if (name == "AWS_LAMBDA_INITIALIZATION_TYPE") initialization = value;
  auto record = init_start_record(initialization, phase, launch_->runtime);
  record.set("functionName", launch_->function_name);
  record.set("functionVersion", launch_->function_version);
  record.set("instanceMaxMemory", static_cast<std::int64_t>(launch_->memory_bytes));
  tell_platform("platform.initStart", std::move(record));

  // Extensions first, then the runtime, then all of them ask for work.
  const auto over = [this] { return ended() || init_error_; };
  bool in_time = changes_.wait([&] { return root_ready_ || over(); }, deadline);
  if (in_time && !over()) {
    if (!start_extensions()) return Error{"ServiceException", "cannot make a pipe for extensions", {}, 500};
    in_time = changes_.wait(
        [&] {
          return over() || std::all_of(extensions_.begin(), extensions_.end(),
                                       [](const auto& extension) { return extension.registered; });
        },
        deadline);
  }
  if (in_time && !over()) {
    runtime_started_ = start_runtime();
    in_time = changes_.wait([&] { return ((runtime_waiting_ || restore_waiting_) && extensions_ready()) || over(); },
                            deadline);
  }
  drain();
  memory_bytes();
  Init init;
  if (init_error_) {
    init = *init_error_;
  } else if (!in_time) {
    init.kind = Init::Kind::timed_out;
  } else if (start_error_ != 0) {
    init.kind = Init::Kind::failed;
    init.error_type = "Runtime.InvalidEntrypoint";
    init.json = to_json(Value(Map{{"errorType", init.error_type},
                                  {"errorMessage", "Error: fork/exec " + launch_->arguments.front() + ": " +
                                                       std::generic_category().message(start_error_)}}));
  } else if (ended()) {
    init.kind = Init::Kind::exited;
  }
  init_done_ = init.kind == Init::Kind::ready;
  tell_init(init, initialization, begun);
  return init;
}

bool RuntimeEnvironment::start_runtime() {
  if (!launch_->own_bootstrap) return order(ProcessCommand::start_runtime, process_extension_none);
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
  const Descriptor theirs(ends[1]);
  listener_->serve(ends[0]);
  return order(ProcessCommand::start_runtime, process_extension_none, theirs.get());
}

bool RuntimeEnvironment::start_extensions() {
  if (external_ == 0) return true;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  extension_output_.pipe = Descriptor(ends[0]);
  extension_output_.extensions = true;
  const Descriptor theirs(ends[1]);
  if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return false;
  kernel_.io.spawn([self = shared_from_this()] {
    self->read_pipe(self->extension_output_.pipe, [&] { self->read_output(self->extension_output_); });
  });
  for (std::uint32_t i = 0; i < external_; ++i) order(ProcessCommand::start_extension, i, theirs.get());
  return true;
}

bool RuntimeEnvironment::is_heard() const { return launch_->log_format.json || subscriptions_->is_wanted(); }

void RuntimeEnvironment::tell_platform(std::string_view type, Map record) {
  subscriptions_->tell(Telemetry::Source::platform, type, Value(std::move(record)));
}

void RuntimeEnvironment::platform(std::string_view type, Map record, Level level, const std::string& text) {
  const auto& format = launch_->log_format;
  if (!format.json) {
    if (!text.empty()) log_(text, true);
  } else if (level == Level::warn || (level == Level::info && format.info) || format.debug) {
    log_(platform_event(kernel_.clock.now(), type, record), true);
  }
  tell_platform(type, std::move(record));
}

// How the init phase went. The log has what went wrong from the caller, as INIT_REPORT.
void RuntimeEnvironment::tell_init(const Init& init, std::string_view initialization, MachineTime begun) {
  const bool ready = init.kind == Init::Kind::ready;
  const char* const status = ready                                ? "success"
                             : init.kind == Init::Kind::timed_out ? "timeout"
                             : init.kind == Init::Kind::exited    ? "failure"
                                                                  : "error";
  Map record{{"initializationType", initialization}, {"phase", phase}, {"status", status}};
  if (!ready && !init.error_type.empty()) record.set("errorType", init.error_type);
  platform("platform.initRuntimeDone", record, ready ? Level::debug : Level::warn, {});
  for (const auto& extension : extensions_) {
    if (!ready || !extension.registered) continue;
    List events;
    std::string names;
    for (const auto& [wanted, name] :
         {std::pair(extension.invoke_events, "INVOKE"), std::pair(extension.shutdown_events, "SHUTDOWN")}) {
      if (!wanted) continue;
      names += (names.empty() ? "" : ",") + std::string(name);
      events.push_back(name);
    }
    platform("platform.extension", {{"name", extension.name}, {"state", "Ready"}, {"events", std::move(events)}},
             Level::info, "EXTENSION\tName: " + extension.name + "\tState: Ready\tEvents: [" + names + "]");
  }
  record.set("metrics", Map{{"durationMs", platform_ms(us_since(begun))}});
  if (ready) {
    platform("platform.initReport", std::move(record), Level::debug, {});
  } else {
    tell_platform("platform.initReport", std::move(record));
  }
  subscriptions_->init_done();
}

void RuntimeEnvironment::tell_done(const Answer& answer, const Request& request, MachineTime begun) {
  using Kind = Answer::Kind;
  const bool good = answer.kind == Kind::answer && answer.error_type.empty();
  const char* const status = good                                                                ? "success"
                             : answer.kind == Kind::timed_out                                    ? "timeout"
                             : answer.kind == Kind::exited || answer.kind == Kind::out_of_memory ? "failure"
                                                                                                 : "error";
  const auto total_us = us_since(begun);
  Map metrics{{"durationMs", platform_ms(total_us)}};
  List spans;
  if (current_.responding) {
    metrics.set("producedBytes", static_cast<std::int64_t>(current_.produced_bytes));
    const auto latency_ms = current_.responded.ms - current_.begun.ms;
    spans = {Map{{"name", "responseLatency"},
                 {"start", iso_8601(current_.begun)},
                 {"durationMs", static_cast<double>(latency_ms)}},
             Map{{"name", "responseDuration"},
                 {"start", iso_8601(current_.responded)},
                 {"durationMs", static_cast<double>(kernel_.clock.now().ms - current_.responded.ms)}}};
  }
  Map record{{"requestId", request.request_id},
             {"status", status},
             {"metrics", std::move(metrics)},
             {"spans", std::move(spans)},
             {"tracing", tracing(request.trace_id)}};
  if (!good && !answer.error_type.empty()) record.set("errorType", answer.error_type);
  platform("platform.runtimeDone", std::move(record), good ? Level::debug : Level::warn, {});
  if (answer.kind == Kind::exited || answer.kind == Kind::out_of_memory)
    subscriptions_->tell(Telemetry::Source::platform, "platform.fault", fault_text(request.request_id));
  tell_platform("platform.end", {{"requestId", request.request_id}});
}

bool RuntimeEnvironment::extensions_ready() const {
  return std::all_of(extensions_.begin(), extensions_.end(), [this](const auto& extension) {
    return !extension.registered || (!extension.invoke_events && init_done_) ||
           (extension.waiting && extension.event_sent == events_);
  });
}

bool RuntimeEnvironment::settled() const { return !ended() && !invoking_ && runtime_waiting_ && extensions_ready(); }

bool RuntimeEnvironment::settle(MachineTime deadline) {
  if (settled()) return true;
  changes_.wait([this] { return ended() || settled(); }, deadline);
  drain();
  return settled();
}

RuntimeEnvironment::Answer RuntimeEnvironment::ended_answer() const {
  Answer answer;
  answer.kind = Answer::Kind::exited;
  answer.ending = ending_;
  return answer;
}

RuntimeEnvironment::Answer RuntimeEnvironment::invoke(const Request& request) {
  used = true;
  thaw();
  const auto begun = steady_clock::now();
  current_ = {};
  current_.begun = kernel_.clock.now();
  current_.request_id = request.request_id;
  current_.request = &request;
  invoking_ = true;
  struct Leave {
    RuntimeEnvironment& self;
    ~Leave() {
      self.current_.request = nullptr;
      self.invoking_ = false;
      self.changes_.notify();
    }
  } leave{*this};
  ++events_;
  const bool heard = is_heard();
  if (!extensions_.empty())
    invoke_event_ = to_json(Value(Map{{"eventType", "INVOKE"},
                                      {"deadlineMs", request.deadline_ms},
                                      {"requestId", request.request_id},
                                      {"invokedFunctionArn", request.function_arn},
                                      {"tracing", tracing(request.trace_id)}}));
  if (heard)
    tell_platform("platform.start", {{"requestId", request.request_id},
                                     {"version", launch_->function_version},
                                     {"tracing", tracing(request.trace_id)}});
  changes_.notify();

  auto answer = await(request);
  drain();
  if (heard) tell_done(answer, request, begun);
  // Whoever takes a stream slowly does not lengthen a function's time.
  if (answer.kind == Answer::Kind::timed_out) close("timeout");
  if (answer.kind == Answer::Kind::out_of_memory) close("failure");
  changes_.wait([this] { return !current_.sending; }, MachineTime::max());
  return answer;
}

RuntimeEnvironment::Answer RuntimeEnvironment::await(const Request& request) {
  Answer answer;
  for (;;) {
    const auto look = std::min(request.deadline, steady_clock::now() + memory_look_interval);
    if (changes_.wait([this] { return current_.done || ended(); }, look)) break;
    if (memory_bytes() > launch_->memory_bytes && tree_memory_bytes(root_.pid(), true) > launch_->memory_bytes) {
      answer.kind = Answer::Kind::out_of_memory;
      memory_max_ = launch_->memory_bytes;
      return answer;
    }
    if (steady_clock::now() >= request.deadline) {
      answer.kind = Answer::Kind::timed_out;
      return answer;
    }
  }
  if (!current_.done) return ended_answer();
  // Looking costs as much as a short handler.
  if (steady_clock::now() - memory_looked_at_ >= memory_known_time) memory_bytes();
  return std::move(current_.answer);
}

std::uint64_t RuntimeEnvironment::memory_bytes() {
  if (!root_) return memory_max_;
  memory_looked_at_ = steady_clock::now();
  const auto bytes = tree_memory_bytes(root_.pid(), false);
  memory_max_ = std::max(memory_max_, std::min(bytes, launch_->memory_bytes));
  return bytes;
}

bool RuntimeEnvironment::order(ProcessCommand command, std::uint32_t number, int descriptor) {
  ProcessOrder order{command, number};
  iovec vector{&order, sizeof order};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof descriptor)] = {};
  if (descriptor >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    auto* const part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(part), &descriptor, sizeof descriptor);
  }
  return sendmsg(control_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof order;
}

void RuntimeEnvironment::freeze() {
  if (frozen_ || ended() || subscriptions_->is_sending()) return;
  frozen_ = order(ProcessCommand::freeze, process_extension_none);
  subscriptions_->hold(frozen_);
}

void RuntimeEnvironment::thaw() {
  if (!frozen_) return;
  order(ProcessCommand::thaw, process_extension_none);
  frozen_ = false;
  subscriptions_->hold(false);
}

RuntimeEnvironment::Init RuntimeEnvironment::extension_failure(const ProcessReport& report) const {
  const bool launched = report.news == ProcessNews::extension_ended;
  const std::string type = launched ? "Extension.Crash" : "Extension.LaunchError";
  const auto why = launched ? Ending{report.by_signal != 0, report.status}.text()
                            : "fork/exec " + launch_->extensions_folder + "/" + extensions_[report.number].name + ": " +
                                  std::generic_category().message(report.status);
  return {Init::Kind::failed, to_json(Value(Map{{"errorType", type}, {"errorMessage", "Error: " + why}})), type};
}

void RuntimeEnvironment::listen_to_root() {
  std::string bytes(sizeof(ProcessReport) + process_report_bytes_max, '\0');
  for (;;) {
    if (!kernel_.io.wait_readable(control_.get(), MachineTime::max())) continue;
    const auto received = recv(control_.get(), bytes.data(), bytes.size(), 0);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    ProcessReport report;
    if (received < static_cast<ssize_t>(sizeof report)) break;
    std::memcpy(&report, bytes.data(), sizeof report);
    if (report.news == ProcessNews::ready) {
      auto names = std::string_view(bytes).substr(sizeof report, static_cast<std::size_t>(received) - sizeof report);
      while (!names.empty() && extensions_.size() < extensions_max) {
        Extension extension;
        extension.name = names.substr(0, names.find('\0'));
        extension.external = true;
        names.remove_prefix(std::min(extension.name.size() + 1, names.size()));
        extensions_.push_back(std::move(extension));
      }
      external_ = extensions_.size();
      root_ready_ = true;
    } else if (report.news == ProcessNews::extension_ended || report.news == ProcessNews::cannot_start) {
      if (report.number < external_) {
        extensions_[report.number].process_ended = true;
        // Before it has been told to stop, this ends the environment.
        if (shutdown_reason_.empty() && !ended_) {
          if (!init_error_) init_error_ = extension_failure(report);
          ended_ = true;
          ending_ = {report.by_signal != 0, report.status};
        }
      } else {
        start_error_ = report.status;
        ended_ = true;
        ending_ = {false, 127};
      }
    } else if (report.news == ProcessNews::runtime_ended) {
      ended_ = true;
      ending_ = {report.by_signal != 0, report.status};
    }
    changes_.notify();
  }
  if (!ended_) ending_ = {true, 9};
  ended_ = true;
  kernel_.io.forget(control_.get());
  control_.reset();
  changes_.notify();
}

void RuntimeEnvironment::read_pipe(Descriptor& pipe, const std::function<void()>& read) {
  const int descriptor = pipe.get();
  for (;;) {
    const bool readable = kernel_.io.wait_readable(descriptor, steady_clock::now() + pipe_look_interval);
    if (readable && pipe) read();
    if (!pipe) return;
    if (!readable && closed_ && !root_) {
      kernel_.io.forget(descriptor);
      pipe.reset();
      return;
    }
  }
}

// Never suspends. At the end of the pipe the descriptor is closed.
void RuntimeEnvironment::read_output(Output& output) {
  char buffer[16 * 1024];
  // As much as a pipe holds, and a little more: whoever writes without end does not keep us.
  for (int round = 0; output.pipe && round < 16; ++round) {
    const auto got = read(output.pipe.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return;
    if (got == 0) {
      take_output(output, {}, true);
      kernel_.io.forget(output.pipe.get());
      output.pipe.reset();
      return;
    }
    take_output(output, {buffer, static_cast<std::size_t>(got)}, false);
  }
}

void RuntimeEnvironment::take_output(Output& output, std::string_view bytes, bool flush) {
  auto& line = output.line;
  line.append(bytes);
  const auto end = line.rfind('\n');
  if (end != std::string::npos) {
    log(std::string_view(line).substr(0, end + 1), false, output.extensions);
    line.erase(0, end + 1);
  }
  if (!line.empty() && (flush || line.size() > line_bytes_max)) {
    log(line, false, output.extensions);
    line.clear();
  }
}

void RuntimeEnvironment::log(std::string_view text, bool whole, bool of_extension) {
  log_(text, whole);
  const auto source = of_extension ? Telemetry::Source::extension : Telemetry::Source::function;
  const auto tell = [&](std::string_view line) {
    // Logs in JSON are told as what they are.
    if (launch_->log_format.json)
      if (auto parsed = parse_json(line); parsed && parsed->is_map())
        return subscriptions_->tell(source, of_extension ? "extension" : "function", std::move(*parsed));
    subscriptions_->tell(source, of_extension ? "extension" : "function", Value(line));
  };
  if (whole || !subscriptions_->is_wanted()) return whole ? tell(text) : void();
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    tell(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void RuntimeEnvironment::read_telemetry() {
  char buffer[16 * 1024];
  for (int round = 0; telemetry_ && round < 16; ++round) {
    const auto got = read(telemetry_.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    if (got == 0) {
      kernel_.io.forget(telemetry_.get());
      telemetry_.reset();
      break;
    }
    telemetry_frame_.append(buffer, static_cast<std::size_t>(got));
  }
  // Magic and type, length, time, and the text of one event.
  std::size_t at = 0;
  while (telemetry_frame_.size() - at >= frame_head_bytes) {
    const char* head = telemetry_frame_.data() + at;
    const auto length = big_endian(head + 4);
    if ((big_endian(head) & 0xffff0000) != frame_magic || length > line_bytes_max * 4) {
      // Not frames: taken for lines.
      log(std::string_view(telemetry_frame_).substr(at), false, false);
      at = telemetry_frame_.size();
      break;
    }
    if (telemetry_frame_.size() - at - frame_head_bytes < length) break;
    log(std::string_view(head + frame_head_bytes, length), true, false);
    at += frame_head_bytes + length;
  }
  telemetry_frame_.erase(0, at);
}

void RuntimeEnvironment::drain() {
  if (telemetry_) read_telemetry();
  for (auto* const output : {&output_, &extension_output_}) {
    if (output->pipe) read_output(*output);
    take_output(*output, {}, true);
  }
}

void RuntimeEnvironment::close(std::string_view reason) {
  if (closed_) return;
  closed_ = true;
  shutdown_reason_ = reason;
  const bool tell = std::any_of(extensions_.begin(), extensions_.end(), [](const auto& extension) {
    return extension.registered && extension.shutdown_events && !extension.process_ended;
  });
  changes_.notify();
  if (!tell || !control_) return finish_closing();
  kernel_.io.spawn([self = shared_from_this()] {
    self->thaw();
    // The runtime first, then the extensions, which hear what it has said.
    self->order(ProcessCommand::terminate, process_extension_none);
    self->changes_.wait([&] { return self->ended_; }, steady_clock::now() + terminate_time);
    self->drain();
    self->subscriptions_->flush(steady_clock::now() + flush_time);
    self->shutdown_deadline_ms_ = self->kernel_.clock.now().ms + std::chrono::milliseconds(shutdown_time).count();
    self->stopping_ = true;
    self->changes_.notify();
    self->changes_.wait(
        [&] {
          return std::all_of(self->extensions_.begin(), self->extensions_.end(),
                             [](const auto& extension) { return !extension.external || extension.process_ended; });
        },
        steady_clock::now() + shutdown_time);
    self->drain();
    self->finish_closing();
  });
}

void RuntimeEnvironment::finish_closing() {
  stopping_ = true;
  changes_.notify();
  if (subscriptions_) subscriptions_->stop();
  listener_.reset();
  if (control_) shutdown(control_.get(), SHUT_RDWR);  // Its fiber closes it.
  if (!root_) return;
  // Where there is no PID namespace the root ends everything itself, when it sees that we have gone.
  if (processes_.hello().layers & layer_process_namespaces) {
    root_.kill();
    root_ = {};
    return;
  }
  kernel_.io.spawn([self = shared_from_this()] {
    auto root = std::move(self->root_);
    root.wait(self->kernel_.io, steady_clock::now() + shutdown_time);
  });
}

}  // namespace moonbase::functions
