// Blobs as files named by their SHA-256: written aside, synced, renamed. Equal content is kept once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <moonbase/blob_store.hpp>
#include <mutex>
#include <string>
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
  std::string path(const std::string& id) const override;

 private:
  class Holds;
  class Writer;
  class Hold;

  void erase(const std::string& id) const;

  const std::filesystem::path folder_;
  const bool durable_;
  std::once_flag folder_made_;
  std::vector<std::string> unnamed_;  // Marked when we began.
  // Shared with those who hold: some outlive us, when a plugin ends.
  const std::shared_ptr<Holds> holds_;
};

}  // namespace moonbase::store
