// Code in a folder of this machine, which is taken as it is when an invocation begins.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "support.hpp"

using namespace support;
using moonbase::Map;
using moonbase::Value;
using moonbase::testing::TestKernel;
namespace fs = std::filesystem;

namespace {

struct Project {
  fs::path root = fs::canonical(fs::temp_directory_path()) / ("moonbase-code-" + std::to_string(getpid()));
  fs::path folder = root / "greet";
  TestKernel kernel{"lambda", functions};

  Project() {
    fs::create_directories(folder);
    setenv("MOONBASE_CODE_FOLDERS", root.c_str(), 1);
    says("one");
  }
  ~Project() {
    unsetenv("MOONBASE_CODE_FOLDERS");
    fs::remove_all(root);
  }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << text;
  }
  // Each time another length: some disks keep times in coarse steps.
  void says(const std::string& word) const {
    write("main.lua", "function handler() return require('word') end");
    write("word.lua", "return '" + word + "'");
  }
  Map code() const { return {{"S3Bucket", "hot-reload"}, {"S3Key", folder.string()}}; }
  Value create() { return kernel.call("CreateFunction", function("greet", "", {{"Code", code()}})); }
  Value configuration() { return kernel.call("GetFunctionConfiguration", {{"FunctionName", "greet"}}); }
  std::string refusal(const std::string& path) {
    return kernel
        .error("CreateFunction", function("no", "", {{"Code", Map{{"S3Bucket", "hot-reload"}, {"S3Key", path}}}}))
        .message;
  }
};

}  // namespace

TEST_CASE_METHOD(Project, "a function's folder is looked at when an invocation begins") {
  const auto made = create();
  CHECK(invoke(kernel, "greet") == Value("one"));
  // Nothing has changed, so nothing was updated.
  CHECK(configuration()["RevisionId"] == made["RevisionId"]);
  says("another");
  CHECK(invoke(kernel, "greet") == Value("another"));
  const auto changed = configuration();
  CHECK(changed["CodeSha256"] != made["CodeSha256"]);
  CHECK(invoke(kernel, "greet") == Value("another"));
  CHECK(configuration()["RevisionId"] == changed["RevisionId"]);
  kernel.restart();
  says("the third");
  CHECK(invoke(kernel, "greet") == Value("the third"));
}

TEST_CASE_METHOD(Project, "a published version keeps what the folder held") {
  create();
  kernel.call("PublishVersion", {{"FunctionName", "greet"}});
  says("another");
  CHECK(payload(kernel.call("Invoke", {{"FunctionName", "greet"}, {"Qualifier", "1"}})) == Value("one"));
  CHECK(invoke(kernel, "greet") == Value("another"));
}

TEST_CASE_METHOD(Project, "what cannot be packed leaves the code as it was; other code ends the folder's") {
  create();
  fs::remove_all(folder);
  CHECK(invoke(kernel, "greet") == Value("one"));
  says("back");
  CHECK(invoke(kernel, "greet") == Value("back"));
  kernel.call("UpdateFunctionCode",
              {{"FunctionName", "greet"}, {"ZipFile", zip({{"main.lua", "function handler() return 'zip' end"}})}});
  says("unheard");
  CHECK(invoke(kernel, "greet") == Value("zip"));
}

TEST_CASE_METHOD(Project, "hidden files and links stay where they are, and code comes from named folders only") {
  write(".secret/key", "hidden");
  write("main.lua", "function handler() return (pcall(require, 'stolen')) end");
  fs::create_symlink("/etc/passwd", folder / "stolen.lua");
  write("outside.txt", "");
  create();
  CHECK(invoke(kernel, "greet") == Value(false));
  CHECK(refusal((root / "greet" / ".secret").string()).starts_with("Code is taken from folders below " + root.string()));
  CHECK(refusal("/etc").starts_with("Code is taken from folders below "));
  CHECK(refusal((root / "greet/../../..").string()).starts_with("Code is taken from folders below "));
  CHECK(refusal((root / "none").string()).starts_with("S3Key must be the absolute path of a folder"));
  CHECK(refusal("greet").starts_with("S3Key must be the absolute path of a folder"));
  fs::create_directories(root / "empty");
  CHECK(refusal((root / "empty").string()).ends_with("holds no files."));
}
