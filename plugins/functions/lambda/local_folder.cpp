#include "lambda/local_folder.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "lambda/code.hpp"
#include "lambda/function.hpp"

namespace moonbase::functions {
namespace {

namespace fs = std::filesystem;
constexpr int mtime_of_all = 315'532'800;  // 1980, the oldest a zip knows.

std::vector<fs::path> allowed_folders() {
  std::vector<fs::path> folders;
  const char* const named = std::getenv("MOONBASE_CODE_FOLDERS");
  std::error_code failure;
  if (!named) {
    const auto here = fs::current_path(failure);
    if (!failure && here != here.root_path()) folders.push_back(here);
  }
  for (std::string_view rest = named ? named : ""; !rest.empty();) {
    const auto end = std::min(rest.find(':'), rest.size());
    if (auto folder = fs::weakly_canonical(rest.substr(0, end), failure); !failure && end > 0) folders.push_back(folder);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return folders;
}

bool is_hidden(const fs::path& name) { return name.native().starts_with('.'); }

// Below it, and not behind a name that is hidden or leads out.
bool is_below(const fs::path& path, const fs::path& folder) {
  const auto rest = path.lexically_relative(folder);
  if (rest.empty() || rest == ".") return rest == ".";
  for (const auto& part : rest)
    if (is_hidden(part)) return false;
  return true;
}

Result<fs::path> allowed(const std::string& path) {
  std::error_code failure;
  const auto real = fs::canonical(path, failure);
  if (failure || !fs::is_directory(real, failure) || !fs::path(path).is_absolute())
    return invalid_parameter("S3Key must be the absolute path of a folder: there is no folder " + path + ".");
  std::string all;
  for (const auto& folder : allowed_folders()) {
    if (is_below(real, folder)) return real;
    all += (all.empty() ? "" : ", ") + folder.string();
  }
  return invalid_parameter("Code is taken from folders below " + (all.empty() ? "none" : all) +
                           " only. MOONBASE_CODE_FOLDERS names others when the platform starts.");
}

// Calls `visit` with each file and its name in the package; false to stop. What cannot be read is passed over.
void each_file(const fs::path& folder, bool with_modules,
               const std::function<bool(const fs::directory_entry&, std::string)>& visit) {
  std::error_code failure;
  fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, failure), end;
  for (; !failure && at != end; at.increment(failure)) {
    std::error_code unknown;
    const auto name = at->path().filename();
    const bool is_folder = at->symlink_status(unknown).type() == fs::file_type::directory;
    if (is_hidden(name) || (is_folder && !with_modules && name == "node_modules")) {
      if (is_folder) at.disable_recursion_pending();
      continue;
    }
    if (at->symlink_status(unknown).type() != fs::file_type::regular) continue;
    if (!visit(*at, at->path().lexically_relative(folder).generic_string())) return;
  }
}

struct File {
  std::string content;
  bool is_program = false;
};

la_ssize_t append(archive*, void* out, const void* bytes, std::size_t size) {
  static_cast<std::string*>(out)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

struct CloseWriter {
  void operator()(archive* writer) const { archive_write_free(writer); }
};

void must(archive* writer, la_ssize_t result) {
  if (result < ARCHIVE_WARN)
    throw std::runtime_error(std::string("cannot write a zip: ") + archive_error_string(writer));
}

std::string zip_of(const std::map<std::string, File>& files) {
  std::string bytes;
  const std::unique_ptr<archive, CloseWriter> writer(archive_write_new());
  must(writer.get(), archive_write_set_format_zip(writer.get()));
  must(writer.get(), archive_write_set_bytes_in_last_block(writer.get(), 1));
  must(writer.get(), archive_write_open(writer.get(), &bytes, nullptr, append, nullptr));
  for (const auto& [name, file] : files) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(file.content.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, file.is_program ? 0755 : 0644);
    archive_entry_set_mtime(entry, mtime_of_all, 0);
    const int header = archive_write_header(writer.get(), entry);
    archive_entry_free(entry);
    must(writer.get(), header);
    must(writer.get(), archive_write_data(writer.get(), file.content.data(), file.content.size()));
  }
  must(writer.get(), archive_write_close(writer.get()));
  return bytes;
}

}  // namespace

Result<std::string> zip_folder(const std::string& path) {
  const auto folder = allowed(path);
  if (!folder) return folder.error();
  std::map<std::string, File> files;  // In one order, whatever the disk's is.
  std::size_t bytes = 0;
  std::optional<Error> problem;
  each_file(*folder, true, [&](const fs::directory_entry& entry, std::string name) {
    std::ifstream in(entry.path(), std::ios::binary);
    if (!in) {
      problem = invalid_parameter("The file " + entry.path().string() + " cannot be read.");
      return false;
    }
    File file{{std::istreambuf_iterator<char>(in), {}}, false};
    std::error_code unknown;
    file.is_program = (entry.status(unknown).permissions() & fs::perms::owner_exec) != fs::perms::none;
    bytes += file.content.size();
    if (bytes > unzipped_bytes_max) problem = too_large_unzipped();
    files.emplace(std::move(name), std::move(file));
    if (files.size() > zip_entries_max) problem = too_many_entries();
    return !problem;
  });
  if (problem) return *problem;
  if (files.empty()) return invalid_parameter("The folder " + path + " holds no files.");
  return zip_of(files);
}

std::uint64_t fingerprint_of(const std::string& path) {
  const auto folder = allowed(path);
  if (!folder) return 0;
  std::uint64_t sum = 0;  // Of all files, in whatever order they come.
  const auto hash = std::hash<std::string>();
  std::size_t count = 0;
  each_file(*folder, false, [&](const fs::directory_entry& entry, const std::string& name) {
    std::error_code gone;
    const auto size = entry.file_size(gone);
    const auto time = entry.last_write_time(gone).time_since_epoch().count();
    sum += hash(name + '\0' + std::to_string(size) + '\0' + std::to_string(time));
    return ++count <= zip_entries_max;
  });
  return sum;
}

}  // namespace moonbase::functions
