// Small things about text.
#pragma once

#include <string>
#include <string_view>

namespace moonbase::functions {

// A to Z only: names of headers, condition keys.
inline std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace moonbase::functions
