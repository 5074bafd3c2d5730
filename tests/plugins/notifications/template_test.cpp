#include <catch2/catch.hpp>
#include <moonbase/json.hpp>

#include "templates/input_template.hpp"
#include "templates/json_path.hpp"

using namespace moonbase;
using namespace moonbase::notifications;

namespace {

std::string found(const std::string& path, const std::string& json) {
  const auto parsed = JsonPath::parse(path);
  if (!parsed) return "no path";
  const auto value = parsed->find(parse_json(json).value());
  return value ? to_json(*value) : "nothing";
}
std::string filled(const std::string& text) {
  return expand_template(text, [](std::string_view name) -> std::optional<Value> {
    if (name == "text") return Value("say \"hi\"");
    if (name == "number") return Value(5);
    if (name == "map") return Value(Map{{"a", "b"}});
    if (name == "$.body.id") return Value("path");
    return std::nullopt;
  });
}

}  // namespace

TEST_CASE("a path leads where AWS's does") {
  const std::string event = R"({"a":{"b":[{"c":1},{"c":2}],"x-y":"z"},"d e":null})";
  CHECK(found("$", "5") == "5");
  CHECK(found("$.a.b[1].c", event) == "2");
  CHECK(found("$.a.b[*].c", event) == "[1,2]");
  CHECK(found("$.a.x-y", event) == "\"z\"");
  CHECK(found("$.a['x-y']", event) == "\"z\"");
  CHECK(found("$['d e']", event) == "null");
  CHECK(found("$.a.b[2]", event) == "nothing");
  CHECK(found("$.a.b.c", event) == "nothing");
  CHECK(found("$.none[*]", event) == "[]");
  for (const char* path : {"", "a", "$a", "$.", "$..a", "$[", "$[x]", "$['a'", "$.a[-1]"})
    CHECK(found(path, event) == "no path");
}

TEST_CASE("a variable is JSON outside of quotes and text inside of them") {
  CHECK(filled(R"({"t":<text>,"n":<number>,"m":<map>})") == R"({"t":"say \"hi\"","n":5,"m":{"a":"b"}})");
  CHECK(filled(R"({"t":"<text> and <number>"})") == R"({"t":"say \"hi\" and 5"})");
  CHECK(filled(R"({"m":"<map>"})") == R"({"m":"{\"a\":\"b\"}"})");
  CHECK(filled(R"("it says <text>")") == R"("it says say \"hi\"")");
  CHECK(filled("it says <text>") == R"(it says say "hi")");
  CHECK(filled("<number> of <number>") == "5 of 5");
  CHECK(filled("<map>") == R"({"a":"b"})");
  CHECK(filled("<text>") == R"("say \"hi\"")");
  CHECK(filled("<$.body.id>") == R"("path")");
  // What is missing is an empty string.
  CHECK(filled(R"({"a":<none>,"b":"<none>"})") == R"({"a":"","b":""})");
  // What is no variable stays.
  CHECK(filled(R"({"a":"1 < 2 > 0","b":"<>","c":"<a b>","q":"\"<number>"})") ==
        R"({"a":"1 < 2 > 0","b":"<>","c":"<a b>","q":"\"5"})");
  CHECK(template_variables(R"({"a":<x>,"b":"<y> <z.1>"} <)") == std::vector<std::string>{"x", "y", "z.1"});
}
