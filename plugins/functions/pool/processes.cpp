#include "pool/processes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <stdexcept>
#include <system_error>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace moonbase::functions {
namespace {

std::system_error broken(const char* what) { return {errno, std::generic_category(), what}; }

int pidfd_open(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }
int pidfd_send_signal(int pidfd, int number) {
  return static_cast<int>(syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0));
}

// True once the process has ended; it is reaped then.
bool reap(int pidfd, int options, Ending* ending = nullptr) {
  siginfo_t info{};
  int result = 0;
  do {
    result = waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &info, WEXITED | options);
  } while (result != 0 && errno == EINTR);
  if (result != 0) return true;  // Not ours any more: nothing to wait for.
  if (info.si_pid == 0) return false;
  if (ending) *ending = {info.si_code != CLD_EXITED, info.si_status};
  return true;
}

bool send_with_descriptors(int socket, const void* data, std::size_t bytes, std::span<const int> descriptors) {
  alignas(cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = {};
  iovec vector{const_cast<void*>(data), bytes};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
  cmsghdr* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
  std::memcpy(CMSG_DATA(part), descriptors.data(), descriptors.size() * sizeof(int));
  for (;;) {
    const auto sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    return sent == static_cast<ssize_t>(bytes);
  }
}

void make_non_blocking(int descriptor) {
  if (fcntl(descriptor, F_SETFL, O_NONBLOCK) != 0) throw broken("fcntl");
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    reset();
    number_ = other.release();
  }
  return *this;
}

void Descriptor::reset() {
  if (number_ >= 0) ::close(number_);
  number_ = -1;
}

std::string Ending::text() const {
  if (!by_signal) return "exit status " + std::to_string(status);
  switch (status) {
    case SIGKILL:
      return "signal: killed";
    case SIGSEGV:
      return "signal: segmentation fault";
    case SIGBUS:
      return "signal: bus error";
    case SIGABRT:
      return "signal: aborted";
    case SIGSYS:
      return "signal: bad system call";
    case SIGILL:
      return "signal: illegal instruction";
    case SIGFPE:
      return "signal: floating point exception";
    case SIGTRAP:
      return "signal: trace/breakpoint trap";
    default:
      return "signal: " + std::to_string(status);
  }
}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    kill();
    processes_ = other.processes_;
    pid_ = other.pid_;
    pidfd_ = std::move(other.pidfd_);
  }
  return *this;
}

void Child::kill() {
  if (!pidfd_) return;
  pidfd_send_signal(pidfd_.get(), SIGKILL);
  processes_->bury(pid_, std::move(pidfd_));
}

Ending Child::wait(Io& io, MachineTime deadline) {
  Ending ending{true, SIGKILL};
  if (!pidfd_) return ending;
  const bool ended = io.wait_readable(pidfd_.get(), deadline);
  io.forget(pidfd_.get());
  if (!ended || !reap(pidfd_.get(), WNOHANG, &ending)) {
    kill();
    return ending;
  }
  pidfd_.reset();
  processes_->forget(pid_);
  return ending;
}

Result<Template::Report> Template::report(Io& io, MachineTime deadline) {
  std::string bytes(sizeof(TemplateReport) + report_text_bytes_max, '\0');
  ssize_t received = -1;
  for (;;) {
    if (!io.wait_readable(control_.get(), deadline)) break;
    received = recv(control_.get(), bytes.data(), bytes.size(), 0);
    if (received >= 0 || (errno != EAGAIN && errno != EINTR)) break;
  }
  io.forget(control_.get());
  if (received < 0) {
    child_.kill();
    gone_ = true;
    return Error{"Sandbox.Timedout", "the initialisation did not end in time"};
  }
  TemplateReport head;
  if (received < static_cast<ssize_t>(sizeof head)) {
    gone_ = true;
    const auto ending = child_.wait(io, std::chrono::steady_clock::now() + std::chrono::seconds(1));
    return Error{"Runtime.ExitError", "Runtime exited with error: " + ending.text()};
  }
  std::memcpy(&head, bytes.data(), sizeof head);
  if (head.failed) gone_ = true;
  return Report{head.failed != 0, head.init_us,
                bytes.substr(sizeof head, static_cast<std::size_t>(received) - sizeof head)};
}

