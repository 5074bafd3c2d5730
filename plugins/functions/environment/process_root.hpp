// The root of an execution environment whose runtime is an interpreter or any other program (nodejs*,
// python*, provided*): the first process of its own PID and mount namespaces where the host lets us,
// else a subreaper. It shows Lambda's folders, gives up privileges, starts extensions and runtime when
// the kernel says so, reports how they ended, and takes all of them along when it ends.
#pragma once

#include "frames.hpp"
#include "package.hpp"

#include <string_view>

namespace moonbase::functions {

// How a process environment is set apart on this host. Found by trying, in a process that is thrown away.
enum class ProcessIsolation {
  none,            // Neither: processes are found as descendants, folders are where they are.
  user_namespace,  // With a user namespace of its own, as anybody.
  privileged,      // As root, which gives its rights up afterwards.
};
struct ProcessHost {
  ProcessIsolation isolation = ProcessIsolation::none;
  bool users = false;  // We may work as others: each environment gets a number of its own.
};
ProcessHost find_process_host();

// Flags for clone() with which the root of an environment begins.
int clone_flags_of(ProcessIsolation isolation);

struct ProcessDescriptors {
  int control;    // SOCK_SEQPACKET, to the kernel.
  int output;     // Pipe: stdout and stderr of everything in here.
  int telemetry;  // Pipe: framed log events (_LAMBDA_TELEMETRY_LOG_FD).
};

// In a process begun with clone_flags_of(isolation).
[[noreturn]] void run_process_root(const ProcessHost& host, const SpawnRequest& request,
                                   const ProcessDescriptors& descriptors, std::string_view package);

}  // namespace moonbase::functions
