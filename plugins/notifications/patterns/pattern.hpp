// Event patterns: what rules, archives and pipes choose events with. Pure: text in, answer out.
//
//   {"source": ["shop"], "detail": {"total": [{"numeric": [">", 100]}], "$or": [{…}, {…}]}}
//
// Every field must be there and one of its alternatives hold; an array in an event offers each of its
// elements. Fields below an array of objects must hold in one and the same element.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <moonbase/result.hpp>
#include <moonbase/value.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace moonbase::notifications {

// One alternative of a field.
struct Matcher {
  enum class Kind : std::uint8_t {
    exact,        // `value`, of the same type; numbers by their value.
    ignore_case,  // Equal to `text` (lower case).
    prefix,
    suffix,
    wildcard,
    range,
    cidr,
    present,
    absent,
    anything_but,  // There, and none of `but` holds.
  };
  Kind kind = Kind::exact;
  bool folds_case = false;  // Of a prefix or suffix: `text` is lower case.
  Value value = {};
  std::string text = {};
  // Of a range.
  double least = 0, most = 0;
  bool has_least = false, has_most = false, open_least = false, open_most = false;
  // Of a cidr: an IPv4 address fills the first four bytes.
  std::array<std::uint8_t, 16> address = {};
  std::uint8_t address_bytes = 0, bits = 0;
  std::vector<Matcher> but = {};
};

class Pattern {
 public:
  struct Node;
  struct Field {
    std::string name;
    std::vector<Matcher> alternatives;  // Of a leaf.
    std::unique_ptr<Node> below;        // Of an inner field; else null.
  };
  struct Node {
    std::vector<Field> fields;               // All must hold.
    std::vector<std::vector<Node>> choices;  // Of each "$or" one must hold.
  };

  // An Error's message is AWS's reason, such as "Empty objects are not allowed" with its place.
  static Result<Pattern> parse(std::string_view text);

  bool matches(const Value& event) const;
  const Node& root() const { return root_; }

 private:
  Node root_;
};

// "Event pattern is not valid. Reason: …"
Error invalid_event_pattern(std::string_view reason);

bool matches(const Matcher& matcher, const Value& value);
// '*' stands for any number of characters, '\*' for itself. Linear but for the stars.
bool matches_wildcard(std::string_view wildcard, std::string_view text);
std::string lower_case(std::string_view text);  // ASCII letters only.

}  // namespace moonbase::notifications
