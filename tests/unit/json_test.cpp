#include <catch2/catch.hpp>
#include <limits>
#include <moonbase/json.hpp>

using namespace moonbase;

TEST_CASE("JSON text becomes a Value and the same text again") {
  const std::string text =
      R"({"name":"orders","count":3,"rate":0.5,"whole":5.0,"on":true,"none":null,"list":[1,-2,[]],"map":{}})";
  const auto value = parse_json(text);
  REQUIRE(value);
  CHECK((*value)["count"].is_integer());
  CHECK((*value)["whole"].is_number());
  CHECK((*value)["none"].is_null());
  CHECK((*value)["list"][1].integer() == -2);
  CHECK(to_json(*value) == text);
}

TEST_CASE("integers keep all 64 bits, larger ones become numbers") {
  CHECK(parse_json("9223372036854775807")->integer() == std::numeric_limits<std::int64_t>::max());
  CHECK(parse_json("-9223372036854775808")->integer() == std::numeric_limits<std::int64_t>::min());
  CHECK(parse_json("9223372036854775808")->number() == 9223372036854775808.0);
  CHECK(parse_json(R"(["1234567890123456789012",123456789012345678901234567890])")->list()[1].number() ==
        123456789012345678901234567890.0);
  CHECK(parse_json(R"(["1234567890123456789012",123456789012345678901234567890])")->list()[0].string() ==
        "1234567890123456789012");
}

TEST_CASE("of duplicate keys the last one counts") {
  const auto value = parse_json(R"({"a":1,"b":2,"a":3})");
  CHECK((*value)["a"].integer() == 3);
  CHECK(value->map().size() == 2);
}

TEST_CASE("text that is not JSON is refused") {
  for (const char* text : {"",
                           " ",
                           "{",
                           "[1,]",
                           "{\"a\":1,}",
                           "{\"a\" 1}",
                           "{a:1}",
                           "'a'",
                           "01",
                           "+1",
                           "1.",
                           ".5",
                           "1e",
                           "NaN",
                           "Infinity",
                           "tru",
                           "[1 2]",
                           "1 2",
                           "{}}",
                           "[\"\t\"]",
                           "\"\\x\"",
                           "\"\\ud800\"",
                           "\"\xff\"",
                           "[1]//",
                           "\"",
                           "-",
                           "00000000000000000000"}) {
    INFO(text);
    const auto value = parse_json(text);
    REQUIRE_FALSE(value);
    CHECK(value.error().code == "SerializationException");
  }
}

TEST_CASE("JSON nests as deeply as the limit says and no deeper") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(parse_json(nested(100)));
  CHECK_FALSE(parse_json(nested(101)));
  CHECK_FALSE(parse_json(nested(100'000)));
  CHECK(parse_json("[[]]", {.depth_max = 2}));
  CHECK_FALSE(parse_json("[[]]", {.depth_max = 1}));
  CHECK_FALSE(parse_json("[1, 2]", {.bytes_max = 5}));
}

TEST_CASE("strings are escaped, and what is not UTF-8 is replaced") {
  CHECK(to_json("a\"b\\c\n\x01/é€😀") == R"("a\"b\\c\n\u0001/é€😀")");
  CHECK(to_json(std::string("a\0b", 3)) == R"("a\u0000b")");
  CHECK(to_json("\xff|\xc3|\xed\xa0\x80") == "\"\xef\xbf\xbd|\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
  CHECK(parse_json(R"("\u00e9\ud83d\ude00")")->string() == "é😀");
}

TEST_CASE("numbers that JSON cannot write become null") {
  CHECK(to_json(std::numeric_limits<double>::infinity()) == "null");
  CHECK(to_json(std::numeric_limits<double>::quiet_NaN()) == "null");
  CHECK(to_json(0.1) == "0.1");
  CHECK(to_json(1e300) == "1e+300");
}
