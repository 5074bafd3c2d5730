#include "dynamodb/attribute.hpp"

#include <catch2/catch.hpp>

#include "dynamodb/item_format.hpp"
#include "dynamodb/key.hpp"

using namespace moonbase;
using namespace moonbase::dynamodb;

namespace {

Value s(const std::string& text) { return Map{{"S", text}}; }
Value n(const std::string& text) { return Map{{"N", text}}; }
Value l(List elements) { return Map{{"L", std::move(elements)}}; }
Value m(Map members) { return Map{{"M", std::move(members)}}; }

std::string refusal(Value attribute) {
  const auto checked = check_attribute(attribute);
  return checked ? "" : checked.error().message;
}

Value nested(std::size_t depth) {
  Value value = s("x");
  while (depth-- > 1) value = l({value});
  return value;
}

}  // namespace

TEST_CASE("an attribute has exactly one of the types") {
  CHECK(refusal(s("x")) == "");
  CHECK(refusal(Map{}) == "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
  CHECK(refusal(l({Value(Map{})})) ==
        "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
  CHECK(refusal(Map{{"S", "a"}, {"N", "1"}}) ==
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes");
  CHECK(refusal(Map{{"S", ""}, {"N", ""}}) == "The parameter cannot be converted to a numeric value");

  Value with_null = Map{{"N", nullptr}, {"S", "a"}};
  REQUIRE(check_attribute(with_null));
  CHECK(type_of(with_null) == Type::string);
}

TEST_CASE("sets are neither empty nor repetitive, and say so in the service's words") {
  const auto set = [](const char* type, List members) { return Value(Map{{type, std::move(members)}}); };
  const std::string invalid = "One or more parameter values were invalid: ";
  CHECK(refusal(set("SS", {})) == invalid + "An string set  may not be empty");
  CHECK(refusal(set("NS", {})) == invalid + "An number set  may not be empty");
  CHECK(refusal(set("BS", {})) == invalid + "Binary sets should not be empty");
  CHECK(refusal(set("SS", {"a", "a"})) == invalid + "Input collection [a, a] contains duplicates.");
  CHECK(refusal(set("BS", {"b", "b"})) == invalid + "Input collection [Yg==, Yg==]of type BS contains duplicates.");
  CHECK(refusal(set("NS", {"1", "1.0"})) == "Input collection contains duplicates");
  CHECK(refusal(set("NS", {"1", "b"})) == "The parameter cannot be converted to a numeric value: b");
  CHECK(refusal(set("SS", {"a", nullptr})) == invalid + "An string set may not have a null string as a member");
  CHECK(refusal(set("SS", {"a", ""})) == "");
  CHECK(refusal(set("NS", {"1", "2"})) == "");
}

TEST_CASE("null is true, and nothing nests deeper than 32") {
  CHECK(refusal(Map{{"NULL", true}}) == "");
  CHECK(refusal(Map{{"NULL", false}}) ==
        "One or more parameter values were invalid: Null attribute value types must have the value of true");
  CHECK(refusal(nested(32)) == "");
  CHECK(refusal(nested(33)) == "Nesting Levels have exceeded supported limits");
}

TEST_CASE("numbers are normalised wherever they stand") {
  Value value = m({{"a", n("1.0")}, {"b", l({n("1e2"), Value(Map{{"NS", List{"007", "8.10"}}})})}});
  REQUIRE(check_attribute(value));
  CHECK(value["M"]["a"]["N"].string() == "1");
  CHECK(value["M"]["b"]["L"][0]["N"].string() == "100");
  CHECK(value["M"]["b"]["L"][1]["NS"][1].string() == "8.1");
}

TEST_CASE("sizes are counted as DynamoDB counts them") {
  CHECK(item_bytes({{"name", s("x")}, {"é", n("12")}}) == 4 + 1 + 2 + 2);
  CHECK(attribute_bytes(m({{"a", s("b")}})) == 6);
  CHECK(attribute_bytes(l({m({{"a", s("b")}}), s("")})) == 3 + 7 + 1);
  CHECK(attribute_bytes(Map{{"SS", List{"ab", "c"}}}) == 3);
  CHECK(attribute_bytes(Map{{"BOOL", true}}) == 1);
  CHECK(attribute_bytes(Map{{"B", std::string("\0\1\2", 3)}}) == 3);
}

TEST_CASE("sets are equal in any order, lists are not, types decide") {
  CHECK(equal(Map{{"SS", List{"a", "b"}}}, Map{{"SS", List{"b", "a"}}}));
  CHECK_FALSE(equal(Map{{"SS", List{"a", "b"}}}, Map{{"SS", List{"b", "c"}}}));
  CHECK_FALSE(equal(l({s("a"), s("b")}), l({s("b"), s("a")})));
  CHECK(equal(m({{"a", s("1")}, {"b", n("2")}}), m({{"b", n("2")}, {"a", s("1")}})));
  CHECK_FALSE(equal(s("1"), n("1")));
  CHECK(compare(n("9"), n("10")) == std::strong_ordering::less);
  CHECK(compare(s("9"), s("10")) == std::strong_ordering::greater);
  CHECK(compare(s("\xEE\x80\x80"), s("\xF0\x90\x80\x80")) == std::strong_ordering::less);  // U+E000, U+10000.
  CHECK_FALSE(compare(s("9"), n("9")));
  CHECK_FALSE(compare(Map{{"BOOL", true}}, Map{{"BOOL", true}}));
}

TEST_CASE("an item survives its stored form") {
  const Map item = {{"s", s("text")},
                    {"n", n("-1.5")},
                    {"b", Map{{"B", std::string("\0\xff", 2)}}},
                    {"yes", Map{{"BOOL", true}}},
                    {"no", Map{{"BOOL", false}}},
                    {"null", Map{{"NULL", true}}},
                    {"m", m({{"deep", l({nested(30), s("")})}})},
                    {"l", l({})},
                    {"ss", Map{{"SS", List{"a", "b"}}}},
                    {"ns", Map{{"NS", List{"1", "2"}}}},
                    {"bs", Map{{"BS", List{"x"}}}},
                    {"long", s(std::string(100'000, 'x'))}};
  const auto stored = encode_item(item);
  CHECK(decode_item(stored) == item);
  for (std::size_t length = 0; length < 200; ++length)
    CHECK_THROWS_AS(decode_item(std::string_view(stored).substr(0, length)), std::runtime_error);
  CHECK_THROWS_AS(decode_item(stored + "x"), std::runtime_error);
}

TEST_CASE("a key parameter has exactly the schema's attributes") {
  const KeySchema schema{{{"pk", Type::string}}, {{"sk", Type::number}}};
  const auto refused = [&](const Map& key) {
    const auto bytes = key_of_parameter(schema, key);
    return bytes ? "" : bytes.error().message;
  };
  const std::string mismatch = "The provided key element does not match the schema";
  CHECK(refused({{"pk", s("a")}, {"sk", n("1")}}) == "");
  CHECK(refused({{"pk", s("a")}}) == mismatch);
  CHECK(refused({{"pk", s("a")}, {"x", n("1")}}) == mismatch);
  CHECK(refused({{"pk", s("a")}, {"sk", s("1")}}) == mismatch);
  CHECK(refused({{"pk", s("a")}, {"sk", n("1")}, {"x", n("1")}}) == mismatch);
  CHECK(refused({{"pk", s("")}, {"sk", n("1")}}) ==
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty "
        "string value. Key: pk");
  CHECK(refused({{"pk", s(std::string(2048, 'x'))}, {"sk", n("1")}}) == "");
  CHECK(refused({{"pk", s(std::string(2049, 'x'))}, {"sk", n("1")}}) ==
        "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes");
}

TEST_CASE("an item to be stored has its key, with the right types") {
  const KeySchema schema{{{"pk", Type::string}}, {{"sk", Type::string}}};
  const auto refused = [&](const Map& item) { return key_of_item(schema, item).error().message; };
  const std::string invalid = "One or more parameter values were invalid: ";
  CHECK(refused({{"pk", s("a")}}) == invalid + "Missing the key sk in the item");
  CHECK(refused({{"pk", n("1")}, {"sk", s("a")}}) == invalid + "Type mismatch for key pk expected: S actual: N");
  CHECK(refused({{"pk", s("a")}, {"sk", s(std::string(1025, 'x'))}}) ==
        invalid + "Aggregated size of all range keys has exceeded the size limit of 1024 bytes");
  CHECK(key_of_item(schema, {{"pk", s("a")}, {"sk", s("b")}, {"more", n("1")}})->sort == "b");
}

TEST_CASE("keys of several attributes keep their parts apart and in order") {
  const KeySchema schema{{{"a", Type::string}, {"b", Type::string}}, {{"c", Type::string}, {"d", Type::number}}};
  const auto bytes = [&](const std::string& a, const std::string& b, const std::string& c, const std::string& d) {
    return *key_in_index(schema, {{"a", s(a)}, {"b", s(b)}, {"c", s(c)}, {"d", n(d)}});
  };
  CHECK(bytes("x", "yz", "c", "1").partition != bytes("xy", "z", "c", "1").partition);
  CHECK(bytes("x", "y", "a", "9").sort < bytes("x", "y", "a", "10").sort);
  CHECK(bytes("x", "y", "a", "10").sort < bytes("x", "y", "ab", "1").sort);
  CHECK(bytes("x", "y", std::string("a\0", 2), "1").sort > bytes("x", "y", "a", "9").sort);
  CHECK_FALSE(key_in_index(schema, {{"a", s("x")}, {"b", s("y")}, {"c", s("z")}}));
}

TEST_CASE("the successor of a prefix lies behind all that begins with it") {
  CHECK(successor_of_prefix("ab") == "ac");
  CHECK(successor_of_prefix("a\xff\xff") == "b");
  CHECK(successor_of_prefix("\xff") == "");
}
