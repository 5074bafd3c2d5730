// What DAX keeps: contents by key, for five minutes of the platform's clock, the least recently used go first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <moonbase/clock.hpp>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace moonbase::dynamodb {

constexpr std::int64_t dax_lifetime_ms = 5 * 60 * 1000;

// Any thread may use it.
class DaxCache {
 public:
  explicit DaxCache(std::size_t bytes_max);

  std::optional<std::string> find(const std::string& key, Time now);

  // A reader notes the version before it asks the table, and keeps the answer only if nobody wrote meanwhile.
  std::uint64_t version(const std::string& key);
  void keep(const std::string& key, std::string content, std::uint64_t version, Time now);

  // Around a write. It leaves its content (none: only that what was kept is old), unless another write of this key ran
  // beside it: then nobody knows which was last.
  std::uint64_t begin_write(const std::string& key);
  void end_write(const std::string& key, std::uint64_t begun, std::optional<std::string> content, Time now);

  void clear();
  std::size_t bytes() const;

 private:
  struct Entry {
    std::string key, content;
    Time until;
  };
  using Entries = std::list<Entry>;

  std::uint64_t& version_of(const std::string& key);
  void put(const std::string& key, std::string content, Time now);
  void erase(Entries::iterator entry);
  void erase(const std::string& key);

  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  Entries entries_;  // The most recently used first.
  std::unordered_map<std::string_view, Entries::iterator> by_key_;
  std::vector<std::uint64_t> versions_;  // By the keys' hashes.
  std::size_t bytes_ = 0;
};

}  // namespace moonbase::dynamodb
