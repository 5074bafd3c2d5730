// Node.js handlers that mean harm: the platform lives, neighbours are served, and the next call works.
#include "support.hpp"

#include <catch2/catch.hpp>

#include <dirent.h>

#include <fstream>
#include <string>

using namespace support;
using moonbase::Map;
using moonbase::Value;
using moonbase::testing::TestKernel;

namespace {

struct Deed {
  const char* name;
  const char* code;    // The handler's body: event, context, require.
  const char* type;    // Of the error; null: it answers.
  const char* answer;  // The JSON that it answers; null: whatever.
};

constexpr const char* any = "*";  // Some error: which one depends on who is quicker.

const Deed deeds[] = {
    {"endless loop", "for (;;);", "Sandbox.Timedout", nullptr},
    {"spinning promise", "const f = () => Promise.resolve().then(f); await f();", any, nullptr},
    {"endless timers", "await new Promise(() => setInterval(() => {}, 1));", "Sandbox.Timedout", nullptr},
    {"regular expression that explodes", "/^(a+)+$/.test('a'.repeat(40) + 'b');", "Sandbox.Timedout", nullptr},
    {"all of the heap", "const a = []; for (;;) a.push(new Array(10000).fill({}));", any, nullptr},
    {"all of the memory outside the heap", "const a = []; for (;;) a.push(Buffer.alloc(1 << 24, 1));", any, nullptr},
    {"one huge buffer", "return Buffer.alloc(2 ** 31, 1).length", any, nullptr},
    {"fork bomb",
     "require('child_process').spawn('sh', ['-c', 'f() { f | f & }; f'], { stdio: 'ignore' }); "
     "await new Promise((r) => setTimeout(r, 400)); return 1",
     any, nullptr},
    {"children that outlive",
     "const { spawn } = require('child_process'); for (let i = 0; i < 20; i++) "
     "spawn('setsid', ['sleep', '7654321'], { detached: true, stdio: 'ignore' }).unref(); "
     "await new Promise((r) => setTimeout(r, 200)); process.exit(1)",
     "Runtime.ExitError", nullptr},
    {"threads",
     "const { Worker } = require('worker_threads'); for (let i = 0; i < 2000; i++) "
     "new Worker('for (;;);', { eval: true }); return 1",
     any, nullptr},
    {"10 MB of answer", "return 'x'.repeat(10 << 20)", "Function.ResponseSizeTooLarge", nullptr},
    {"10 MB of log", "for (let i = 0; i < 1000; i++) console.log('x'.repeat(10000)); return 1", nullptr, "1"},
    {"10 MB of output without a line end", "require('fs').writeSync(1, 'x'.repeat(10 << 20)); return 1", nullptr, "1"},
    {"process.exit", "process.exit(0)", "Runtime.ExitError", nullptr},
    {"abort", "process.abort()", "Runtime.ExitError", nullptr},
    {"a signal to itself", "process.kill(process.pid, 'SIGSEGV'); await new Promise(() => {});", "Runtime.ExitError",
     nullptr},
    {"a signal to its root", "process.kill(1, 'SIGKILL'); return 1", any, nullptr},
    {"closed descriptors", "for (let i = 0; i < 64; i++) try { require('fs').closeSync(i) } catch {} return 1", any,
     nullptr},
    {"garbage instead of HTTP",
     "const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':'); const s = require('net').connect(port, "
     "host); "
     "s.resume(); s.write('\\0\\xff GET\\r\\n\\r\\n' + 'x'.repeat(100000)); await new Promise((r) => s.on('close', "
     "r).on('error', r)); "
     "return 1",
     nullptr, "1"},
    {"an answer of its own, and then another",
     "const api = 'http://' + process.env.AWS_LAMBDA_RUNTIME_API + '/2018-06-01/runtime/invocation/' + "
     "context.awsRequestId; const tell = async (path, body) => (await fetch(api + path, { method: 'POST', body "
     "})).status;"
     "const all = [await tell('/response', '\"mine\"'), await tell('/response', '2'), await tell('/error', '{}')]; "
     "console.log(all.join()); return all",
     nullptr, "\"mine\""},
    {"answers to invocations that are not",
     "const api = 'http://' + process.env.AWS_LAMBDA_RUNTIME_API + '/2018-06-01/runtime/'; const all = []; "
     "for (const path of ['invocation/x/response', 'invocation/../response', 'init/error', 'restore/error', "
     "'invocation//error']) all.push((await fetch(api + path, { method: 'POST', body: '{}' })).status); return all",
     nullptr, "[400,404,403,404,400]"},
    {"another call of next",
     "const r = await Promise.race([fetch('http://' + process.env.AWS_LAMBDA_RUNTIME_API + "
     "'/2018-06-01/runtime/invocation/next').then((r) => r.status), new Promise((r) => setTimeout(r, 100, 'waits'))]); "
     "return r",
     nullptr, "403"},
    {"JSON of a million levels", "return JSON.parse('['.repeat(5000) + ']'.repeat(5000))", any, nullptr},
    {"an answer that contains itself", "const a = {}; a.a = a; return a", "Runtime.MarshalError", nullptr},
    {"an answer that is no JSON", "return 1n", "Runtime.MarshalError", nullptr},
    {"toJSON that throws", "return { toJSON() { throw new Error('no') } }", "Runtime.MarshalError", nullptr},
    {"prototypes replaced",
     "Object.prototype.then = 1; Array.prototype.map = () => { throw 1 }; Object.prototype.status = 5; "
     "String.prototype.split = () => []; return 1",
     nullptr, nullptr},
    {"JSON and Promise replaced", "JSON.stringify = () => 'evil'; JSON.parse = () => 1; Date.now = () => 0; return 1",
     nullptr, "1"},
    {"an error that lies", "throw { name: { toString() { throw 1 } }, get message() { throw 2 }, stack: 5 }", any,
     nullptr},
    {"a header in an error's name", "const e = new Error('x'); e.name = 'a\\r\\nX: 1\\u2028'; throw e",
     "a\r\nX: 1\u2028", nullptr},
    {"files outside",
     "const fs = require('fs'); const seen = ['/etc/shadow', '/root', '/home', '/proc/1/environ', '/proc/1/mem', "
     "'/proc/1/fd', '/sys', '/var/lib', '/dev/mem', '/dev/sda', '/proc/kcore'].filter((path) => { try { "
     "fs.statSync(path).isDirectory() ? fs.readdirSync(path) : fs.readFileSync(path); return true } catch { return "
     "false } }); return seen",
     nullptr, "[]"},
    {"writing where it must not",
     "const fs = require('fs'); return ['/var/task/x', '/var/runtime/index.mjs', '/opt/x', '/etc/x', '/usr/x', '/x', "
     "'/var/task/index.js'].filter((path) => { try { fs.writeFileSync(path, 'x'); return true } catch { return false } "
     "})",
     nullptr, "[]"},
    {"more than /tmp holds",
     "const fs = require('fs'); const f = fs.openSync('/tmp/x', 'w'); try { for (let i = 0; i < 600; i++) "
     "fs.writeSync(f, Buffer.alloc(1 << 20)); return 'all' } catch (e) { return e.code } finally { fs.closeSync(f); "
     "fs.unlinkSync('/tmp/x') }",
     any, nullptr},
    {"more rights",
     "const { execSync } = require('child_process'); return ['mount -t tmpfs x /tmp', 'unshare -r true && unshare -rm "
     "mount -t tmpfs x /var', 'su -c true', 'chroot / true', 'kill -9 -1'].map((c) => { try { execSync(c, { stdio: "
     "'ignore' }); return 0 } catch { return 1 } })[0]",
     any, nullptr},
};

// Processes whose command line holds these words, zombies aside.
int processes_with(const std::string& words) {
  int found = 0;
  DIR* folder = opendir("/proc");
  while (const dirent* entry = readdir(folder)) {
    std::ifstream file(std::string("/proc/") + entry->d_name + "/cmdline", std::ios::binary);
    std::string line{std::istreambuf_iterator<char>(file), {}};
    for (auto& byte : line)
      if (byte == '\0') byte = ' ';
    if (line.find(words) != std::string::npos) ++found;
  }
  closedir(folder);
  return found;
}

Map node_function(const std::string& name, const std::string& body) {
  return Map{{"FunctionName", name},
             {"Runtime", "nodejs20.x"},
             {"Handler", "index.handler"},
             {"Role", "arn:aws:iam::000000000000:role/test"},
             {"Timeout", 2},
             {"MemorySize", 256},
             {"Code", Map{{"ZipFile", zip({{"index.js",
                                            "exports.handler = async (event, context) => { if (event.ok) "
                                            "return 'ok';\n" +
                                                body + "\n};"}})}}}};
}

std::string health_of(TestKernel& kernel) {
  moonbase::HttpRequest request;
  request.method = "GET";
  request.path = "/_moonbase/health";
  request.headers.add("Host", "127.0.0.1");
  return kernel.http(std::move(request)).body;
}

}  // namespace

