#include "runtimes/code_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "runtimes/unpack.hpp"

// Embedded by the build.
extern const char runtime_node_api_mjs[];
extern const char runtime_node_index_mjs[];
extern const char runtime_node_handler_mjs[];
extern const char runtime_node_logging_mjs[];
extern const char runtime_node_streaming_mjs[];
extern const char runtime_python_bootstrap_py[];
extern const char runtime_python_snapshot_restore_py_py[];

namespace moonbase::functions {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view prefix = "moonbase-functions-";

// Folders of platforms that were killed: nobody holds their lock.
void remove_left_behind(const fs::path& below) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(below, ignored)) {
    if (!entry.path().filename().string().starts_with(prefix) || !entry.is_directory(ignored)) continue;
    const int lock = open((entry.path() / "lock").c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (lock < 0) continue;
    struct stat status {};
    const bool ours = fstat(lock, &status) == 0 && status.st_uid == geteuid();
    if (ours && flock(lock, LOCK_EX | LOCK_NB) == 0) fs::remove_all(entry.path(), ignored);
    close(lock);
  }
}

void write_text(const fs::path& file, std::string_view text) {
  fs::create_directories(file.parent_path());
  std::ofstream out(file, std::ios::binary);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

}  // namespace

CodeFolder::~CodeFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void CodeFolders::prepare() {
  const std::lock_guard lock(mutex_);
  if (lock_ >= 0) return;
  const auto below = fs::temp_directory_path();
  remove_left_behind(below);
  auto name = (below / (std::string(prefix) + "XXXXXX")).string();
  if (!mkdtemp(name.data())) throw std::runtime_error("cannot make a folder in " + below.string());
  root_ = name;
  lock_ = open((root_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0 || flock(lock_, LOCK_EX | LOCK_NB) != 0) throw std::runtime_error("cannot lock " + name);
  // Passed through, not listed: functions may work as other users than we do.
  fs::permissions(root_, fs::perms(0711));
  write_text(runtime("node") / "api.mjs", runtime_node_api_mjs);
  write_text(runtime("node") / "index.mjs", runtime_node_index_mjs);
  write_text(runtime("node") / "handler.mjs", runtime_node_handler_mjs);
  write_text(runtime("node") / "logging.mjs", runtime_node_logging_mjs);
  write_text(runtime("node") / "streaming.mjs", runtime_node_streaming_mjs);
  write_text(runtime("python") / "bootstrap.py", runtime_python_bootstrap_py);
  write_text(runtime("python") / "snapshot_restore_py.py", runtime_python_snapshot_restore_py_py);
  fs::create_directories(runtime("provided"));
}

CodeFolders::~CodeFolders() {
  if (lock_ < 0) return;
  std::error_code ignored;
  fs::remove_all(root_, ignored);
  close(lock_);
}

Result<std::shared_ptr<CodeFolder>> CodeFolders::unpack(const BlobStore& blobs, const std::vector<std::string>& zips) {
  std::string key;
  for (const auto& zip : zips) key += zip + ",";
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    if (auto found = folders_[key].lock()) return found;
    number = ++made_;
  }
  auto folder = std::make_shared<CodeFolder>(root_ / ("code-" + std::to_string(number)));
  fs::create_directories(folder->path());
  std::uint64_t bytes = 0;
  for (const auto& zip : zips)
    if (auto unpacked = unpack_zip(blobs.path(zip), folder->path(), bytes); !unpacked) return unpacked.error();
  const std::lock_guard lock(mutex_);
  // Somebody else may have been quicker.
  if (auto found = folders_[key].lock()) return found;
  folders_[key] = folder;
  std::erase_if(folders_, [](const auto& entry) { return entry.second.expired(); });
  return folder;
}

}  // namespace moonbase::functions
