#include "lambda/code.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <memory>
#include <unordered_set>

#include "lambda/function.hpp"

namespace moonbase::functions {

Error not_a_zip() {
  return invalid_parameter("Could not unzip uploaded file. Please check your file, then try to upload again.");
}

Error too_many_entries() {
  return invalid_parameter("The zip holds more than " + std::to_string(zip_entries_max) + " entries.");
}

Error too_large_unzipped() {
  return invalid_parameter("Unzipped size must be smaller than " + std::to_string(unzipped_bytes_max) + " bytes");
}

bool is_inside(std::string_view name) {
  if (name.empty() || name.size() > 1024 || name.front() == '/') return false;
  while (!name.empty()) {
    const auto slash = name.find('/');
    const auto part = name.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    for (const char c : part)
      if (c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
    if (slash == name.npos) break;
    name.remove_prefix(slash + 1);
  }
  return true;
}

namespace {

struct Close {
  void operator()(archive* reader) const { archive_read_free(reader); }
};

}  // namespace

Result<CodeFiles> unzip(std::string_view zip) {
  if (zip.empty()) return invalid_parameter("Uploaded file must be a non-empty zip");
  const std::unique_ptr<archive, Close> reader(archive_read_new());
  archive_read_support_format_zip_seekable(reader.get());
  if (archive_read_open_memory(reader.get(), zip.data(), zip.size()) != ARCHIVE_OK) return not_a_zip();

  CodeFiles files;
  std::unordered_set<std::string> names;
  std::size_t bytes = 0, entries = 0;
  for (;;) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return not_a_zip();
    if (++entries > zip_entries_max) return too_many_entries();
    const char* path = archive_entry_pathname_utf8(entry);
    std::string name = path ? path : "";
    const auto type = archive_entry_filetype(entry);
    if (type == AE_IFDIR) {
      while (!name.empty() && name.back() == '/') name.pop_back();
      if (!name.empty() && !is_inside(name)) return not_a_zip();
      continue;
    }
    // Links could lead anywhere once they are written; no runtime of ours needs them.
    if (type != AE_IFREG || archive_entry_hardlink(entry) || archive_entry_symlink(entry)) return not_a_zip();
    if (archive_entry_is_encrypted(entry) || !is_inside(name) || !names.insert(name).second) return not_a_zip();

    std::string content;
    char buffer[16 * 1024];
    for (;;) {
      const auto read = archive_read_data(reader.get(), buffer, sizeof buffer);
      if (read < 0) return not_a_zip();
      if (read == 0) break;
      bytes += static_cast<std::size_t>(read);
      // What it really holds counts, not what it says.
      if (bytes > unzipped_bytes_max) return too_large_unzipped();
      content.append(buffer, static_cast<std::size_t>(read));
    }
    files.emplace_back(std::move(name), std::move(content));
  }
  if (files.empty()) return invalid_parameter("Uploaded file must be a non-empty zip");
  return files;
}

}  // namespace moonbase::functions
