// What it takes to start a function's runtime on this host: which program, with which arguments and
// variables, seeing which folders.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lambda/function.hpp"
#include "runtimes/code_folder.hpp"
#include "runtimes/runtime_environment.hpp"

namespace moonbase::functions {

// An interpreter of the host.
struct Interpreter {
  std::string path;    // Empty: there is none.
  std::string prefix;  // Its home, where that is outside /usr.
};
// The first of that name in PATH that is a program and no script; python3 of the system before others.
Interpreter find_interpreter(std::string_view runtime);

// The folders stay while the launch does.
struct RuntimeCode {
  std::shared_ptr<CodeFolder> code, layers;
};

// `namespaces`: functions see Lambda's paths; else the folders' own.
RuntimeLaunch launch_of(const Function& function, const RuntimeCode& code, const CodeFolders& folders,
                        const std::string& platform_url, bool namespaces);

}  // namespace moonbase::functions
