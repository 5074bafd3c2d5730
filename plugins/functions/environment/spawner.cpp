#include "spawner.hpp"

#include "frames.hpp"
#include "process_root.hpp"
#include "sandbox.hpp"
#include "template.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

namespace moonbase::functions {
namespace {

// The package, mapped: the template reads it in place and its environments share the pages.
std::string_view map_package(int file) {
  struct stat status {};
  if (fstat(file, &status) != 0 || status.st_size <= 0) return {};
  const auto bytes = static_cast<std::size_t>(status.st_size);
  void* memory = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, 0);
  return memory == MAP_FAILED ? std::string_view() : std::string_view(static_cast<const char*>(memory), bytes);
}

}  // namespace

void run_spawner(int control) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // Nothing of the kernel's surroundings: Lambda's environments are in UTC, too, and the time zone
  // must be read before there is no file system.
  clearenv();
  setenv("TZ", "UTC0", 1);
  tzset();
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing < 0) _exit(1);
  for (int descriptor = 0; descriptor <= 2; ++descriptor)
    if (dup2(nothing, descriptor) != descriptor) _exit(1);
  close(nothing);

  const Sandbox sandbox;
  const auto host = find_process_host();
  const auto isolation = host.isolation;
  std::uint32_t layers = sandbox.layers();
  if (isolation != ProcessIsolation::none) layers |= layer_process_namespaces;
  if (isolation == ProcessIsolation::user_namespace || host.users) layers |= layer_process_users;
  const Hello hello{protocol_version, layers, sandbox.landlock_abi()};
  if (!send_message(control, &hello, sizeof hello)) _exit(0);

  for (;;) {
    SpawnRequest request;
    int descriptors[4];
    const long received = receive_message(control, &request, sizeof request, descriptors, 4);
    if (received <= 0) _exit(0);
    const bool is_process = request.kind == SpawnKind::process;
    for (int i = 0; i < (is_process ? 4 : 2); ++i)
      if (received != sizeof request || descriptors[i] < 0) _exit(1);
    const int pid = clone_sibling(is_process ? clone_flags_of(isolation) : 0);
    if (pid == 0) {
      const auto package = map_package(descriptors[1]);
      if (package.empty()) _exit(1);
      if (is_process) run_process_root(host, request, {descriptors[0], descriptors[2], descriptors[3]}, package);
      run_template(sandbox, request, descriptors[0], package);
    }
    const SpawnReply reply{request.id, pid, pid < 0 ? errno : 0};
    for (const int descriptor : descriptors)
      if (descriptor >= 0) close(descriptor);
    if (!send_message(control, &reply, sizeof reply)) _exit(0);
  }
}

}  // namespace moonbase::functions
