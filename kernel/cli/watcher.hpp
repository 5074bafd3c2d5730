// Watches the files that stacks were read from.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <vector>

namespace moonbase::cli {

// Used by one thread.
class Watcher {
 public:
  Watcher();
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // From now on a change to `file` (or in it, where it is a folder) is a change of `stack`.
  void watch(const std::filesystem::path& file, const std::filesystem::path& stack);

  int descriptor() const { return descriptor_; }  // Readable when something changed.
  // The stacks whose files changed. Waits a moment for an editor to finish saving.
  std::vector<std::filesystem::path> changed();

 private:
  void read_events(std::set<std::filesystem::path>& stacks);

  const int descriptor_;
  std::map<int, std::filesystem::path> folders_;  // Editors replace files, so folders are watched.
  std::map<std::filesystem::path, std::set<std::filesystem::path>> stacks_of_;  // By file.
};

}  // namespace moonbase::cli
