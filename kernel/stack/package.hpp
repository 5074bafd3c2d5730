// Code packages: files into a zip, the same bytes for the same files.
#pragma once

#include <moonbase/result.hpp>

#include <filesystem>
#include <map>
#include <string>

namespace moonbase::stack {

using Files = std::map<std::string, std::string>;  // Name inside the package → content.

std::string zip(const Files& files);

// A file (under its own name), or every file below a folder. An Error names what is wrong: it is not
// there, or it exceeds 250 MB or 10,000 files.
Result<Files> read_files(const std::filesystem::path& path);

}  // namespace moonbase::stack
