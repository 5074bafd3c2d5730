#include "runtimes/runtime_launch.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <moonbase/json.hpp>

namespace moonbase::functions {
namespace {

namespace fs = std::filesystem;
using Variables = std::vector<std::pair<std::string, std::string>>;

bool is_program(const fs::path& file) {
  std::array<char, 2> start{};
  std::ifstream in(file, std::ios::binary);
  return access(file.c_str(), X_OK) == 0 && in.read(start.data(), start.size()) && start != std::array{'#', '!'};
}

void set(Variables& variables, const std::string& name, std::string value) {
  const auto found =
      std::find_if(variables.begin(), variables.end(), [&](const auto& each) { return each.first == name; });
  if (found == variables.end()) {
    variables.emplace_back(name, std::move(value));
  } else {
    found->second = std::move(value);
  }
}

std::string missing_json(std::string_view type, const std::string& message) {
  return to_json(Value(Map{{"errorType", type}, {"errorMessage", message}}));
}

// "20" of nodejs20.x, "3.12" of python3.12.
std::string version_digits(std::string_view runtime) {
  const auto at = runtime.find_first_of("0123456789");
  auto version = std::string(runtime.substr(at));
  if (version.ends_with(".x")) version.resize(version.size() - 2);
  return version;
}

}  // namespace

Interpreter find_interpreter(std::string_view runtime) {
  const std::string name = runtime.starts_with("node") ? "node" : "python3";
  std::vector<fs::path> folders;
  if (name == "python3") folders.emplace_back("/usr/bin");
  const char* path = std::getenv("PATH");
  for (std::string_view rest = path ? path : ""; !rest.empty();) {
    const auto folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
    if (!folder.empty()) folders.emplace_back(folder);
  }
  for (const auto& folder : folders) {
    std::error_code failed;
    const auto file = fs::canonical(folder / name, failed);
    if (failed || !is_program(file)) continue;
    Interpreter interpreter{file.string(), {}};
    if (!interpreter.path.starts_with("/usr/")) interpreter.prefix = file.parent_path().parent_path().string();
    return interpreter;
  }
  return {};
}

RuntimeLaunch launch_of(const Function& function, const RuntimeCode& code, const CodeFolders& folders,
                        const std::string& platform_url, bool namespaces) {
  const std::string_view runtime = function.runtime;
  const bool node = runtime.starts_with("nodejs"), python = runtime.starts_with("python");
  RuntimeLaunch launch;
  launch.function_name = function.name;
  launch.function_version = function.version_text();
  launch.function_arn = function.arn();
  launch.handler = function.handler;
  launch.account = function.account;
  launch.runtime = function.runtime;
  launch.own_bootstrap = node || python;
  launch.log_format = platform_log_format(function.log_format(), function.log_level("SystemLogLevel"));
  launch.memory_bytes = static_cast<std::uint64_t>(function.memory_mb) << 20;
  launch.tmp_bytes = static_cast<std::uint64_t>(function.ephemeral_mb()) << 20;
  launch.code = code.code->path().string();
  if (code.layers) launch.layers = code.layers->path().string();
  launch.runtime_folder = folders.runtime(node ? "node" : python ? "python" : "provided").string();

  const auto task = namespaces ? std::string("/var/task") : launch.code;
  const auto opt = namespaces ? std::string("/opt") : launch.layers;
  const auto own = namespaces ? std::string("/var/runtime") : launch.runtime_folder;
  launch.working_folder = task;
  if (!namespaces) launch.tmp_parent = folders.root().string();
  if (!opt.empty()) launch.extensions_folder = opt + "/extensions";

  Interpreter interpreter;
  if (node || python) {
    interpreter = find_interpreter(runtime);
    if (interpreter.path.empty()) {
      launch.missing = missing_json(
          "Runtime.InvalidEntrypoint",
          node ? "Error: this machine has no Node.js: install it (Debian's package nodejs), so that node is in PATH."
               : "Error: this machine has no Python 3: install it (Debian's package python3), so that python3 is in "
                 "PATH.");
      return launch;
    }
    launch.language = interpreter.prefix;
    if (namespaces && !interpreter.prefix.empty())
      interpreter.path = "/var/lang" + interpreter.path.substr(interpreter.prefix.size());
  }
  if (node) {
    // As Lambda does: the heap stays below the function's memory.
    launch.arguments = {interpreter.path, "--max-old-space-size=" + std::to_string(function.memory_mb * 9 / 10),
                        own + "/index.mjs"};
  } else if (python) {
    launch.arguments = {interpreter.path, own + "/bootstrap.py"};
  } else {
    for (const auto& [outside, inside] : {std::pair(launch.code, task), std::pair(launch.layers, opt)}) {
      std::error_code ignored;
      if (outside.empty() || !fs::is_regular_file(outside + "/bootstrap", ignored)) continue;
      launch.arguments = {inside + "/bootstrap"};
      break;
    }
    if (launch.arguments.empty()) {
      launch.missing = missing_json("Runtime.InvalidEntrypoint",
                                    "Error: Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]");
      return launch;
    }
  }
  if (const auto* wrapper = function.environment.find("AWS_LAMBDA_EXEC_WRAPPER");
      wrapper && !wrapper->string().empty() && (node || python))
    launch.arguments.insert(launch.arguments.begin(), wrapper->string());

  auto& variables = launch.variables;
  set(variables, "LANG", "C.UTF-8");
  set(variables, "TZ", ":UTC");
  set(variables, "PATH",
      (launch.language.empty() ? ""
       : namespaces            ? "/var/lang/bin:"
                               : launch.language + "/bin:") +
          std::string("/usr/local/bin:/usr/bin:/bin:") + (opt.empty() ? "" : opt + "/bin"));
  const auto libraries =
      own + ":" + own + "/lib:" + task + ":" + task + "/lib" + (opt.empty() ? "" : ":" + opt + "/lib");
  set(variables, "LD_LIBRARY_PATH", libraries);
  const auto version = version_digits(runtime);
  if (node)
    set(variables, "NODE_PATH",
        (opt.empty() ? "" : opt + "/nodejs/node" + version + "/node_modules:" + opt + "/nodejs/node_modules:") + own +
            "/node_modules:" + own + ":" + task);
  if (python) set(variables, "PYTHONPATH", own);
  if (!namespaces) set(variables, "HOME", "/tmp");  // Whom it works as may have none.
  if (python && !namespaces) set(variables, "_MOONBASE_LAYERS", opt);
  if (!platform_url.empty()) set(variables, "AWS_ENDPOINT_URL", platform_url);
  if (function.log_format() == "JSON") {
    set(variables, "AWS_LAMBDA_LOG_FORMAT", "JSON");
    set(variables, "AWS_LAMBDA_LOG_LEVEL", function.log_level("ApplicationLogLevel"));
  }
  // The function's own come over those, and Lambda's own over the function's.
  for (const auto& [name, value] : function.environment) set(variables, name, value.string());
  set(variables, "_HANDLER", function.handler);
  set(variables, "LAMBDA_TASK_ROOT", task);
  set(variables, "LAMBDA_RUNTIME_DIR", own);
  set(variables, "AWS_REGION", function.region);
  set(variables, "AWS_DEFAULT_REGION", function.region);
  set(variables, "AWS_EXECUTION_ENV", "AWS_Lambda_" + function.runtime);
  set(variables, "AWS_LAMBDA_FUNCTION_NAME", function.name);
  set(variables, "AWS_LAMBDA_FUNCTION_VERSION", launch.function_version);
  set(variables, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", std::to_string(function.memory_mb));
  set(variables, "AWS_LAMBDA_LOG_GROUP_NAME", function.log_group());
  return launch;
}

}  // namespace moonbase::functions
