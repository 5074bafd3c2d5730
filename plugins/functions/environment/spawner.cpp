#include "spawner.hpp"

#include "frames.hpp"
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
  const Hello hello{protocol_version, sandbox.layers(), sandbox.landlock_abi()};
  if (!send_message(control, &hello, sizeof hello)) _exit(0);

  for (;;) {
    SpawnRequest request;
    int descriptors[2];
    const long received = receive_message(control, &request, sizeof request, descriptors, 2);
    if (received <= 0) _exit(0);
    if (received != sizeof request || descriptors[0] < 0 || descriptors[1] < 0) _exit(1);
    const int pid = clone_sibling();
    if (pid == 0) {
      const auto package = map_package(descriptors[1]);
      if (package.empty()) _exit(1);
      run_template(sandbox, request, descriptors[0], package);
    }
    const SpawnReply reply{request.id, pid, pid < 0 ? errno : 0};
    close(descriptors[0]);
    close(descriptors[1]);
    if (!send_message(control, &reply, sizeof reply)) _exit(0);
  }
}

}  // namespace moonbase::functions
