// Packages: the blobs that functions and layers are made of. They are named by their content, so several
// versions may share one, and it goes with the last of them.
#pragma once

#include <cstdint>
#include <moonbase/call.hpp>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace moonbase::functions {

// Any fiber may use it.
class Packages {
 public:
  // Until it ends nobody erases these blobs: of a request that stores them, and then the rows that name them; of a
  // version that environments are made from. What was to be erased meanwhile goes with a later erase_unused().
  class Hold {
   public:
    Hold(Packages& packages, std::vector<std::string> blobs);
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    Packages& packages_;
    const std::vector<std::string> blobs_;
  };

  // Erases those that no version, layer or Hold names any more; empty names are nothing. Who has held them lets
  // go first.
  void erase_unused(const KernelServices& kernel, const std::vector<std::string>& blobs);

 private:
  void erase_one(const KernelServices& kernel, const std::string& blob);

  std::mutex mutex_;
  struct Held {
    int holds = 0;
    bool unused = false;  // Somebody wanted to erase it.
  };
  std::unordered_map<std::string, Held> held_;
  std::vector<std::string> due_;  // Unused, and no longer held.
  std::uint64_t holds_ = 0;       // Begun so far.
};

}  // namespace moonbase::functions
