#include "process_root.hpp"

#include "process_mounts.hpp"
#include "sandbox.hpp"
#include "template.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace moonbase::functions {
namespace {

constexpr rlim_t processes_max = 1024;    // As on Lambda: processes and threads.
constexpr rlim_t descriptors_max = 1024;  // As on Lambda.
constexpr uid_t inside_uid = 993;         // What a function sees in a user namespace of its own.

[[noreturn]] void fail(SandboxStep step) { _exit(sandbox_exit_status + static_cast<int>(step)); }

bool write_file(const char* path, const std::string& text) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(file);
  return written;
}

// Only ourselves, under another number. `uid` and `gid` are those before the namespace was made.
bool map_user(uid_t uid, gid_t gid) {
  const auto inside = std::to_string(inside_uid) + " ";
  return write_file("/proc/self/setgroups", "deny") &&
         write_file("/proc/self/uid_map", inside + std::to_string(uid) + " 1") &&
         write_file("/proc/self/gid_map", inside + std::to_string(gid) + " 1");
}

// A user that nobody else is, so that limits on processes count one environment and files of others are closed.
// Within what a container lets us use.
uid_t own_uid(std::uint64_t id) {
  unsigned long inside = 0, outside = 0, count = 0;
  if (std::FILE* file = std::fopen("/proc/self/uid_map", "re")) {
    if (std::fscanf(file, "%lu %lu %lu", &inside, &outside, &count) != 3) count = 0;
    std::fclose(file);
  }
  constexpr unsigned long wide = 1'600'000'000, environments = 100'000;
  if (count > wide + environments) return static_cast<uid_t>(wide + id % environments);
  constexpr unsigned long narrow = 20'000, few = 40'000;
  return count > narrow + few ? static_cast<uid_t>(narrow + id % few) : 0;
}

bool become(uid_t uid) {
  return setgroups(0, nullptr) == 0 && setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0;
}

bool users_are_offered() {
  if (geteuid() != 0 || own_uid(0) == 0) return false;
  const pid_t pid = fork();
  if (pid == 0) _exit(become(own_uid(0)) ? 0 : 1);
  int status = 1;
  while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  for (const char digit : text) number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  return number;
}

void limit(int resource, rlim_t value) {
  rlimit both{value, value};
  rlimit now{};
  if (getrlimit(static_cast<__rlimit_resource>(resource), &now) == 0 && now.rlim_max < value)
    both = {now.rlim_max, now.rlim_max};  // The host allows less: so be it.
  if (setrlimit(static_cast<__rlimit_resource>(resource), &both) != 0) fail(SandboxStep::limits);
}

// Everything below this process, by what /proc says of children; for hosts without PID namespaces.
void descendants_of(pid_t pid, std::vector<pid_t>& found, int depth) {
  if (depth > 64 || found.size() > 4096) return;
  const auto tasks = "/proc/" + std::to_string(pid) + "/task";
  DIR* folder = opendir(tasks.c_str());
  if (!folder) return;
  std::vector<pid_t> children;
  while (const dirent* entry = readdir(folder)) {
    if (entry->d_name[0] == '.') continue;
    std::FILE* file = std::fopen((tasks + "/" + entry->d_name + "/children").c_str(), "re");
    if (!file) continue;
    for (int child = 0; std::fscanf(file, "%d", &child) == 1;) children.push_back(child);
    std::fclose(file);
  }
  closedir(folder);
  for (const pid_t child : children) {
    found.push_back(child);
    descendants_of(child, found, depth + 1);
  }
}

class Root {
 public:
  Root(ProcessIsolation isolation, const ProcessDescriptors& descriptors, const Package& package)
      : isolation_(isolation), descriptors_(descriptors), package_(package) {
    for (const auto& [name, text] : package.entries()) {
      if (name == "variable") variables_.emplace_back(text);
      if (name == "argument") arguments_.emplace_back(text);
    }
    extensions_folder_ = package.find("extensions");
    working_folder_ = package.find("working_folder");
  }

