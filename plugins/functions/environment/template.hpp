// A template: the sandboxed process that has a function version's code loaded and forks environments.
#pragma once

#include "frames.hpp"
#include "sandbox.hpp"

#include <string_view>

namespace moonbase::functions {

// In a process of its own. `control` is its socket to the kernel; `package` outlives it.
[[noreturn]] void run_template(const Sandbox& sandbox, const SpawnRequest& request, int control,
                               std::string_view package);

// A fork without glibc's: its child is the caller's sibling. Single-threaded processes only. `flags`: new namespaces.
int clone_sibling(int flags = 0);

// One message with descriptors. receive_message answers the bytes received (0: the peer is gone) and
// sets those of `descriptors` that came to other than -1; closes any more than that.
bool send_message(int socket, const void* data, unsigned long bytes);
long receive_message(int socket, void* data, unsigned long bytes, int* descriptors, int descriptors_max);

}  // namespace moonbase::functions
