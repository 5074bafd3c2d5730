#include "running.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <string>
#include <unistd.h>

using namespace moonbase::functions;
using namespace moonbase::functions::test;
using namespace std::chrono_literals;
using Kind = EnvironmentAnswer::Kind;

namespace {

constexpr auto deadline = 300ms;

struct Script {
  const char* name;
  const char* code;    // The handler's body.
  const char* answer;  // What it answers where it may: the JSON. Null: it fails, ends or is killed.
};

const Script scripts[] = {
    {"endless loop", "while true do end", nullptr},
    {"endless loop in pcall", "while true do pcall(function() while true do end end) end", nullptr},
    {"endless loop in a coroutine", "coroutine.wrap(function() while true do end end)()", nullptr},
    {"endless loop that counts", "for i = 1, 1e18 do end", nullptr},
    {"endless loop over yields",
     "local c = coroutine.wrap(function() while true do coroutine.yield() end end) while true do c() end", nullptr},
    {"endless recursion", "local function f() return 1 + f() end return f()", nullptr},
    {"endless tail calls", "local function f() return f() end return f()", nullptr},
    {"endless recursion through pcall", "local function f() pcall(f) end f() f() while true do f() end", nullptr},
    {"endless recursion through metatables",
     "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k .. 'x'] end return t.x",
     nullptr},
    {"recursion through tostring",
     "local t = setmetatable({}, { __tostring = function(t) return tostring(t) end }) return tostring(t)", nullptr},
    {"error while handling an error", "return (xpcall(error, function() error('again') end))", "false"},
    {"pattern bomb",
     "return (('a?'):rep(30) .. ('a'):rep(30)):find('x') or (('a'):rep(30)):find(('a?'):rep(30) .. ('a'):rep(30))",
     nullptr},
    {"pattern chain", "return (('a'):rep(3000)):find(('.-'):rep(20) .. 'b')", nullptr},
    {"string of a gigabyte", "return #('x'):rep(1e9)", nullptr},
    {"string of all memory", "local s = 'x' while true do s = s .. s end", nullptr},
    {"table of all memory", "local t = {} for i = 1, 1e9 do t[i] = { i } end", nullptr},
    {"table of all memory behind pcall",
     "while true do pcall(function() local t = {} for i = 1, 1e9 do t[i] = { i } end end) end", nullptr},
    {"coroutines of all memory", "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end",
     nullptr},
    {"closures of all memory", "local t = {} while true do local x = #t t[#t + 1] = function() return x end end",
     nullptr},
    {"sort with a comparison that lies",
     "local t = {} for i = 1, 1000 do t[i] = i % 7 end return pcall(table.sort, t, function() return true end) ~= nil",
     "true"},
    {"table.concat of everything", "local t = {} for i = 1, 1e6 do t[i] = ('x'):rep(1000) end return #table.concat(t)",
     nullptr},
    {"string.format of everything", "return #string.format('%99.99f', 1e308)", nullptr},
    {"unpack of everything", "return select('#', unpack({}, 1, 1e8))", nullptr},
    {"unpack with lengths that overflow", "return unpack({}, -2147483648, 2147483647)", nullptr},
    {"bit.tohex beyond its buffer", "return bit.tohex(1, -2147483648)", "\"\""},
    {"answer that contains itself", "local t = {} t.t = t return t", nullptr},
    {"answer of a thousand levels", "local t = {} for i = 1, 1000 do t = { t } end return t", nullptr},
    {"answer that is a function", "return print", nullptr},
    {"answer of 10 MB", "return ('x'):rep(10485760)", nullptr},
    {"answer of control bytes", "return ('\\0'):rep(3000000)", nullptr},
    {"answer of many tables", "local t = {} for i = 1, 3e6 do t[i] = {} end return t", nullptr},
    {"log without end", "while true do print(('x'):rep(10000)) end", nullptr},
    {"questions without end", "while true do os.time() end", nullptr},
    {"calls without end", "while true do ctx.call('a', 'b', {}) end", nullptr},
    {"call with a huge input", "ctx.call('a', 'b', { x = ('x'):rep(7000000) })", nullptr},
    {"call with hostile names", "ctx.call('a\\0b', '..', {}) return 1", "1"},
    {"bytecode", "return load('\\27LJ\\2\\10') == nil", "true"},
    {"bytecode in pieces",
     "local parts = { '\\27', 'LJ\\2\\10' } return load(function() return table.remove(parts, 1) end) == nil", "true"},
    {"bytecode by mode", "return load('\\27LJ\\2\\10', 'x', 'b') == nil", "true"},
    {"bytecode by loadstring", "return loadstring('\\27LJ\\2\\10') == nil", "true"},
    {"string.dump", "return string.dump == nil", "true"},
    {"ffi by require", "return pcall(require, 'ffi')", "false"},
    {"ffi by literals", "local n = 1LL + 2ULL return pcall(require, 'ffi') or ffi ~= nil", "false"},
    {"ffi through the metatable of a literal", "return type(getmetatable(1LL))", "\"string\""},
    {"debug", "return debug == nil and pcall(require, 'debug') == false", "true"},
    {"io", "return io == nil and pcall(require, 'io') == false", "true"},
    {"package", "return package == nil and module == nil and dofile == nil and loadfile == nil", "true"},
    {"jit", "return jit == nil", "true"},
    {"os.execute and the like",
     "return os.execute == nil and os.remove == nil and os.rename == nil and os.exit == nil and os.tmpname == nil and "
     "os.setlocale == nil",
     "true"},
    {"environment of the kernel", "return os.getenv('PATH') == nil and os.getenv('HOME') == nil", "true"},
    {"require of paths", "return pcall(require, '../../etc/passwd') or pcall(require, '/etc/passwd')", "false"},
    {"a folded event's metatable", "return getmetatable(event.nested)", "false"},
    {"a new metatable for a folded event", "return (pcall(setmetatable, event.nested, {}))", "false"},
    {"string metatable replaced",
     "getmetatable('').__index = function() error('mine') end return pcall(function() return ('x'):rep(2) end)",
     "false"},
    {"globals replaced", "local g = _G for k in pairs(g) do g[k] = nil end return 1", "1"},
    {"garbage collector stopped", "collectgarbage('stop') for i = 1, 1e9 do local t = {} end", nullptr},
    {"finalizers", "collectgarbage() return newproxy == nil", "true"},
    {"thousand nested functions", "return load(('function f() '):rep(1000) .. ('end '):rep(1000)) == nil", "true"},
    {"deep parentheses", "return load('return ' .. ('('):rep(10000) .. '1' .. (')'):rep(10000)) == nil", "true"},
    {"JSON without end", "return pcall(json.decode, ('['):rep(1000000))", "false"},
    {"date with hostile format", "return pcall(os.date, ('%'):rep(1000) .. 'c') ~= nil", "true"},
    {"time with hostile fields", "return pcall(os.time, { year = 1e300, month = 1e300, day = 1e300 }) ~= nil", "true"},
};

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t mapped = 0, resident = 0;
  file >> mapped >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

constexpr std::string_view event = R"({"nested":{"text":"long enough to be folded, fifty characters at least"}})";

std::string native_package() {
  std::string package;
  append_package_entry(package, "runtime", "native");
  append_package_entry(package, "handler", "hostile.deed");
  append_package_entry(package, "library", HOSTILE_LIBRARY);
  append_package_entry(package, "library_name", "hostile.so");
  append_package_entry(package, "config", "{}");
  return package;
}

}  // namespace

