// PatternIndex: many patterns on one bus, of which an event interests few. A pattern that demands exact
// strings somewhere ("source", "detail.state") is looked up by the rarest of those; the others are tried.
#pragma once

#include <cstddef>
#include <memory>
#include <moonbase/value.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "patterns/pattern.hpp"

namespace moonbase::notifications {

// Built once, then read by any thread.
class PatternIndex {
 public:
  explicit PatternIndex(std::vector<Pattern> patterns);

  // The positions of the patterns that match, in order.
  std::vector<std::size_t> matching(const Value& event) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Positions = std::vector<std::size_t>;
  struct Path {
    std::vector<std::string> steps;
    std::unordered_map<std::string, Positions, Hash, std::equal_to<>> by_value;
  };

  std::vector<Pattern> patterns_;
  std::vector<Path> paths_;
  Positions others_;
};

}  // namespace moonbase::notifications