  [[noreturn]] void run() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    const int children = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (children < 0) end();
    find_extensions();
    for (;;) {
      pollfd questions[] = {{descriptors_.control, POLLIN, 0}, {children, POLLIN, 0}};
      if (poll(questions, 2, -1) < 0 && errno != EINTR) end();
      if (questions[1].revents) {
        signalfd_siginfo ignored[8];
        while (read(children, ignored, sizeof ignored) > 0) {
        }
        reap();
      }
      if (questions[0].revents) {
        ProcessOrder order;
        int given = -1;
        if (receive_message(descriptors_.control, &order, sizeof order, &given, 1) != sizeof order) end();
        carry_out(order, given);
        if (given >= 0) close(given);
      }
    }
  }

 private:
  void find_extensions() {
    if (DIR* folder = opendir(extensions_folder_.c_str())) {
      while (const dirent* entry = readdir(folder)) {
        struct stat status {};
        const auto path = extensions_folder_ + "/" + entry->d_name;
        if (entry->d_name[0] != '.' && stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
            (status.st_mode & 0111))
          extensions_.emplace_back(entry->d_name);
      }
      closedir(folder);
    }
    std::sort(extensions_.begin(), extensions_.end());
    if (extensions_.size() > extensions_max) extensions_.resize(extensions_max);
    extension_pids_.resize(extensions_.size());
    std::string names;
    for (const auto& name : extensions_) names.append(name).push_back('\0');
    report({ProcessNews::ready, process_extension_none, 0, 0}, names);
  }

  // `given`: where an extension writes to, or the runtime's connection to the Runtime API; -1: none.
  void carry_out(const ProcessOrder& order, int given) {
    switch (order.command) {
      case ProcessCommand::start_extension:
        if (order.number >= extensions_.size()) end();
        extension_pids_[order.number] = start({extensions_folder_ + "/" + extensions_[order.number]}, order.number, given, -1);
        return;
      case ProcessCommand::start_runtime:
        runtime_ = start(arguments_, process_extension_none, -1, given);
        return;
      case ProcessCommand::terminate:
        if (runtime_ > 0) kill(runtime_, SIGTERM);
        return;
      case ProcessCommand::freeze:
        return signal_all(SIGSTOP);
      case ProcessCommand::thaw:
        return signal_all(SIGCONT);
    }
    end();
  }

  pid_t start(const std::vector<std::string>& arguments, std::uint32_t number, int output, int connection) {
    int status[2];
    if (pipe2(status, O_CLOEXEC) != 0) end();
    const pid_t pid = fork();
    if (pid == 0) begin(arguments, status[1], output < 0 ? descriptors_.output : output, connection);
    close(status[1]);
    int error = pid < 0 ? errno : 0;
    if (pid > 0 && read(status[0], &error, sizeof error) != sizeof error) error = 0;
    close(status[0]);
    if (error != 0) report({ProcessNews::cannot_start, number, 0, error}, {});
    return pid;
  }

  [[noreturn]] void begin(const std::vector<std::string>& arguments, int status, int output, int connection) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    const int telemetry = fcntl(descriptors_.telemetry, F_DUPFD, 3);
    std::vector<std::string> variables = variables_;
    variables.push_back("_LAMBDA_TELEMETRY_LOG_FD=" + std::to_string(telemetry));
    if (connection >= 0)
      variables.push_back("_MOONBASE_RUNTIME_FD=" + std::to_string(fcntl(connection, F_DUPFD, 3)));
    std::vector<char*> argument_pointers, variable_pointers;
    for (const auto& argument : arguments) argument_pointers.push_back(const_cast<char*>(argument.c_str()));
    for (const auto& variable : variables) variable_pointers.push_back(const_cast<char*>(variable.c_str()));
    argument_pointers.push_back(nullptr);
    variable_pointers.push_back(nullptr);
    if (dup2(output, 1) == 1 && dup2(output, 2) == 2 && chdir(working_folder_.c_str()) == 0 &&
        !arguments.empty())
      execve(argument_pointers[0], argument_pointers.data(), variable_pointers.data());
    const int error = errno;
    static_cast<void>(!write(status, &error, sizeof error));
    _exit(127);
  }

  void reap() {
    for (;;) {
      int status = 0;
      const pid_t pid = waitpid(-1, &status, WNOHANG);
      if (pid <= 0) return;
      ProcessReport news{ProcessNews::runtime_ended, process_extension_none, WIFSIGNALED(status) ? 1U : 0U,
                         WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)};
      if (pid == runtime_) {
        runtime_ = 0;
        report(news, {});
        continue;
      }
      for (std::size_t i = 0; i < extension_pids_.size(); ++i) {
        if (extension_pids_[i] != pid) continue;
        extension_pids_[i] = 0;
        news.news = ProcessNews::extension_ended;
        news.number = static_cast<std::uint32_t>(i);
        report(news, {});
      }
    }
  }

  void report(const ProcessReport& news, std::string_view names) {
    std::string message(reinterpret_cast<const char*>(&news), sizeof news);
    message.append(names);
    if (!send_message(descriptors_.control, message.data(), message.size())) end();
  }

  void signal_all(int number) {
    if (isolation_ != ProcessIsolation::none) {
      kill(-1, number);  // Everybody else in our namespace, also who is being forked meanwhile.
      return;
    }
    std::vector<pid_t> found;
    descendants_of(getpid(), found, 0);
    for (const pid_t pid : found) kill(pid, number);
  }

  // With a PID namespace everything in it ends with us. Without one: until nothing is left.
  [[noreturn]] void end() {
    for (int round = 0; isolation_ == ProcessIsolation::none && round < 1000; ++round) {
      std::vector<pid_t> found;
      descendants_of(getpid(), found, 0);
      for (const pid_t pid : found) kill(pid, SIGKILL);
      while (waitpid(-1, nullptr, WNOHANG) > 0) {
      }
      if (found.empty()) break;
      const timespec pause{0, 1'000'000};
      nanosleep(&pause, nullptr);
    }
    _exit(0);
  }

  const ProcessIsolation isolation_;
  const ProcessDescriptors descriptors_;
  const Package& package_;
  std::vector<std::string> variables_, arguments_, extensions_;
  std::string extensions_folder_, working_folder_;
  std::vector<pid_t> extension_pids_;
  pid_t runtime_ = 0;
};