TEST_CASE("hostile Lua gets what it may have, or ends; the kernel and the neighbours do not notice") {
  REQUIRE(std::size(scripts) >= 60);
  Function neighbour(lua_package("function handler(event) return 'fine' end"));
  CHECK(neighbour.value().string() == "fine");
  std::size_t before = 0;
  for (const auto& script : scripts) {
    INFO(script.name);
    Function function(lua_package("function handler(event, ctx) " + std::string(script.code) + " end"), 128);
    INFO(function.report.text << function.broken);
    REQUIRE_FALSE(function.report.failed);
    const auto begun = std::chrono::steady_clock::now();
    const auto answer = function.invoke(event, deadline);
    INFO("answer " << static_cast<int>(answer.kind) << " " << answer.json.substr(0, 300) << " "
                   << answer.ending.text());
    if (script.answer) {
      CHECK(answer.kind == Kind::answer);
      CHECK(answer.json == script.answer);
    } else {
      // It failed, was killed, or ended: never more than the largest answer.
      CHECK((answer.kind != Kind::answer || answer.json.size() <= response_bytes_max));
    }
    CHECK(answer.kind != Kind::violated);
    // Generous: the machine may be busy. The bench measures how late a kill is.
    CHECK(std::chrono::steady_clock::now() - begun < deadline + 5s);
    CHECK(neighbour.value().string() == "fine");
    if (before == 0) before = resident_bytes();  // Buffers exist from the first on.
  }
  // What handlers print is held by this test, up to a megabyte a function; answers up to six.
  CHECK(resident_bytes() < before + 32 * 1024 * 1024);
}

