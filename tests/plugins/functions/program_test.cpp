// What functions that are programs find in their environment: layers, /tmp, and an interpreter, if the machine has one.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "support.hpp"

using namespace support;
using moonbase::List;
using moonbase::Map;
using moonbase::Value;
using moonbase::testing::TestKernel;

namespace {

// Answers what the shell says to the event. Our own runtimes ask for work with their answer: the next invocation finds
// the same environment.
constexpr auto shell = R"py(import subprocess
def handler(event, context):
    said = subprocess.run(["sh", "-c", event], capture_output=True, text=True)
    return (said.stdout + said.stderr).strip()
)py";

struct Platform {
  TestKernel kernel{"lambda", functions};

  bool has_namespaces() {
    moonbase::HttpRequest request;
    request.method = "GET";
    request.path = "/_moonbase/health";
    return kernel.http(std::move(request)).body.find("process-namespaces") != std::string::npos;
  }
  void create(Map more = {}) {
    Map input = function("f", "", {{"Runtime", "python3.11"}, {"Handler", "index.handler"}, {"Timeout", 30}});
    input.set("Code", Map{{"ZipFile", zip({{"index.py", shell}})}});
    for (auto& [key, value] : more) input.set(key, value);
    kernel.call("CreateFunction", std::move(input));
  }
  std::string layer(const std::string& name, const std::vector<Entry>& files) {
    return kernel
        .call("PublishLayerVersion",
              {{"LayerName", name}, {"Content", Map{{"ZipFile", zip(files)}}}})["LayerVersionArn"]
        .string();
  }
  std::string run(const std::string& script) { return invoke(kernel, "f", '"' + script + '"').string(); }
};

}  // namespace

TEST_CASE_METHOD(Platform, "layers lie in /opt, later ones over earlier ones") {
  if (!has_namespaces()) {
    WARN("not tested: this machine gives processes no namespaces, so there is no /opt of their own");
    return;
  }
  const auto below = layer("below", {{"words.txt", "one"}, {"bin/hello", "below"}});
  const auto above = layer("above", {{"words.txt", "two"}});
  create({{"Layers", List{below, above}}});
  CHECK(run("cat /opt/words.txt") == "two");
  CHECK(run("cat /opt/bin/hello") == "below");
  CHECK(run("echo x 2> /dev/null > /opt/words.txt || echo no") == "no");
  kernel.call("UpdateFunctionConfiguration", {{"FunctionName", "f"}, {"Layers", List{above, below}}});
  CHECK(run("cat /opt/words.txt") == "one");
  kernel.call("UpdateFunctionConfiguration", {{"FunctionName", "f"}, {"Layers", List{}}});
  CHECK(run("cat /opt/words.txt > /dev/null 2>&1 || echo none") == "none");
}

TEST_CASE_METHOD(Platform, "a layer's modules are found by Node.js and Python") {
  const auto words = layer(
      "words", {{"nodejs/node_modules/words/index.js", "exports.word = 'lamp'"}, {"python/words.py", "word = 'lamp'"}});
  for (const auto& [runtime, file, code] :
       {std::tuple{"nodejs20.x", "index.js", "exports.handler = async () => require('words').word"},
        {"python3.11", "index.py", "import words\ndef handler(event, context): return words.word"}}) {
    const std::string name = std::string("f-") + file;
    kernel.call("CreateFunction", function(runtime[0] == 'n' ? "node" : "python", "",
                                           {{"Runtime", runtime},
                                            {"Handler", "index.handler"},
                                            {"Timeout", 10},
                                            {"Layers", List{words}},
                                            {"Code", Map{{"ZipFile", zip({{file, code}})}}}}));
    CHECK(invoke(kernel, runtime[0] == 'n' ? "node" : "python") == Value("lamp"));
  }
}

TEST_CASE_METHOD(Platform, "/tmp is the environment's own, stays while it does, and is as large as EphemeralStorage") {
  if (!has_namespaces()) {
    WARN("not tested: this machine gives processes no namespaces, so /tmp is not limited");
    return;
  }
  create({{"EphemeralStorage", Map{{"Size", 600}}}, {"MemorySize", 2048}});
  CHECK(run("df -m --output=size /tmp | tail -1").ends_with("600"));
  CHECK(run("echo kept > /tmp/mine; ls /tmp") == "mine");
  CHECK(run("cat /tmp/mine") == "kept");
  const auto full = run("head -c 700000000 /dev/zero > /tmp/large || echo full; rm /tmp/large");
  CHECK_THAT(full, Catch::Contains("No space left on device") && Catch::Contains("full"));
  // Another environment has another.
  kernel.call("UpdateFunctionConfiguration", {{"FunctionName", "f"}, {"EphemeralStorage", Map{{"Size", 512}}}});
  CHECK(run("cat /tmp/mine 2> /dev/null || echo none") == "none");
  CHECK(run("df -m --output=size /tmp | tail -1").ends_with("512"));
}

TEST_CASE_METHOD(Platform, "without an interpreter a function is there, and its invocation says what to install") {
  struct WithoutPath {
    std::string before = std::getenv("PATH");
    WithoutPath() { setenv("PATH", "/nonexistent", 1); }
    ~WithoutPath() { setenv("PATH", before.c_str(), 1); }
  } without;
  kernel.call("CreateFunction", function("n", "",
                                         {{"Runtime", "nodejs22.x"},
                                          {"Handler", "index.handler"},
                                          {"Code", Map{{"ZipFile", zip({{"index.js", "x"}})}}}}));
  const auto output = kernel.call("Invoke", {{"FunctionName", "n"}});
  CHECK(output["FunctionError"].string() == "Unhandled");
  CHECK(payload(output)["errorType"].string() == "Runtime.InvalidEntrypoint");
  CHECK(payload(output)["errorMessage"].string() ==
        "Error: this machine has no Node.js: install it (Debian's package nodejs), so that node is in PATH.");
}
