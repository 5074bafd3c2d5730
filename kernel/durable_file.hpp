// Files and folders that must survive a power failure. An Error is a sentence for a person.
#pragma once

#include <sys/types.h>

#include <moonbase/result.hpp>
#include <string>
#include <string_view>

namespace moonbase {

// Written aside, synced and renamed, and the folder synced: afterwards the old file or the new one is there,
// whole, whatever happens. With this mode from the first byte on.
Result<Done> write_durably(const std::string& path, mode_t mode, std::string_view content);

// Makes the folder and those above it where they are missing, each with its own name synced.
Result<Done> make_folder_durably(const std::string& path);

// What was made, renamed or removed in this folder until now stays so.
Result<Done> sync_folder(const std::string& path);

}  // namespace moonbase
