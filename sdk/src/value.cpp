#include <moonbase/result.hpp>
#include <moonbase/value.hpp>

#include <functional>
#include <stdexcept>
#include <unordered_map>

namespace moonbase {
namespace {

constexpr std::size_t inline_entries_max = 16;

[[noreturn]] void wrong_kind(Value::Kind wanted, Value::Kind found) {
  constexpr const char* names[] = {"null", "boolean", "integer", "number", "string", "list", "map"};
  throw std::logic_error(std::string("a Value of kind ") + names[static_cast<int>(found)] + " was read as " +
                         names[static_cast<int>(wanted)]);
}

}  // namespace

// Positions by key. A multimap of hashes rather than of keys: the keys move with the entries.
struct Map::Index {
  std::unordered_multimap<std::size_t, std::size_t> positions;
};

Map::Map() noexcept = default;
Map::Map(std::initializer_list<MapEntry> entries) {
  entries_.reserve(entries.size());
  for (const auto& entry : entries) set(entry.key, entry.value);
}
Map::Map(const Map& other)
    : entries_(other.entries_), index_(other.index_ ? std::make_unique<Index>(*other.index_) : nullptr) {}
Map::Map(Map&& other) noexcept = default;
Map& Map::operator=(Map other) noexcept {
  entries_.swap(other.entries_);
  index_.swap(other.index_);
  return *this;
}
Map::~Map() = default;

std::size_t Map::size() const noexcept { return entries_.size(); }
const MapEntry* Map::begin() const noexcept { return entries_.data(); }
const MapEntry* Map::end() const noexcept { return entries_.data() + entries_.size(); }
MapEntry* Map::begin() noexcept { return entries_.data(); }
MapEntry* Map::end() noexcept { return entries_.data() + entries_.size(); }
void Map::reserve(std::size_t entries) { entries_.reserve(entries); }

const Value* Map::find(std::string_view key) const noexcept {
  if (!index_) {
    for (const auto& entry : entries_)
      if (entry.key == key) return &entry.value;
    return nullptr;
  }
  const auto [first, last] = index_->positions.equal_range(std::hash<std::string_view>{}(key));
  for (auto it = first; it != last; ++it)
    if (entries_[it->second].key == key) return &entries_[it->second].value;
  return nullptr;
}

Value* Map::find(std::string_view key) noexcept { return const_cast<Value*>(std::as_const(*this).find(key)); }

Value& Map::set(std::string key, Value value) {
  if (Value* found = find(key)) {
    *found = std::move(value);
    return *found;
  }
  entries_.push_back({std::move(key), std::move(value)});
  const auto index_entry = [&](std::size_t position) {
    index_->positions.emplace(std::hash<std::string_view>{}(entries_[position].key), position);
  };
  if (index_) {
    index_entry(entries_.size() - 1);
  } else if (entries_.size() > inline_entries_max) {
    index_ = std::make_unique<Index>();
    for (std::size_t position = 0; position < entries_.size(); ++position) index_entry(position);
  }
  return entries_.back().value;
}

Value& Map::operator[](std::string_view key) {
  if (Value* found = find(key)) return *found;
  return set(std::string(key), Value());
}

bool Map::erase(std::string_view key) {
  const Value* found = find(key);
  if (!found) return false;
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    if (&it->value != found) continue;
    entries_.erase(it);
    break;
  }
  if (index_) {
    index_->positions.clear();
    for (std::size_t position = 0; position < entries_.size(); ++position)
      index_->positions.emplace(std::hash<std::string_view>{}(entries_[position].key), position);
  }
  return true;
}

bool operator==(const Map& a, const Map& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a) {
    const Value* other = b.find(key);
    if (!other || !(*other == value)) return false;
  }
  return true;
}

bool operator==(const Value& a, const Value& b) { return a.data_ == b.data_; }

bool Value::boolean() const {
  if (const auto* content = std::get_if<bool>(&data_)) return *content;
  wrong_kind(Kind::boolean, kind());
}
std::int64_t Value::integer() const {
  if (const auto* content = std::get_if<std::int64_t>(&data_)) return *content;
  wrong_kind(Kind::integer, kind());
}
double Value::number() const {
  if (const auto* content = std::get_if<double>(&data_)) return *content;
  if (const auto* content = std::get_if<std::int64_t>(&data_)) return static_cast<double>(*content);
  wrong_kind(Kind::number, kind());
}
const std::string& Value::string() const {
  if (const auto* content = std::get_if<std::string>(&data_)) return *content;
  wrong_kind(Kind::string, kind());
}
std::string& Value::string() { return const_cast<std::string&>(std::as_const(*this).string()); }
const List& Value::list() const {
  if (const auto* content = std::get_if<List>(&data_)) return *content;
  wrong_kind(Kind::list, kind());
}
List& Value::list() { return const_cast<List&>(std::as_const(*this).list()); }
const Map& Value::map() const {
  if (const auto* content = std::get_if<Map>(&data_)) return *content;
  wrong_kind(Kind::map, kind());
}
Map& Value::map() { return const_cast<Map&>(std::as_const(*this).map()); }

namespace {
const Value missing;
}

const Value& Value::operator[](std::string_view key) const noexcept {
  const auto* content = std::get_if<Map>(&data_);
  const Value* found = content ? content->find(key) : nullptr;
  return found ? *found : missing;
}

const Value& Value::operator[](std::size_t index) const noexcept {
  const auto* content = std::get_if<List>(&data_);
  return content && index < content->size() ? (*content)[index] : missing;
}

Value& Value::set(std::string key, Value value) {
  if (is_null()) data_ = Map();
  return map().set(std::move(key), std::move(value));
}

Error not_implemented(std::string what) {
  return {"NotImplemented", "Moonbase has not built " + std::move(what) + ".", {}, 501};
}

}  // namespace moonbase
