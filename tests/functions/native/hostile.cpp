// A native function that does what it is told, all of it forbidden. Descriptor 3 is its socket.
#include "environment/frames.hpp"

#include <moonbase/function.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

using moonbase::Context, moonbase::Result, moonbase::Value;
using namespace moonbase::functions;

namespace {

void send_frame(FrameType type, std::uint64_t id, std::string_view body, std::uint32_t claimed = 0) {
  const FrameHeader header{claimed ? claimed : static_cast<std::uint32_t>(body.size()), type, 0, id};
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes += body;
  for (std::size_t sent = 0; sent < bytes.size();) {
    const auto more = send(3, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (more <= 0) return;
    sent += static_cast<std::size_t>(more);
  }
}

volatile bool endless = true;

[[gnu::noinline]] int recurse(int depth) {
  volatile char page[4096];
  page[0] = static_cast<char>(depth);
  return (endless ? recurse(depth + 1) : 0) + page[0];
}

const std::string answer_head(sizeof(AnswerHead), '\0');

const std::map<std::string, std::function<void()>, std::less<>> deeds = {
    {"segfault", [] { *static_cast<volatile int*>(nullptr) = 1; }},
    {"abort", [] { std::abort(); }},
    {"exit", [] { _exit(3); }},
    {"recursion", [] { recurse(0); }},
    {"loop",
     [] {
       while (endless) {
       }
     }},
    {"sleep", [] { std::this_thread::sleep_for(std::chrono::hours(1)); }},
    {"memory",
     [] {
       for (std::vector<char*> all;; all.push_back(static_cast<char*>(std::memset(new char[1 << 20], 1, 1 << 20)))) {
       }
     }},
    {"thread", [] { std::thread([] {}).join(); }},
    {"fork",
     [] {
       if (fork() == 0)
         for (;;) {
         }
     }},
    {"execve", [] { execl("/bin/sh", "sh", "-c", "true", nullptr); }},
    {"open", [] { static_cast<void>(open("/etc/passwd", O_RDONLY)); }},
    {"create", [] { static_cast<void>(open("/tmp/escaped", O_CREAT | O_WRONLY, 0600)); }},
    {"unlink", [] { unlink("/tmp/nothing"); }},
    {"socket", [] { static_cast<void>(socket(AF_INET, SOCK_STREAM, 0)); }},
    {"unix socket", [] { static_cast<void>(socket(AF_UNIX, SOCK_STREAM, 0)); }},
    {"kill the kernel", [] { kill(getppid(), SIGTERM); }},
    {"kill everyone", [] { kill(-1, SIGKILL); }},
    {"ptrace", [] { ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }},
    {"unshare", [] { syscall(SYS_unshare, 0x10000000); }},
    {"mount", [] { syscall(SYS_mount, "none", "/", "tmpfs", 0, ""); }},
    {"bpf", [] { syscall(SYS_bpf, 0, nullptr, 0); }},
    {"io_uring", [] { syscall(SYS_io_uring_setup, 1, nullptr); }},
    {"setuid", [] { syscall(SYS_setuid, 0); }},
    {"process_vm_readv", [] { syscall(SYS_process_vm_readv, getppid(), nullptr, 0, nullptr, 0, 0); }},
    {"memfd and exec", [] { syscall(SYS_memfd_create, "x", 0); }},
    {"close the socket", [] { syscall(SYS_close, 3); }},
    {"other descriptors",
     [] {
       for (int i = 4; i < 1024; ++i) send(i, "x", 1, 0);
       for (;;) {
       }
     }},
    {"garbage", [] { send(3, "garbage garbage garbage", 23, 0); }},
    {"unknown frame", [] { send_frame(static_cast<FrameType>(99), 1, "x"); }},
    {"kernel's frame", [] { send_frame(FrameType::invoke, 1, std::string(64, 'x')); }},
    {"another invocation", [] { send_frame(FrameType::answer, 7, answer_head + "1"); }},
    {"huge claim", [] { send_frame(FrameType::answer, 1, "x", 0xffffffff); }},
    {"huge answer", [] { send_frame(FrameType::answer, 1, answer_head + std::string(response_bytes_max + 1, 'x')); }},
    {"short answer", [] { send_frame(FrameType::answer, 1, "x"); }},
    {"half a frame",
     [] {
       send(3, "\x10\0\0\0", 4, 0);
       for (;;) {
       }
     }},
    {"two answers",
     [] {
       send_frame(FrameType::answer, 1, answer_head + "1");
       send_frame(FrameType::answer, 1, answer_head + "2");
     }},
    {"call without names", [] { send_frame(FrameType::call, 1, "no zero byte"); }},
    {"flood of questions",
     [] {
       for (;;) send_frame(FrameType::now, 1, "");
     }},
    {"flood of log",
     [] {
       for (const std::string lines(100'000, 'x');;) send_frame(FrameType::log, 1, lines);
     }},
    {"exception", [] { throw std::runtime_error("thrown"); }},
    {"exception in noexcept", [] { [&]() noexcept { std::vector<int>().at(1); }(); }},
};

Result<Value> deed(const Value& event, Context& context) {
  const auto& name = event["deed"].string();
  if (name == "nothing") return Value("peaceful " + context.uuid().substr(0, 0));
  const auto found = deeds.find(name);
  if (found == deeds.end()) return moonbase::Error{"Unknown", name};
  found->second();
  return Value("did it");
}

}  // namespace

MOONBASE_FUNCTION(deed)
