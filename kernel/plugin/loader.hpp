// The loader: opens a plugin's shared library and checks its descriptor before any of its C++ runs.
#pragma once

#include <moonbase/plugin.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace moonbase::plugin {

struct Loaded {
  std::string name, version;
  std::filesystem::path file;
  std::unique_ptr<Plugin> plugin;
};

// Never unloaded again before the process ends. The Error (code "PluginError") is one sentence that
// says what to do.
Result<std::shared_ptr<Loaded>> load(const std::filesystem::path& file);

// The plugins of a folder, by name; none where there is no such folder.
std::vector<std::filesystem::path> find(const std::filesystem::path& folder);

}  // namespace moonbase::plugin