ProcessFolders folders_of(const Package& package) {
  return {std::string(package.find("code")), std::string(package.find("layers")),
          std::string(package.find("runtime_folder")), std::string(package.find("language")),
          number_of(package.find("tmp_bytes")), 0, std::string(package.find("sandbox_address"))};
}

bool try_isolation(ProcessIsolation isolation) {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  const auto pid =
      static_cast<pid_t>(syscall(SYS_clone, clone_flags_of(isolation) | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (pid < 0) return false;
  if (pid == 0) {
    if (isolation == ProcessIsolation::user_namespace && !map_user(uid, gid)) _exit(1);
    ProcessFolders folders;
    folders.tmp_bytes = 1 << 20;
    _exit(enter_folders(folders) ? 1 : 0);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

int clone_flags_of(ProcessIsolation isolation) {
  switch (isolation) {
    case ProcessIsolation::privileged:
      return CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC;
    case ProcessIsolation::user_namespace:
      return CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUSER;
    default:
      return 0;
  }
}

ProcessHost find_process_host() {
  const bool users = users_are_offered();
  if (users && try_isolation(ProcessIsolation::privileged)) return {ProcessIsolation::privileged, users};
  if (try_isolation(ProcessIsolation::user_namespace)) return {ProcessIsolation::user_namespace, users};
  return {ProcessIsolation::none, users};
}

void run_process_root(const ProcessHost& host, const SpawnRequest& request, const ProcessDescriptors& given,
                      std::string_view package_bytes) {
  const auto isolation = host.isolation;
  const auto package = Package::parse(package_bytes);
  if (!package) _exit(1);
  // Low numbers, in this order, and nothing else.
  ProcessDescriptors descriptors{fcntl(given.control, F_DUPFD_CLOEXEC, 100), fcntl(given.output, F_DUPFD_CLOEXEC, 100),
                                 fcntl(given.telemetry, F_DUPFD_CLOEXEC, 100)};
  if (syscall(SYS_close_range, 3U, 99U, 0) != 0 || descriptors.telemetry < 0 ||
      syscall(SYS_close_range, static_cast<unsigned>(descriptors.telemetry) + 1, ~0U, 0) != 0)
    fail(SandboxStep::descriptors);

  if (isolation != ProcessIsolation::none) {
    const auto outside = number_of(package->find("uid"));
    const auto outside_group = number_of(package->find("gid"));
    if (isolation == ProcessIsolation::user_namespace &&
        !map_user(static_cast<uid_t>(outside), static_cast<gid_t>(outside_group)))
      fail(SandboxStep::namespaces);
    auto folders = folders_of(*package);
    folders.uid = isolation == ProcessIsolation::privileged ? own_uid(request.id) : inside_uid;
    if (enter_folders(folders)) fail(SandboxStep::namespaces);
  }
  if (host.users && isolation != ProcessIsolation::user_namespace && !become(own_uid(request.id)))
    fail(SandboxStep::no_new_privileges);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail(SandboxStep::no_new_privileges);
  // What a handler writes to here is nobody's business but the kernel's.
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) fail(SandboxStep::no_new_privileges);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) fail(SandboxStep::death_signal);
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) fail(SandboxStep::death_signal);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NOFILE, descriptors_max);
  limit(RLIMIT_NPROC, processes_max);
  limit(RLIMIT_MEMLOCK, 64 * 1024);
  limit(RLIMIT_MSGQUEUE, 0);
  // The kernel watches what is used; this bounds what one step can take before it looks again.
  limit(RLIMIT_DATA, request.memory_bytes * 2 + (1ULL << 30));
  Root(isolation, descriptors, *package).run();
}

}  // namespace moonbase::functions
