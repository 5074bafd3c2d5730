#include "runtimes/runtime_environment.hpp"

#include "environment/package.hpp"
#include "runtimes/runtime_api.hpp"

#include <moonbase/json.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace moonbase::functions {
namespace {

using std::chrono::steady_clock;
constexpr auto memory_look_interval = std::chrono::milliseconds(50);
constexpr auto pipe_look_interval = std::chrono::seconds(1);  // Pipes outlive us where somebody hides.
constexpr auto shutdown_time = std::chrono::seconds(2);       // As on Lambda, with external extensions.
constexpr std::size_t line_bytes_max = 256 * 1024;
constexpr std::uint32_t frame_magic = 0xa55a0000;
constexpr std::size_t frame_head_bytes = 16;

std::uint32_t big_endian(const char* bytes) {
  std::uint32_t number = 0;
  for (int i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

}  // namespace

void Changes::notify() {
  for (auto& parker : waiting_) parker->wake();
}

bool Changes::park(MachineTime deadline) {
  const auto mine = internal::Parker::current();
  waiting_.push_back(mine);
  struct Leave {
    Changes& changes;
    const std::shared_ptr<internal::Parker>& mine;
    ~Leave() {
      const auto at = std::find(changes.waiting_.begin(), changes.waiting_.end(), mine);
      if (at != changes.waiting_.end()) changes.waiting_.erase(at);
    }
  } leave{*this, mine};
  mine->park_until(deadline);
  return steady_clock::now() < deadline;
}

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
  output_ = std::move(started->output);
  telemetry_ = std::move(started->telemetry);
  kernel_.io.spawn([self = shared_from_this()] { self->listen_to_root(); });
  kernel_.io.spawn([self = shared_from_this()] { self->read_pipe(self->output_.get(), false); });
  kernel_.io.spawn([self = shared_from_this()] { self->read_pipe(self->telemetry_.get(), true); });

  // Extensions first, then the runtime, then all of them ask for work.
  const auto over = [this] { return ended() || init_error_; };
  bool in_time = changes_.wait([&] { return root_ready_ || over(); }, deadline);
  if (in_time && !over()) {
    for (std::uint32_t i = 0; i < external_; ++i) order(ProcessCommand::start_extension, i);
    in_time = changes_.wait(
        [&] {
          return over() || std::all_of(extensions_.begin(), extensions_.end(),
                                       [](const auto& extension) { return extension.registered; });
        },
        deadline);
  }
  if (in_time && !over()) {
    runtime_started_ = order(ProcessCommand::start_runtime, process_extension_none);
    in_time = changes_.wait([&] { return (runtime_waiting_ && extensions_ready()) || over(); }, deadline);
  }
  drain();
  memory_bytes();
  Init init;
  if (init_error_) return *init_error_;
  if (!in_time) {
    init.kind = Init::Kind::timed_out;
    return init;
  }
  if (ended()) {
    init.kind = Init::Kind::exited;
    if (start_error_ != 0) {
      init.kind = Init::Kind::failed;
      init.error_type = "Runtime.InvalidEntrypoint";
      init.json = to_json(Value(Map{{"errorType", init.error_type},
                                    {"errorMessage", "Error: fork/exec " + launch_->arguments.front() + ": " +
                                                         std::generic_category().message(start_error_)}}));
    }
    return init;
  }
  init_done_ = true;
  return init;
}

bool RuntimeEnvironment::extensions_ready() const {
  return std::all_of(extensions_.begin(), extensions_.end(), [this](const auto& extension) {
    return !extension.registered || (!extension.invoke_events && init_done_) ||
           (extension.waiting && extension.event_sent == events_);
  });
}

bool RuntimeEnvironment::settled() const { return !ended() && !invoking_ && runtime_waiting_ && extensions_ready(); }

bool RuntimeEnvironment::settle(MachineTime deadline) {
  changes_.wait([this] { return ended() || settled(); }, deadline);
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
  current_ = {};
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
  invoke_event_ = to_json(Value(Map{{"eventType", "INVOKE"},
                                    {"deadlineMs", request.deadline_ms},
                                    {"requestId", request.request_id},
                                    {"invokedFunctionArn", request.function_arn},
                                    {"tracing", Map{{"type", "X-Amzn-Trace-Id"}, {"value", request.trace_id}}}}));
  changes_.notify();

  auto answer = await(request);
  drain();
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
  if (steady_clock::now() - memory_looked_at_ >= memory_look_interval) memory_bytes();
  return std::move(current_.answer);
}

std::uint64_t RuntimeEnvironment::memory_bytes() {
  if (!root_) return memory_max_;
  memory_looked_at_ = steady_clock::now();
  const auto bytes = tree_memory_bytes(root_.pid(), false);
  memory_max_ = std::max(memory_max_, std::min(bytes, launch_->memory_bytes));
  return bytes;
}

bool RuntimeEnvironment::order(ProcessCommand command, std::uint32_t number) {
  const ProcessOrder order{command, number};
  return send(control_.get(), &order, sizeof order, MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof order;
}

void RuntimeEnvironment::freeze() {
  if (frozen_ || ended()) return;
  frozen_ = order(ProcessCommand::freeze, process_extension_none);
}

void RuntimeEnvironment::thaw() {
  if (frozen_) order(ProcessCommand::thaw, process_extension_none);
  frozen_ = false;
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
          init_error_ = init_error_ ? init_error_
                                    : Init{Init::Kind::failed,
                                           to_json(Value(Map{{"errorType", "Extension.Crash"},
                                                             {"errorMessage", "RequestId: Error: exit code " +
                                                                                  std::to_string(report.status)}})),
                                           "Extension.Crash"};
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

void RuntimeEnvironment::read_pipe(int descriptor, bool framed) {
  for (;;) {
    const bool readable = kernel_.io.wait_readable(descriptor, steady_clock::now() + pipe_look_interval);
    auto& pipe = framed ? telemetry_ : output_;
    if (readable && pipe) framed ? read_telemetry() : read_output();
    if (!pipe) return;
    if (!readable && closed_ && !root_) {
      kernel_.io.forget(descriptor);
      pipe.reset();
      return;
    }
  }
}

// Never suspends. At the end of the pipe the descriptor is closed.
void RuntimeEnvironment::read_output() {
  char buffer[16 * 1024];
  // As much as a pipe holds, and a little more: whoever writes without end does not keep us.
  for (int round = 0; output_ && round < 16; ++round) {
    const auto got = read(output_.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return;
    if (got == 0) {
      take_output({}, true);
      kernel_.io.forget(output_.get());
      output_.reset();
      return;
    }
    take_output({buffer, static_cast<std::size_t>(got)}, false);
  }
}

void RuntimeEnvironment::take_output(std::string_view bytes, bool flush) {
  output_line_.append(bytes);
  const auto end = output_line_.rfind('\n');
  if (end != std::string::npos) {
    log_(std::string_view(output_line_).substr(0, end + 1), false);
    output_line_.erase(0, end + 1);
  }
  if (!output_line_.empty() && (flush || output_line_.size() > line_bytes_max)) {
    log_(output_line_, false);
    output_line_.clear();
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
      log_(std::string_view(telemetry_frame_).substr(at), false);
      at = telemetry_frame_.size();
      break;
    }
    if (telemetry_frame_.size() - at - frame_head_bytes < length) break;
    log_(std::string_view(head + frame_head_bytes, length), true);
    at += frame_head_bytes + length;
  }
  telemetry_frame_.erase(0, at);
}

void RuntimeEnvironment::drain() {
  if (telemetry_) read_telemetry();
  if (output_) read_output();
  take_output({}, true);
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
  shutdown_deadline_ms_ = kernel_.clock.now().ms + std::chrono::milliseconds(shutdown_time).count();
  kernel_.io.spawn([self = shared_from_this()] {
    self->thaw();
    self->order(ProcessCommand::terminate, process_extension_none);
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
