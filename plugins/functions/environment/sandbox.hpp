// The sandbox of execution environments: what the host offers, and how a process enters it.
//
// A process can leave a layer as little as its children can. So a template enters all of them before
// it touches the function's code, and an environment, its fork, inherits namespaces, limits,
// no_new_privs and Landlock; it adds what a fork does not carry (its own descriptors, the death
// signal) and a narrower system-call list, without clone. Native code is another case: it runs in the
// environment only, which may open libraries until the code is loaded and nothing after.
//
// A step that fails ends the process: running on with a layer missing is worse than not running.
#pragma once

#include "frames.hpp"

#include <cstdint>
#include <string>
#include <vector>

struct sock_filter;

namespace moonbase::functions {

enum class CodeKind { lua, native };

// A step of the sandbox that failed is a process's exit status: 100 + step.
enum class SandboxStep {
  descriptors = 0,
  namespaces,
  limits,
  no_new_privileges,
  death_signal,
  landlock,
  seccomp,
  orphan
};
inline constexpr int sandbox_exit_status = 100;

class Sandbox {
 public:
  // Finds out what the host offers and prepares the filters. Single-threaded: forks a probe.
  Sandbox();
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  std::uint32_t layers() const { return layers_; }
  int landlock_abi() const { return landlock_abi_; }

  // In a fresh template, before the function's code. `keep` are the only descriptors that stay
  // besides 0 to 2; `library` (native) is the file that environments may read.
  void enter_template(CodeKind kind, std::uint64_t memory_bytes, const std::vector<int>& keep,
                      const std::string& library) const;
  // In a fresh environment, whose socket becomes descriptor 3.
  void enter_environment(CodeKind kind, int socket) const;
  // In a native environment once its code is loaded.
  void close_libraries() const;

 private:
  using Filter = std::vector<sock_filter>;
  void restrict_files(bool libraries, const std::string& library) const;
  static void install(const Filter& filter);

  std::uint32_t layers_ = 0;
  int landlock_abi_ = 0;
  int parent_ = 0;  // The kernel: with CLONE_PARENT the parent of spawner, templates and environments.
  Filter template_lua_, template_native_, environment_, environment_loading_;
};

}  // namespace moonbase::functions
