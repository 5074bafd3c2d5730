// moonbase new plugin NAME: the coupons example under another name.
#include "cli/commands.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <utility>

extern "C" {  // examples/coupons, embedded by the build.
extern const char skeleton_model_lua[];
extern const char skeleton_schema_sql[];
extern const char skeleton_plugin_cpp[];
extern const char skeleton_resources_lua[];
extern const char skeleton_coupons_test_cpp[];
extern const char skeleton_catch_main_cpp[];
extern const char skeleton_CMakeLists_txt[];
extern const char skeleton_README_md[];
}

namespace moonbase::cli {
namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

bool is_plugin_name(const std::string& name) {
  return !name.empty() && name.size() <= 40 && std::islower(static_cast<unsigned char>(name.front())) != 0 &&
         std::all_of(name.begin(), name.end(), [](unsigned char letter) {
           return std::islower(letter) != 0 || std::isdigit(letter) != 0 || letter == '_';
         });
}

}  // namespace

int new_plugin(const std::string& name, const std::string& folder) {
  namespace fs = std::filesystem;
  if (!is_plugin_name(name)) {
    fmt::print(stderr, "moonbase: a plugin's name is lower-case letters, digits and _, such as coupons\n");
    return 1;
  }
  const fs::path target = (folder.empty() ? fs::path(".") : fs::path(folder)) / name;
  if (fs::exists(target)) {
    fmt::print(stderr, "moonbase: {} exists already\n", target.string());
    return 1;
  }
  // One word of the example stands for all: coupons, Coupons.
  std::string title = name;
  title.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(title.front())));
  const std::pair<std::string, const char*> files[] = {
      {"model.lua", skeleton_model_lua},
      {"schema.sql", skeleton_schema_sql},
      {"plugin.cpp", skeleton_plugin_cpp},
      {"resources.lua", skeleton_resources_lua},
      {"coupons_test.cpp", skeleton_coupons_test_cpp},
      {"catch_main.cpp", skeleton_catch_main_cpp},
      {"CMakeLists.txt", skeleton_CMakeLists_txt},
      {"README.md", skeleton_README_md},
  };
  fs::create_directories(target);
  for (const auto& [file, text] : files) {
    std::ofstream out(target / replaced(file, "coupons", name), std::ios::binary);
    out << replaced(replaced(text, "coupons", name), "Coupons", title);
    if (!out.flush()) {
      fmt::print(stderr, "moonbase: cannot write {}\n", (target / file).string());
      return 1;
    }
  }
  fmt::print(
      "Wrote {}: a small complete service to start from. Build and test it:\n"
      "  cd {} && cmake -B build && cmake --build build && ctest --test-dir build\n",
      target.string(), target.string());
  return 0;
}

}  // namespace moonbase::cli
