// BlobStore: large objects beside the store, by the hash of their content.
#pragma once

#include <moonbase/result.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace moonbase {

// Receives one blob. Dropping it unfinished leaves nothing behind.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  virtual void append(std::string_view bytes) = 0;
  virtual std::string finish() = 0;  // Durable when it returns. Answers the id: SHA-256 in lower-case hex.
};

// Any thread may use it. Throws std::runtime_error when the disk fails.
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
  virtual void erase(const std::string& id) = 0;

  // The file that holds the blob, to be opened read-only (an execution environment maps code so).
  virtual std::string path(const std::string& id) const = 0;
};

}  // namespace moonbase
