// Value: what an operation takes and gives. One tree type for every protocol.
//
// The model decides how a Value looks on the wire, so a Value itself knows only seven kinds:
//   AWS string, enum, blob (raw bytes, never base64)  -> string
//   AWS integer, long, timestamp (milliseconds since 1970, UTC)  -> integer
//   AWS float, double  -> number
//   AWS list, set  -> list;  structure, union, map, document object  -> map
// A Value is a plain value: copying copies the tree, and any thread may read one that nobody writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace moonbase {

class Value;
struct MapEntry;
using List = std::vector<Value>;

// String keys to Values, in the order of insertion. Small maps are searched in line, larger ones
// through an index, so that a hostile map of a million keys is still linear to build.
class Map {
 public:
  Map() noexcept;
  Map(std::initializer_list<MapEntry> entries);  // A later entry replaces an earlier one.
  Map(const Map& other);
  Map(Map&& other) noexcept;
  Map& operator=(Map other) noexcept;
  ~Map();

  std::size_t size() const noexcept;
  bool empty() const noexcept { return size() == 0; }
  const MapEntry* begin() const noexcept;
  const MapEntry* end() const noexcept;
  MapEntry* begin() noexcept;  // The value may be written through it; the key may not.
  MapEntry* end() noexcept;

  // Null where there is none.
  const Value* find(std::string_view key) const noexcept;
  Value* find(std::string_view key) noexcept;
  bool contains(std::string_view key) const noexcept { return find(key) != nullptr; }

  Value& set(std::string key, Value value);      // Inserts or replaces.
  Value& operator[](std::string_view key);       // Inserts null where there is none.
  bool erase(std::string_view key);              // Keeps the order of the others. Linear.
  void reserve(std::size_t entries);

  // Equal when they hold equal values under the same keys; order does not count.
  friend bool operator==(const Map& a, const Map& b);

 private:
  struct Index;
  std::vector<MapEntry> entries_;
  std::unique_ptr<Index> index_;  // Only in large maps.
};

class Value {
 public:
  enum class Kind : std::uint8_t { null, boolean, integer, number, string, list, map };

  Value() noexcept = default;
  Value(std::nullptr_t) noexcept {}
  Value(bool boolean) noexcept : data_(boolean) {}
  template <class Integer, std::enable_if_t<std::is_integral_v<Integer> && !std::is_same_v<Integer, bool>, int> = 0>
  Value(Integer integer) noexcept : data_(static_cast<std::int64_t>(integer)) {}
  Value(double number) noexcept : data_(number) {}
  Value(std::string string) noexcept : data_(std::move(string)) {}
  Value(std::string_view string) : data_(std::string(string)) {}
  Value(const char* string) : data_(std::string(string)) {}
  Value(List list) noexcept : data_(std::move(list)) {}
  Value(Map map) noexcept : data_(std::move(map)) {}

  Kind kind() const noexcept { return static_cast<Kind>(data_.index()); }
  bool is_null() const noexcept { return kind() == Kind::null; }
  bool is_boolean() const noexcept { return kind() == Kind::boolean; }
  bool is_integer() const noexcept { return kind() == Kind::integer; }
  bool is_number() const noexcept { return kind() == Kind::number; }
  bool is_string() const noexcept { return kind() == Kind::string; }
  bool is_list() const noexcept { return kind() == Kind::list; }
  bool is_map() const noexcept { return kind() == Kind::map; }

  // The content. Throws std::logic_error for another kind: the model has already checked an
  // operation's input, so a mismatch is a bug. `number()` takes integers too.
  bool boolean() const;
  std::int64_t integer() const;
  double number() const;
  const std::string& string() const;
  std::string& string();
  const List& list() const;
  List& list();
  const Map& map() const;
  Map& map();

  // The content, or `otherwise` where this is null (an optional member that was not sent).
  bool boolean_or(bool otherwise) const { return is_null() ? otherwise : boolean(); }
  std::int64_t integer_or(std::int64_t otherwise) const { return is_null() ? otherwise : integer(); }
  double number_or(double otherwise) const { return is_null() ? otherwise : number(); }
  std::string string_or(std::string_view otherwise) const {
    return is_null() ? std::string(otherwise) : string();
  }

  // A member or an element; a null Value where there is none or this holds no members.
  const Value& operator[](std::string_view key) const noexcept;
  const Value& operator[](const char* key) const noexcept { return (*this)[std::string_view(key)]; }
  const Value& operator[](std::size_t index) const noexcept;
  const Value& operator[](int index) const noexcept { return (*this)[static_cast<std::size_t>(index)]; }

  // Sets a member. A null Value becomes a map first.
  Value& set(std::string key, Value value);

  friend bool operator==(const Value& a, const Value& b);

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map> data_;
};

struct MapEntry {
  std::string key;
  Value value;
};

}  // namespace moonbase
