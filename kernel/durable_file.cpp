#include "durable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace moonbase {
namespace {

Error failed(const std::string& what, const std::string& path) {
  return {.code = "InvalidFolder", .message = "Cannot " + what + " " + path + ": " + std::strerror(errno) + "."};
}

class File {
 public:
  File(const std::string& path, int flags, mode_t mode = 0)
      : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~File() {
    const int reason = errno;
    if (descriptor_ >= 0) ::close(descriptor_);
    errno = reason;
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool write(std::string_view content) const {
    while (!content.empty()) {
      const auto written = ::write(descriptor_, content.data(), content.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return false;
      content.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }
  bool sync() const { return ::fsync(descriptor_) == 0; }

 private:
  const int descriptor_;
};

std::string folder_of(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

}  // namespace

Result<Done> write_durably(const std::string& path, mode_t mode, std::string_view content) {
  const auto aside = path + ".new";
  ::unlink(aside.c_str());
  const File file(aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  if (!file.write(content) || !file.sync() || ::rename(aside.c_str(), path.c_str()) != 0) return failed("write", path);
  return sync_folder(folder_of(path));
}

Result<Done> make_folder_durably(const std::string& path) {
  if (std::filesystem::is_directory(path)) return done;
  const auto above = folder_of(path);
  if (above == path) return failed("make", path);
  if (const auto made = make_folder_durably(above); !made) return made;
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return failed("make", path);
  return sync_folder(above);
}

Result<Done> sync_folder(const std::string& path) {
  const File folder(path, O_RDONLY | O_DIRECTORY);
  if (!folder.sync()) return failed("sync", path);
  return done;
}

}  // namespace moonbase
