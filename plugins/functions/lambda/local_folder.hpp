// Code in a folder of this machine, for who is at work on it: S3Bucket "hot-reload" and S3Key the folder's absolute
// path, the words that other emulators have for it. What is in it when an invocation begins is what runs.
#pragma once

#include <cstdint>
#include <moonbase/result.hpp>
#include <string>
#include <string_view>

namespace moonbase::functions {

inline constexpr std::string_view hot_reload_bucket = "hot-reload";
// Of a function whose $LATEST comes from a folder: its path.
inline constexpr std::string_view code_folder_tag = "moonbase:code-folder";

// The folder as a package: equal files, equal bytes. Hidden files and links are left out. Only below the folders in
// MOONBASE_CODE_FOLDERS ("/a:/b"), or the one that the platform was started in. Reads the disk. Errors say what to do.
Result<std::string> zip_folder(const std::string& path);
// Another one when a file of it is another: by names, sizes and times. node_modules is not looked at. Reads the disk.
// 0 where there is no folder from which code may be taken.
std::uint64_t fingerprint_of(const std::string& path);

}  // namespace moonbase::functions
