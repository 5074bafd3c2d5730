// What the file system looks like from inside a process environment: the host's programs and libraries
// read-only, the function's folders where Lambda has them, a /tmp of its own size, and nothing else.
#pragma once

#include <cstdint>
#include <string>

namespace moonbase::functions {

struct ProcessFolders {
  std::string code;      // Shown as /var/task.
  std::string layers;    // /opt; empty: an empty folder.
  std::string runtime;   // /var/runtime.
  std::string language;  // /var/lang: an interpreter's home outside /usr; may be empty.
  std::uint64_t tmp_bytes = 0;
  std::uint32_t uid = 0;  // Whom it works as: what asks for a home finds one in /etc/passwd.
  std::string address = {};  // On loopback, its own: sandbox.localdomain in /etc/hosts.
};

// In fresh mount and PID namespaces, with the right to mount. Null, or the step that failed (errno says why).
const char* enter_folders(const ProcessFolders& folders);

}  // namespace moonbase::functions
