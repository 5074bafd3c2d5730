#include "store/file_blobs.hpp"

#include <moonbase/hash.hpp>

#include <openssl/evp.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>

#include "durable_file.hpp"

namespace moonbase::store {
namespace {

[[noreturn]] void fail(const std::string& what, const std::filesystem::path& path) {
  throw std::runtime_error(what + " " + path.string() + ": " + std::strerror(errno));
}

class File {
 public:
  explicit File(const std::filesystem::path& path) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0) fail("cannot open", path);
  }
  ~File() { ::close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int descriptor() const { return descriptor_; }

 private:
  const int descriptor_;
};

void must(const Result<Done>& result) {
  if (!result) throw std::runtime_error(result.error().message);
}

void make_folder(const std::filesystem::path& path, bool durable) {
  if (durable) {
    must(make_folder_durably(path.string()));
  } else {
    std::filesystem::create_directories(path);
  }
}

// Ids come back from clients; only our own form becomes part of a path.
bool is_id(const std::string& id) {
  return id.size() == 64 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

class FileBlobWriter final : public BlobWriter {
 public:
  FileBlobWriter(const std::filesystem::path& folder, bool durable) : folder_(folder), durable_(durable) {
    std::string name = (folder / "incoming-XXXXXX").string();
    descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
    aside_ = name;
    if (descriptor_ < 0) fail("cannot create", aside_);
    digest_.reset(EVP_MD_CTX_new());
    EVP_DigestInit_ex(digest_.get(), EVP_sha256(), nullptr);
  }
  ~FileBlobWriter() override {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!finished_) ::unlink(aside_.c_str());
  }

  void append(std::string_view bytes) override {
    EVP_DigestUpdate(digest_.get(), bytes.data(), bytes.size());
    while (!bytes.empty()) {
      const auto written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) fail("cannot write", aside_);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  std::string finish() override {
    unsigned char digest[32];
    EVP_DigestFinal_ex(digest_.get(), digest, nullptr);
    const std::string id = hex({reinterpret_cast<const char*>(digest), sizeof digest});
    if (durable_ && ::fsync(descriptor_) != 0) fail("cannot sync", aside_);
    if (::close(std::exchange(descriptor_, -1)) != 0) fail("cannot close", aside_);

    const auto shelf = folder_ / id.substr(0, 2);
    make_folder(shelf, durable_);
    if (::rename(aside_.c_str(), (shelf / id).c_str()) != 0) fail("cannot rename", aside_);
    finished_ = true;
    if (durable_) {
      must(sync_folder(shelf.string()));
      must(sync_folder(folder_.string()));  // Another writer may have made the shelf, and not have come to this yet.
    }
    return id;
  }

 private:
  struct FreeDigest {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  const std::filesystem::path folder_;
  const bool durable_;
  std::filesystem::path aside_;
  int descriptor_ = -1;
  bool finished_ = false;
  std::unique_ptr<EVP_MD_CTX, FreeDigest> digest_;
};

}  // namespace

FileBlobs::FileBlobs(std::filesystem::path folder, bool durable) : folder_(std::move(folder)), durable_(durable) {}

std::unique_ptr<BlobWriter> FileBlobs::create() {
  std::call_once(folder_made_, make_folder, folder_, durable_);
  return std::make_unique<FileBlobWriter>(folder_, durable_);
}

std::string FileBlobs::path(const std::string& id) const {
  if (!is_id(id)) throw std::runtime_error("not the id of a blob: " + id);
  return (folder_ / id.substr(0, 2) / id).string();
}

bool FileBlobs::contains(const std::string& id) const { return is_id(id) && std::filesystem::exists(path(id)); }

std::uint64_t FileBlobs::size(const std::string& id) const { return std::filesystem::file_size(path(id)); }

std::string FileBlobs::read(const std::string& id, std::uint64_t offset, std::size_t length) const {
  const File file(path(id));
  std::string bytes(length, '\0');
  std::size_t filled = 0;
  while (filled < length) {
    const auto got = ::pread(file.descriptor(), bytes.data() + filled, length - filled,
                             static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot read", path(id));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

void FileBlobs::erase(const std::string& id) {
  if (::unlink(path(id).c_str()) != 0 && errno != ENOENT) fail("cannot delete", path(id));
}

}  // namespace moonbase::store
