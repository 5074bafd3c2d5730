// Code packages as folders, for runtimes that read files: unpacked once, read-only to functions, gone
// with the last environment that uses them.
#pragma once

#include <filesystem>
#include <memory>
#include <moonbase/blob_store.hpp>
#include <moonbase/result.hpp>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace moonbase::functions {

class CodeFolder {
 public:
  explicit CodeFolder(std::filesystem::path path) : path_(std::move(path)) {}
  ~CodeFolder();
  CodeFolder(const CodeFolder&) = delete;
  CodeFolder& operator=(const CodeFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  const std::filesystem::path path_;
};

// Any thread may use it.
class CodeFolders {
 public:
  CodeFolders() = default;
  ~CodeFolders();
  CodeFolders(const CodeFolders&) = delete;
  CodeFolders& operator=(const CodeFolders&) = delete;

  // Before all else; once: a fresh folder below the machine's temporary one, in which also the runtimes'
  // own files are written. What a platform that died has left there is removed. Blocks. Throws
  // std::runtime_error.
  void prepare();

  // The zips' files, later ones over earlier ones. Blocks. An Error has AWS's code and text; nothing
  // is left behind then.
  Result<std::shared_ptr<CodeFolder>> unpack(const BlobStore& blobs, const std::vector<std::string>& zips);

  const std::filesystem::path& root() const { return root_; }
  // "node" or "python": the files of the runtime that the platform brings.
  std::filesystem::path runtime(std::string_view name) const { return root_ / "runtimes" / name; }

 private:
  std::filesystem::path root_;
  int lock_ = -1;  // Held while we live: whoever finds the folder knows.
  std::mutex mutex_;
  std::unordered_map<std::string, std::weak_ptr<CodeFolder>> folders_;
  std::uint64_t made_ = 0;
};

}  // namespace moonbase::functions
