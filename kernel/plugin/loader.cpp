#include "plugin/loader.hpp"

#include <boost/dll/shared_library.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <cstring>

namespace moonbase::plugin {
namespace {

Error refuse(const std::filesystem::path& file, const std::string& why) {
  return {"PluginError", file.string() + " was not loaded: " + why};
}

// What keeps the platform from running this plugin, or nothing.
std::string mismatch(const PluginDescriptor& descriptor) {
  if (descriptor.magic != plugin_magic) return "its descriptor is not Moonbase's. Export it with MOONBASE_PLUGIN.";
  if (descriptor.abi != MOONBASE_ABI) {
    const bool older = descriptor.abi < MOONBASE_ABI;
    return std::string("the plugin is ") + (older ? "older" : "newer") + " than this Moonbase (plugin interface " +
           std::to_string(descriptor.abi) + ", here " + std::to_string(MOONBASE_ABI) + "). " +
           (older ? "Build the plugin anew with this Moonbase's SDK." : "Update Moonbase.");
  }
  if (std::strcmp(descriptor.compiler, MOONBASE_COMPILER) != 0)
    return std::string("it was built with ") + descriptor.compiler + ", this Moonbase with " MOONBASE_COMPILER
           ". Build it with the same compiler.";
  if (std::strcmp(descriptor.standard_library, MOONBASE_STANDARD_LIBRARY) != 0)
    return std::string("it was built against ") + descriptor.standard_library +
           ", this Moonbase against " MOONBASE_STANDARD_LIBRARY ". Build it with the same standard library.";
  return "";
}

// Libraries stay open until the process ends: their code may be anywhere.
std::vector<boost::dll::shared_library>& open_libraries() {
  static auto* libraries = new std::vector<boost::dll::shared_library>();
  return *libraries;
}

}  // namespace

Result<std::shared_ptr<Loaded>> load(const std::filesystem::path& file) {
  struct stat status;
  if (::stat(file.c_str(), &status) != 0) return refuse(file, "there is no such file.");
  if ((status.st_mode & S_IWOTH) != 0)
    return refuse(file, "everybody may write to it. Run: chmod o-w " + file.string());

  boost::dll::fs::error_code failure;
  boost::dll::shared_library library;
  library.load(boost::dll::fs::path(std::filesystem::absolute(file).string()), failure,
               boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
  if (failure) return refuse(file, failure.message() + ".");
  if (!library.has("moonbase_plugin_descriptor"))
    return refuse(file, "it has no descriptor. Export one with MOONBASE_PLUGIN, as examples/coupons does.");
  const auto& descriptor = library.get<const PluginDescriptor>("moonbase_plugin_descriptor");
  if (const auto why = mismatch(descriptor); !why.empty()) return refuse(file, why);

  open_libraries().push_back(library);
  auto loaded = std::make_shared<Loaded>();
  loaded->name = descriptor.name;
  loaded->version = descriptor.version;
  loaded->file = file;
  loaded->plugin.reset(descriptor.create());
  return loaded;
}

std::vector<std::filesystem::path> find(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failure))
    if (entry.path().extension() == ".so") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace moonbase::plugin
