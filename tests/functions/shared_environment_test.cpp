#include "pool/shared_environment.hpp"

#include "running.hpp"

#include <moonbase/internal/parker.hpp>

#include <catch2/catch.hpp>

using namespace moonbase::functions;
using namespace moonbase::functions::test;
using namespace std::chrono_literals;
using Kind = EnvironmentAnswer::Kind;
using moonbase::internal::Parker;

namespace {

// Invokes with every event at the same time, each on a fiber of its own, in one environment.
std::vector<EnvironmentAnswer> invoke_all(Function& function, const std::vector<std::string>& events,
                                          std::chrono::milliseconds limit = 10s) {
  std::vector<EnvironmentAnswer> answers(events.size());
  auto& platform = Platform::get();
  platform.loops.run_on_loop([&] {
    auto& io = platform.loops.io();
    auto shared = std::make_shared<SharedEnvironment>(
        EnvironmentProcess::start(function.parent, platform.processes.next_id(), "stream"), true);
    const auto parker = Parker::current();
    std::size_t left = events.size();
    for (std::size_t i = 0; i < events.size(); ++i) {
      io.spawn([&, i] {
        answers[i] = shared->invoke(
            io, {events[i], {}, "8a2b8c1e-0000-4000-8000-000000000001", std::chrono::steady_clock::now() + limit},
            function.host);
        if (--left == 0) parker->wake();
      });
    }
    while (left > 0) parker->park();
    CHECK(shared->idle());
    if (!shared->ended()) shared->close(io);
  });
  return answers;
}

}  // namespace

TEST_CASE("invocations that share an environment each get their own answer, in turn") {
  Function function(lua_package("count = 0 function handler(event) count = count + 1 return { event.n, count } end"));
  std::vector<std::string> events;
  for (int i = 1; i <= 200; ++i) events.push_back("{\"n\":" + std::to_string(i) + "}");
  const auto answers = invoke_all(function, events);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    CHECK(answers[i].kind == Kind::answer);
    CHECK(answers[i].json == "[" + std::to_string(i + 1) + "," + std::to_string(i + 1) + "]");
  }
}

TEST_CASE("a failure in a shared environment is only its own") {
  Function function(lua_package("function handler(event) if event.bad then error 'bad' end return 'good' end"));
  const auto answers = invoke_all(function, {"{}", R"({"bad":true})", "{}"});
  CHECK(answers[0].json == "\"good\"");
  CHECK(answers[1].kind == Kind::failure);
  CHECK(answers[2].json == "\"good\"");
}

TEST_CASE("calls, logs and questions work while others wait for their turn") {
  Function function(lua_package(R"(function handler(event, ctx)
    print("number " .. event.n)
    local id = ctx.uuid()
    return { ctx.call("s", "Double", { n = event.n }).n, #id, os.time() }
  end)"));
  function.host.answer = [](std::string_view, std::string_view,
                            std::string_view input) -> moonbase::Result<std::string> {
    return "{\"n\":" + std::to_string((*moonbase::parse_json(input))["n"].integer() * 2) + "}";
  };
  const auto answers = invoke_all(function, {R"({"n":1})", R"({"n":2})", R"({"n":3})", R"({"n":4})"});
  for (std::size_t i = 0; i < answers.size(); ++i)
    CHECK(answers[i].json == "[" + std::to_string(2 * (i + 1)) + ",36,1700000000]");
  CHECK(function.host.lines == "number 1\nnumber 2\nnumber 3\nnumber 4\n");
}

TEST_CASE("when one runs too long those before it have answers and those behind it have not begun") {
  Function function(lua_package("function handler(event) while event.loop do end return 1 end"));
  const auto answers = invoke_all(function, {"{}", R"({"loop":true})", "{}", "{}"}, 200ms);
  CHECK(answers[0].kind == Kind::answer);
  CHECK(answers[1].kind == Kind::timed_out);
  CHECK(answers[2].kind == Kind::not_begun);
  CHECK(answers[3].kind == Kind::not_begun);
}

TEST_CASE("when one eats all memory those behind it have not begun") {
  if (sanitized) return;
  Function function(lua_package(
      "function handler(event) local t = {} while event.eat do t[#t + 1] = ('x'):rep(1e6) .. #t end return 1 end"));
  const auto answers = invoke_all(function, {"{}", R"({"eat":true})", "{}"});
  CHECK(answers[0].kind == Kind::answer);
  CHECK(answers[1].kind == Kind::failure);
  CHECK_FALSE(answers[1].reusable);
  CHECK(answers[2].kind == Kind::not_begun);
}

TEST_CASE("an answer is held back for a moment only, whatever runs behind it") {
  // Warm and short first, so that answers are held; then one that runs for long in compiled code.
  Function function(lua_package("function handler(event) while event.loop do end return event.n end"));
  auto& platform = Platform::get();
  platform.loops.run_on_loop([&] {
    auto& io = platform.loops.io();
    auto shared = std::make_shared<SharedEnvironment>(
        EnvironmentProcess::start(function.parent, platform.processes.next_id(), "stream"), true);
    const auto parker = Parker::current();
    bool short_is_back = false, long_is_back = false;
    const auto invoke = [&](const char* event) {
      return shared->invoke(io,
                            {event, {}, "8a2b8c1e-0000-4000-8000-000000000001", std::chrono::steady_clock::now() + 2s},
                            function.host);
    };
    io.spawn([&] {
      CHECK(invoke(R"({"n":1})").json == "1");
      short_is_back = true;
      CHECK_FALSE(long_is_back);
      parker->wake();
    });
    io.spawn([&] {
      CHECK(invoke(R"({"loop":true})").kind == Kind::timed_out);
      long_is_back = true;
      CHECK(short_is_back);
      parker->wake();
    });
    while (!short_is_back || !long_is_back) parker->park();
  });
}

TEST_CASE("large events and answers pass a shared environment") {
  Function function(lua_package("function handler(event) return event.text end"));
  const std::string text(3'000'000, 'x');
  const auto answers =
      invoke_all(function, {"{\"text\":\"" + text + "\"}", R"({"text":"small"})", "{\"text\":\"" + text + "\"}"});
  CHECK(answers[0].json.size() == text.size() + 2);
  CHECK(answers[1].json == "\"small\"");
  CHECK(answers[2].json.size() == text.size() + 2);
}
