// What a template gets: named texts, one after another in one piece of memory.
//
//   runtime      "lua" or "native"
//   config       JSON: the function's configuration as the handler's ctx and os.getenv show it
//   handler      "file.function" or "file.lua:function"
//   library      native: the path of the .so
//   vocabulary:NAME  stack words of a plugin (Lua); repeated
//   now_ms       the platform's time, for code that asks while it is loaded
//   file:NAME    a file of the function's package; repeated
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moonbase::functions {

class Package {
 public:
  // Views `bytes`, which must outlive it. Nothing where the bytes are not a package.
  static std::optional<Package> parse(std::string_view bytes);

  std::string_view find(std::string_view name) const;  // The first of that name; empty where there is none.
  bool contains(std::string_view name) const;
  const std::vector<std::pair<std::string_view, std::string_view>>& entries() const { return entries_; }

 private:
  std::vector<std::pair<std::string_view, std::string_view>> entries_;
};

void append_package_entry(std::string& package, std::string_view name, std::string_view text);

}  // namespace moonbase::functions
