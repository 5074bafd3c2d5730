#include "template.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "channel.hpp"
#include "lua_runtime.hpp"
#include "native_runtime.hpp"
#include "package.hpp"

namespace moonbase::functions {
namespace {

constexpr std::int64_t hold_handler_us_max = 200;

std::int64_t monotonic_us() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000 + time.tv_nsec / 1000;
}

// While a template initialises there is no invocation to call for: only printing works.
class InitHost final : public RuntimeHost {
 public:
  explicit InitHost(const Package& package) : now_ms_(0) {
    const auto text = package.find("now_ms");
    for (const char digit : text) now_ms_ = now_ms_ * 10 + (digit - '0');
    random_ = package.find("random");
    random_.resize(random_bytes_each);
  }
  Reply call(std::string_view, std::string_view, std::string_view) override { return refused; }
  Reply fetch(std::string_view, std::string_view) override { return refused; }
  void log(std::string_view text) override {
    if (lines.size() + text.size() >= report_text_bytes_max) return;
    lines.append(text);
    if (lines.empty() || lines.back() != '\n') lines.push_back('\n');
  }
  std::int64_t now_ms() override { return now_ms_; }
  std::string_view random_bytes() override {
    for (auto& byte : random_) byte = static_cast<char>(byte * 31 + 7);
    return random_;
  }
  std::string lines;

 private:
  static constexpr Reply refused = {
      false,
      R"({"code":"Runtime.InitError","message":"Services and servers can be called by handlers, not while the )"
      R"(function's code is loaded: environments share what it leaves behind."})",
      {}};
  std::int64_t now_ms_;
  std::string random_;
};

// Asking takes longer than many a handler, so warm environments ask now and then.
std::uint32_t memory_kb_max(std::uint64_t invocations) {
  static rusage usage{};
  if (invocations < 4 || invocations % 32 == 0) getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint32_t>(usage.ru_maxrss);
}

[[noreturn]] void run_environment(const Sandbox& sandbox, CodeKind kind, Runtime& runtime, int socket,
                                  const char* log_stream_name) {
  sandbox.enter_environment(kind, socket);
  Channel channel(3);
  const std::string failed = runtime.enter(channel, log_stream_name);
  if (kind == CodeKind::native) sandbox.close_libraries();
  for (;;) {
    const auto frame = channel.receive();
    InvokeHead head;
    if (frame.header.type != FrameType::invoke || frame.body.size() < sizeof head) _exit(1);
    std::memcpy(&head, frame.body.data(), sizeof head);
    const auto rest = frame.body.substr(sizeof head);
    const std::size_t before_event = std::size_t{head.qualifier_bytes} + head.client_context_bytes;
    if (rest.size() < before_event) _exit(1);
    channel.serve(frame.header.id);

    // Once the handler calls a service, the buffer under these views is used again.
    static std::string request_id, qualifier, client_context, answer;
    request_id.assign(head.request_id, sizeof head.request_id);
    qualifier.assign(rest.substr(0, head.qualifier_bytes));
    client_context.assign(rest.substr(head.qualifier_bytes, head.client_context_bytes));
    const RuntimeInvocation invocation{rest.substr(before_event), client_context, request_id, qualifier,
                                       head.deadline_ns,          head.now_ms,    head.random};
    const auto begun_us = monotonic_us();
    Outcome outcome = Outcome::exiting;
    std::string& out = channel.out();
    // The answer is written behind room for its head, which is known only afterwards. Frames that
    // the handler causes (calls, logs) go out of the same buffer before, so the answer has its own.
    answer.clear();
    if (failed.empty()) {
      outcome = runtime.invoke(invocation, answer);
    } else {
      answer = failed;
    }
    if (outcome == Outcome::answer && answer.size() > response_bytes_max) {
      const auto bytes = std::to_string(answer.size());
      answer.clear();
      append_failure_json(answer, "Function.ResponseSizeTooLarge",
                          "Response payload size (" + bytes + " bytes) exceeded maximum allowed payload size (" +
                              std::to_string(response_bytes_max) + " bytes).");
      outcome = Outcome::failure;
    }
    const auto type = outcome == Outcome::answer ? FrameType::answer : FrameType::failure;
    const auto at = channel.begin(type, outcome == Outcome::exiting ? flag_exiting : 0);
    const AnswerHead answer_head{memory_kb_max(frame.header.id), static_cast<std::uint32_t>(monotonic_us() - begun_us)};
    out.append(reinterpret_cast<const char*>(&answer_head), sizeof answer_head);
    out.append(answer);
    channel.end(at);
    channel.answered(kind == CodeKind::lua && outcome != Outcome::exiting &&
                     monotonic_us() - begun_us < hold_handler_us_max);
    if (answer.capacity() > 1024 * 1024) answer = {};
    if (outcome == Outcome::exiting) _exit(0);
  }
}

}  // namespace

int clone_sibling(int flags) {
  return static_cast<int>(syscall(SYS_clone, CLONE_PARENT | SIGCHLD | flags, nullptr, nullptr, nullptr, nullptr));
}

bool send_message(int socket, const void* data, unsigned long bytes) {
  for (;;) {
    const auto sent = send(socket, data, bytes, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    return sent == static_cast<ssize_t>(bytes);
  }
}

long receive_message(int socket, void* data, unsigned long bytes, int* descriptors, int descriptors_max) {
  alignas(cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))];
  iovec vector{data, bytes};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t received = 0;
  do {
    received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  for (int i = 0; i < descriptors_max; ++i) descriptors[i] = -1;
  if (received <= 0) return received;
  int next = 0;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const auto count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(part) + i * sizeof(int), sizeof descriptor);
      if (next < descriptors_max) {
        descriptors[next++] = descriptor;
      } else {
        close(descriptor);
      }
    }
  }
  return received;
}

void run_template(const Sandbox& sandbox, const SpawnRequest& request, int control, std::string_view bytes) {
  const auto package = Package::parse(bytes);
  if (!package) _exit(1);
  const CodeKind kind = package->find("runtime") == "native" ? CodeKind::native : CodeKind::lua;
  Channel::prepare_to_hold();
  sandbox.enter_template(kind, request.memory_bytes, {control}, std::string(package->find("library")));

  const auto begun_us = monotonic_us();
  std::unique_ptr<Runtime> runtime;
  if (kind == CodeKind::native) {
    runtime = std::make_unique<NativeRuntime>();
  } else {
    runtime = std::make_unique<LuaRuntime>();
  }
  InitHost host(*package);
  const std::string failed = runtime->initialise(*package, host);

  TemplateReport report{failed.empty() ? 0U : 1U, static_cast<std::uint32_t>(monotonic_us() - begun_us)};
  std::string message(reinterpret_cast<const char*>(&report), sizeof report);
  message.append(failed.empty() ? host.lines : failed, 0, report_text_bytes_max);
  if (!send_message(control, message.data(), message.size()) || !failed.empty()) _exit(0);

  for (;;) {
    ForkRequest fork_request;
    int socket = -1;
    if (receive_message(control, &fork_request, sizeof fork_request, &socket, 1) != sizeof fork_request) _exit(0);
    fork_request.log_stream_name[sizeof fork_request.log_stream_name - 1] = '\0';
    const int pid = clone_sibling();
    if (pid == 0) run_environment(sandbox, kind, *runtime, socket, fork_request.log_stream_name);
    const ForkReply reply{fork_request.id, pid, pid < 0 ? errno : 0};
    close(socket);
    if (!send_message(control, &reply, sizeof reply)) _exit(0);
  }
}

}  // namespace moonbase::functions
