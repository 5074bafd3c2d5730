// Packages: the blobs that functions and layers are made of. They are named by their content, so several
// versions may share one, and it goes with the last of them.
#pragma once

#include <moonbase/call.hpp>
#include <mutex>
#include <string>
#include <vector>

namespace moonbase::functions {

// Any fiber may use it.
class Packages {
 public:
  // Erases those that no version or layer names; empty names are nothing. What somebody holds, such as a version that
  // still makes environments, goes with a later call. Who has held them lets go first.
  void erase_unused(const KernelServices& kernel, const std::vector<std::string>& blobs);
  // Of the plugin's ready(): erases what a crash has left.
  static void settle(const KernelServices& kernel);

 private:
  std::mutex mutex_;
  std::vector<std::string> due_;  // Were held.
};

}  // namespace moonbase::functions
