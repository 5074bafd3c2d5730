// The kernel's view of moonbase-environment: its spawner, templates, and how children end.
#pragma once

#include "environment/frames.hpp"

#include <moonbase/io.hpp>
#include <moonbase/result.hpp>

#include <sys/types.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase::functions {

// An owned descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor() { reset(); }
  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  int release() {
    const int number = number_;
    number_ = -1;
    return number;
  }
  void reset();

 private:
  int number_ = -1;
};

// How a process ended: as waitid says it.
struct Ending {
  bool by_signal = false;
  int status = 0;  // Exit status, or the signal.
  // "signal: killed", "exit status 1", as Lambda words it.
  std::string text() const;
};

class Processes;

// A child of this process that Processes knows. Kills what it still holds.
class Child {
 public:
  Child() = default;
  Child(Processes& processes, pid_t pid, Descriptor pidfd)
      : processes_(&processes), pid_(pid), pidfd_(std::move(pidfd)) {}
  Child(Child&&) noexcept = default;
  Child& operator=(Child&& other) noexcept;
  ~Child() { kill(); }

  explicit operator bool() const { return static_cast<bool>(pidfd_); }
  pid_t pid() const { return pid_; }
  // SIGKILL, now; reaped as soon as it has ended, without waiting for it.
  void kill();
  // For one whose socket has closed: waits at most until `deadline` for it to end, then kills it.
  Ending wait(Io& io, MachineTime deadline);

 private:
  Processes* processes_ = nullptr;
  pid_t pid_ = 0;
  Descriptor pidfd_;
};

// A template: forks environments of one function version. Any thread may use it.
class Template {
 public:
  Template(Processes& processes, Child child, Descriptor control)
      : processes_(processes), child_(std::move(child)), control_(std::move(control)) {}

  // The report that a template makes once. Suspends the fiber; an Error where it broke down.
  struct Report {
    bool failed = false;
    std::uint32_t init_us = 0;
    std::string text;  // JSON of the failure, else what the code printed.
  };
  Result<Report> report(Io& io, MachineTime deadline);

  // Asks for an environment, whose first frame may be sent at once. The kernel's end of its socket,
  // non-blocking; an empty one where the template is gone.
  Descriptor fork(std::uint64_t id, std::string_view log_stream_name);
  // The process behind that id, once the template has said. Blocks for at most 100 ms.
  Child claim(std::uint64_t id);
  bool gone();

 private:
  void read_replies(int timeout_ms);

  Processes& processes_;
  std::mutex mutex_;
  Child child_;
  Descriptor control_;
  bool gone_ = false;
  std::vector<ForkReply> replies_;
};

// Starts the spawner; everything else is its descendant, and a child of this process. Any thread may
// use it after construction.
class Processes {
 public:
  // Starts `program` on the calling thread, which must live as long as this does: children are killed
  // when it ends. Throws std::runtime_error.
  explicit Processes(const std::string& program);
  ~Processes();
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  // What the sandbox consists of on this host. Blocks until the spawner has found out.
  const Hello& hello();

  // Blocks for a millisecond or so. `package` is the text of environment/package.hpp.
  Result<std::unique_ptr<Template>> start_template(std::string_view package, std::uint64_t memory_bytes);

  // The root of a process environment (environment/process_root.hpp), and the kernel's ends: all
  // non-blocking. Blocks for a millisecond or so.
  struct Started {
    Child root;
    Descriptor control, output, telemetry;
  };
  Result<Started> start_process(std::string_view package, std::uint64_t memory_bytes);

  // A child that a template has announced; empty where that is a lie or it has ended and gone.
  Child adopt(pid_t pid);
  std::uint64_t next_id();
  // The spawner's process, for tests.
  pid_t spawner() const { return spawner_; }

 private:
  friend class Child;
  void start_spawner();  // Throws std::runtime_error.
  Result<Child> ask_spawner(SpawnRequest request, std::string_view package, std::initializer_list<int> descriptors);
  void greet();                            // With spawner_mutex_ held.
  void bury(pid_t pid, Descriptor pidfd);  // It has been killed: reap it when it is dead.
  void forget(pid_t pid);
  void sweep();  // With mutex_ held.

  const std::string program_;
  std::mutex mutex_, spawner_mutex_;
  Descriptor control_;
  pid_t spawner_ = 0;
  bool greeted_ = false;
  Hello hello_{};
  std::uint64_t ids_ = 0;
  std::set<pid_t> known_;
  struct Dying {
    pid_t pid;
    Descriptor pidfd;
  };
  std::vector<Dying> dying_;
};

}  // namespace moonbase::functions
