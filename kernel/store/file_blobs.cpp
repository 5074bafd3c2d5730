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

namespace moonbase::store {
namespace {

[[noreturn]] void fail(const std::string& what, const std::filesystem::path& path) {
  throw std::runtime_error(what + " " + path.string() + ": " + std::strerror(errno));
}

class File {
 public:
  File(const std::filesystem::path& path, int flags) : path_(path), descriptor_(::open(path.c_str(), flags, 0600)) {
    if (descriptor_ < 0) fail("cannot open", path);
  }
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int descriptor() const { return descriptor_; }
  void sync() const {
    if (::fsync(descriptor_) != 0) fail("cannot sync", path_);
  }

 private:
  const std::filesystem::path path_;
  const int descriptor_;
};

// Ids come back from clients; only our own form becomes part of a path.
bool is_id(const std::string& id) {
  return id.size() == 64 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

class FileBlobWriter final : public BlobWriter {
 public:
  FileBlobWriter(const std::filesystem::path& folder, bool durable) : folder_(folder), durable_(durable) {
    std::filesystem::create_directories(folder);
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
    std::filesystem::create_directories(shelf);
    if (::rename(aside_.c_str(), (shelf / id).c_str()) != 0) fail("cannot rename", aside_);
    finished_ = true;
    if (durable_) {
      File(shelf, O_RDONLY | O_DIRECTORY | O_CLOEXEC).sync();
      File(folder_, O_RDONLY | O_DIRECTORY | O_CLOEXEC).sync();
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

std::unique_ptr<BlobWriter> FileBlobs::create() { return std::make_unique<FileBlobWriter>(folder_, durable_); }

std::string FileBlobs::path(const std::string& id) const {
  if (!is_id(id)) throw std::runtime_error("not the id of a blob: " + id);
  return (folder_ / id.substr(0, 2) / id).string();
}

bool FileBlobs::contains(const std::string& id) const { return is_id(id) && std::filesystem::exists(path(id)); }

std::uint64_t FileBlobs::size(const std::string& id) const { return std::filesystem::file_size(path(id)); }

std::string FileBlobs::read(const std::string& id, std::uint64_t offset, std::size_t length) const {
  const File file(path(id), O_RDONLY | O_CLOEXEC);
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
