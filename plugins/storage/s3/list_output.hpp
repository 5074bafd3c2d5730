// What the answers of all listings have in common.
#pragma once

#include <cstddef>
#include <moonbase/result.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "object.hpp"

namespace moonbase::s3 {

// EncodingType=url: keys may hold characters that XML cannot.
class Encoding {
 public:
  // Error InvalidArgument for other encodings.
  static Result<Encoding> of(const Value& input);
  std::string operator()(std::string_view text) const;

 private:
  explicit Encoding(bool url) : url_(url) {}
  bool url_;
};

// How many entries a request wants: never more than 1,000. Error InvalidArgument when it is no such number.
Result<std::size_t> page_of(const Value& input, std::string_view member, const std::string& name);

void show_prefixes(Value& output, const std::vector<std::string>& prefixes, const Encoding& encoding);
void show_checksum_kind(Map& entry, const Object& object);

}  // namespace moonbase::s3
