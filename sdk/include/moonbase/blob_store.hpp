// BlobStore: large objects beside the store, by the hash of their content.
#pragma once

#include <moonbase/result.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase {

// Receives one blob. Dropping it unfinished leaves nothing behind.
class BlobWriter {
 public:
  // What it has finished may be erased from now on, unless something names it: keep it until that is committed.
  virtual ~BlobWriter() = default;
  virtual void append(std::string_view bytes) = 0;
  // Durable when it returns, and held like by hold(). Answers the id: SHA-256 in lower-case hex. Waits for the disk.
  virtual std::string finish() = 0;
};

// While it lives nobody erases the blobs that it is for.
class BlobHold {
 public:
  virtual ~BlobHold() = default;
};

// Whether anything in the store names this blob. May suspend the fiber.
using BlobUse = std::function<bool(const std::string& id)>;

// Any thread may use it. Throws std::runtime_error when the disk fails.
//
// Equal content is one blob, so one may be named many times, and be stored anew while it is being erased. Therefore:
// write, keep the BlobWriter until what names the blob is committed; drop the last name, and let a task of that
// transaction call erase_unused().
class BlobStore {
 public:
  virtual ~BlobStore() = default;
  virtual std::unique_ptr<BlobWriter> create() = 0;
  std::string put(std::string_view bytes);

  virtual bool contains(const std::string& id) const = 0;
  virtual std::uint64_t size(const std::string& id) const = 0;
  // At most `length` bytes from `offset`.
  virtual std::string read(const std::string& id, std::uint64_t offset, std::size_t length) const = 0;
  std::string get(const std::string& id) const;

  // For who reads for a while. An id that was read from the store may be gone by now: ask contains() once it is held.
  virtual std::unique_ptr<BlobHold> hold(std::vector<std::string> ids) = 0;
  // Erases a blob that nobody holds and `is_used` denies. False when somebody holds it: ask again later.
  virtual bool erase_unused(const std::string& id, const BlobUse& is_used) = 0;
  // Of a Plugin's ready(): erases what a crash has left between a blob's end and the commit that was to name it.
  virtual void settle(const BlobUse& is_used) = 0;

  // The file that holds the blob, to be opened read-only (an execution environment maps code so).
  virtual std::string path(const std::string& id) const = 0;
};

}  // namespace moonbase
