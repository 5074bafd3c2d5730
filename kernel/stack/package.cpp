#include "stack/package.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace moonbase::stack {
namespace {

constexpr std::size_t bytes_max = 250u << 20;
constexpr std::size_t files_max = 10'000;

la_ssize_t append(archive*, void* out, const void* bytes, std::size_t size) {
  static_cast<std::string*>(out)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

}  // namespace

std::string zip(const Files& files) {
  std::string bytes;
  archive* writer = archive_write_new();
  const auto check = [&](int result) {
    if (result < ARCHIVE_WARN) {
      const std::string problem = archive_error_string(writer) ? archive_error_string(writer) : "out of memory";
      archive_write_free(writer);
      throw std::runtime_error("cannot write a zip: " + problem);
    }
  };
  check(archive_write_set_format_zip(writer));
  check(archive_write_set_bytes_in_last_block(writer, 1));
  check(archive_write_open(writer, &bytes, nullptr, append, nullptr));
  for (const auto& [name, content] : files) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0755);
    archive_entry_set_mtime(entry, 315'532'800, 0);  // 1980, the oldest a zip knows: equal files, equal bytes.
    const int header = archive_write_header(writer, entry);
    archive_entry_free(entry);
    check(header);
    if (archive_write_data(writer, content.data(), content.size()) < 0) check(ARCHIVE_FATAL);
  }
  check(archive_write_close(writer));
  archive_write_free(writer);
  return bytes;
}

Result<Files> read_files(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  Files files;
  std::size_t bytes = 0;
  const auto add = [&](const fs::path& file, std::string name) -> Result<Done> {
    std::ifstream in(file, std::ios::binary);
    if (!in) return Error{"StackError", "cannot read " + file.string()};
    std::string content{std::istreambuf_iterator<char>(in), {}};
    bytes += content.size();
    if (bytes > bytes_max || files.size() >= files_max)
      return Error{"StackError", path.string() + " is larger than 250 MB or has more than 10,000 files"};
    files.emplace(std::move(name), std::move(content));
    return done;
  };
  std::error_code failure;
  if (fs::is_regular_file(path, failure)) {
    if (auto added = add(path, path.filename().string()); !added) return added.error();
    return files;
  }
  if (!fs::is_directory(path, failure)) return Error{"StackError", "there is no file or folder " + path.string()};
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (!entry.is_regular_file()) continue;
    if (auto added = add(entry.path(), fs::relative(entry.path(), path).generic_string()); !added) return added.error();
  }
  return files;
}

}  // namespace moonbase::stack