TEST_CASE("hostile Node.js handlers harm nobody but themselves") {
  TestKernel kernel{"lambda", functions};
  // In a chroot, or in a container that has none to give, a fork bomb is stopped late and meets neighbours.
  if (health_of(kernel).find("process-namespaces") == std::string::npos) {
    WARN("not tested: this machine gives processes no namespaces");
    return;
  }
  kernel.call("CreateFunction", node_function("neighbour", "return 1"));
  int number = 0;
  for (const auto& deed : deeds) {
    INFO(deed.name);
    const auto name = "deed" + std::to_string(++number);
    kernel.call("CreateFunction", node_function(name, deed.code));
    const auto output = kernel.call("Invoke", {{"FunctionName", name}});
    CAPTURE(output["Payload"].string().substr(0, 300));
    if (deed.type == any) {
      // It may also come through: what counts is what follows.
    } else if (deed.type) {
      REQUIRE(output["FunctionError"].is_string());
      CHECK(payload(output)["errorType"].string() == deed.type);
    } else {
      CHECK(output["FunctionError"].is_null());
      if (deed.answer) CHECK(output["Payload"].string() == deed.answer);
    }
    CHECK(invoke(kernel, name, R"({"ok":true})") == Value("ok"));
    CHECK(invoke(kernel, "neighbour") == Value(1));
  }
  // Of all that, nothing is left once its function is gone.
  CHECK(processes_with("7654321") == 0);
}
