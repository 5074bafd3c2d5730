// Filter patterns of CloudWatch Logs. No I/O.
//
//   ERROR "not found" -debug        all of these words, and not that one
//   ?ERROR ?WARN                    any of them
//   { $.status = 5* && ($.ms > 100 || $.user NOT EXISTS) }
//   [ip, user, ..., status = 4*, bytes > 1000]
//   %5\d\d%                        a regular expression, also behind = and !=
#pragma once

#include <memory>
#include <moonbase/result.hpp>
#include <moonbase/value.hpp>
#include <string_view>

namespace moonbase::functions {

inline constexpr std::size_t log_pattern_bytes_max = 1024;
inline constexpr int log_pattern_depth_max = 16;

class LogPattern {
 public:
  // An Error is InvalidParameterException.
  static Result<LogPattern> parse(std::string_view text);
  bool matches(std::string_view message) const;
  // What the pattern names in a message that it matches: "$.user.name", "$status"; "$3" of columns without a name.
  Map values(std::string_view message) const;

 private:
  struct Words;
  struct Condition;
  struct Json;
  struct Columns;
  std::shared_ptr<const Words> words_;
  std::shared_ptr<const Json> json_;
  std::shared_ptr<const Columns> columns_;
};

}  // namespace moonbase::functions