TEST_CASE("hostile native code ends itself, and nobody else") {
  const struct {
    const char* deed;
    const char* ending;  // Of the process; null: killed on the deadline or for what it sent.
  } deeds[] = {
      {"segfault", "signal: segmentation fault"},
      {"abort", ""},
      {"exit", "exit status 3"},
      {"recursion", "signal: segmentation fault"},
      {"loop", nullptr},
      {"sleep", nullptr},
      {"memory", ""},
      {"thread", "signal: bad system call"},
      {"fork", "signal: bad system call"},
      {"execve", "signal: bad system call"},
      {"open", "signal: bad system call"},
      {"create", "signal: bad system call"},
      {"unlink", "signal: bad system call"},
      {"socket", "signal: bad system call"},
      {"unix socket", "signal: bad system call"},
      {"kill the kernel", "signal: bad system call"},
      {"kill everyone", "signal: bad system call"},
      {"ptrace", "signal: bad system call"},
      {"unshare", "signal: bad system call"},
      {"mount", "signal: bad system call"},
      {"bpf", "signal: bad system call"},
      {"io_uring", "signal: bad system call"},
      {"setuid", "signal: bad system call"},
      {"process_vm_readv", "signal: bad system call"},
      {"memfd and exec", "signal: bad system call"},
      {"close the socket", "signal: bad system call"},
      {"other descriptors", nullptr},
      {"garbage", nullptr},
      {"unknown frame", nullptr},
      {"kernel's frame", nullptr},
      {"another invocation", nullptr},
      {"huge claim", nullptr},
      {"huge answer", nullptr},
      {"short answer", nullptr},
      {"half a frame", nullptr},
      {"two answers", nullptr},
      {"call without names", nullptr},
      {"flood of questions", nullptr},
      {"flood of log", nullptr},
      {"exception", ""},
      {"exception in noexcept", ""},
  };
  Function function(native_package());
  INFO(function.report.text << function.broken);
  REQUIRE_FALSE(function.report.failed);
  CHECK(function.value(R"({"deed":"nothing"})").string() == "peaceful ");
  for (const auto& [deed, ending] : deeds) {
    INFO(deed);
    function.end_environment();
    const auto answer = function.invoke("{\"deed\":\"" + std::string(deed) + "\"}", deadline);
    INFO("answer " << static_cast<int>(answer.kind) << " " << answer.json.substr(0, 300) << " "
                   << answer.ending.text());
    if (ending && *ending) {
      CHECK(answer.kind == Kind::exited);
      CHECK((answer.ending.text() == ending || sanitized));
    } else if (!ending) {
      // "two answers": the first is one.
      CHECK((answer.kind == Kind::timed_out || answer.kind == Kind::violated ||
             (std::string_view(deed) == "two answers" && answer.json == "1")));
    } else {
      // On a busy machine, memory may take longer to fill than the deadline.
      CHECK((answer.kind == Kind::exited || answer.kind == Kind::failure ||
             (std::string_view(deed) == "memory" && answer.kind == Kind::timed_out)));
    }
    // Its second answer would end the next invocation of the same environment: see the test below.
    if (std::string_view(deed) == "two answers") function.end_environment();
    CHECK(function.value(R"({"deed":"nothing"})").string() == "peaceful ");
  }
  CHECK(access("/tmp/escaped", F_OK) != 0);
}

TEST_CASE("an answer kept back from one invocation is not the next one's") {
  Function function(native_package());
  const auto first = function.invoke(R"({"deed":"two answers"})", deadline);
  if (first.kind == Kind::answer) {
    // The second answer, and what the runtime itself sent, wait in the socket.
    const auto second = function.invoke(R"({"deed":"nothing"})", deadline);
    CHECK(second.json != "2");
  }
  CHECK(function.value(R"({"deed":"nothing"})").string() == "peaceful ");
}
