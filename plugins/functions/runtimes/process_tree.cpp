// What /proc says about the processes of an environment.
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <charconv>

#include "runtimes/runtime_environment.hpp"

namespace moonbase::functions {
namespace {

constexpr std::size_t processes_max = 4096;

std::string read_small(const std::string& path, std::size_t bytes_max = 4096) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(bytes_max, '\0');
  const auto got = file ? read(file.get(), text.data(), text.size()) : -1;
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

// The number at the front; moves behind it.
std::uint64_t take_number(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  std::uint64_t number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number).ptr;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::uint64_t pss_bytes(const std::string& folder) {
  const auto text = read_small(folder + "/smaps_rollup");
  const auto at = text.find("\nPss:");
  if (at == text.npos) return 0;
  auto rest = std::string_view(text).substr(at + 5);
  return take_number(rest) * 1024;
}

}  // namespace

std::vector<pid_t> process_tree(pid_t root) {
  std::vector<pid_t> found{root};
  for (std::size_t at = 0; at < found.size() && found.size() < processes_max; ++at) {
    const auto tasks = "/proc/" + std::to_string(found[at]) + "/task";
    DIR* folder = opendir(tasks.c_str());
    if (!folder) continue;
    while (const dirent* entry = readdir(folder)) {
      if (entry->d_name[0] == '.') continue;
      const auto text = read_small(tasks + "/" + entry->d_name + "/children", 32 * 1024);
      for (std::string_view rest = text; !rest.empty();) {
        const auto pid = take_number(rest);
        if (pid == 0) break;
        found.push_back(static_cast<pid_t>(pid));
      }
    }
    closedir(folder);
  }
  return found;
}

std::uint64_t tree_memory_bytes(pid_t root, bool precise) {
  static const auto page_bytes = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  std::uint64_t bytes = 0;
  const auto tree = process_tree(root);
  for (const pid_t pid : tree) {
    const auto folder = "/proc/" + std::to_string(pid);
    if (const auto pss = precise ? pss_bytes(folder) : 0; pss > 0) {
      bytes += pss;
      continue;
    }
    const auto text = read_small(folder + "/statm", 256);
    std::string_view rest = text;
    take_number(rest);
    bytes += take_number(rest) * page_bytes;
  }
  return bytes;
}

}  // namespace moonbase::functions
