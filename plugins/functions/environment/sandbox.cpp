#include "sandbox.hpp"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <initializer_list>
#include <stdexcept>

namespace moonbase::functions {
namespace {

// Landlock as current kernels have it; Debian 12's header stops before the network rules. The kernel
// says its ABI, so newer fields are only sent to kernels that know them.
struct LandlockRuleset {
  std::uint64_t files;
  std::uint64_t network;  // ABI 4.
  std::uint64_t scoped;   // ABI 6.
};
struct __attribute__((packed)) LandlockPath {
  std::uint64_t allowed;
  std::int32_t parent;
};
constexpr std::uint32_t landlock_version = 1;  // Flag of landlock_create_ruleset.
constexpr int landlock_rule_path = 1;
constexpr std::uint64_t landlock_execute = 1, landlock_read_file = 4, landlock_read_folder = 8;
constexpr std::uint64_t landlock_bind_and_connect_tcp = 3;
constexpr std::uint64_t landlock_abstract_sockets_and_signals = 3;

constexpr std::uint64_t landlock_files(int abi) {
  constexpr std::uint64_t first_abi = (1ULL << 13) - 1;
  std::uint64_t files = first_abi;
  if (abi >= 2) files |= 1ULL << 13;  // Move between folders.
  if (abi >= 3) files |= 1ULL << 14;  // Truncate.
  if (abi >= 5) files |= 1ULL << 15;  // ioctl on devices.
  return files;
}

[[noreturn]] void fail(SandboxStep step) { _exit(sandbox_exit_status + static_cast<int>(step)); }

constexpr int namespaces = CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS;

bool namespaces_are_offered() {
  const pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) _exit(unshare(namespaces) == 0 ? 0 : 1);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool seccomp_is_offered() {
  const std::uint32_t action = SECCOMP_RET_KILL_PROCESS;
  return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

// What an environment may do: use the one socket that it has, its own memory (PROT_EXEC included,
// for the JIT), clocks, and end.
constexpr std::initializer_list<int> environment_calls = {
    SCMP_SYS(recvfrom),       SCMP_SYS(sendto),        SCMP_SYS(mmap),         SCMP_SYS(munmap),
    SCMP_SYS(mremap),         SCMP_SYS(mprotect),      SCMP_SYS(madvise),      SCMP_SYS(brk),
    SCMP_SYS(futex),          SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),      SCMP_SYS(getrusage),     SCMP_SYS(getrandom),    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(gettid),        SCMP_SYS(getpid),       SCMP_SYS(sched_yield),
    SCMP_SYS(exit),           SCMP_SYS(exit_group),    SCMP_SYS(setitimer),
};
// What it takes to become an environment.
constexpr std::initializer_list<int> entering_calls = {
    SCMP_SYS(dup2), SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(getppid), SCMP_SYS(seccomp), SCMP_SYS(prlimit64),
};
// What dlopen does (Landlock says where), and closing Landlock behind it.
constexpr std::initializer_list<int> loading_calls = {
    SCMP_SYS(openat),
    SCMP_SYS(read),
    SCMP_SYS(pread64),
    SCMP_SYS(fstat),
    SCMP_SYS(close),
    SCMP_SYS(newfstatat),
    SCMP_SYS(readlink),
    SCMP_SYS(lseek),
    SCMP_SYS(getcwd),
    SCMP_SYS(seccomp),
    SCMP_SYS(landlock_create_ruleset),
    SCMP_SYS(landlock_restrict_self),
};

#ifdef __SANITIZE_ADDRESS__
// The sanitizers look whether memory can be read by writing it to a pipe, and write what they find.
constexpr std::initializer_list<int> sanitizer_calls = {
    SCMP_SYS(pipe), SCMP_SYS(pipe2), SCMP_SYS(write), SCMP_SYS(close), SCMP_SYS(sigaltstack),
};
#endif

void allow(scmp_filter_ctx filter, std::initializer_list<int> calls) {
  for (const int call : calls)
    if (const int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0); result != 0 && result != -EEXIST)
      throw std::runtime_error("libseccomp refuses a rule");
}

std::vector<sock_filter> compile(scmp_filter_ctx filter) {
  // A binary tree: fewer steps for each call than a list.
  seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  const int file = memfd_create("filter", MFD_CLOEXEC);
  if (file < 0 || seccomp_export_bpf(filter, file) != 0) throw std::runtime_error("libseccomp cannot export a filter");
  const auto bytes = static_cast<std::size_t>(lseek(file, 0, SEEK_END));
  std::vector<sock_filter> program(bytes / sizeof(sock_filter));
  if (pread(file, program.data(), bytes, 0) != static_cast<ssize_t>(bytes)) throw std::runtime_error("short filter");
  close(file);
  seccomp_release(filter);
  return program;
}

std::vector<sock_filter> make_filter(bool forks, bool loads) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
  if (!filter) throw std::runtime_error("libseccomp cannot start");
  allow(filter, environment_calls);
#ifdef __SANITIZE_ADDRESS__
  allow(filter, sanitizer_calls);
#endif
  if (loads) allow(filter, loading_calls);
  if (forks) {
    allow(filter, entering_calls);
    allow(filter, {SCMP_SYS(recvmsg), SCMP_SYS(sendmsg)});
    // Forking environments, and nothing else that clone can do.
    if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_EQ, CLONE_PARENT | SIGCHLD)) !=
            0 ||
        seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_PDEATHSIG)) != 0)
      throw std::runtime_error("libseccomp refuses a rule");
  }
  return compile(filter);
}

