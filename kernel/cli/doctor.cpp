// moonbase doctor and moonbase completion.
#include "cli/commands.hpp"

#include <fmt/core.h>
#include <httplib.h>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>
#include <linux/seccomp.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace moonbase::cli {
namespace {

namespace fs = std::filesystem;

class Report {
 public:
  void good(const std::string& text) { fmt::print("  ok    {}\n", text); }
  void note(const std::string& text) { fmt::print("  note  {}\n", text); }
  void bad(const std::string& text) {
    fmt::print("  FIX   {}\n", text);
    healthy_ = false;
  }
  bool healthy() const { return healthy_; }

 private:
  bool healthy_ = true;
};

bool on_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string_view folders = path ? path : "";
  while (!folders.empty()) {
    const auto colon = folders.find(':');
    if (::access((fs::path(folders.substr(0, colon)) / program).c_str(), X_OK) == 0) return true;
    folders.remove_prefix(colon == std::string_view::npos ? folders.size() : colon + 1);
  }
  return false;
}

void check_data(Report& report, const fs::path& data) {
  fs::path existing = fs::absolute(data);
  while (!fs::exists(existing) && existing.has_parent_path()) existing = existing.parent_path();
  if (::access(existing.c_str(), W_OK) != 0)
    report.bad(existing.string() + " is not writable: choose another folder with --data");
  else if (fs::space(existing).available < (256u << 20))
    report.bad(existing.string() + " has less than 256 MB left");
  else
    report.good("data can be kept in " + data.string());
}

void check_sandbox(Report& report) {
  const long landlock = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (landlock >= 1)
    report.good("Landlock, version " + std::to_string(landlock));
  else
    report.note("this Linux has no Landlock: functions are isolated by seccomp and limits alone");
  if (::prctl(PR_GET_SECCOMP) >= 0)
    report.good("seccomp");
  else
    report.bad("this Linux has no seccomp: functions would not be isolated");
}

void check_limits(Report& report) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < 4096)
    report.note("only " + std::to_string(files.rlim_cur) + " open files: for many connections, ulimit -n 65536");
  else
    report.good(std::to_string(files.rlim_cur) + " open files");
}

}  // namespace

int doctor(const Endpoint& endpoint, const std::string& data) {
  Report report;
  check_data(report, data);
  check_sandbox(report);
  check_limits(report);
  for (const char* program : {"node", "python3"}) {
    if (on_path(program))
      report.good(std::string(program) + " is there for functions written for it");
    else
      report.note(std::string("no ") + program + ": functions written for it need it (apt install " +
                  (program == std::string("node") ? "nodejs" : program) + ")");
  }
  httplib::Client client(endpoint.url);
  if (const auto answer = client.Get("/_moonbase/health"); answer && answer->status == 200)
    report.good("a platform runs at " + endpoint.url);
  else
    report.note("no platform runs at " + endpoint.url + " (moonbase up starts one)");
  fmt::print("SDKs that put a name before the host (sync-…) need this line in /etc/hosts:\n"
             "  127.0.0.1 sync-127.0.0.1 sync-localhost\n");
  return report.healthy() ? 0 : 1;
}

int completion(const std::string& shell, const std::vector<std::string>& commands) {
  std::string words;
  for (const auto& command : commands) words += (words.empty() ? "" : " ") + command;
  if (shell == "bash")
    fmt::print("complete -W '{}' -o default moonbase\n", words);
  else if (shell == "zsh")
    fmt::print("#compdef moonbase\n_arguments '1:command:({})' '*:file:_files'\n", words);
  else
    fmt::print("complete -c moonbase -n __fish_use_subcommand -f -a '{}'\n", words);
  return 0;
}

}  // namespace moonbase::cli
