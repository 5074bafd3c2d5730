#include "store/file_blobs.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <moonbase/hash.hpp>
#include <stdexcept>
#include <system_error>
#include <unordered_map>
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

constexpr std::string_view incoming_prefix = "incoming-", unnamed_prefix = "unnamed-";

}  // namespace

// Who holds which blobs, as a reader or as the writer that has finished it.
class FileBlobs::Holds {
 public:
  Holds(std::filesystem::path folder, bool marks) : folder_(std::move(folder)), marks_(marks) {}

  std::mutex mutex;  // For all that follows.

  // A writer's blob is marked: if we are killed, it may be that nothing names it.
  void take(const std::string& id, bool as_writer) {
    ++begun(id);
    auto& held = held_[id];
    ++held.holds;
    if (!as_writer || ++held.writers > 1 || !marks_) return;
    const int descriptor = ::open(mark_of(id).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor >= 0) {
      ::close(descriptor);
      return;
    }
    const int problem = errno;
    --held.writers;
    if (--held.holds == 0) held_.erase(id);
    errno = problem;
    fail("cannot create", mark_of(id));
  }
  void let_go(const std::string& id, bool as_writer) {
    const auto found = held_.find(id);
    if (as_writer && --found->second.writers == 0 && marks_) ::unlink(mark_of(id).c_str());
    if (--found->second.holds == 0) held_.erase(found);
  }

  bool has(const std::string& id) const { return held_.contains(id); }
  // Counts the holds that ever began, by the id's first digit: who erases one is not held up by all.
  std::uint64_t& begun(const std::string& id) {
    const auto digit = static_cast<unsigned char>(id.empty() ? '0' : id.front());
    return begun_[digit % begun_.size()];
  }
  std::filesystem::path mark_of(const std::string& id) const { return folder_ / (std::string(unnamed_prefix) + id); }

 private:
  struct Held {
    int holds = 0, writers = 0;  // Writers hold as well.
  };
  const std::filesystem::path folder_;
  const bool marks_;
  std::unordered_map<std::string, Held> held_;
  std::array<std::uint64_t, 16> begun_{};
};

class FileBlobs::Writer final : public BlobWriter {
 public:
  explicit Writer(const FileBlobs& blobs)
      : folder_(blobs.folder_), durable_(blobs.durable_), holds_(blobs.holds_), digest_(make_digest("sha256")) {
    std::string name = (folder_ / (std::string(incoming_prefix) + "XXXXXX")).string();
    descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
    aside_ = name;
    if (descriptor_ < 0) fail("cannot create", aside_);
  }
  ~Writer() override {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!aside_.empty()) ::unlink(aside_.c_str());
    if (id_.empty()) return;
    const std::lock_guard lock(holds_->mutex);
    holds_->let_go(id_, true);
  }

  void append(std::string_view bytes) override {
    digest_->add(bytes);
    while (!bytes.empty()) {
      const auto written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) fail("cannot write", aside_);
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  std::string finish() override {
    const auto id = hex(digest_->finish());
    if (durable_ && ::fsync(descriptor_) != 0) fail("cannot sync", aside_);
    if (::close(std::exchange(descriptor_, -1)) != 0) fail("cannot close", aside_);

    const auto shelf = folder_ / id.substr(0, 2);
    make_folder(shelf, durable_);
    put_on_shelf(id, shelf / id);
    if (durable_) {
      must(sync_folder(shelf.string()));
      // Another writer may have made the shelf, and not have come to this yet.
      must(sync_folder(folder_.string()));
    }
    return id;
  }

 private:
  // Under the lock: who erases sees either neither blob nor hold, or both.
  void put_on_shelf(const std::string& id, const std::filesystem::path& place) {
    const std::lock_guard lock(holds_->mutex);
    holds_->take(id, true);
    id_ = id;
    if (::rename(aside_.c_str(), place.c_str()) != 0) fail("cannot rename", aside_);
    aside_.clear();
  }

  const std::filesystem::path folder_;
  const bool durable_;
  const std::shared_ptr<Holds> holds_;
  const std::unique_ptr<Digest> digest_;
  std::filesystem::path aside_;  // Until it has been renamed.
  std::string id_;               // Once it is held.
  int descriptor_ = -1;
};

class FileBlobs::Hold final : public BlobHold {
 public:
  Hold(std::shared_ptr<Holds> holds, std::vector<std::string> ids) : holds_(std::move(holds)), ids_(std::move(ids)) {
    const std::lock_guard lock(holds_->mutex);
    for (const auto& id : ids_) holds_->take(id, false);
  }
  ~Hold() override {
    const std::lock_guard lock(holds_->mutex);
    for (const auto& id : ids_) holds_->let_go(id, false);
  }

 private:
  const std::shared_ptr<Holds> holds_;
  const std::vector<std::string> ids_;
};

FileBlobs::FileBlobs(std::filesystem::path folder, bool durable)
    : folder_(std::move(folder)), durable_(durable), holds_(std::make_shared<Holds>(folder_, durable)) {
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, missing)) {
    const auto name = entry.path().filename().string();
    if (name.starts_with(incoming_prefix)) ::unlink(entry.path().c_str());
    if (name.starts_with(unnamed_prefix)) unnamed_.push_back(name.substr(unnamed_prefix.size()));
  }
}

std::unique_ptr<BlobWriter> FileBlobs::create() {
  std::call_once(folder_made_, make_folder, folder_, durable_);
  return std::make_unique<Writer>(*this);
}

std::unique_ptr<BlobHold> FileBlobs::hold(std::vector<std::string> ids) {
  return std::make_unique<Hold>(holds_, std::move(ids));
}

bool FileBlobs::erase_unused(const std::string& id, const BlobUse& is_used) {
  for (;;) {
    std::uint64_t begun = 0;
    {
      const std::lock_guard lock(holds_->mutex);
      if (holds_->has(id)) return false;
      begun = holds_->begun(id);
    }
    if (is_used(id)) return true;
    const std::lock_guard lock(holds_->mutex);
    if (holds_->has(id)) return false;
    // Whoever began in between may have ended too, and named it.
    if (begun != holds_->begun(id)) continue;
    erase(id);
    return true;
  }
}

void FileBlobs::settle(const BlobUse& is_used) {
  for (const auto& id : std::exchange(unnamed_, {})) {
    const bool decided = !is_id(id) || erase_unused(id, is_used);
    if (decided) ::unlink(holds_->mark_of(id).c_str());
  }
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
    const auto got =
        ::pread(file.descriptor(), bytes.data() + filled, length - filled, static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot read", path(id));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

void FileBlobs::erase(const std::string& id) const {
  if (::unlink(path(id).c_str()) != 0 && errno != ENOENT) fail("cannot delete", path(id));
}

}  // namespace moonbase::store