Descriptor Template::fork(std::uint64_t id, std::string_view log_stream_name) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw broken("socketpair");
  Descriptor ours(ends[0]), theirs(ends[1]);
  make_non_blocking(ours.get());
  ForkRequest request{id, {}};
  log_stream_name.copy(request.log_stream_name, sizeof request.log_stream_name - 1);
  const std::lock_guard lock(mutex_);
  if (gone_ || !send_with_descriptors(control_.get(), &request, sizeof request, std::span(ends + 1, 1))) {
    gone_ = true;
    return {};
  }
  return ours;
}

void Template::read_replies(int timeout_ms) {
  for (;;) {
    ForkReply reply;
    pollfd question{control_.get(), POLLIN, 0};
    if (poll(&question, 1, timeout_ms) <= 0) return;
    const auto received = recv(control_.get(), &reply, sizeof reply, MSG_DONTWAIT);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (received != sizeof reply) {
      gone_ = true;
      return;
    }
    replies_.push_back(reply);
    timeout_ms = 0;
  }
}

Child Template::claim(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  for (int timeout_ms : {0, 100}) {
    if (!gone_) read_replies(timeout_ms);
    const auto found =
        std::find_if(replies_.begin(), replies_.end(), [&](const auto& reply) { return reply.id == id; });
    if (found == replies_.end()) continue;
    const pid_t pid = found->pid;
    replies_.erase(found);
    return pid > 0 ? processes_.adopt(pid) : Child();
  }
  return {};
}

bool Template::gone() {
  const std::lock_guard lock(mutex_);
  if (!gone_) read_replies(0);
  return gone_;
}

Processes::Processes(const std::string& program) : program_(program) { start_spawner(); }

void Processes::start_spawner() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) throw broken("socketpair");
  control_ = Descriptor(ends[0]);
  const Descriptor theirs(ends[1]);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // adddup2 of 3 onto itself would leave close-on-exec set in older libraries: go by a higher number.
  posix_spawn_file_actions_adddup2(&actions, theirs.get(), 200);
  posix_spawn_file_actions_adddup2(&actions, 200, 3);
  posix_spawn_file_actions_addclose(&actions, 200);
  char name[] = "moonbase-environment";
  char* arguments[] = {name, nullptr};
  char* surroundings[] = {nullptr};
  const int error = posix_spawn(&spawner_, program_.c_str(), &actions, nullptr, arguments, surroundings);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    throw std::runtime_error("cannot start " + program_ + " (" + std::generic_category().message(error) +
                             "): build it, or say where it is with MOONBASE_ENVIRONMENT");
  }
}

Processes::~Processes() {
  control_.reset();
  kill(spawner_, SIGKILL);
  int status = 0;
  while (waitpid(spawner_, &status, 0) < 0 && errno == EINTR) {
  }
  for (auto& dying : dying_) reap(dying.pidfd.get(), 0);
}

