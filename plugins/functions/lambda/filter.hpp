// Filter patterns of event source mappings: {"body": {"price": [{"numeric": [">", 100]}]}}. No I/O.
//
// A field's list holds alternatives: texts, numbers, null, true, false, {"prefix": …}, {"suffix": …},
// {"equals-ignore-case": …}, {"anything-but": …}, {"numeric": […]}, {"exists": …}. "$or" holds a list of patterns.
#pragma once

#include <memory>
#include <moonbase/result.hpp>
#include <moonbase/value.hpp>
#include <string_view>

namespace moonbase::functions {

inline constexpr std::size_t filter_bytes_max = 4096;
inline constexpr std::size_t filters_max = 10;
inline constexpr std::size_t filter_depth_max = 16;

class FilterPattern {
 public:
  // An Error is InvalidParameterValueException, as Lambda words it.
  static Result<FilterPattern> parse(std::string_view text);
  bool matches(const Value& event) const;

 private:
  struct Node;
  std::shared_ptr<const Node> root_;
};

}  // namespace moonbase::functions
