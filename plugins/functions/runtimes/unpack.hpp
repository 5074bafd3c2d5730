// Zips from outside, as files: nothing is written but below the folder, and no more than AWS allows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <moonbase/result.hpp>

namespace moonbase::functions {

inline constexpr std::uint64_t unpacked_bytes_max = 262'144'000;  // A function and its layers together.

// Unpacks one zip below `folder`, over what is there, and counts into `bytes`. Links, encrypted entries
// and names that lead out are refused with AWS's text. Blocks. Throws std::system_error when the disk fails.
Result<Done> unpack_zip(const std::filesystem::path& zip, const std::filesystem::path& folder, std::uint64_t& bytes);

}  // namespace moonbase::functions
