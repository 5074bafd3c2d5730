#include "cli/watcher.hpp"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace moonbase::cli {
namespace {

namespace fs = std::filesystem;

constexpr int quiet_ms = 50;
constexpr std::size_t folders_max = 1000;
constexpr std::uint32_t events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE;

}  // namespace

Watcher::Watcher() : descriptor_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}
Watcher::~Watcher() { ::close(descriptor_); }

void Watcher::watch(const fs::path& file, const fs::path& stack) {
  stacks_of_[file.lexically_normal()].insert(stack);
  const fs::path folder = (fs::is_directory(file) ? file : file.parent_path()).lexically_normal();
  const int watch = ::inotify_add_watch(descriptor_, folder.c_str(), events);
  if (watch >= 0) folders_[watch] = folder;
  if (!fs::is_directory(file)) return;
  // What lies below counts too, but for packages of others.
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(file, ignored)) {
    if (!entry.is_directory(ignored) || entry.is_symlink(ignored)) continue;
    if (entry.path().filename() != "node_modules" && folders_.size() < folders_max) this->watch(entry.path(), stack);
  }
}

std::vector<fs::path> Watcher::changed() {
  std::set<fs::path> stacks;
  read_events(stacks);
  pollfd polled{descriptor_, POLLIN, 0};
  for (int rounds = 0; rounds < 4 && ::poll(&polled, 1, quiet_ms) > 0; ++rounds) read_events(stacks);
  return {stacks.begin(), stacks.end()};
}

void Watcher::read_events(std::set<fs::path>& stacks) {
  alignas(inotify_event) char buffer[16 * 1024];
  for (;;) {
    const auto size = ::read(descriptor_, buffer, sizeof buffer);
    if (size <= 0) return;
    for (const char* at = buffer; at < buffer + size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(at);
      at += sizeof(inotify_event) + event->len;
      const auto folder = folders_.find(event->wd);
      if (folder == folders_.end() || event->len == 0) continue;
      for (const auto& changed : {folder->second / event->name, folder->second}) {
        const auto found = stacks_of_.find(changed);
        if (found != stacks_of_.end()) stacks.insert(found->second.begin(), found->second.end());
      }
    }
  }
}

}  // namespace moonbase::cli
