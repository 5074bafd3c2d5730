#include "dax_cache.hpp"

#include <functional>
#include <utility>

namespace moonbase::dynamodb {
namespace {

constexpr std::size_t version_count = 1024;
constexpr std::size_t entry_bytes = 160;  // Of the containers, beside key and content.

std::size_t bytes_of(const std::string& key, const std::string& content) {
  return key.size() + content.size() + entry_bytes;
}

}  // namespace

DaxCache::DaxCache(std::size_t bytes_max) : bytes_max_(bytes_max), versions_(version_count) {}

std::uint64_t& DaxCache::version_of(const std::string& key) {
  return versions_[std::hash<std::string>()(key) % version_count];
}

void DaxCache::erase(Entries::iterator entry) {
  bytes_ -= bytes_of(entry->key, entry->content);
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

void DaxCache::erase(const std::string& key) {
  if (const auto found = by_key_.find(key); found != by_key_.end()) erase(found->second);
}

void DaxCache::put(const std::string& key, std::string content, Time now) {
  erase(key);
  if (bytes_of(key, content) > bytes_max_) return;
  entries_.push_front({key, std::move(content), Time{now.ms + dax_lifetime_ms}});
  by_key_.emplace(entries_.front().key, entries_.begin());
  bytes_ += bytes_of(key, entries_.front().content);
  while (bytes_ > bytes_max_) erase(std::prev(entries_.end()));
}

std::optional<std::string> DaxCache::find(const std::string& key, Time now) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  const auto entry = found->second;
  if (entry->until <= now) {
    erase(entry);
    return std::nullopt;
  }
  entries_.splice(entries_.begin(), entries_, entry);
  return entry->content;
}

std::uint64_t DaxCache::version(const std::string& key) {
  const std::lock_guard lock(mutex_);
  return version_of(key);
}

void DaxCache::keep(const std::string& key, std::string content, std::uint64_t version, Time now) {
  const std::lock_guard lock(mutex_);
  if (version_of(key) == version) put(key, std::move(content), now);
}

std::uint64_t DaxCache::begin_write(const std::string& key) {
  const std::lock_guard lock(mutex_);
  erase(key);
  return ++version_of(key);
}

void DaxCache::end_write(const std::string& key, std::uint64_t begun, std::optional<std::string> content, Time now) {
  const std::lock_guard lock(mutex_);
  const bool alone = version_of(key)++ == begun;
  if (alone && content)
    put(key, std::move(*content), now);
  else
    erase(key);
}

void DaxCache::clear() {
  const std::lock_guard lock(mutex_);
  by_key_.clear();
  entries_.clear();
  for (auto& version : versions_) ++version;
  bytes_ = 0;
}

std::size_t DaxCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace moonbase::dynamodb
