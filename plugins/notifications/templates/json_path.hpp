// JsonPath: "$.detail.items[0].id", "$['detail-type']", "$.items[*].id". What AWS's services let one
// write where they pick a part of an event.
#pragma once

#include <cstddef>
#include <moonbase/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace moonbase::notifications {

class JsonPath {
 public:
  // Nothing where it is none.
  static std::optional<JsonPath> parse(std::string_view text);

  // Nothing where the path leads nowhere. A path with "*" answers a list.
  std::optional<Value> find(const Value& root) const;

 private:
  struct Every {};
  using Step = std::variant<std::string, std::size_t, Every>;
  std::vector<Step> steps_;

  void follow(const Value& from, std::size_t depth, List& found) const;
};

}  // namespace moonbase::notifications
