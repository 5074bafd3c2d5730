// A plugin written in Lua: a folder with model.lua and handlers.lua, and if it likes schema.sql and
// resources.lua. No C++; the same operations, store and tasks.
//
// handlers.lua is a chunk that returns { OperationName = function(call) … end, tasks = { … } }; what
// a call holds is described in scripts/lua/moonbase/plugin.lua. It is trusted code: it runs inside
// the platform, within a budget of instructions.
#pragma once

#include "plugin/loader.hpp"

#include <filesystem>
#include <memory>

namespace moonbase::lua {

// Named after its model's service. The Error (code "PluginError") names file and line.
Result<std::shared_ptr<plugin::Loaded>> load_plugin(const std::filesystem::path& folder);

}  // namespace moonbase::lua
