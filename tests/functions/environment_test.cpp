#include "running.hpp"

#include <catch2/catch.hpp>

using namespace moonbase::functions;
using namespace moonbase::functions::test;
using namespace std::chrono_literals;
using Kind = EnvironmentAnswer::Kind;

TEST_CASE("a handler gets the event and its answer comes back") {
  Function function(lua_package("function handler(event) return { hello = event.name, list = {1, 2} } end"));
  CHECK(function.report.text == "");
  const auto answer = function.invoke(R"({"name":"moon"})");
  CHECK(answer.kind == Kind::answer);
  CHECK(*moonbase::parse_json(answer.json) == *moonbase::parse_json(R"({"hello":"moon","list":[1,2]})"));
  CHECK(answer.reusable);
}