void Processes::greet() {
  if (greeted_) return;
  pollfd question{control_.get(), POLLIN, 0};
  if (poll(&question, 1, 10'000) != 1 || recv(control_.get(), &hello_, sizeof hello_, 0) != sizeof hello_)
    throw std::runtime_error("moonbase-environment did not start");
  if (hello_.version != protocol_version)
    throw std::runtime_error("moonbase-environment is of another version: build it again");
  greeted_ = true;
}

const Hello& Processes::hello() {
  const std::lock_guard lock(spawner_mutex_);
  greet();
  return hello_;
}

Result<Child> Processes::ask_spawner(SpawnRequest request, std::string_view package,
                                     std::initializer_list<int> descriptors) {
  const Descriptor file(memfd_create("package", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) throw broken("memfd_create");
  for (std::size_t written = 0; written < package.size();) {
    const auto more = write(file.get(), package.data() + written, package.size() - written);
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) throw broken("writing a package");
    written += static_cast<std::size_t>(more);
  }
  if (fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    throw broken("sealing a package");

  std::array<int, 4> all{};
  std::size_t count = 0;
  for (const int descriptor : descriptors) {
    all[count++] = descriptor;
    if (count == 1) all[count++] = file.get();  // The package comes second.
  }
  SpawnReply reply{};
  const std::lock_guard lock(spawner_mutex_);
  // A spawner that has died is replaced once: whoever it began lives on, as our child.
  for (int attempt = 0;; ++attempt) {
    greet();
    ssize_t received = -1;
    if (send_with_descriptors(control_.get(), &request, sizeof request, {all.data(), count})) {
      do {
        received = recv(control_.get(), &reply, sizeof reply, 0);
      } while (received < 0 && errno == EINTR);
    }
    if (received == sizeof reply && reply.id == request.id) break;
    if (attempt > 0) return Error{"ServiceException", "the process that starts functions is gone"};
    kill(spawner_, SIGKILL);
    int status = 0;
    while (waitpid(spawner_, &status, 0) < 0 && errno == EINTR) {
    }
    greeted_ = false;
    start_spawner();
  }
  if (reply.pid <= 0)
    return Error{"ServiceException",
                 "a function's process cannot be started: " + std::generic_category().message(reply.error)};
  auto child = adopt(reply.pid);
  if (!child) return Error{"ServiceException", "a function's process ended at once"};
  return child;
}

Result<std::unique_ptr<Template>> Processes::start_template(std::string_view package, std::uint64_t memory_bytes) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) throw broken("socketpair");
  Descriptor ours(ends[0]);
  const Descriptor theirs(ends[1]);
  auto child = ask_spawner({next_id(), memory_bytes, SpawnKind::lua_or_native}, package, {theirs.get()});
  if (!child) return child.error();
  make_non_blocking(ours.get());
  return std::make_unique<Template>(*this, std::move(*child), std::move(ours));
}

Result<Processes::Started> Processes::start_process(std::string_view package, std::uint64_t memory_bytes) {
  int control[2], output[2], telemetry[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0) throw broken("socketpair");
  Started started;
  started.control = Descriptor(control[0]);
  const Descriptor their_control(control[1]);
  if (pipe2(output, O_CLOEXEC) != 0) throw broken("pipe2");
  started.output = Descriptor(output[0]);
  const Descriptor their_output(output[1]);
  if (pipe2(telemetry, O_CLOEXEC) != 0) throw broken("pipe2");
  started.telemetry = Descriptor(telemetry[0]);
  const Descriptor their_telemetry(telemetry[1]);
  auto child = ask_spawner({next_id(), memory_bytes, SpawnKind::process}, package,
                           {their_control.get(), their_output.get(), their_telemetry.get()});
  if (!child) return child.error();
  started.root = std::move(*child);
  for (const int descriptor : {control[0], output[0], telemetry[0]}) make_non_blocking(descriptor);
  return started;
}

Child Processes::adopt(pid_t pid) {
  // Only a child of ours can be waited for, and until it is reaped its number is not given again.
  siginfo_t info{};
  if (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0) return {};
  Descriptor pidfd(pidfd_open(pid));
  if (!pidfd) return {};
  const std::lock_guard lock(mutex_);
  if (pid == spawner_ || !known_.insert(pid).second) return {};
  return Child(*this, pid, std::move(pidfd));
}

std::uint64_t Processes::next_id() {
  const std::lock_guard lock(mutex_);
  return ++ids_;
}

void Processes::bury(pid_t pid, Descriptor pidfd) {
  const std::lock_guard lock(mutex_);
  dying_.push_back({pid, std::move(pidfd)});
  sweep();
}

void Processes::forget(pid_t pid) {
  const std::lock_guard lock(mutex_);
  known_.erase(pid);
  sweep();
}

void Processes::sweep() {
  std::erase_if(dying_, [&](Dying& dying) {
    if (!reap(dying.pidfd.get(), WNOHANG)) return false;
    known_.erase(dying.pid);
    return true;
  });
}

}  // namespace moonbase::functions
