// The processes of moonbase-environment: one spawner, a template per function version, an environment
// per concurrent invocation. Each is a clone() of the one before with CLONE_PARENT, so all of them are
// children of the kernel, which can wait for them, kill them, and sees how they ended.
#pragma once

namespace moonbase::functions {

// Serves the kernel's requests until it closes the socket.
[[noreturn]] void run_spawner(int control);

}  // namespace moonbase::functions