void limit(int resource, rlim_t value) {
  const rlimit both{value, value};
  if (setrlimit(static_cast<__rlimit_resource>(resource), &both) != 0) fail(SandboxStep::limits);
}

rlim_t mapped_bytes() {
  long pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%ld", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  if (pages <= 0) fail(SandboxStep::limits);
  return static_cast<rlim_t>(pages) * static_cast<rlim_t>(sysconf(_SC_PAGESIZE));
}

void close_all_but(std::vector<int> keep) {
  std::sort(keep.begin(), keep.end());
  unsigned int first = 3;
  for (const int descriptor : keep) {
    const auto kept = static_cast<unsigned int>(descriptor);
    if (kept > first && syscall(SYS_close_range, first, kept - 1, 0) != 0) fail(SandboxStep::descriptors);
    if (kept >= first) first = kept + 1;
  }
  if (syscall(SYS_close_range, first, ~0U, 0) != 0) fail(SandboxStep::descriptors);
}

}  // namespace

Sandbox::Sandbox() : parent_(getppid()) {
  landlock_abi_ = static_cast<int>(syscall(SYS_landlock_create_ruleset, nullptr, 0, landlock_version));
  if (landlock_abi_ < 0) landlock_abi_ = 0;
  if (landlock_abi_ >= 1) layers_ |= layer_landlock;
  if (landlock_abi_ >= 4) layers_ |= layer_landlock_network;
  if (seccomp_is_offered()) layers_ |= layer_seccomp;
  if (namespaces_are_offered()) layers_ |= layer_namespaces;
  if (layers_ & layer_seccomp) {
    environment_ = make_filter(false, false);
    environment_loading_ = make_filter(false, true);
    template_lua_ = make_filter(true, false);
    template_native_ = make_filter(true, true);
  }
}

Sandbox::~Sandbox() = default;

void Sandbox::install(const Filter& filter) {
  const sock_fprog program{static_cast<unsigned short>(filter.size()), const_cast<sock_filter*>(filter.data())};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) fail(SandboxStep::seccomp);
}

void Sandbox::restrict_files(bool libraries, const std::string& library) const {
  if (!(layers_ & layer_landlock)) return;
  LandlockRuleset rules{landlock_files(landlock_abi_), landlock_bind_and_connect_tcp,
                        landlock_abstract_sockets_and_signals};
  const std::size_t rules_bytes = landlock_abi_ >= 6 ? 24 : landlock_abi_ >= 4 ? 16 : 8;
  const int ruleset = static_cast<int>(syscall(SYS_landlock_create_ruleset, &rules, rules_bytes, 0));
  if (ruleset < 0) fail(SandboxStep::landlock);
  const auto allow_path = [&](const char* path, std::uint64_t allowed) {
    const int parent = open(path, O_PATH | O_CLOEXEC);
    if (parent < 0) return false;
    const LandlockPath rule{allowed, parent};
    const auto result = syscall(SYS_landlock_add_rule, ruleset, landlock_rule_path, &rule, 0);
    close(parent);
    return result == 0;
  };
  if (libraries) {
    // Folders that a distribution may not have are no failure; the function's own file is.
    for (const char* folder : {"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"})
      allow_path(folder, landlock_execute | landlock_read_file | landlock_read_folder);
    allow_path("/etc/ld.so.cache", landlock_read_file);
    if (!allow_path(library.c_str(), landlock_execute | landlock_read_file)) fail(SandboxStep::landlock);
  }
  if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) fail(SandboxStep::landlock);
  close(ruleset);
}

void Sandbox::enter_template(CodeKind kind, std::uint64_t memory_bytes, const std::vector<int>& keep,
                             const std::string& library) const {
  close_all_but(keep);
  // Shared by the environments of one function version, which have no call that could use them.
  if ((layers_ & layer_namespaces) && unshare(namespaces) != 0) fail(SandboxStep::namespaces);

#ifndef __SANITIZE_ADDRESS__  // Its shadow memory is terabytes of address space.
  limit(RLIMIT_AS, mapped_bytes() + memory_bytes);
#else
  static_cast<void>(memory_bytes);
  static_cast<void>(mapped_bytes);
#endif
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_NOFILE, kind == CodeKind::native ? 16 : 8);
  limit(RLIMIT_MEMLOCK, 0);
  limit(RLIMIT_MSGQUEUE, 0);

  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail(SandboxStep::no_new_privileges);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) fail(SandboxStep::death_signal);
  if (getppid() != parent_) fail(SandboxStep::orphan);  // The kernel died before the line above.

  restrict_files(kind == CodeKind::native, library);
  if (layers_ & layer_seccomp) install(kind == CodeKind::native ? template_native_ : template_lua_);
}

void Sandbox::enter_environment(CodeKind kind, int socket) const {
  if (socket != 3 && dup2(socket, 3) != 3) fail(SandboxStep::descriptors);
  if (syscall(SYS_close_range, 4U, ~0U, 0) != 0) fail(SandboxStep::descriptors);
  limit(RLIMIT_NPROC, 0);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) fail(SandboxStep::death_signal);
  if (getppid() != parent_) fail(SandboxStep::orphan);
  if (layers_ & layer_seccomp) install(kind == CodeKind::native ? environment_loading_ : environment_);
}

void Sandbox::close_libraries() const {
  restrict_files(false, {});
  if (layers_ & layer_seccomp) install(environment_);
}

}  // namespace moonbase::functions
