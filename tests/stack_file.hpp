// Stacks in tests: a file that goes with the test, and what planning or applying it says.
#pragma once

#include <moonbase/result.hpp>
#include <moonbase/value.hpp>

#include <string>

#include "files.hpp"

class StackFile {
 public:
  explicit StackFile(std::string name) : name_(std::move(name)) {}
  // The path of the stack that declares this.
  std::string with(const std::string& lines) const {
    files_.write("stack.lua", "local s = require \"stack\" { name = \"" + name_ + "\" }\n" + lines + "\nreturn s\n");
    return files_.path("stack.lua");
  }

 private:
  const std::string name_;
  const Files files_{};
};

// "create orders, keep jobs", or why not.
inline std::string steps(const moonbase::Result<moonbase::Value>& applied) {
  if (!applied) return applied.error().message;
  std::string text;
  for (const auto& step : (*applied)["steps"].list())
    text += (text.empty() ? "" : ", ") + step["action"].string() + " " + step["name"].string();
  return text;
}
