#include "runtimes/code_folder.hpp"

#include "lambda/code.hpp"
#include "lambda/function.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <system_error>

// Embedded by the build.
extern const char runtime_node_index_mjs[];
extern const char runtime_node_handler_mjs[];
extern const char runtime_node_logging_mjs[];
extern const char runtime_node_streaming_mjs[];
extern const char runtime_python_bootstrap_py[];

namespace moonbase::functions {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view prefix = "moonbase-functions-";

struct Close {
  void operator()(archive* reader) const { archive_read_free(reader); }
};

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

Error too_large() {
  return invalid_parameter("Unzipped size must be smaller than " + std::to_string(unpacked_bytes_max) + " bytes");
}

// A regular file of ours, not there yet or of an earlier layer.
int create_file(const fs::path& path, bool executable) {
  std::error_code ignored;
  fs::create_directories(path.parent_path(), ignored);
  unlink(path.c_str());
  return open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, executable ? 0755 : 0644);
}

}  // namespace

CodeFolder::~CodeFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

CodeFolders::CodeFolders() {
  const auto below = fs::temp_directory_path();
  remove_left_behind(below);
  auto name = (below / (std::string(prefix) + "XXXXXX")).string();
  if (!mkdtemp(name.data())) throw std::runtime_error("cannot make a folder in " + below.string());
  root_ = name;
  lock_ = open((root_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0 || flock(lock_, LOCK_EX | LOCK_NB) != 0) throw std::runtime_error("cannot lock " + name);
  // Passed through, not listed: functions may work as other users than we do.
  fs::permissions(root_, fs::perms(0711));
  write_text(runtime("node") / "index.mjs", runtime_node_index_mjs);
  write_text(runtime("node") / "handler.mjs", runtime_node_handler_mjs);
  write_text(runtime("node") / "logging.mjs", runtime_node_logging_mjs);
  write_text(runtime("node") / "streaming.mjs", runtime_node_streaming_mjs);
  write_text(runtime("python") / "bootstrap.py", runtime_python_bootstrap_py);
  fs::create_directories(runtime("provided"));
}

CodeFolders::~CodeFolders() {
  std::error_code ignored;
  fs::remove_all(root_, ignored);
  if (lock_ >= 0) close(lock_);
}

Result<Done> unpack_zip(const fs::path& zip, const fs::path& folder, std::uint64_t& bytes) {
  const std::unique_ptr<archive, Close> reader(archive_read_new());
  archive_read_support_format_zip_seekable(reader.get());
  if (archive_read_open_filename(reader.get(), zip.c_str(), 64 * 1024) != ARCHIVE_OK) return not_a_zip();
  std::size_t entries = 0;
  for (;;) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) return done;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return not_a_zip();
    if (++entries > zip_entries_max) return too_many_entries();
    const char* path = archive_entry_pathname_utf8(entry);
    std::string name = path ? path : "";
    const bool is_folder = archive_entry_filetype(entry) == AE_IFDIR;
    while (is_folder && !name.empty() && name.back() == '/') name.pop_back();
    if (is_folder && name.empty()) continue;
    if (!is_inside(name) || archive_entry_is_encrypted(entry)) return not_a_zip();
    const auto target = folder / name;
    if (is_folder) {
      std::error_code failed;
      fs::create_directories(target, failed);
      if (failed) return not_a_zip();  // A file has that name.
      continue;
    }
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) || archive_entry_symlink(entry))
      return not_a_zip();
    // A stack's package knows no modes; what is called bootstrap is meant to run.
    const int file = create_file(target, (archive_entry_perm(entry) & 0111) != 0 || name == "bootstrap");
    if (file < 0) return not_a_zip();  // A folder has that name, or a file is one of its parents.
    char buffer[64 * 1024];
    la_ssize_t read = 0;
    while ((read = archive_read_data(reader.get(), buffer, sizeof buffer)) > 0) {
      bytes += static_cast<std::uint64_t>(read);
      if (bytes > unpacked_bytes_max || write(file, buffer, static_cast<std::size_t>(read)) != read) break;
    }
    const int reason = errno;
    close(file);
    if (bytes > unpacked_bytes_max) return too_large();
    if (read > 0) throw std::system_error(reason, std::generic_category(), "unpacking a function");
    if (read < 0) return not_a_zip();
  }
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
