// Code packages: zip archives from outside, with limits on everything.
#pragma once

#include <cstddef>
#include <moonbase/result.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moonbase::functions {

inline constexpr std::size_t zipped_bytes_max = 50 * 1024 * 1024;     // 52,428,800; of a request, not of an object.
inline constexpr std::size_t unzipped_bytes_max = 250 * 1024 * 1024;  // 262,144,000
inline constexpr std::size_t zip_entries_max = 65'535;                // A zip's own, before its later extension.

// Name inside the package and content, in the archive's order.
using CodeFiles = std::vector<std::pair<std::string, std::string>>;

// The files of an archive; nothing is written anywhere. An Error is InvalidParameterValueException
// with AWS's text: not a zip, encrypted, too large unpacked, or with names that lead out of it.
Result<CodeFiles> unzip(std::string_view zip);

// A relative name without "..", ".", empty parts, backslashes or control characters.
bool is_inside(std::string_view name);
Error not_a_zip();
Error too_many_entries();
Error too_large_unzipped();

}  // namespace moonbase::functions
