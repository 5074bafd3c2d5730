// Blobs as files named by their SHA-256: written aside, synced, renamed. Equal content is kept once.
#pragma once

#include <moonbase/blob_store.hpp>

#include <filesystem>
#include <mutex>

namespace moonbase::store {

class FileBlobs final : public BlobStore {
 public:
  FileBlobs(std::filesystem::path folder, bool durable);

  std::unique_ptr<BlobWriter> create() override;
  bool contains(const std::string& id) const override;
  std::uint64_t size(const std::string& id) const override;
  std::string read(const std::string& id, std::uint64_t offset, std::size_t length) const override;
  void erase(const std::string& id) override;
  std::string path(const std::string& id) const override;

 private:
  const std::filesystem::path folder_;
  const bool durable_;
  std::once_flag folder_made_;
};

}  // namespace moonbase::store
