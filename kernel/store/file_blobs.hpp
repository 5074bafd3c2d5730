// Blobs as files named by their SHA-256: written aside, synced, renamed. Equal content is kept once.
#pragma once

#include <moonbase/blob_store.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace moonbase::store {

// What lies in the folder beside the shelves: "incoming-…", a blob that is being written, and "unnamed-ID", while a
// writer holds the blob that it has finished. After a crash the first are rubbish, and the second say what may be.
class FileBlobs final : public BlobStore {
 public:
  FileBlobs(std::filesystem::path folder, bool durable);

  std::unique_ptr<BlobWriter> create() override;
  bool contains(const std::string& id) const override;
  std::uint64_t size(const std::string& id) const override;
  std::string read(const std::string& id, std::uint64_t offset, std::size_t length) const override;
  std::unique_ptr<BlobHold> hold(std::vector<std::string> ids) override;
  bool erase_unused(const std::string& id, const BlobUse& is_used) override;
  void settle(const BlobUse& is_used) override;
  void erase(const std::string& id) override;
  std::string path(const std::string& id) const override;

 private:
  class Writer;
  class Hold;
  struct Held {
    int holds = 0, writers = 0;  // Writers hold as well.
  };

  // With mutex_ held.
  void take(const std::string& id, bool as_writer);
  void let_go(const std::string& id, bool as_writer);
  std::uint64_t& holds_begun(const std::string& id);
  std::filesystem::path mark_of(const std::string& id) const { return folder_ / ("unnamed-" + id); }

  const std::filesystem::path folder_;
  const bool durable_;
  std::once_flag folder_made_;
  std::vector<std::string> unnamed_;  // Marked when we began.

  std::mutex mutex_;
  std::unordered_map<std::string, Held> held_;
  std::array<std::uint64_t, 16> holds_begun_{};  // By the id's first digit: who erases one is not held up by all.
};

}  // namespace moonbase::store
