#include "runtimes/unpack.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <system_error>

#include "lambda/code.hpp"
#include "lambda/function.hpp"

namespace moonbase::functions {
namespace {

namespace fs = std::filesystem;

struct Close {
  void operator()(archive* reader) const { archive_read_free(reader); }
};

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

}  // namespace moonbase::functions
